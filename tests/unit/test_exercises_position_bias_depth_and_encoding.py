"""The solutions pass; every likely mistake is refused with its own message."""

import math

import pytest
import torch

from attention_atlas.exercises import position_bias_depth_and_encoding as exercises
from attention_atlas.rollout import rollout_power
from attention_atlas.theory.position_bias.kernels import flat_map

DECAY = flat_map(17, slope=-math.log(0.8))


def first_layers(wins, residual):
    return next(n for n in range(1, 30) if wins(rollout_power(DECAY, n, residual)[-1]))


def test_overtake_accepts_what_the_rollout_gives():
    answer = [first_layers(lambda row: row[:2].sum() > row[14:16].sum(), residual) for residual in (0.0, 1.0)]
    assert exercises.check_overtake(answer).startswith("Correct")


def test_the_mistakes_of_overtake_are_what_they_are_called():
    query = [first_layers(lambda row: row[0] > row[16], residual) for residual in (0.0, 1.0)]
    with pytest.raises(ValueError, match="the query itself"):
        exercises.check_overtake(query)
    arrival = 16 * math.expm1(-math.log(0.8))  # t at which x* = 16
    with pytest.raises(ValueError, match="reaches token 1"):
        exercises.check_overtake((round(arrival) + 1, round(2 * arrival) + 1))


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        ((2, 4), "counts from 0"),
        ((3, 3), "half of the time"),
        ((5, 3), "swapped"),
        ((3,), "two numbers"),
        ((4, 7), "not these"),
    ],
)
def test_overtake_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_overtake(answer)


def test_sampling_accepts_what_a_simulation_gives():
    draws = torch.distributions.Binomial(10_000, 0.5)
    torch.manual_seed(0)
    gaps = (draws.sample((20_000, 5)) - draws.sample((20_000, 5))).mean(1) / 10_000
    assert exercises.check_sampling(gaps.std().item()).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (math.sqrt(0.5 / 10_000), "one run"),
        (0.5 / math.sqrt(50_000), "one accuracy: a gap"),
        (0.005, "one accuracy in one run"),
        (math.sqrt(0.5 / 10_000) / 5, "root of 5"),
        (1e-5, "a variance"),
        (0.316, "in percent"),
        (0.00632, "two standard errors"),
        (0.1, "start from"),
    ],
)
def test_sampling_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_sampling(answer)
