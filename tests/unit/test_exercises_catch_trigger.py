"""The right answer passes, and every mistake that we expect is met with its own words."""

import math

import pytest
import torch

from attention_atlas.exercises import catch_trigger as exercises
from attention_atlas.tasks.trigger_averaging import TriggerAveraging, draw
from attention_atlas.theory.catch_tag_release.necessary_sink import Head, sink_floor
from attention_atlas.theory.catch_tag_release.trigger import softmax_error


def refused(check, wrong):
    assert len({round(value, 9) for value in wrong.values()}) == len(wrong)
    for words, answer in wrong.items():
        with pytest.raises(ValueError, match=words):
            check(answer)


def test_the_strength_by_the_construction_itself():
    right = math.log(23 * 99)
    assert softmax_error(right, 23.0) == pytest.approx(0.01)
    assert exercises.check_strength(right).startswith("Correct")
    refused(
        exercises.check_strength,
        {
            "carries no number": math.log(24 * 99),
            "take the logarithm": 23 * 99,
            "in the denominator too": math.log(2300),
            "the last one sees 23": math.log(99),
            "base 10": math.log10(23 * 99),
            "query that sees the most": 3.0,
        },
    )


def test_the_floor_by_the_library():
    right = sink_floor(0.02, 0.1, tokens=24, radius=1.0, room=1.0)
    assert right > 0.97 and exercises.check_floor(right).startswith("Correct")
    refused(
        exercises.check_floor,
        {
            "what must": 1 - right,
            "itself as well": 1 - 0.02 / (22 / 24 - 0.1),
            "smaller values": 1 - 23 / 22 * 0.02 / (22 / 24),
            "weaker, not stronger": 1 - 23 / 22 * 0.02 / (22 / 24 + 0.1),
            "room R": 1 - 2 * (1 - right),
            "put the errors": 0.5,
        },
    )


def test_opposed_heads_whose_attention_differs_by_a_twentieth():
    """For the last of nine tokens: both heads pay all of their attention to numbers, the second .95 at triggers."""
    batch = draw(TriggerAveraging(9, chance=0.5), 200, torch.Generator().manual_seed(0))
    values = 20.0 * torch.eye(4, 1).double()
    scores = [torch.zeros(4, 4, dtype=torch.float64) for _ in range(2)]
    for head in scores:
        head[1, 2] = -60.0  # nobody looks at BOS
    difference = 8 / 9 * 0.05  # the answer counts BOS as a number that is 0
    scores[1][3, 2] = 60 + math.log(8 * difference / (1 - difference))
    first, second = (Head(score, values).output(batch.features)[:, -1] for score in scores)
    assert torch.allclose(first - second, batch.target[:, -1], atol=1e-9)
    assert exercises.check_opposed(0.05).startswith("Correct")
    refused(
        exercises.check_opposed,
        {
            "this is the slope": 20.0,
            "opposite signs": 0.025,
            "stays with the numbers": 0.95,
            "values of slope 1": 1.0,
            "cancel at triggers": 0.0,
            "slope times": 0.4,
        },
    )
