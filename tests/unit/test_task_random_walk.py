"""Tokens that wander are what a plain loop makes of their steps, with the moments that the theory says."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.tasks.random_walk import mixing, walks
from attention_atlas.theory.localization.forms import of_mixing, random_walk


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_by_hand():
    assert mixing(3, 1.0).tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    assert mixing(3, 0.0).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert mixing(3, 0.5).tolist() == [[1, 0, 0], [0.5, 1, 0], [0.25, 0.5, 1]]
    assert mixing(2).equal(mixing(2, 1.0))


@pytest.mark.parametrize("persistence", [0.0, 0.3, 0.98, 1.0])
@pytest.mark.parametrize("increment", [1.0, 1 / 5])
def test_against_a_plain_loop(persistence, increment):
    """Independent tokens of the same seed are the steps; every token is the one before it, kept in part, plus one."""
    steps = walks(3, 5, 7, generator(), persistence=0.0)
    found = walks(3, 5, 7, generator(), persistence, increment)
    assert found.shape == (3, 5, 7) and found.dtype == torch.float64
    for sequence in range(3):
        token = torch.zeros(7, dtype=torch.float64)
        for place in range(5):
            token = persistence * token + math.sqrt(increment) * steps[sequence, place]
            torch.testing.assert_close(found[sequence, place], token, rtol=1e-12, atol=1e-12)


@given(seed=st.integers(0, 2**31), tokens=st.integers(2, 11), d_model=st.integers(1, 11), cut=st.integers(1, 6))
@pytest.mark.parametrize("persistence", [0.0, 0.5, 1.0])
def test_sequences_do_not_depend_on_how_many_are_drawn_at_once(persistence, seed, tokens, d_model, cut):
    """Also where tokens times dimensions is no multiple of the 16 normals that torch draws together."""
    whole, source = walks(7, tokens, d_model, generator(seed), persistence), generator(seed)
    parts = torch.cat([walks(number, tokens, d_model, source, persistence) for number in (cut, 7 - cut)])
    torch.testing.assert_close(parts, whole, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("persistence", [0.0, 0.7, 1.0])
def test_second_moments_are_those_of_the_mixing(persistence):
    number, increment = 4_000, 0.2
    x = walks(number, 5, 7, generator(1), persistence, increment)
    mixed = mixing(5, persistence)
    expected = increment * mixed @ mixed.T
    products = (x @ x.mT) / 7  # (sequence, token, token)
    error = products.std(0) / math.sqrt(number)
    assert ((products.mean(0) - expected).abs() / error).max() < 4.5
    other = mixing(5, persistence + (0.3 if persistence < 1 else -0.3))  # negative control, by the same test
    assert ((products.mean(0) - increment * other @ other.T).abs() / error).max() > 4.5


@pytest.mark.parametrize("tokens", [2, 3, 7, 13])
def test_the_walk_of_the_theory_is_the_mixing_of_persistence_one(tokens):
    by_mixing, by_formula = of_mixing(mixing(tokens)), random_walk(tokens)
    torch.testing.assert_close(by_mixing.covariance, by_formula.covariance, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(by_mixing.product, by_formula.product, rtol=1e-12, atol=1e-12)


def test_seeds_differ_and_repeat():
    assert walks(3, 5, 7, generator(1)).equal(walks(3, 5, 7, generator(1)))
    assert not walks(3, 5, 7, generator(1)).equal(walks(3, 5, 7, generator(2)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mixing(1), "a sequence needs at least 2 tokens, got 1"),
        (lambda: mixing(5, -0.1), "persistence must be in [0, 1], got -0.1"),
        (lambda: mixing(5, 1.01), "persistence must be in [0, 1], got 1.01"),
        (lambda: mixing(5, math.nan), "persistence must be in [0, 1], got nan"),
        (lambda: walks(3, 1, 7, generator()), "a sequence needs at least 2 tokens, got 1"),
        (lambda: walks(3, 5, 7, generator(), 1.5), "persistence must be in [0, 1], got 1.5"),
        (lambda: walks(3, 5, 7, generator(), 1.0, 0.0), "the variance of an increment must be above 0, got 0.0"),
        (lambda: walks(0, 5, 7, generator()), "at least 1 sequence and 1 dimension are needed, got 0 and 7"),
        (lambda: walks(3, 5, 0, generator()), "at least 1 sequence and 1 dimension are needed, got 3 and 0"),
    ],
)
def test_refused_in_one_line_that_says_what_was_got(call, message):
    with pytest.raises(ValueError) as refusal:
        call()
    assert str(refusal.value) == message
