"""Rules that copy are what a plain loop over items says, and their gaps are those that counting gives."""

import math

import pytest
import torch

from attention_atlas.tasks.copying import RULES, copied, guessing, labels_of, matches
from attention_atlas.tasks.retrieval import Task, World, draw_world
from attention_atlas.tasks.retrieval_sequences import training_sequences
from attention_atlas.tasks.retrieval_tests import conflict_sequences, novel_sequences

QUIET = Task(noise=0.0)
CEILING = 4 / 7 * 31 / 32


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def hand(vectors, labels, query):
    """One sequence of one-dimensional vectors; label number l has the vector 100 + l."""
    world = World(
        torch.zeros(1, 1), 100.0 + torch.arange(5.0)[:, None], torch.zeros(1, dtype=torch.int64), torch.zeros(1)
    )
    pairs = [float(v) for pair in zip(vectors, labels, strict=True) for v in (pair[0], 100 + pair[1])]
    return torch.tensor([*pairs, float(query)])[None, :, None], world


def test_by_hand():
    tokens, world = hand([7, 8, 7, 8, 7], [1, 2, 3, 4, 3], 7)
    assert labels_of(tokens, world).tolist() == [[1, 2, 3, 4, 3]]
    assert matches(tokens).tolist() == [[True, False, True, False, True]]
    assert [copied(tokens, world, rule).item() for rule in RULES[:3]] == [1, 3, 3]


@pytest.mark.parametrize("burstiness", [1, 2, 4, 8])
def test_against_a_plain_loop(burstiness):
    task = Task(noise=0.0, burstiness=burstiness, labels=5, d_model=7)
    world = draw_world(task, generator())
    tokens, _ = training_sequences(task, world, 23, generator(1))
    tokens[:, 2] = tokens[:, -1]  # an item whose label is another's
    found = {rule: copied(tokens, world, rule).tolist() for rule in RULES[:3]}
    for number, sequence in enumerate(tokens):
        labels = [
            next(index for index, vector in enumerate(world.label_vectors) if torch.equal(vector, token))
            for token in sequence[1::2]
        ]
        same = [
            label for label, token in zip(labels, sequence[0:-1:2], strict=True) if torch.equal(token, sequence[-1])
        ]
        assert found["first match"][number] == same[0] and found["last match"][number] == same[-1]
        assert same.count(found["majority of matches"][number]) == max(map(same.count, same))


def test_training_sequences_are_answered_by_every_rule_that_compares():
    world = draw_world(QUIET, generator())
    tokens, targets = training_sequences(QUIET, world, 300, generator(1))
    for rule in RULES[:3]:
        assert torch.equal(copied(tokens, world, rule), targets)


@pytest.mark.parametrize(
    ("rule", "gaps"),
    [("first match", (CEILING, CEILING, 0)), ("last match", (-31 / 32 / 35, -CEILING, -CEILING)),
     ("majority of matches", (0, 0, 0)), ("random item", (0, 0, 0))],
)  # fmt: skip
def test_gaps_of_the_rules(rule, gaps):
    world, source, size = draw_world(QUIET, generator()), generator(1), 4_000
    for (a, b), gap in zip((("first", "middle"), ("first", "last"), ("middle", "last")), gaps, strict=True):
        accuracy = []
        for right, other in ((a, b), (b, a)):
            tokens, targets = conflict_sequences(QUIET, world, QUIET.place(right), QUIET.place(other), size, source)
            accuracy.append((copied(tokens, world, rule, source) == targets).double().mean().item())
        assert abs(accuracy[0] - accuracy[1] - gap) <= 5 * math.sqrt(0.5 / size)


def test_negative_control_with_noise_nothing_matches():
    world = draw_world(Task(), generator())
    tokens, _ = training_sequences(Task(), world, 7, generator(1))
    with pytest.raises(ValueError, match="7 of 7 queries match no item; draw sequences without noise"):
        copied(tokens, world, "first match")


def test_an_unknown_rule_is_refused():
    tokens, world = hand([7], [1], 7)
    with pytest.raises(ValueError, match="unknown rule 'nearest'; allowed: first match"):
        copied(tokens, world, "nearest")


@pytest.mark.parametrize("burstiness", [2, 4, 8])
def test_guessing_a_label_of_the_sequence_against_sequences(burstiness):
    task = Task(noise=0.0, burstiness=burstiness, labels=3)
    world, size = draw_world(task, generator()), 6_000
    tokens, targets = novel_sequences(task, world, size, generator(1))
    of_sequence = labels_of(tokens, world)
    share = (of_sequence == targets[:, None]).double().mean(1)
    accuracy, loss = guessing(task)["a label of the sequence"]
    assert share.mean().item() == pytest.approx(accuracy, abs=5 * 0.5 / math.sqrt(size))
    assert -share.log().mean().item() == pytest.approx(loss, abs=5 * 0.7 / math.sqrt(size))
    guesses = copied(tokens, world, "random item", generator(2))
    assert (guesses == targets).double().mean().item() == pytest.approx(accuracy, abs=5 * 0.5 / math.sqrt(size))


def test_guessing_any_label():
    assert guessing(Task(labels=5))["any label"] == (1 / 5, math.log(5))
