"""The right answer passes, and every mistake that we expect is met with its own words."""

import math

import pytest
import torch

from attention_atlas.exercises import localization_phase as exercises
from attention_atlas.metrics import entropy
from attention_atlas.simulation.spectral_attention import SpectralScores
from attention_atlas.tasks.random_walk import walks
from attention_atlas.theory.localization.collapse import split


def refused(check, wrong):
    assert len({round(value, 9) for value in wrong.values()}) == len(wrong)
    for words, answer in wrong.items():
        with pytest.raises(ValueError, match=words):
            check(answer)


def test_the_split_by_the_librarys_own():
    maps = torch.tensor(exercises.MAPS, dtype=torch.float64)[:, None]
    position, content = (part.item() for part in split(maps, torch.ones(1, 4, dtype=torch.bool)))
    assert exercises.check_split(content).startswith("Correct")
    of_mean, mean = entropy(maps.mean(0)).item(), entropy(maps).mean().item()
    refused(
        exercises.check_split,
        {
            "part by position": position,
            "position and content together": position + content,
            "in bits": (of_mean - mean) / math.log(2),
            "in nats": of_mean - mean,
            "wrong sign": -content,
            "entropy of the mean map less": 0.9,
        },
    )


def test_the_noise_by_simulation():
    d = exercises.D_MODEL
    x = torch.randn(20_000, 1, d, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    own = SpectralScores(x).drift[:, 0, 0]
    assert 1 / own.std().item() == pytest.approx(8, rel=0.03)
    assert exercises.check_noise(8.0).startswith("Correct")
    refused(
        exercises.check_noise,
        {
            "variance 2, not 1": math.sqrt(d),
            "add up to 2 d": math.sqrt(2 * d),
            "deviations grow as the root": d,
            "take the root": d / 2,
            "which eta it becomes 1": math.sqrt(2 / d),
            "sum of d squares": 3.0,
        },
    )


def test_averaging_by_six_layers_of_it():
    x = walks(200, 400, 16, torch.Generator().manual_seed(0))
    for _ in range(exercises.LAYERS):
        x = x.mean(1, keepdim=True) + x
    squares = (x - x.mean(1, keepdim=True)).square().sum() / x.square().sum()
    right = (1 + 2 * 4**exercises.LAYERS) ** -0.5
    assert squares.sqrt().item() == pytest.approx(right, rel=0.1)
    assert exercises.check_averaging(right).startswith("Correct")
    refused(
        exercises.check_averaging,
        {
            "equal after one layer": 0.0,
            "grows by 4, not by 2": (1 + 2 * 2**6) ** -0.5,
            "diversity of the input": 3**-0.5,
            "square of the diversity": 1 / (1 + 2 * 4**6),
            "too few": (1 + 2 * 4**5) ** -0.5,
            "too many": (1 + 2 * 4**7) ** -0.5,
            "follow both through one layer": 0.5,
        },
    )
