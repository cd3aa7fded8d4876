"""What the checks of localization are made of; tests/theory/test_checks.py runs them."""

import math

import pytest
import torch

from attention_atlas.checks import localization as checks
from attention_atlas.checks.margins import ROUNDING, agreement


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("query", [-1, 0, 2])
def test_score_matrices_give_the_scores_of_explicit_tokens(query):
    mixed, weights, steps = normal(5, 4), normal(3, 3, seed=1), normal(4, 3, seed=2)
    tokens = mixed @ steps
    scores = torch.stack([tokens[key] @ weights @ tokens[query] / math.sqrt(3) for key in range(5)])
    matrices = checks.score_matrices(mixed, weights, query)
    assert torch.equal(matrices, matrices.mT) and matrices.shape == (5, 12, 12)
    found = torch.stack([steps.flatten() @ matrix @ steps.flatten() for matrix in matrices])
    assert torch.allclose(found, scores - scores.mean(), rtol=1e-12, atol=1e-12)


def test_agreement_counts_decades_and_a_nan_is_never_one():
    claimed = torch.tensor([1.0, 100.0]).double()
    assert agreement(claimed + torch.tensor([1e-6, 0.0]), claimed) == pytest.approx(-2, abs=1e-6)
    assert agreement(claimed, claimed) == pytest.approx(7)
    assert not agreement(torch.tensor([1.0, math.nan]).double(), claimed) >= -ROUNDING


def test_a_window_has_sides():
    inside, near = checks._side(torch.tensor([-2.0, 0.25, 0.9, 1.0]).double(), 0, 1)
    assert inside.tolist() == [False, True, True, False] and near.tolist() == pytest.approx([2, 0.25, 0.1, 0])
