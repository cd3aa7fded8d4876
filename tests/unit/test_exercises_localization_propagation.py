"""The solutions pass; every likely mistake is refused with its own message."""

import math

import pytest
import torch

from attention_atlas.exercises import localization_propagation as exercises
from attention_atlas.tasks.random_walk import walks
from attention_atlas.theory.localization.propagation import limit
from attention_atlas.theory.localization.spectrum import Spectrum


def test_window_accepts_a_plain_count():
    inside = [0 < (place / 10_000 - 0.5) * 5 < 1 for place in range(10_000)]
    assert exercises.check_window(round(sum(inside) / 10_000, 3)).startswith("Correct")


@pytest.mark.parametrize(
    ("answer", "mistake"), [(0.7, "where the window ends"), (0.5, "upper bound"), (0.4, "one side"), (0.9, "solve")]
)
def test_window_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_window(answer)


def test_variance_is_what_a_simulation_has():
    x = walks(200_000, 3, 4, torch.Generator().manual_seed(0))
    scores = (x @ x[:, -1, :, None])[:, :, 0] / 2
    variance = (scores - scores.mean(1, keepdim=True))[:, -1].var().item()
    assert variance == pytest.approx(8 / 3, rel=0.02)
    assert exercises.check_variance(8 / 3).startswith("Correct")
    with pytest.raises(ValueError, match="raw score"):
        exercises.check_variance(18.0)
    assert scores[:, -1].var().item() == pytest.approx(18, rel=0.02)  # what that mistake computes


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [(5 / 3, "independent"), (math.sqrt(8 / 3), "standard deviation"), (14 / 9, "query's variance"), (1.0, "step 2")],
)
def test_variance_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_variance(answer)


def test_deviation_is_found_by_bisection():
    low, high = 1.0, 100.0
    for _ in range(40):
        middle = (low + high) / 2
        enough = limit(torch.tensor([0.5], dtype=torch.float64), Spectrum(0.0, middle**2)).item() > 0.1
        low, high = (middle, high) if enough else (low, middle)
    assert exercises.check_deviation(low).startswith("Correct")


NORMAL = torch.distributions.Normal(0.0, 1.0)


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (13.673**2, "this is xi"),
        (1 / NORMAL.icdf(torch.tensor(0.6)).item(), "score over T"),
        (math.sqrt(12 / 7) / NORMAL.icdf(torch.tensor(0.6)).item(), "two ends"),
        (math.sqrt(12) / NORMAL.icdf(torch.tensor(0.55)).item(), "below the window"),
        (2.0, "at theta = 1/2"),
    ],
)
def test_deviation_names_the_mistake(answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        exercises.check_deviation(answer)
