"""What is left of a map without its distance, against loops, projections and noise of a known size."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.metrics import without_diagonal_means
from attention_atlas.relativity import earlier, fitted_factor, left_over, size


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def relative(tokens, seed=0):
    index = torch.arange(tokens)
    return randn(2 * tokens, seed=seed)[index[:, None] - index + tokens]


def test_size_equals_the_plain_loop_and_ignores_the_rest():
    map = randn(7, 7)
    entries = [map[i, j].item() for i in range(7) for j in range(i)]
    assert earlier(map).tolist() == entries
    assert size(map) == pytest.approx(math.sqrt(sum(value**2 for value in entries) / 21))
    assert size(map.masked_fill(torch.ones(7, 7).triu().bool(), torch.nan)) == size(map)
    assert math.isnan(size(randn(1, 1)))


def test_columns_equal_their_definitions():
    scores, errors, predicted = randn(2, 5, 5), randn(2, 5, 5, seed=1).abs(), randn(2, 5, 5, seed=2)
    found = left_over(scores, errors, predicted)
    assert found["layer"].tolist() == [1, 2]
    for layer in range(2):
        row, left, values = found.loc[layer], without_diagonal_means(scores[layer]), earlier(scores[layer])
        assert row["left"] == size(left)
        assert row["floor"] == size(errors[layer])
        assert row["predicted"] == size(without_diagonal_means(predicted[layer]))
        variance = sum((value - values.mean()) ** 2 for value in values)
        assert row["share"] == pytest.approx((sum(value**2 for value in earlier(left)) / variance).item())


def test_a_function_of_the_distance_leaves_nothing():
    map = relative(7)[None]
    assert left_over(map, map, map)[["left", "share"]].abs().max().max() < 1e-12


def test_negative_control_a_function_of_the_query_is_left():
    map = torch.arange(7.0).double()[None, :, None].expand(1, 7, 7)
    assert left_over(map, map, map)["left"].item() > 1


@given(seed=st.integers(0, 2**31), common=st.floats(0, 3))
def test_noise_leaves_no_more_than_the_floor_on_average_even_if_correlated(seed, common):
    """Exact and without draws: E left^2 of noise A z is the mean square over the columns of A."""
    mixing = randn(25, 11, seed=seed) + common
    errors = mixing.square().sum(1).sqrt().view(5, 5)
    left = sum(size(without_diagonal_means(column.view(5, 5))) ** 2 for column in mixing.T)
    assert left <= size(errors) ** 2 * (1 + 1e-12)


def test_the_factor_is_found_and_deviations_are_standard():
    pattern, errors = relative(31), randn(31, 31, seed=4).abs() + 0.1
    factor, deviations = fitted_factor(0.3 * pattern + errors * randn(31, 31, seed=5), errors, pattern)
    assert factor == pytest.approx(0.3, abs=0.1)
    assert len(deviations) == 31 * 30 // 2
    assert deviations.square().mean().sqrt().item() == pytest.approx(1, abs=0.1)


def test_no_other_factor_fits_better():
    scores, errors, pattern = randn(7, 7), randn(7, 7, seed=1).abs() + 0.1, randn(7, 7, seed=2)
    factor, deviations = fitted_factor(scores, errors, pattern)
    for other in (factor - 0.01, factor + 0.01):
        missed = earlier((scores - other * pattern) / errors)
        assert missed.square().sum() > deviations.square().sum()


def test_negative_control_the_wrong_pattern_is_missed_by_far():
    _, deviations = fitted_factor(relative(7), 0.01 + 0 * relative(7), relative(7, seed=1))
    assert deviations.square().mean().sqrt().item() > 10
