"""Rotary positions on average: the rotation's trace against vectors, the recursion against the one without rotation."""

import math

import pytest
import torch

from attention_atlas.metrics import without_diagonal_means
from attention_atlas.positions import rope, rope_frequencies
from attention_atlas.simulation.model import NORMALIZATIONS, RESIDUALS, Model
from attention_atlas.simulation.stream import simulate
from attention_atlas.theory.recency import rotary
from attention_atlas.theory.recency.gram import ideal_scores
from attention_atlas.theory.recency.rotary import ideal_rotary_scores, mean_rotation

KINDS = [(n, r) for n in NORMALIZATIONS for r in RESIDUALS if (n, r) != ("none", "normalized")]


def test_mean_rotation_is_the_mean_over_all_directions():
    """Averaging over the d axes is averaging over directions: both give the trace."""
    axes = torch.eye(6, dtype=torch.float64)[:, None].expand(6, 5, 6)
    turned = rope(axes, rope_frequencies(6))
    torch.testing.assert_close(mean_rotation(5, 6), (turned @ turned.mT).mean(0), rtol=0, atol=1e-12)


def test_mean_rotation_depends_on_the_distance_alone_and_is_1_at_0():
    rotation = mean_rotation(11, 6)
    assert without_diagonal_means(rotation).abs().max() < 1e-12
    assert rotation.diagonal().tolist() == [1.0] * 11
    assert (rotation.tril(-1).abs() < 1).all()


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(("normalization", "residual"), KINDS)
def test_with_nothing_turned_it_is_the_stack_without_positions(monkeypatch, normalization, residual, causal):
    monkeypatch.setattr(rotary, "mean_rotation", lambda tokens, d: torch.ones(tokens, tokens, dtype=torch.float64))
    model = Model(6, 0.3, normalization, residual, layers=3, tokens=7, causal=causal, rope=True)
    expected = ideal_scores(7, 6, 0.3, normalization, residual, layers=3, causal=causal)
    torch.testing.assert_close(ideal_rotary_scores(model), expected, rtol=1e-12, atol=0, equal_nan=True)


def test_the_first_layer_is_the_rotation_times_the_mean_cosine():
    first = ideal_rotary_scores(Model(6, 0.3, "l2", tokens=7, rope=True, causal=False, unit_input=True))[0]
    cosines = torch.full((7, 7), 0.3, dtype=torch.float64).fill_diagonal_(1.0)
    torch.testing.assert_close(first, mean_rotation(7, 6) * cosines, rtol=1e-12, atol=0)


def test_the_causal_mask_alone_breaks_relativity():
    left = {}
    for causal in (True, False):
        model = Model(64, 0.5, "l2", "raw", tokens=20, rope=True, unit_input=True, causal=causal)
        maps = [without_diagonal_means(map).tril(-1).nan_to_num().abs().max() for map in ideal_rotary_scores(model)]
        left[causal] = torch.stack(maps)
    assert left[True][0] < 1e-12  # the first layer has seen no mask yet
    assert left[False][0] < 1e-12
    assert (left[False][1:] > 1e-6).all()  # the edges of the sequence
    assert (left[True][1:] > 50 * left[False][1:]).all()


def test_comes_nearer_to_the_simulation_with_the_dimension():
    worst = []
    for d in (8, 128):
        model = Model(d, 0.5, "l2", "raw", layers=2, tokens=5, rope=True, unit_input=True)
        table = simulate(model, 2000, seed=3, simulator="direct").table().query("quantity == 'gap' and layer == 2")
        simulated = torch.tensor(table["mean"].to_list()) + model.offset
        ideal = ideal_rotary_scores(model)[1][torch.ones(5, 5).tril().bool()]
        worst.append((simulated - ideal).abs().max().item())
    assert worst[1] < worst[0] / 2


def test_a_model_without_rotation_is_refused():
    with pytest.raises(ValueError, match="without rope"):
        ideal_rotary_scores(Model(8, 0.5))
    with pytest.raises(ValueError, match="at least 1 token, got 0"):
        mean_rotation(0, 8)


def test_masked_scores_are_nan():
    scores = ideal_rotary_scores(Model(6, 0.3, layers=2, tokens=5, rope=True))
    assert scores.isnan().equal(torch.ones(2, 5, 5).triu(1).bool())
    assert math.isclose(scores[0, 4, 4].item(), math.sqrt(6), rel_tol=1e-12)
