"""The deep limit against the recursion it comes from: as long as that lasts, and beyond it by hand and in fractions."""

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.metrics import recency_probability
from attention_atlas.simulation.model import NORMALIZATIONS
from attention_atlas.theory.recency.deep import departure_from_line, offsets, score_gaps, uniform_gram
from attention_atlas.theory.recency.gram import equicorrelated, gram_layer, ideal_scores
from attention_atlas.theory.recency.limits import early_limit, log_weight_floor

KINDS = [(n, r) for n in NORMALIZATIONS for r in ("none", "raw", "normalized") if n != "none" or r == "none"]


def random_gram(tokens, d_model, seed=0):
    x = torch.randn(tokens, d_model, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return x @ x.T / d_model


def facing_gram(seed, tokens=5, d_model=7):
    """All tokens have a positive cosine to the first one."""
    x = torch.randn(tokens, d_model, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    x *= (x @ x[0]).sign()[:, None]
    return x @ x.T / d_model


def test_uniform_grams_in_fractions():
    tokens, alpha = 7, Fraction(1, 4)
    gram = [[Fraction(1) if i == j else alpha for j in range(tokens)] for i in range(tokens)]
    for layer in uniform_gram(tokens, 4, 0.25):
        assert torch.allclose(layer, torch.tensor([[float(v) for v in row] for row in gram]).double(), rtol=1e-6)
        gram = [
            [sum(sum(row[: j + 1]) for row in gram[: i + 1]) / ((i + 1) * (j + 1)) for j in range(tokens)]
            for i in range(tokens)
        ]


@given(tokens=st.integers(3, 13), layers=st.integers(3, 11), alpha=st.floats(0, 0.95))
def test_uniform_rows_are_flat_in_layer_two_and_fall_from_layer_three_on(tokens, layers, alpha):
    grams = uniform_gram(tokens, layers, alpha)
    last = torch.arange(1.0, tokens + 1).double()
    assert torch.allclose(grams[1], alpha + (1 - alpha) / torch.maximum(last[:, None], last), rtol=1e-12)
    assert (grams[2:].diff(dim=-1) < 0).all() and (grams[2:].diff(dim=-2) < 0).all()


@given(tokens=st.integers(3, 13), d_model=st.integers(3, 200), alpha=st.floats(0, 0.99))
def test_without_normalization_layer_two_is_flat_and_layer_three_falls(tokens, d_model, alpha):
    scores = ideal_scores(tokens, d_model, alpha, "none", layers=3)
    flat = scores[1].tril(-1).masked_fill(torch.ones(tokens, tokens).triu().bool(), math.nan)
    spread = [(row[:i].max() - row[:i].min()).item() for i, row in enumerate(flat) if i]
    assert max(spread) < 1e-12 * scores[1, 0, 0]
    assert all((row[:i].diff() < 0).all() for i, row in enumerate(scores[2]))


@pytest.mark.parametrize(("normalization", "residual"), KINDS)
def test_gaps_are_those_of_the_gram_recursion_as_long_as_it_can_tell(normalization, residual):
    gram = random_gram(5, 7)
    gaps = score_gaps(gram, 7, normalization, residual, 23)
    tokens = offsets(gram, 7, normalization, residual, 23)
    assert gaps.shape == (23, 5, 5) and tokens.shape == (23, 5, 5)
    for layer in range(23):
        scores, _, after = gram_layer(gram, 7, normalization, residual)
        assert torch.allclose(gaps[layer], scores - scores[:, :1], rtol=0, atol=1e-11, equal_nan=True)
        lengths = gram.diagonal().sqrt() if normalization != "none" else torch.ones(5).double()
        unit = gram / lengths[:, None] / lengths
        distances = (unit.diagonal()[:, None] + unit.diagonal() - 2 * unit).clamp(min=0)
        assert torch.allclose(torch.cdist(tokens[layer], tokens[layer]) ** 2, distances, rtol=0, atol=1e-11)
        gram = after


@pytest.mark.parametrize("residual", ["none", "normalized"])
@pytest.mark.parametrize("normalization", ["layernorm", "l2"])
def test_two_tokens_by_the_tangent_of_half_the_angle(normalization, residual):
    """Two tokens stay in a plane: normalized, one angle is all there is, and it obeys one line of trigonometry."""
    gram, angle = equicorrelated(3, 0.3), math.acos(0.3)
    found = offsets(gram, 9, normalization, residual, 60)[:, 1].norm(dim=-1)
    scale = 1 if normalization == "l2" else 3
    for distance in found:
        assert distance.item() == pytest.approx(2 * math.sin(angle / 2), rel=1e-11)
        kept = 1 / (1 + math.exp(-2 * scale * math.sin(angle / 2) ** 2))
        kept = (kept + 1) / 2 if residual == "normalized" else kept
        angle = math.atan2(kept * math.sin(angle), 1 - kept + kept * math.cos(angle))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind[1] == "none"])
@pytest.mark.parametrize("seed", range(5))
def test_every_stack_without_residual_ends_on_a_line_in_the_order_of_the_positions(seed, kind):
    gram = facing_gram(seed)
    last = offsets(gram, 7, *kind, 200)[-1]
    assert departure_from_line(last) < 1e-6
    assert kind[0] == "none" or recency_probability(score_gaps(gram, 7, *kind, 200)[-1:]) == 1
    first, second = torch.linalg.cholesky(gram)[:2]
    # the segment points where the second token departs from the first; normalized tokens have only what is across
    departs = second - first if kind[0] == "none" else second - second * (first != 0)
    across = last[1] if kind[0] == "none" else last[1] - last[1] * (first != 0)
    assert torch.allclose(across / across.norm(), departs / departs.norm(), atol=1e-9)


def test_without_normalization_one_sign_decides_for_all():
    grams = torch.stack([random_gram(5, 5, seed) for seed in range(100)])
    found = torch.stack([recency_probability(gaps[None]) for gaps in score_gaps(grams, 5, "none", "none", 200)[:, -1]])
    recent = grams[:, 0, 1] > grams[:, 0, 0]
    assert torch.equal(found, recent.double()) and recent.any() and not recent.all()


@pytest.mark.parametrize("residual", ["none", "raw", "normalized"])
@pytest.mark.parametrize(("d_model", "alpha"), [(4, 0.0), (16, 0.5), (64, 0.8)])
def test_ideal_rows_rise_in_every_layer_but_the_first_with_any_residual(residual, d_model, alpha):
    """Proved for layer 2 and for the limit; in between this is all we know."""
    gaps = score_gaps(equicorrelated(7, alpha) / (1 - alpha), d_model, "rmsnorm", residual, 150)
    assert all((row[:i].diff() > 0).all() for layer in gaps[1:] for i, row in enumerate(layer))


@pytest.mark.parametrize("residual", [0, 1])
@pytest.mark.parametrize("normalization", ["layernorm", "l2"])
@pytest.mark.parametrize("seed", range(5))
def test_tokens_collapse_onto_the_first_at_least_as_fast_as_bounded_attention_makes_them(seed, normalization, residual):
    d_model = 4 if normalization == "layernorm" else 1
    floor = math.exp(log_weight_floor(4, d_model)) / (1 + residual)  # l2: scores are cosines, as if d = 1
    found = offsets(facing_gram(seed, 4), d_model, normalization, ("none", "normalized")[residual], 30)
    less = (found.square().sum(-1) / 2).amax(-1)  # 1 - the least cosine to the first token
    assert (less <= (1 - floor) ** torch.arange(30).double() * less[0] * (1 + 1e-12)).all()


def test_negative_control_the_gram_recursion_loses_the_order_that_the_offsets_keep():
    gram = equicorrelated(5, 0.5)
    for _ in range(60):
        scores, _, gram = gram_layer(gram, 4, "rmsnorm")
    assert recency_probability(scores.nan_to_num(0)[None]) < 1
    assert recency_probability(score_gaps(equicorrelated(5, 0.5), 4, "rmsnorm", "none", 60)[-1:]) == 1


def test_negative_control_other_sequences_are_not_on_the_line():
    tokens = torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 1.0], [3.0, 0.0]]).double()
    assert departure_from_line(tokens).item() == pytest.approx(0.5)
    assert departure_from_line(tokens[[0, 2, 1, 3]]) > 0.5
    assert departure_from_line(tokens[:, :1]) == 0


def test_simulated_sequences_approach_the_limit_without_normalization():
    generator, d_model, alpha = torch.Generator().manual_seed(0), 7, 0.6
    noise = torch.randn(4000, 6, d_model, generator=generator, dtype=torch.float64)
    x = (noise[:, 1:] + math.sqrt(alpha / (1 - alpha)) * noise[:, :1]) / math.sqrt(d_model)
    found = recency_probability(score_gaps(x @ x.mT, d_model, "none", "none", 60)[:, -1]).item()
    limit = early_limit(d_model, alpha)
    assert abs(found - limit) < 4 * math.sqrt(limit * (1 - limit) / 4000)
    assert abs(found - early_limit(d_model, 0.0)) > 10 * math.sqrt(limit / 4000)


def test_a_batch_is_its_members_and_every_axis_is_its_own():
    grams = torch.stack([torch.stack([random_gram(5, 7, 3 * i + j) for j in range(3)]) for i in range(2)])
    for function in (offsets, score_gaps):
        together = function(grams, 7, "layernorm", "raw", 11)
        assert together.shape == (2, 3, 11, 5, 5)
        alone = function(grams[1, 2], 7, "layernorm", "raw", 11)
        assert torch.allclose(together[1, 2], alone, rtol=1e-12, equal_nan=True)
    assert departure_from_line(offsets(grams, 7, "layernorm", "raw", 11)).shape == (2, 3, 11)


@pytest.mark.parametrize("function", [offsets, score_gaps])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gram": torch.ones(3, 3).double()}, "linearly independent"),
        ({"normalization": "none", "residual": "raw"}, "a residual doubles the tokens: allowed is none, got raw"),
        ({"normalization": "batch"}, "unknown normalization 'batch'"),
        ({"layers": 0}, "layers must be at least 1, got 0"),
        ({"gram": equicorrelated(2, 0.5)}, "at least 3 tokens, got 2"),
    ],
)
def test_the_impossible_is_refused_in_one_line(function, change, message):
    settings = {"gram": equicorrelated(3, 0.5), "d_model": 7, "normalization": "l2", "residual": "none", "layers": 3}
    with pytest.raises(ValueError, match=message) as refusal:
        function(**settings | change)
    assert "\n" not in str(refusal.value)


def test_impossible_sizes_are_refused():
    with pytest.raises(ValueError, match="layers must be at least 1, got 0"):
        uniform_gram(3, 0, 0.5)
    with pytest.raises(ValueError, match="at least 3 tokens to depart from, got 2"):
        departure_from_line(torch.zeros(2, 2).double())
