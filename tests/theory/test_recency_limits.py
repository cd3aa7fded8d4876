"""Rates against the recursion, the limit against known distributions, the floor against the worst case."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.theory.recency.deep import departure_from_line, offsets
from attention_atlas.theory.recency.gram import equicorrelated, gram_layer
from attention_atlas.theory.recency.limits import distance_factor, distance_law, early_limit, log_weight_floor


def distances(residual, layers, tokens=5):
    """Distances of the second token from the first, and departures from the line, over depth."""
    found = offsets(equicorrelated(tokens, 0.5), 4, "rmsnorm", residual, layers)
    return found[:, 1].norm(dim=-1), departure_from_line(found)


def test_factors_by_hand():
    assert [distance_factor(0.0, mode) for mode in (2, 3, 4)] == pytest.approx([1 / 2, 1 / 3, 1 / 4])
    assert [distance_factor(1.0, mode) for mode in (2, 3)] == pytest.approx([3 / 4, 2 / 3])
    assert distance_factor(1.0, 3) / distance_factor(1.0) == pytest.approx(8 / 9)
    assert distance_factor(7.0) == pytest.approx((1 + 1 / 14) / (1 + 1 / 7))


@pytest.mark.parametrize(("residual", "factor"), [("none", 1 / 2), ("normalized", 3 / 4)])
def test_laws_without_and_with_a_normalized_residual_are_exponentials(residual, factor):
    assert distance_law(residual, 5).tolist() == pytest.approx([factor**t for t in range(5)])


@given(layers=st.integers(1, 41), initial=st.floats(0, 3), mode=st.integers(2, 5))
def test_the_law_of_a_raw_residual_is_a_ratio_of_gamma_functions(layers, initial, mode):
    t = layers - 1
    expected = math.lgamma(initial + t + 1 / mode) - math.lgamma(initial + t + 1)
    if initial + 1 / mode > 0:
        expected += math.lgamma(initial + 1) - math.lgamma(initial + 1 / mode)
    assert distance_law("raw", layers, initial, mode)[-1].item() == pytest.approx(math.exp(expected), rel=1e-11)


def test_the_law_of_a_raw_residual_ends_in_a_power():
    law = distance_law("raw", 4001)
    assert (law[4000] / law[1000]).item() == pytest.approx(1 / 2, rel=1e-3)
    third = distance_law("raw", 4001, mode=3) / law
    assert (third[4000] / third[1000]).item() == pytest.approx(4 ** (-1 / 6), rel=1e-3)


@pytest.mark.parametrize(("residual", "factor", "fading"), [("none", 1 / 2, 2 / 3), ("normalized", 3 / 4, 8 / 9)])
def test_exponential_rates_of_the_stack(residual, factor, fading):
    distance, departure = distances(residual, 151)
    assert (distance[150] / distance[149]).item() == pytest.approx(factor, rel=1e-9)
    late = 60 if residual == "none" else 120  # before the departure is lost to rounding
    assert (departure[late] / departure[late - 1]).item() == pytest.approx(fading, rel=1e-4)


def test_power_laws_of_the_stack_with_a_raw_residual():
    """Three tokens: with more, modes 3, 4, ... mix in the departure, far beyond these layers."""
    distance, departure = distances("raw", 4001, tokens=3)
    assert math.log2(distance[2000] / distance[4000]) == pytest.approx(1 / 2, abs=0.002)
    assert math.log2(departure[2000] / departure[4000]) == pytest.approx(1 / 6, abs=0.005)


def test_negative_control_without_a_causal_mask_distances_do_not_halve():
    gram = equicorrelated(3, 0.9)
    after = gram_layer(gram, 4, "rmsnorm", causal=False)[2]
    cosine = after[0, 1] / (after[0, 0] * after[1, 1]).sqrt()
    assert ((1 - cosine) / (1 - 0.9)).sqrt() < 0.1


@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.9, 0.999])
def test_limit_of_one_and_two_dimensions_in_closed_form(alpha):
    """Student's t with 1 degree of freedom is Cauchy's distribution, with 2 its tail is (1 - x / sqrt(2 + x^2)) / 2."""
    x = math.sqrt((1 - alpha) / (1 + alpha))
    assert early_limit(1, alpha) == pytest.approx(1 / 2 - math.atan(x) / math.pi, rel=1e-11)
    x = math.sqrt(2 * (1 - alpha) / (1 + alpha))
    assert early_limit(2, alpha) == pytest.approx((1 - x / math.sqrt(2 + x**2)) / 2, rel=1e-11)


@pytest.mark.parametrize(("d_model", "alpha"), [(5, 0.0), (16, 0.5), (64, 0.9)])
def test_limit_is_the_area_under_student_s_density(d_model, alpha):
    edge = math.sqrt(d_model * (1 - alpha) / (1 + alpha))
    angle = torch.linspace(math.atan(edge / math.sqrt(d_model)), math.pi / 2, 200_001, dtype=torch.float64)
    density = angle.cos() ** (d_model - 1)  # t = sqrt(d) tan(angle)
    total = math.exp(math.lgamma(d_model / 2) - math.lgamma((d_model + 1) / 2)) * math.sqrt(math.pi)
    assert early_limit(d_model, alpha) == pytest.approx((torch.trapezoid(density, angle) / total).item(), rel=1e-8)


@given(d_model=st.integers(1, 500), alpha=st.floats(0, 0.98))
def test_limit_falls_with_the_dimension_and_rises_with_alpha(d_model, alpha):
    here = early_limit(d_model, alpha)
    assert 0 < early_limit(d_model + 1, alpha) < here < early_limit(d_model, alpha + 0.01) < 0.5


@given(seed=st.integers(0, 2**31), scale=st.floats(1e-3, 1e3), tokens=st.integers(3, 11), d_model=st.integers(2, 17))
def test_no_weight_of_a_normalized_layer_is_below_the_floor(seed, scale, tokens, d_model):
    generator = torch.Generator().manual_seed(seed)
    x = scale * torch.randn(tokens, d_model, generator=generator, dtype=torch.float64)
    x = x - x.mean(-1, keepdim=True)
    weights = gram_layer(x @ x.T, d_model, "layernorm")[1]
    assert weights[torch.ones(tokens, tokens).tril().bool()].min() >= math.exp(log_weight_floor(tokens, d_model))


def test_the_floor_is_nearly_attained():
    """One token opposite to all others, which are one: e^-sqrt(d) among S - 1 of e^sqrt(d)."""
    x = torch.tensor([[-1.0], [1.0], [1.0]]).double() * torch.ones(9).double()
    least = gram_layer(x @ x.T, 9, "rmsnorm")[1][2, 0].item()
    assert 0 < math.log(least) - log_weight_floor(3, 9) < math.log(3 / 2)


def test_negative_control_without_normalization_there_is_no_floor():
    x = 20 * torch.tensor([[-1.0], [1.0], [1.0]]).double() * torch.ones(9).double()
    assert gram_layer(x @ x.T, 9, "none")[1][2, 0] < math.exp(log_weight_floor(3, 9)) / 1e100


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: distance_factor(-1.0), "got -1.0 and 2"),
        (lambda: distance_factor(0.0, mode=1), "got 0.0 and 1"),
        (lambda: distance_law("half", 3), "unknown residual 'half'; allowed: none, raw, normalized"),
        (lambda: distance_law("raw", 0), "layers must be at least 1, got 0"),
        (lambda: distance_law("raw", 3, initial=-1.0), "got -1.0 and 2"),
        (lambda: early_limit(0, 0.5), "got 0"),
        (lambda: early_limit(5, 1.0), "got 1.0"),
        (lambda: log_weight_floor(0, 5), "got 0 and 5"),
    ],
)
def test_the_impossible_is_refused_in_one_line(call, message):
    with pytest.raises(ValueError, match=message) as refusal:
        call()
    assert "\n" not in str(refusal.value)
