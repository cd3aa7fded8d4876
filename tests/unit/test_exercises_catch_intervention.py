"""The right answers pass, and every likely mistake is told apart from the others."""

import math

import pytest
import torch

from attention_atlas.exercises import catch_intervention as exercises


def stray(lead):
    """Attention on nine untagged keys beside six that score higher."""
    scores = torch.tensor([lead] * 6 + [0.0] * 9, dtype=torch.float64)
    return scores.softmax(0)[6:].sum().item()


def test_the_right_answers_pass():
    assert exercises.check_output(0.5).startswith("Correct")
    assert exercises.check_squared_distance(0.04).startswith("Correct")
    assert exercises.check_half(stray(8), stray(4)).startswith("Correct")
    assert 45 < stray(4) / stray(8) < 55  # fifty times as much, as the praise says


@pytest.mark.parametrize(
    ("check", "answers", "mistake"),
    [
        (exercises.check_output, (0.7,), "after .SEP."),
        (exercises.check_output, (1.0,), "sum to 1"),
        (exercises.check_output, (0.1,), "take the mean"),
        (exercises.check_squared_distance, (0.2,), "square it"),
        (exercises.check_squared_distance, (-0.2,), "wrong sign"),
        (exercises.check_squared_distance, (0.5,), "still the mean"),
        (exercises.check_half, (stray(8), stray(8)), "whole tag"),
        (exercises.check_half, (stray(8), stray(8) / 2), "not a weight"),
        (exercises.check_half, (stray(8) / 9, stray(4)), "there are nine"),
        (exercises.check_half, (math.exp(-8), stray(4)), "both kinds"),
        (exercises.check_half, (0.5, stray(4)), "exp"),
        (exercises.check_half, (stray(8), 0.5), "halve the score"),
    ],
)
def test_mistakes_are_named(check, answers, mistake):
    with pytest.raises(ValueError, match=mistake):
        check(*answers)
