"""Dumb cases, plain loops, what they must share with the plain measures, and controls."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.decoders.map_measures import later_less, later_preferred, without_distance
from attention_atlas.metrics import recency_probability, without_diagonal_means


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(
    ("row", "expected"),
    [([0.0, 1.0, 2.0, 3.0, 4.0], 1.0), ([4.0, 3.0, 2.0, 1.0, 0.0], 0.0), ([1.0, 1.0, 1.0, 1.0, 1.0], 0.5)],
)
def test_dumb_cases_and_ties_are_shared(row, expected):
    assert later_preferred(torch.tensor(row).expand(3, 5, 5)).tolist() == [expected] * 3


def test_equals_the_plain_loop_with_ties():
    scores = random(3, 7, 7).round()  # many ties
    for found, map in zip(later_preferred(scores), scores, strict=True):
        triples = [(map[i, k], map[i, j]) for i in range(7) for k in range(i) for j in range(k)]
        wins = sum(1.0 if later > earlier else 0.5 if later == earlier else 0.0 for later, earlier in triples)
        assert found == pytest.approx(wins / len(triples), abs=1e-12)


@given(seed=st.integers(0, 2**31), size=st.integers(3, 11))
def test_without_ties_it_is_the_recency_probability(seed, size):
    scores = random(2, size, size, seed=seed)
    assert later_preferred(scores).mean() == pytest.approx(recency_probability(scores).item(), abs=1e-12)
    assert later_preferred(-scores).tolist() == pytest.approx((1 - later_preferred(scores)).tolist(), abs=1e-12)


def test_control_repeated_tokens_show_no_bias_where_the_plain_measure_has_one():
    tokens = torch.randint(3, (200, 11), generator=torch.Generator().manual_seed(0))
    scores = random(3, 3)[tokens[:, :, None], tokens[:, None, :]]  # of a pair of tokens, wherever they are
    found = later_preferred(scores)
    assert abs(found.mean() - 0.5) < 4 * found.std() / math.sqrt(200)
    assert recency_probability(scores) < 0.4


def test_later_less_equals_the_plain_loop():
    lengths = random(5, 7).round()
    for found, row in zip(later_less(lengths), lengths, strict=True):
        pairs = [(row[k], row[j]) for k in range(7) for j in range(k)]
        less = sum(1.0 if later < earlier else 0.5 if later == earlier else 0.0 for later, earlier in pairs)
        assert found == pytest.approx(less / len(pairs), abs=1e-12)


def test_without_distance_is_the_mean_map_without_its_diagonals_means():
    scores = random(5, 7, 7)
    left = without_distance(scores)
    assert torch.allclose(left.mean(0), without_diagonal_means(scores.mean(0)), atol=1e-12)
    assert torch.allclose(left - left.mean(0), scores - scores.mean(0), atol=1e-12)


def test_a_function_of_the_distance_goes_and_one_of_the_key_stays():
    place = torch.arange(11.0, dtype=torch.float64)
    noise, distance = random(400, 11, 11), place[:, None] - place
    slope, early = noise - distance, noise - place
    assert later_preferred(slope).mean() > 0.7
    assert later_preferred(without_distance(slope)).mean() == pytest.approx(0.5, abs=0.01)
    assert later_preferred(without_distance(early)).mean() < 0.4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: later_preferred(random(1, 2, 2)), "square score maps of at least 3 x 3, got 2 x 2"),
        (lambda: later_preferred(random(1, 5, 7)), "got 5 x 7"),
        (lambda: later_less(random(3, 1)), "at least 2, got 1"),
        (lambda: without_distance(random(1, 5, 7)), "square map, got 5 x 7"),
    ],
)
def test_the_impossible_is_refused_in_one_line(call, message):
    with pytest.raises(ValueError, match=message):
        call()
