"""The solutions pass; every likely mistake is refused with its own message."""

import math
from statistics import stdev

import pytest
import torch

from attention_atlas.exercises import language_locater_on_text as exercises
from attention_atlas.metrics import entropy

APART = (0.8, 1.0, 0.6)


def test_paired_error_accepts_the_plain_sum():
    middle = sum(APART) / 3
    error = math.sqrt(sum((value - middle) ** 2 for value in APART) / 2 / 3)
    assert exercises.check_paired_error(error).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (stdev(APART), "standard deviation"),
        (stdev(APART) / math.sqrt(3) * math.sqrt(2 / 3), "divides by 3 in the variance"),
        (math.hypot(stdev((40, 43, 41)), stdev((39.2, 42, 40.4))) / math.sqrt(3), "not paired"),
        (0.8, "this is the mean difference"),
        (-0.8, "the error is positive"),
        (stdev(APART) / 3, "not by 3"),
        (0.4, "deviation of three differences"),
    ],
)
def test_paired_error_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_paired_error(answer)


def test_highest_entropy_accepts_that_of_a_uniform_map():
    seen = torch.arange(1, 129, dtype=torch.float64)
    weights = torch.tril(torch.ones(128, 128, dtype=torch.float64)) / seen[:, None]
    assert exercises.check_highest_entropy(entropy(weights)[1:].mean().item()).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (math.log(128), "last query only"),
        (math.lgamma(129) / 128, "divide by 127"),
        (math.lgamma(129) / 127 / math.log(2), "these are bits"),
        (math.log(65), "mean number of tokens"),
        (math.lgamma(129), "this is the sum"),
        (1.0, "query i sees i tokens"),
    ],
)
def test_highest_entropy_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_highest_entropy(answer)
