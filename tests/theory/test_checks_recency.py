"""What the checks of recency are made of; tests/theory/test_checks.py runs them."""

import pytest
import torch

from attention_atlas.checks import recency as checks
from attention_atlas.checks.margins import ROUNDING
from attention_atlas.masks import causal
from attention_atlas.theory.recency.gram import equicorrelated


def test_vectors_have_the_gram_matrix_asked_for_and_are_centered_where_there_is_room():
    for d_model in (5, 7):
        x = checks.vectors(equicorrelated(5, 0.3), d_model, torch.Generator().manual_seed(0))
        assert x.shape == (5, d_model) and torch.allclose(x @ x.T, equicorrelated(5, 0.3), atol=1e-12)
        assert (x.mean(-1).abs().max() < 1e-12) == (d_model > 5)


@pytest.mark.parametrize("normalization", ["none", "layernorm", "rmsnorm", "l2"])
def test_the_vector_layer_is_the_plain_loop(normalization):
    x = torch.randn(3, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    hidden = [token - token.mean() if normalization == "layernorm" else token for token in x]
    if normalization != "none":
        hidden = [token / token.norm() * (1 if normalization == "l2" else 5**0.5) for token in hidden]
    scores, weights, output = checks.vector_layer(x, normalization, "raw", causal)
    for i in range(3):
        row = [hidden[i] @ hidden[j] / (1 if normalization == "l2" else 5**0.5) for j in range(3)]
        assert torch.allclose(scores[i], torch.stack(row))
        shares = torch.stack(row[: i + 1]).softmax(0)
        assert torch.allclose(weights[i, : i + 1], shares) and (weights[i, i + 1 :] == 0).all()
        assert torch.allclose(output[i], x[i] + sum(p * hidden[j] for j, p in enumerate(shares)))


def test_a_nan_is_never_an_agreement():
    values = torch.tensor([1.0, float("nan")]).double()
    assert not checks._agreement(values, torch.ones(2).double()) >= -ROUNDING
