"""Lemmas 4.6, I.1 and Theorems 4.7, I.2: constants, the printed exponent that fails, and where the peaks are."""

import math
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from attention_atlas.checks import position_bias as checks
from attention_atlas.checks.margins import ROUNDING, sandwich
from attention_atlas.positions import rope_frequencies
from attention_atlas.rollout import rollout_power
from attention_atlas.theory.position_bias.kernels import flat_map, peak_distance
from attention_atlas.theory.position_bias.paths import least_cost, mean_cost, printed_cost
from attention_atlas.theory.position_bias.rope import (
    RopeConstants,
    log_rope_bounds,
    log_rope_bounds_printed,
    rope_constants,
)
from attention_atlas.theory.position_bias.rope_score import (
    rope_peak,
    rope_root,
    rope_score,
    rope_slope,
    rope_slope_printed,
)

ANGLE = math.sqrt(0.001)
DEPTHS = (0, 1, 3, 6, 10)


def one(frequency):
    return torch.tensor([frequency], dtype=torch.float64)


@pytest.mark.parametrize("check", ["rope_bounds", "rope_rollout", "rope_bounds_general", "rope_rollout_general"])
@settings(max_examples=30)
@given(seed=st.integers(0, 2**31))
def test_statement_holds_for_random_queries_and_keys(check, seed):
    assert (getattr(checks, check)(1, torch.Generator().manual_seed(seed)).margin > -ROUNDING).all()


@pytest.mark.parametrize(("distance", "layers"), [(0, 1), (5, 1), (4, 2), (5, 3), (6, 4)])
def test_costs_are_the_least_the_mean_and_the_largest_over_all_paths(distance, layers):
    costs = [
        sum(s * s for s in steps) for steps in product(range(distance + 1), repeat=layers) if sum(steps) == distance
    ]
    x = torch.tensor(distance)
    assert mean_cost(x, layers).item() == pytest.approx(sum(costs) / len(costs), rel=1e-12)
    assert printed_cost(x, layers).item() == max(costs)
    assert least_cost(x, layers).item() <= min(costs)
    assert distance % layers or least_cost(x, layers).item() == pytest.approx(min(costs))


def test_printed_upper_exponent_fails_from_three_layers_on():
    """Ledger, App. G: exponent c' / 2 for every t. A map that meets Lemma 4.6 with c = c' = C_max = 1 exactly."""
    map, constants = flat_map(60, angle=0.2), RopeConstants(-math.log(60), 0.0, 1.0, 1.0)
    worst = {}
    for layers in (1, 2, 3, 4, 8):
        row, x = rollout_power(map, layers)[-1].flip(0).log(), torch.arange(60)
        for name, bounds in (("printed", log_rope_bounds_printed), ("repaired", log_rope_bounds)):
            lower, upper = bounds(x, layers, one(0.2), constants)
            assert (row >= lower).all()  # both lower bounds hold
            worst[name, layers] = (upper - row).min().item() / math.log(10)
    assert all(worst["repaired", layers] >= 0 for layers in (1, 2, 3, 4, 8))
    assert worst["printed", 1] >= 0 and worst["printed", 2] >= 0
    assert worst["printed", 3] == pytest.approx(-6.394, abs=1e-3)
    assert worst["printed", 8] == pytest.approx(-14.461, abs=1e-3)


def test_printed_upper_exponent_fails_for_a_true_rope_map():
    """13 tokens, theta_1 = pi / 12, aligned queries and keys of logit 300: all hypotheses of Theorem 4.7 hold."""
    frequency, index = math.pi / 12, torch.arange(13, dtype=torch.float64)
    logits = 300 * torch.cos(frequency * (index[:, None] - index))
    map = logits.masked_fill(index[:, None] < index, -torch.inf).softmax(-1)
    constants = rope_constants(13, one(frequency), 300.0, 300.0)
    row = rollout_power(map, 13)[-1].flip(0).log()
    (_, printed), (_, repaired) = (
        f(index, 13, one(frequency), constants) for f in (log_rope_bounds_printed, log_rope_bounds)
    )
    assert (repaired >= row - 1e-9).all()
    assert ((printed - row).min() / math.log(10)).item() == pytest.approx(-6.55, abs=0.01)


@given(layers=st.integers(1, 20), distance=st.integers(0, 200))
def test_the_three_costs_are_in_order(layers, distance):
    least, mean, printed = (cost(torch.tensor(distance), layers) for cost in (least_cost, mean_cost, printed_cost))
    assert least <= mean + 1e-9 and mean <= printed + 1e-9 and mean <= 2 * least + distance


def test_negative_control_a_rotation_that_wraps_brings_far_keys_back():
    index = torch.arange(13, dtype=torch.float64)
    logits = 4 * torch.cos(math.pi / 3 * (index[:, None] - index))
    maps = logits.masked_fill(index[:, None] < index, -torch.inf).softmax(-1)[None]
    constants = rope_constants(13, one(0.1), 4.0, 4.0)
    assert sandwich(maps, lambda x, n: log_rope_bounds(x, n, one(math.pi / 3), constants))["upper"] < -20


@pytest.mark.parametrize(
    ("cost", "peaks"),
    [(printed_cost, [0, 22, 38, 53, 68]), (least_cost, [0, 31, 76, 143, 232]), (mean_cost, [0, 27, 60, 107, 169])],
)
def test_predicted_peaks(cost, peaks):
    assert [rope_peak(t + 1, ANGLE, cost) for t in DEPTHS] == peaks


def test_exact_peaks():
    exact = [peak_distance(rollout_power(flat_map(400, angle=ANGLE), t + 1)[-1]) for t in DEPTHS]
    assert exact == [0, 27, 63, 116, 186]


@given(layers=st.integers(1, 30), angle=st.floats(0.02, 1), cost=st.sampled_from([printed_cost, least_cost, mean_cost]))
def test_no_distance_beats_the_peak(layers, angle, cost):
    score = rope_score(torch.arange(3000), layers, angle, cost)
    assert score[rope_peak(layers, angle, cost)] >= score.max() - 1e-9


def test_the_peak_grows_with_depth_and_falls_with_the_angle():
    for cost in (printed_cost, least_cost, mean_cost):
        by_depth, by_angle = (
            [rope_peak(n, 0.05, cost) for n in range(1, 12)],
            [rope_peak(7, a, cost) for a in (0.02, 0.1, 0.5)],
        )
        assert by_depth == sorted(set(by_depth)) and by_angle == sorted(set(by_angle), reverse=True)


@pytest.mark.parametrize("t", DEPTHS[1:])
def test_derivative_of_the_paper_with_its_square_restored(t):
    """Ledger, App. H: the printed 2 theta_1 x puts the peak at 3.7-10.5 tokens, the derivative of L at 22-68."""
    assert rope_root(t + 1, ANGLE) == pytest.approx(rope_peak(t + 1, ANGLE), abs=0.6)
    printed = rope_root(t + 1, ANGLE, rope_slope_printed)
    assert printed == pytest.approx({1: 3.74, 3: 6.22, 6: 8.47, 10: 10.55}[t], abs=0.01)


def test_slope_is_the_derivative_of_the_score():
    x = torch.tensor([20.0, 50.0, 90.0], dtype=torch.float64)
    differences = (rope_score(x + 1e-4, 7, ANGLE) - rope_score(x - 1e-4, 7, ANGLE)) / 2e-4
    # log((t+x)/x) approximates digamma(t+x+1) - digamma(x+1) up to t / (2 x (x + t)).
    assert ((differences - rope_slope(x, 7, ANGLE)).abs() <= 6 / (2 * x * (x + 6)) + 1e-6).all()
    assert ((differences - rope_slope_printed(x, 7, ANGLE)).abs() > 1).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rope_constants(8, one(0.5), 1.0, 1.0), "at most pi, got 3.5"),
        (lambda: rope_constants(6, one(0.5), 1.0, 1.0, content_angle=0.7), "at most pi, got 3.2"),
        (lambda: rope_constants(8, one(0.1), 2.0, 1.0), "got 2.0 and 1.0"),
        (lambda: rope_constants(8, one(0.1), 1.0, 1.0, shares=one(0.5)), "summing to 1"),
        (lambda: rope_constants(8, one(0.0), 1.0, 1.0), "frequency > 0"),
        (lambda: rope_frequencies(7), "even"),
        (lambda: rope_peak(3, 0.0), "above 0, got 0.0"),
        (lambda: rope_peak(0, 0.1), "layers must be at least 1"),
        (lambda: rope_root(1, 0.1), "at least 2 layers, got 1"),
        (lambda: flat_map(3, angle=-1.0), "angle.*got -1.0"),
    ],
)
def test_impossible_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
