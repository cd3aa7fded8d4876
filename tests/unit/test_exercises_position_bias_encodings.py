"""Every solution passes, worked out here by another way than in the check; every likely mistake has its own message."""

import itertools
import math

import pytest
import torch

from attention_atlas.exercises import position_bias_encodings as exercises
from attention_atlas.rollout import products, rollout_row
from attention_atlas.theory.position_bias.kernels import flat_map, peak_distance


def test_slope():
    assert exercises.check_slope(0.10436).startswith("Correct")
    slope = math.log(1.11)
    assert peak_distance(rollout_row([flat_map(500, slope=slope)] * 12, query=499)) in (99, 100)


def test_paths_counted_one_by_one():
    paths = sum(sum(steps) == 5 for steps in itertools.product(range(6), repeat=4))
    assert exercises.check_paths(paths).startswith("Correct: 56")


def test_first_token_by_the_plain_product():
    answer = []
    for residual in (0.0, 1.0):
        shares = (product[-1, 0] for product in products([flat_map(64, slope=0.2)] * 60, residual))
        answer.append(next(layers for layers, share in enumerate(shares, start=1) if share > 0.5))
    assert exercises.check_first_token(tuple(answer)).startswith("Correct")


def test_step_costs_path_by_path():
    costs = [sum(s * s for s in steps) for steps in itertools.product(range(13), repeat=4) if sum(steps) == 12]
    assert len(costs) == 455
    assert exercises.check_step_costs((min(costs), sum(costs) / len(costs), max(costs))).startswith("Correct")


def test_longest_sequence():
    longest = max(tokens for tokens in range(2, 1000) if (tokens - 1) * 0.01 <= math.pi)
    assert exercises.check_longest(longest).startswith("Correct")


def test_walk_is_where_the_rollout_peaks():
    assert exercises.check_walk(105.97).startswith("Correct: 106.0")
    assert peak_distance(rollout_row([flat_map(400, angle=0.002**0.5)] * 9, query=399)) == 106


def test_window_has_the_mean_step_of_the_decay():
    mean = (torch.arange(2000).double() @ flat_map(2000, slope=0.05)[-1].flip(0)).item()
    best = min(range(2, 100), key=lambda width: abs((width - 1) / 2 - mean))
    assert exercises.check_window(best).startswith("Correct")


def test_residual_layers_by_the_plain_product():
    map = (flat_map(420, slope=0.1) + torch.eye(420, dtype=torch.float64)) / 2
    peaks = {layers: peak_distance(rollout_row([map] * layers, query=419)) for layers in range(10, 30)}
    reached = min(layers for layers, peak in peaks.items() if peak >= 95)
    assert exercises.check_residual_layers(reached).startswith("Correct")
    assert peaks[22] == 93


@pytest.mark.parametrize(
    ("check", "wrong", "message"),
    [
        ("slope", math.log(1.12), "t counts from 0"),
        ("slope", 0.11, "take the logarithm"),
        ("slope", -math.log(1.11), "sign is wrong"),
        ("slope", 1 / 1.11, "factor e\\^-m"),
        ("slope", 5.0, "solve 100"),
        ("paths", 126, "four layers are t = 3"),
        ("paths", 4, "forbids staying"),
        ("paths", 625, "free choices"),
        ("paths", 1024, "free choices"),
        ("paths", 126 + 1, "ordered sums"),
        ("first_token", (14, 28), "this is the estimate"),
        ("first_token", (16, 33), "values of t"),
        ("first_token", (9, 16), "largest share"),
        ("first_token", (34, 17), "swapped"),
        ("first_token", (17, 17), "residual is missing"),
        ("first_token", (1, 1), "exceeds 0.5"),
        ("step_costs", (48, 64.8, 144), "t \\+ 1 = 4 steps"),
        ("step_costs", (0, 64.8, 144), "equal steps"),
        ("step_costs", (36, 64.8, 100), "one step of 12"),
        ("step_costs", (36, 90, 144), "middle of least and largest"),
        ("step_costs", (36, 50.4, 144), "step of 0"),
        ("step_costs", (36, 60, 144), "455 ordered sums"),
        ("longest", 314, "one more token fits"),
        ("longest", 629, "half a turn"),
        ("longest", 158, "quarter turn"),
        ("longest", 4, "theta_1 = 1"),
        ("longest", 7, "theta_1 <= pi"),
        ("walk", 110.7097, "this is the mean"),
        ("walk", 93.672, "takes t steps"),
        ("walk", 68.081, "subtract it once"),
        ("walk", 43.0, "paper's L"),
        ("walk", 132.0, "x\\^2/\\(t\\+1\\)"),
        ("walk", 97.0, "mean cost"),
        ("walk", 1.0, "third cumulant"),
        ("window", 20, "as wide as the mean step"),
        ("window", 39, "w / 2"),
        ("window", 41, "1 / m"),
        ("window", 3, "equate"),
        ("residual_layers", 11, "ignores the residual"),
        ("residual_layers", 20, "mean of the walk"),
        ("residual_layers", 22, "doubles the 11"),
        ("residual_layers", 5, "mean step"),
    ],
)
def test_likely_mistakes_are_named(check, wrong, message):
    with pytest.raises(ValueError, match=message):
        getattr(exercises, f"check_{check}")(wrong)
