"""A layer on Gram matrices is a layer on vectors; with rotated queries and keys it is not."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.positions import rope, rope_frequencies
from attention_atlas.simulation.model import NORMALIZATIONS, RESIDUALS
from attention_atlas.theory.recency.closed_form import effective_residual, predicted_scores
from attention_atlas.theory.recency.gram import equicorrelated, gram_layer, ideal_scores

KINDS = [(n, r) for n in NORMALIZATIONS for r in RESIDUALS if (n, r) != ("none", "normalized")]


def layer_in_loops(x, normalization, residual, causal, rotate=lambda x: x):
    """Scores and outputs of one layer, token by token."""
    tokens, d_model = x.shape
    hidden = []
    for token in x:
        if normalization == "layernorm":
            token = token - token.mean()
        length = {"none": token.norm(), "l2": 1.0}.get(normalization, math.sqrt(d_model))
        hidden.append(token / token.norm() * length)
    hidden = torch.stack(hidden)
    turned = rotate(hidden)
    scores = torch.full((tokens, tokens), math.nan, dtype=torch.float64)
    output = torch.zeros_like(x)
    for query in range(tokens):
        keys = range(query + 1 if causal else tokens)
        for key in keys:
            scores[query, key] = (turned[query] * turned[key]).sum() / (
                1 if normalization == "l2" else math.sqrt(d_model)
            )
        total = sum(math.exp(scores[query, key]) for key in keys)
        for key in keys:
            output[query] += math.exp(scores[query, key]) / total * hidden[key]
        output[query] += {"none": 0 * x[query], "raw": x[query], "normalized": hidden[query]}[residual]
    return scores, output


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_equicorrelated_by_hand():
    assert equicorrelated(3, 0.25).tolist() == [[1.0, 0.25, 0.25], [0.25, 1.0, 0.25], [0.25, 0.25, 1.0]]


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(("normalization", "residual"), KINDS)
def test_equals_the_plain_loop_on_vectors_through_three_layers(normalization, residual, causal):
    x = normal(5, 7)
    centered = x - x.mean(-1, keepdim=True) if normalization == "layernorm" else x
    gram = centered @ centered.T
    for _ in range(3):
        scores, weights, gram = gram_layer(gram, 7, normalization, residual, causal)
        expected, x = layer_in_loops(x, normalization, residual, causal)
        assert torch.allclose(scores, expected, rtol=1e-11, atol=1e-11, equal_nan=True)
        assert torch.allclose(weights.sum(-1), torch.ones(5).double())
    centered = x - x.mean(-1, keepdim=True) if normalization == "layernorm" else x
    assert torch.allclose(gram, centered @ centered.T, rtol=1e-11, atol=1e-11)


@given(seed=st.integers(0, 2**31), kind=st.sampled_from(KINDS), causal=st.booleans())
def test_rotating_all_vectors_together_changes_nothing(seed, kind, causal):
    x, turn = normal(5, 7, seed=seed), torch.linalg.qr(normal(7, 7, seed=seed + 1)).Q
    turned = x @ turn
    layers = [gram_layer(vectors @ vectors.T, 7, *kind, causal) for vectors in (x, turned)]
    for one, other in zip(*layers, strict=True):
        assert torch.allclose(one, other, rtol=1e-9, atol=1e-9, equal_nan=True)


@given(seed=st.integers(0, 2**31), kind=st.sampled_from(KINDS), tokens=st.integers(3, 7), seen=st.integers(1, 3))
def test_under_a_causal_mask_later_tokens_do_not_matter(seed, kind, tokens, seen):
    x = normal(tokens, 11, seed=seed)
    gram = x @ x.T
    layers = [gram_layer(gram[:end, :end], 11, *kind) for end in (tokens, seen)]
    for whole, part in zip(*layers, strict=True):
        assert torch.allclose(whole[:seen, :seen], part, rtol=1e-12, atol=1e-12, equal_nan=True)


@given(seed=st.integers(0, 2**31), scale=st.floats(1e-3, 1e3), normalization=st.sampled_from(NORMALIZATIONS[1:]))
def test_normalization_does_not_see_the_length_of_tokens(seed, scale, normalization):
    x = normal(3, 7, seed=seed)
    longer = x * torch.tensor([[scale], [1.0], [2.0]])
    layers = [gram_layer(vectors @ vectors.T, 7, normalization) for vectors in (x, longer)]
    for one, other in zip(*layers, strict=True):
        assert torch.allclose(one, other, rtol=1e-9, atol=1e-9, equal_nan=True)


def test_a_batch_is_its_members_and_every_axis_is_its_own():
    x = normal(2, 3, 5, 7)
    together = gram_layer(x @ x.mT, 7, "layernorm", "raw")
    for one in together:
        assert one.shape == (2, 3, 5, 5)
    for i in range(2):
        for j in range(3):
            for one, alone in zip(together, gram_layer(x[i, j] @ x[i, j].T, 7, "layernorm", "raw"), strict=True):
                assert torch.allclose(one[i, j], alone, rtol=1e-12, equal_nan=True)


@pytest.mark.parametrize(("d_model", "alpha"), [(16, 0.0), (64, 0.5), (5, 0.8)])
@pytest.mark.parametrize("residual", RESIDUALS)
def test_two_ideal_layers_are_the_closed_form(d_model, alpha, residual):
    strength = {"none": 0.0, "raw": effective_residual(d_model, alpha), "normalized": 1.0}[residual]
    scores = ideal_scores(7, d_model, alpha, "rmsnorm", residual, layers=3)
    assert scores.shape == (3, 7, 7)
    predicted = predicted_scores(7, d_model, alpha, strength)
    assert torch.allclose(scores[1], predicted, rtol=1e-12, equal_nan=True)


def test_negative_control_rotary_positions_are_not_determined_by_the_gram_matrix():
    x, turn = normal(5, 8), torch.linalg.qr(normal(8, 8, seed=1)).Q
    plain, turned = (layer_in_loops(v, "l2", "none", True)[0] for v in (x, x @ turn))
    assert torch.allclose(plain, turned, equal_nan=True)
    frequencies = rope_frequencies(8)
    plain, turned = (layer_in_loops(v, "l2", "none", True, lambda v: rope(v, frequencies))[0] for v in (x, x @ turn))
    assert (plain - turned).nan_to_num(0).abs().max() > 0.1


def test_negative_control_without_centering_layernorm_is_another_layer():
    x = normal(5, 7) + 1  # a mean that matters
    expected, _ = layer_in_loops(x, "layernorm", "none", True)
    assert not torch.allclose(gram_layer(x @ x.T, 7, "layernorm")[0], expected, rtol=0.01, equal_nan=True)


def test_negative_control_without_a_causal_mask_equal_tokens_stay_equal():
    scores = ideal_scores(5, 16, 0.5, layers=3, causal=False)
    off_diagonal = ~torch.eye(5).bool()
    assert all(torch.allclose(layer[off_diagonal], layer[0, 1]) for layer in scores)


def test_negative_control_differences_of_scores_end_where_the_documentation_says():
    """Cosines are 1 in float64 after some 30 layers, and equal scores have no order."""
    rises = ideal_scores(5, 4, 0.5, layers=45)[:, 4, :4].diff(dim=-1)
    assert (rises[1:20] > 0).all() and not (rises[40:] > 0).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"normalization": "batchnorm"}, "unknown normalization 'batchnorm'; allowed: none, layernorm, rmsnorm, l2"),
        ({"residual": "half"}, "unknown residual 'half'; allowed: none, raw, normalized"),
        ({"normalization": "none", "residual": "normalized"}, "needs a normalization, got none"),
        ({"d_model": 0}, "got 0"),
        ({"gram": torch.zeros(2, 2).double()}, "norm above 0, got 0.0 squared"),
    ],
)
def test_the_impossible_is_refused_in_one_line(change, message):
    settings = {"gram": equicorrelated(2, 0.5), "d_model": 7, "normalization": "layernorm", "residual": "none"}
    with pytest.raises(ValueError, match=message) as refusal:
        gram_layer(**settings | change)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"tokens": 2}, "got 2"), ({"alpha": 1.0}, "got 1.0"), ({"layers": 0}, "got 0"), ({"d_model": 1}, "got 1")],
)
def test_impossible_ideal_scores_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        ideal_scores(**{"tokens": 5, "d_model": 7, "alpha": 0.5} | change)


@pytest.mark.parametrize(("tokens", "alpha", "message"), [(1, 0.5, "2 tokens, got 1"), (3, -0.5, "got -0.5")])
def test_an_impossible_gram_matrix_is_refused(tokens, alpha, message):
    with pytest.raises(ValueError, match=message):
        equicorrelated(tokens, alpha)
