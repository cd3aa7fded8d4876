"""The right answer passes, and every mistake that we expect is met with its own words."""

import itertools
import math

import pytest
import torch

from attention_atlas.exercises import recency_puzzle as exercises
from attention_atlas.simulation.chunk import recency


@pytest.fixture(scope="module")
def scores():
    rows = torch.zeros(5, 5, dtype=torch.float64)
    for query, row in enumerate(exercises.SCORES):
        rows[query, : len(row)] = torch.tensor(row, dtype=torch.float64)
    return rows


def share(scores, compare, rows=range(5), diagonal=False):
    """Of the pairs j < k of each query for which `compare(later, earlier)` holds."""
    pairs = [(i, j, k) for i in rows for j, k in itertools.combinations(range(i + diagonal), 2)]
    return sum(float(compare(scores[i, k], scores[i, j])) for i, j, k in pairs) / len(pairs)


def test_counting_by_the_librarys_own_count(scores):
    answer = recency(scores[..., None]).item()
    assert exercises.check_count(answer).startswith("Correct: 3 of 10")


def test_every_way_to_miscount_has_its_words(scores):
    wrong = {
        "the tie counts as a win": share(scores, lambda k, j: k >= j),
        "half a win": share(scores, lambda k, j: (k > j) + 0.5 * (k == j)),
        "prefers the earlier": share(scores, lambda k, j: k < j),
        "on the diagonal": share(scores, lambda k, j: k > j, diagonal=True),
        "rows' own shares": sum(share(scores, lambda k, j: k > j, [i]) for i in (2, 3, 4)) / 3,
        "last row alone": share(scores, lambda k, j: k > j, [4]),
        "one in row 3, three in row 4": 0.123,
    }
    assert len({round(value, 4) for value in wrong.values()}) == len(wrong)
    for words, answer in wrong.items():
        with pytest.raises(ValueError, match=words):
            exercises.check_count(answer)


def test_the_number_of_sequences_is_what_the_standard_error_asks():
    right = (4 * exercises.SPREAD / exercises.EDGE) ** 2
    assert 4 * exercises.SPREAD / math.sqrt(right) == pytest.approx(exercises.EDGE)
    assert exercises.check_sequences(right).startswith("Correct")
    assert exercises.check_sequences(math.ceil(right)).startswith("Correct")
    assert 4 * exercises.SPREAD / math.sqrt(10_000_000) == pytest.approx(1e-4, rel=0.2)  # what the praise says
    wrong = {
        "four were asked": right / 16,
        "square this": math.sqrt(right),
        "independent coins": (4 * 0.5 / exercises.EDGE) ** 2 / 120,
        "one coin": (4 * 0.5 / exercises.EDGE) ** 2,
        "SPREAD / sqrt": 7.0,
    }
    for words, answer in wrong.items():
        with pytest.raises(ValueError, match=words):
            exercises.check_sequences(answer)


def test_the_anisotropy_by_a_plain_scan():
    def ratio(d, alpha):  # written out again, not taken from the library
        return alpha * math.sqrt(d) * math.exp(-(1 - alpha) * math.sqrt(d)) / math.sqrt(2 + 2 * alpha - alpha**2)

    def nearest(function, low, high):
        grid = torch.linspace(low, high, 100_001).tolist()
        return min(grid, key=lambda value: abs(function(value)))

    right = nearest(lambda alpha: ratio(1024, alpha) - ratio(64, 0.5), 0, 0.999)
    assert exercises.check_anisotropy(right).startswith("Correct")
    mean = nearest(lambda x: x * math.exp(-32 * x) - 0.5 * math.exp(-4), 1 / 32, 1)
    wrong = {
        r"keeps \(1-alpha\) sqrt": 0.875,
        r"keeps \(1-alpha\) d": 1 - 32 / 1024,
        "keeps the mean effect": 1 - mean,
        "alpha must grow": 0.5,
        "by bisection": 0.2,
    }
    for words, answer in wrong.items():
        with pytest.raises(ValueError, match=words):
            exercises.check_anisotropy(answer)


def test_the_hint_about_the_old_alpha_says_the_truth():
    d, alpha = exercises.KNOWN
    assert [(1 - alpha) * math.sqrt(size) for size in (exercises.WIDE, d)] == [16, 4]
