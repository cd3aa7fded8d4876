"""The vectors against one sequence at a time by the definition; the tokens against their distribution."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as functional

from attention_atlas.simulation.direct import DirectSimulator
from attention_atlas.simulation.model import NORMALIZATIONS, RESIDUALS, Model

SETTINGS = [s for s in itertools.product(NORMALIZATIONS, RESIDUALS) if s != ("none", "normalized")]


def normalized(tokens, normalization):
    d = tokens.shape[-1]
    length = tokens.norm(dim=-1, keepdim=True)
    return {
        "none": lambda: tokens,
        "layernorm": lambda: functional.layer_norm(tokens, (d,), eps=0.0),
        "rmsnorm": lambda: math.sqrt(d) * tokens / length,
        "l2": lambda: tokens / length,
    }[normalization]()


def rotated(hidden):
    """Each pair of coordinates of token i turned by i times its frequency, one at a time."""
    turned = hidden.clone()
    for position, vector in enumerate(hidden):
        for pair in range(len(vector) // 2):
            angle = position * 10_000.0 ** (-2 * pair / len(vector))
            x, y = vector[2 * pair].item(), vector[2 * pair + 1].item()
            turned[position, 2 * pair] = x * math.cos(angle) - y * math.sin(angle)
            turned[position, 2 * pair + 1] = x * math.sin(angle) + y * math.cos(angle)
    return turned


def plain(tokens, model):
    """Scores of one sequence and inner products of what enters, layer by layer, as the definition has them."""
    shown = []
    for _ in range(model.layers):
        hidden = normalized(tokens, model.normalization)
        asked = rotated(hidden) if model.rope else hidden
        scores = asked @ asked.T / (1.0 if model.normalization == "l2" else math.sqrt(model.d_model))
        entering = tokens - tokens.mean(-1, keepdim=True) if model.normalization == "layernorm" else tokens
        shown.append((scores, entering @ entering.T))
        hides = torch.full_like(scores, -torch.inf).triu(1) if model.causal else torch.zeros_like(scores)
        tokens = (scores + hides).softmax(-1) @ hidden + {"none": 0, "raw": tokens, "normalized": hidden}[
            model.residual
        ]
    return shown


def stacked(simulator, vectors):
    """What every layer shows, kept: (layer, query, key, sequence) of gaps and of inner products."""
    shown = [(seen.gaps.clone(), seen.inner().clone()) for seen in simulator.layers(vectors)]
    return [torch.stack(kind) for kind in zip(*shown, strict=True)]


@pytest.mark.parametrize("rope", [False, True])
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(("normalization", "residual"), SETTINGS)
def test_equals_the_plain_loop(normalization, residual, causal, rope):
    model = Model(14 if rope else 13, 0.3, normalization, residual, layers=4, tokens=5, causal=causal, rope=rope)
    simulator = DirectSimulator(model, seed=1)
    vectors = simulator.draw(3)
    assert vectors.shape == (3, 5, model.d_model)
    gaps, inner = stacked(simulator, vectors)
    for sequence, tokens in enumerate(vectors):
        for layer, (scores, products) in enumerate(plain(tokens, model)):
            found = gaps[layer, :, :, sequence] + model.offset
            seen = torch.ones_like(scores, dtype=torch.bool).tril(0 if causal else 5)
            torch.testing.assert_close(found[seen], scores[seen], rtol=1e-12, atol=1e-12)
            torch.testing.assert_close(inner[layer, :, :, sequence], products, rtol=1e-12, atol=1e-12)


def test_negative_control_the_two_residuals_differ():
    """Were one computed for the other, the comparison above would see it."""
    raw, other = (Model(13, 0.3, "layernorm", residual, layers=2, tokens=5) for residual in ("raw", "normalized"))
    vectors = DirectSimulator(raw, 1).draw(3)
    last = [stacked(DirectSimulator(model, 1), vectors)[0][1] for model in (raw, other)]
    assert (last[0] - last[1]).abs().max() > 0.05


@pytest.mark.parametrize(("normalization", "residual"), SETTINGS)
def test_float32_sees_the_same_tokens_and_nearly_the_same_scores(normalization, residual):
    model = Model(13, 0.3, normalization, residual, layers=3, tokens=5)
    double, single = DirectSimulator(model, 2), DirectSimulator(model, 2, torch.float32)
    tokens = double.draw(7), single.draw(7)
    torch.testing.assert_close(tokens[1].double(), tokens[0], rtol=1e-6, atol=1e-6)
    assert tokens[1].dtype == torch.float32
    torch.testing.assert_close(stacked(single, tokens[1])[0], stacked(double, tokens[0])[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("alpha", [0.0, 0.6])
def test_tokens_have_the_covariance_of_the_definition(alpha):
    """Of g_t + l c over sqrt(d): (1 + l^2) / d on the diagonal, l^2 / d off it; so the expected cosine is alpha."""
    sequences, d = 20_000, 7
    vectors = DirectSimulator(Model(d, alpha, tokens=3), 3).draw(sequences)
    samples = vectors.mT.reshape(-1, 3)
    shared = alpha / (1 - alpha)
    expected = (torch.eye(3).double() + shared) / d
    error = ((expected.diagonal()[:, None] * expected.diagonal() + expected**2) / len(samples)).sqrt()
    assert ((samples.T @ samples / len(samples) - expected).abs() < 4.5 * error).all()
    assert (samples.mean(0).abs() < 4.5 * (expected[0, 0] / len(samples)).sqrt()).all()
    assert expected[0, 1] / expected[0, 0] == pytest.approx(alpha, abs=1e-12)


def test_unit_tokens_have_norm_1():
    vectors = DirectSimulator(Model(13, 0.5, "l2", unit_input=True), 4).draw(5)
    torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(5, 10).double(), rtol=0, atol=1e-14)


@pytest.mark.parametrize("d", [13, 16])  # with and without numbers that fill a group up
def test_the_stream_does_not_depend_on_how_it_is_cut(d):
    whole, cut = (DirectSimulator(Model(d, 0.5, tokens=5), 5) for _ in range(2))
    parts = [cut.draw(count).clone() for count in (1, 3, 7)]
    assert torch.equal(torch.cat(parts), whole.draw(11))
    assert not torch.equal(parts[0][0], parts[1][0])
