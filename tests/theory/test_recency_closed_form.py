"""Two layers by hand, by plain loops, and as properties; what happens without each hypothesis."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.theory.recency.closed_form import (
    effective_residual,
    h,
    inner_products,
    predicted_scores,
    recency_effect,
)

TOKENS = st.integers(2, 13)
D_MODEL = st.integers(1, 300)
ALPHA = st.floats(0, 0.97)
RESIDUAL = st.one_of(st.just(0.0), st.just(1.0), st.floats(0, 3))


def outputs_in_loops(tokens, d_model, alpha, residual):
    """Inner products of the outputs from weights that are written out, on a basis with the cosines alpha."""
    u, v = math.exp(math.sqrt(d_model)), math.exp(alpha * math.sqrt(d_model))
    weights = [
        [(u if key == query else v) / (u + query * v) + residual * (key == query) for key in range(query + 1)]
        for query in range(tokens)
    ]
    product = torch.zeros(tokens, tokens, dtype=torch.float64)
    for i, first in enumerate(weights):
        for j, second in enumerate(weights):
            for k, a in enumerate(first):
                for m, b in enumerate(second):
                    product[i, j] += a * b * (1 if k == m else alpha)
    return product


def test_by_hand_three_orthonormal_tokens_with_a_residual():
    """The worked example of the paper's first version: no sqrt(d) in the scores, so d = 1; row 3 is rounded here."""
    scores = predicted_scores(3, d_model=1, alpha=0.0, residual=1.0)
    assert [round(scores[i, j].item(), 4) for i, j in ((1, 0), (2, 0), (2, 1))] == [0.1535, 0.1321, 0.1508]


def test_by_hand_the_curve_and_the_score_of_the_notes():
    assert round(h(10, 64, 0.5)[-1].item(), 4) == 1.0724
    assert round(predicted_scores(10, 64, 0.5)[9, 0].item(), 3) == 4.357
    assert effective_residual(64, 0.5) == pytest.approx(1 / math.sqrt(32), rel=1e-15)


@pytest.mark.parametrize("residual", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(("d_model", "alpha"), [(4, 0.0), (16, 0.5), (64, 0.2)])
def test_equal_the_plain_loop(d_model, alpha, residual):
    loop = outputs_in_loops(7, d_model, alpha, residual)
    assert torch.allclose(inner_products(7, d_model, alpha, residual), loop, rtol=1e-13, atol=0)
    norms = loop.diagonal().sqrt()
    assert torch.allclose(h(7, d_model, alpha, residual), 1 / norms, rtol=1e-13, atol=0)
    scores = math.sqrt(d_model) * loop / norms[:, None] / norms
    predicted = predicted_scores(7, d_model, alpha, residual)
    assert torch.allclose(predicted.tril().nan_to_num(0), scores.tril(), rtol=1e-13, atol=0)


@given(tokens=TOKENS, d_model=st.integers(1, 200), alpha=ALPHA, residual=RESIDUAL)
def test_h_is_the_formula_of_the_official_code(tokens, d_model, alpha, residual):
    u, v = math.exp(math.sqrt(d_model)), math.exp(alpha * math.sqrt(d_model))
    share = 1 / (u + torch.arange(tokens, dtype=torch.float64) * v)
    square = residual**2 + 2 * residual * alpha + alpha
    square = square + (1 - alpha) * ((2 * residual * u + v) * share + (u * u - u * v) * share**2)
    assert torch.allclose(h(tokens, d_model, alpha, residual), square.rsqrt(), rtol=1e-12, atol=0)


@given(tokens=TOKENS, d_model=D_MODEL, alpha=ALPHA, residual=RESIDUAL)
def test_the_norm_falls_rows_are_flat_and_normalizing_makes_them_rise(tokens, d_model, alpha, residual):
    effect = recency_effect(tokens, d_model, alpha, residual)
    assert effect[0] == 0 and (effect.diff() > 0).all()
    products = inner_products(tokens, d_model, alpha, residual)
    scores = predicted_scores(tokens, d_model, alpha, residual)
    for i in range(1, tokens):
        assert (products[i, :i] == products[i, 0]).all()
        assert torch.allclose(scores[i, :i] / scores[i, 0] - 1, effect[:i], rtol=0, atol=1e-14)
        assert scores[i, i].item() == pytest.approx(math.sqrt(d_model), rel=1e-12)


@given(tokens=TOKENS, d_model=D_MODEL, alpha=ALPHA, weak=st.floats(0, 2), more=st.floats(0.01, 2))
def test_a_residual_weakens_recency_and_does_not_remove_it(tokens, d_model, alpha, weak, more):
    effects = [recency_effect(tokens, d_model, alpha, residual)[1:] for residual in (weak, weak + more)]
    assert (effects[1] > 0).all() and (effects[1] < effects[0]).all()


@pytest.mark.parametrize("residual", [0.0, 1.0])
def test_small_effects_follow_their_first_order(residual):
    first_order = 0.5 * torch.arange(11).double() * math.exp(-0.5 * 40) / (1 + residual)
    assert torch.allclose(recency_effect(11, 1600, 0.5, residual), first_order, rtol=1e-7, atol=0)


def test_nothing_overflows_where_the_exponentials_do():
    """e^sqrt(d) is beyond float64 from d = 503,000 on, its square from 126,000 on."""
    for values in (h(10, 10**6, 0.5), inner_products(10, 10**6, 0.0), predicted_scores(10, 10**6, 0.9).tril()):
        assert values.nan_to_num(nan=math.inf).isfinite().all()
    assert recency_effect(3, 4096, 0.0)[1].item() == pytest.approx(math.exp(-64), rel=1e-12)


def test_negative_control_without_normalization_the_rows_are_flat():
    flat = predicted_scores(7, 16, 0.5, normalized=False)
    assert all((flat[i, :i] == flat[i, 0]).all() for i in range(1, 7))
    assert (predicted_scores(7, 16, 0.5)[6, :6].diff() > 0).all()


def test_negative_control_anisotropy_amplifies_only_up_to_a_point():
    """Identical tokens have nothing to prefer: the effect rises with alpha, and falls again before alpha is 1."""
    effects = torch.stack([recency_effect(10, 64, alpha)[-1] for alpha in (0.0, 0.4, 0.69, 0.9, 0.99)])
    assert (effects.diff() > 0).tolist() == [True, True, False, False]


@pytest.mark.parametrize("tokens", [2, 11])
def test_shapes_and_what_a_query_cannot_see(tokens):
    assert h(tokens, 7, 0.2).shape == recency_effect(tokens, 7, 0.2).shape == (tokens,)
    scores = predicted_scores(tokens, 7, 0.2)
    assert scores.shape == inner_products(tokens, 7, 0.2).shape == (tokens, tokens)
    assert torch.equal(scores.isnan(), torch.ones(tokens, tokens).triu(1).bool())


@pytest.mark.parametrize("function", [h, recency_effect, inner_products, predicted_scores])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokens": 1}, "at least 2 tokens, got 1"),
        ({"d_model": 0}, "d_model must be at least 1, got 0"),
        ({"alpha": 1.0}, r"alpha, .*, must be in \[0, 1\), got 1.0"),
        ({"alpha": -0.1}, "got -0.1"),
        ({"alpha": math.nan}, "got nan"),
        ({"residual": -0.5}, "residual's strength .* got -0.5"),
        ({"residual": math.inf}, "got inf"),
    ],
)
def test_the_impossible_is_refused_in_one_line(function, change, message):
    with pytest.raises(ValueError, match=message) as refusal:
        function(**{"tokens": 5, "d_model": 7, "alpha": 0.5, "residual": 0.0} | change)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(("d_model", "alpha", "message"), [(0, 0.5, "got 0"), (7, 1.0, "got 1.0")])
def test_an_impossible_effective_residual_is_refused(d_model, alpha, message):
    with pytest.raises(ValueError, match=message):
        effective_residual(d_model, alpha)
