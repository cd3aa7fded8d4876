"""The right answer passes, and every mistake that we expect is met with its own words."""

import math

import pytest
import torch

from attention_atlas.exercises import catch_mechanism as exercises
from attention_atlas.models.averager import forward
from attention_atlas.sinks import sink_share_gu2025
from attention_atlas.tags import explained_variance, tag_subspace
from attention_atlas.tasks.averaging import placed
from attention_atlas.theory.catch_tag_release.construction import catch_tag_release


def refused(check, wrong):
    assert len(set(wrong.values())) == len(wrong)
    for words, answer in wrong.items():
        with pytest.raises(ValueError, match=words):
            check(answer)


def sinks_with(numbers):
    """Of layer 2 of the construction with [SEP] first."""
    batch = placed(torch.zeros(1, numbers, dtype=torch.float64), torch.tensor([0]))
    weights = forward(*catch_tag_release(40, 40), batch.features[None]).weights[1][0]
    mask = torch.ones(numbers + 1, numbers + 1, dtype=torch.bool).tril()
    return (sink_share_gu2025(weights, mask, exercises.THRESHOLD)[1:] > 0).nonzero().flatten().tolist()


def test_geometry_by_the_construction():
    found = [sinks_with(numbers) for numbers in range(1, 15)]
    assert [bool(sinks) for sinks in found] == [True] * 9 + [False] * 5
    assert found[8] == [0]
    assert exercises.check_geometry(10).startswith("Correct")
    refused(
        exercises.check_geometry,
        {
            "still receives more": 9,
            "threshold 0.2": 18,
            "mean over all who see it": 4,
            "the second number": 6,
            "not the tokens": 11,
            "average 1, 1/2": 7,
        },
    )
    assert [1 in sinks_with(numbers) for numbers in (5, 6)] == [True, False]


def test_explained_variance_by_the_librarys_own():
    tag = exercises.ON_SEPARATOR
    written = torch.tensor([[tag, 1 - tag]] * 5)
    right = explained_variance(written, tag_subspace(torch.tensor([[1.0, 0.0]]))).item()
    assert exercises.check_explained(right).startswith("Correct")
    refused(
        exercises.check_explained,
        {
            "attention itself": 0.6,
            "squared length of the whole": 0.36,
            "does not explain": 1 - right,
            "take their squares": math.sqrt(right),
            "squares add up": 0.84,
            "at a right angle": 0.1,
        },
    )
