"""The masked softmax against the plain loop, at its edges, and with its hypotheses broken."""

import inspect
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.attention import attention_weights, logits
from attention_atlas.masks import causal, dense, none, prefix, sliding_window


def randn(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def test_logits_equal_the_plain_loop():
    queries, keys = randn(2, 3, 5, 11), randn(2, 3, 7, 11, seed=1)
    expected = [[[[sum(q * k).item() / 11**0.5 for k in ks] for q in qs] for qs, ks in zip(a, b, strict=True)]
                for a, b in zip(queries, keys, strict=True)]  # fmt: skip
    assert torch.allclose(logits(queries, keys), torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-13)


def test_weights_equal_the_plain_loop():
    scores, mask = randn(2, 3, 5, 7), torch.rand(5, 7, generator=torch.Generator().manual_seed(2)) < 0.6
    mask[:, 0] = True
    weights = attention_weights(scores, mask)
    for b in range(2):
        for h in range(3):
            for i in range(5):
                total = sum(math.exp(scores[b, h, i, j]) for j in range(7) if mask[i, j])
                for j in range(7):
                    expected = math.exp(scores[b, h, i, j]) / total if mask[i, j] else 0
                    assert weights[b, h, i, j].item() == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@given(seed=st.integers(0, 2**31), scale=st.floats(0, 1e30), tokens=st.integers(3, 13))
def test_rows_sum_to_one_with_exact_zeros_however_large_the_logits(dtype, seed, scale, tokens):
    for mask in (none, causal, sliding_window(2), prefix(3)):
        allowed = dense(mask, tokens)
        weights = attention_weights(randn(tokens, tokens, seed=seed, dtype=dtype) * scale, allowed)
        assert weights.dtype == dtype
        assert (weights[~allowed] == 0).all()
        assert weights.sum(-1).sub(1).abs().max() < 20 * torch.finfo(dtype).eps


@given(seed=st.integers(0, 2**31), shift=st.floats(-100, 100))
def test_a_constant_added_to_a_row_changes_nothing(seed, shift):
    scores = randn(5, 5, seed=seed)
    weights = attention_weights(scores, dense(causal, 5))
    assert torch.allclose(attention_weights(scores + shift, dense(causal, 5)), weights, rtol=0, atol=1e-12)


def test_negative_control_a_constant_added_to_a_column_does_change_it():
    scores = randn(5, 5)
    shifted = scores + torch.tensor([0.0, 1.0, 0.0, 0.0, 0.0])
    weights = attention_weights(scores, dense(causal, 5))
    assert not torch.allclose(attention_weights(shifted, dense(causal, 5)), weights, rtol=0, atol=0.01)


def test_masked_logits_are_not_read():
    scores, allowed = randn(5, 5), dense(causal, 5)
    for junk in (torch.inf, torch.nan, 1e300):
        assert torch.equal(
            attention_weights(scores.masked_fill(~allowed, junk), allowed), attention_weights(scores, allowed)
        )


def test_gradients_pass_and_are_finite():
    scores = randn(5, 5).requires_grad_()
    attention_weights(scores, dense(causal, 5))[4, 2].backward()
    assert scores.grad.isfinite().all()
    assert scores.grad[4].abs().min() > 0
    assert (scores.grad[:4] == 0).all()


def test_impossible_input_is_refused():
    mask = dense(causal, 5)
    mask[3] = False
    with pytest.raises(ValueError, match="query 3 may attend to no key"):
        attention_weights(torch.zeros(5, 5), mask)
    # The import hook would stop these two first: what a user without it reads is in the plain function.
    with pytest.raises(ValueError, match=r"\(5, 7\), got \(7, 5\)"):
        inspect.unwrap(attention_weights)(torch.zeros(2, 5, 7), torch.ones(7, 5, dtype=torch.bool))
    with pytest.raises(ValueError, match="got 3 and 5"):
        inspect.unwrap(logits)(torch.zeros(2, 3), torch.zeros(2, 5))
