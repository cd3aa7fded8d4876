"""Unigram and Kneser-Ney bigram against plain loops over dictionaries; probabilities that sum to 1."""

import math
from collections import Counter, defaultdict
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.decoders.ngrams import baselines, bigram_losses, kneser_ney, unigram, unigram_losses
from attention_atlas.tasks.corpus import Corpus
from attention_atlas.tasks.language import consecutive_windows, windows

TEXTS = st.lists(st.integers(1, 6), min_size=2, max_size=60)


def draw(vocabulary, tokens, seed):
    # Zipf's law, so that there are words seen once, twice and never.
    weights = 1 / torch.arange(1, vocabulary).double()
    return torch.multinomial(weights, tokens, True, generator=torch.Generator().manual_seed(seed)) + 1


def discount(counts):
    once, twice = (sum(count == n for count in counts) for n in (1, 2))
    return once / (once + 2 * twice) if once else 0.5


def plain(text, vocabulary):
    """p(w | v) of the textbook, by dictionaries."""
    pairs = Counter(pairwise(text))
    after, before = defaultdict(set), defaultdict(set)
    for v, w in pairs:
        after[v].add(w)
        before[w].add(v)
    D, E = discount(pairs.values()), discount([len(b) for b in before.values()])

    def q(w):
        own = max(len(before[w]) - E, 0) / len(pairs) if w in before else 0
        return own + E * len(before) / len(pairs) / (vocabulary - 1)

    def p(w, v):
        total = sum(pairs[v, u] for u in after.get(v, ()))
        if not total:
            return q(w)
        return max(pairs[v, w] - D, 0) / total + D * len(after[v]) / total * q(w)

    return p


@pytest.mark.parametrize("seed", range(5))
def test_equals_the_plain_loop(seed):
    text = draw(13, 97, seed)
    p, model = plain(text.tolist(), 13), kneser_ney(text, 13)
    v, w = torch.meshgrid(torch.arange(1, 13), torch.arange(1, 13), indexing="ij")
    expected = torch.tensor([[p(w, v) for w in range(1, 13)] for v in range(1, 13)], dtype=torch.float64)
    assert torch.allclose(model.probability(v, w), expected, atol=1e-14, rtol=0)


@given(text=TEXTS)
def test_probabilities_are_above_0_and_sum_to_1(text):
    text = torch.tensor(text)
    v, w = torch.meshgrid(torch.arange(1, 8), torch.arange(1, 8), indexing="ij")  # 7 never occurs
    probability = kneser_ney(text, 8).probability(v, w)
    assert (probability > 0).all()
    assert torch.allclose(probability.sum(1), torch.ones(7, dtype=torch.float64), atol=1e-12)
    words = unigram(text, 8)
    assert words[0] == 0
    assert words.sum() == pytest.approx(1)


def test_unigram_is_the_plain_count_and_a_half():
    text = draw(7, 53, 0)
    counts = Counter(text.tolist())
    assert unigram(text, 7)[1:].tolist() == pytest.approx([(counts[w] + 0.5) / (53 + 6 * 0.5) for w in range(1, 7)])


def test_a_word_that_always_follows_is_expected_and_one_that_never_did_is_not():
    text = torch.tensor([1, 2, 3] * 50 + [1, 4])
    model = kneser_ney(text, 6)
    follows, never = model.probability(torch.tensor([1, 1]), torch.tensor([2, 5]))
    assert follows > 0.95
    assert never < 0.02
    assert unigram(text, 6)[2] < 0.4


def test_backing_counts_neighbours_not_occurrences():
    # "Francisco" (2) is frequent, but behind "San" (1) alone; 3 is rarer, behind many.
    text = torch.tensor([1, 2] * 30 + [4, 3, 5, 3, 6, 3, 7, 3])
    words, model = unigram(text, 9), kneser_ney(text, 9)
    assert words[2] > words[3]
    assert model.backing[2] < model.backing[3]


def test_losses_are_of_the_predictions_that_networks_make():
    text = draw(11, 83, 1)
    words, model, p = unigram(text, 11), kneser_ney(text, 11), plain(text.tolist(), 11)
    seen = windows(draw(11, 83, 2), 5, 3, torch.Generator().manual_seed(0))
    single, double = unigram_losses(words, seen), bigram_losses(model, words, seen)
    assert single.shape == double.shape == (3, 4)
    for row in range(3):
        for place in range(4):
            before, word = seen[row, place].item(), seen[row, place + 1].item()
            assert single[row, place] == pytest.approx(-math.log(words[word]))
            expected = p(word, before) if before else words[word].item()
            assert double[row, place] == pytest.approx(-math.log(expected))


def chain(tokens, seed):
    generator, text = torch.Generator().manual_seed(seed), [1]
    for step in torch.rand(tokens, generator=generator) < 0.8:
        text.append(text[-1] % 10 + 1 if step else int(torch.randint(1, 11, (), generator=generator)))
    return torch.tensor(text)


def made(train, validation):
    return Corpus("zen", "character", train, validation, ("<s>", *"abcdefghij"), 1.0)


def test_the_bigram_wins_where_the_word_before_tells_something():
    losses = baselines(made(chain(3000, 0), chain(1000, 1)), 16)
    entropy = -(0.82 * math.log(0.82) + 9 * 0.02 * math.log(0.02))  # of the chain: the next of ten, or any
    assert losses["unigram"] == pytest.approx(math.log(10), abs=0.02)
    assert entropy < losses["bigram"] < entropy + 0.2  # the first of 15 predictions costs log 10


def test_negative_control_in_a_shuffled_text_it_does_not():
    train, validation = chain(3000, 0), chain(1000, 1)
    shuffled = made(
        *(x[torch.randperm(len(x), generator=torch.Generator().manual_seed(0))] for x in (train, validation))
    )
    losses = baselines(shuffled, 16)
    assert losses["bigram"] > losses["unigram"] > math.log(10) - 0.02


def test_baselines_read_the_consecutive_windows():
    corpus = made(chain(300, 0), chain(100, 1))
    seen = consecutive_windows(corpus.validation, 16, 3)
    assert baselines(corpus, 16, 3)["unigram"] == unigram_losses(unigram(corpus.train, 11), seen).mean().item()
    assert baselines(corpus, 16, 3) != baselines(corpus, 16)


@pytest.mark.parametrize("estimate", [unigram, kneser_ney])
@pytest.mark.parametrize("numbers", [[], [0, 1], [1, 5]])
def test_a_text_that_is_not_of_the_vocabulary_is_refused(estimate, numbers):
    with pytest.raises(ValueError, match="numbers from 1 to 4, at least one"):
        estimate(torch.tensor(numbers, dtype=torch.int64), 5)


def test_a_bigram_of_one_word_is_refused():
    with pytest.raises(ValueError, match="at least 2 tokens, got 1"):
        kneser_ney(torch.tensor([1]), 5)
