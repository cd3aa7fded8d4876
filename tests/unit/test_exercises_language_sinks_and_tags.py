"""The right answer passes, and every mistake that we expect is met with its own words."""

import pytest
import torch

from attention_atlas.decoders.linear_probe import balanced_accuracy
from attention_atlas.decoders.tag_components import kept_share, random_projector
from attention_atlas.exercises import language_sinks_and_tags as exercises
from attention_atlas.sinks import attention_received, sinks_zhang2025


def refused(check, wrong):
    assert len(set(wrong.values())) == len(wrong)
    for words, answer in wrong.items():
        with pytest.raises(ValueError, match=words):
            check(answer)


def near_map(tokens=exercises.TOKENS, near=exercises.NEAR):
    weights = torch.ones(tokens, tokens).double().tril() * (1 - 2 * near)
    weights /= torch.arange(1, tokens + 1).double()[:, None]
    weights += near * (torch.eye(tokens) + torch.eye(tokens).roll(-1, 1).tril(-1)).double()
    weights[0, 0] = 1
    return weights


def test_late_sinks_by_the_librarys_own():
    weights, causal = near_map(), torch.ones(exercises.TOKENS, exercises.TOKENS).tril().bool()
    assert torch.allclose(weights.sum(-1), torch.ones(exercises.TOKENS).double())
    assert attention_received(weights, causal).tolist() == pytest.approx(exercises.received(), abs=1e-12)
    sinks = sinks_zhang2025(weights[None, None], causal)[0, 0].nonzero()[:, 0].tolist()
    assert sinks == [125, 126, 127]
    assert exercises.check_late_sinks(len(sinks)).startswith("Correct")
    wrong = {
        "divided by the number": 128,
        "a little from": 2,
        "two or three": 1,
        "look at the last": 0,
        "compare with": 5,
    }
    refused(exercises.check_late_sinks, wrong | {"compare with": 5})


def test_random_directions_by_drawing_them():
    written = torch.randn(1, 37, exercises.D_HEAD, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    counts = torch.full((400,), exercises.DIRECTIONS)
    maps = random_projector(counts, exercises.D_HEAD, torch.Generator().manual_seed(1))
    assert kept_share(written.expand(400, -1, -1), maps).mean().item() == pytest.approx(3 / 24, rel=0.05)
    assert exercises.check_random_share(3 / 24).startswith("Correct")
    wrong = {"not into all d_model": 3 / 96, "share of lengths": (3 / 24) ** 0.5, "what they leave": 21 / 24}
    refused(exercises.check_random_share, wrong | {"one direction": 1 / 24, "all directions": 0.5})


def test_balanced_accuracy_by_the_librarys_own():
    labels = torch.tensor([[False] * 9000 + [True] * 1000])
    said = torch.tensor([[False] * 8100 + [True] * 900 + [True] * 500 + [False] * 500])
    assert exercises.check_balanced(balanced_accuracy(said, labels).value).startswith("Correct")
    wrong = {"plain accuracy": 0.86, "language alone": 0.5, "mean of the two": 0.3}
    refused(exercises.check_balanced, wrong)
