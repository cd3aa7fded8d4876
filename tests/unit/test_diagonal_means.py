"""A map without the part that depends on the distance alone: dumb cases, the plain loop, invariances, a control."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.metrics import without_diagonal_means


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def masked(map):
    return map.masked_fill(torch.ones_like(map).triu(1).bool(), torch.nan)


def relative(size, seed=0):
    """A map of the distance alone."""
    index = torch.arange(size)
    return randn(2 * size, seed=seed)[index[:, None] - index + size]


def close(a, b):
    torch.testing.assert_close(a, b, rtol=0, atol=1e-12, equal_nan=True)


def test_a_function_of_the_distance_leaves_nothing():
    close(without_diagonal_means(relative(7)), torch.zeros(7, 7).double())


def test_a_single_token_leaves_nothing():
    close(without_diagonal_means(randn(1, 1)), torch.zeros(1, 1).double())


def test_masked_entries_stay_masked():
    left = without_diagonal_means(masked(randn(5, 5)))
    assert left.isnan().equal(torch.ones(5, 5).triu(1).bool())


def test_equals_the_plain_loop():
    map = randn(7, 7, seed=1)
    expected = torch.zeros(7, 7, dtype=torch.float64)
    for i in range(7):
        for j in range(7):
            same = [map[a, b].item() for a in range(7) for b in range(7) if a - b == i - j]
            expected[i, j] = map[i, j] - sum(same) / len(same)
    close(without_diagonal_means(map), expected)


def test_equals_the_official_loop_under_a_causal_mask():
    """The lower half of normalize_lower_diagonals, as the official code has it."""
    map = randn(11, 11, seed=2)
    theirs = map.clone()
    for offset in range(11):
        diagonal = theirs.diag(-offset)
        theirs[torch.arange(offset, 11), torch.arange(11 - offset)] = diagonal - diagonal.mean()
    close(without_diagonal_means(masked(map)), masked(theirs))


@given(seed=st.integers(0, 2**31), size=st.integers(2, 11))
def test_adding_a_function_of_the_distance_changes_nothing(seed, size):
    map = randn(size, size, seed=seed)
    close(without_diagonal_means(map + relative(size, seed + 1)), without_diagonal_means(map))


@given(seed=st.integers(0, 2**31), size=st.integers(2, 11))
def test_doing_it_twice_changes_nothing_and_the_size_can_only_fall(seed, size):
    map = randn(size, size, seed=seed)
    left = without_diagonal_means(map)
    close(without_diagonal_means(left), left)
    assert left.square().sum() <= map.square().sum() + 1e-12


def test_the_argument_is_left_alone():
    map = randn(3, 3)
    before = map.clone()
    without_diagonal_means(map)
    close(map, before)


def test_negative_control_a_function_of_the_query_is_not_relative():
    left = without_diagonal_means(torch.arange(5.0)[:, None].expand(5, 5))
    assert left.diagonal(-1).tolist() == [-1.5, -0.5, 0.5, 1.5]


def test_maps_that_are_not_square_are_refused():
    with pytest.raises(ValueError, match="square map, got 3 x 5"):
        without_diagonal_means(randn(3, 5))
