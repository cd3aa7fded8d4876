"""Factors against vectors with the same Gram matrix; drawn factors against Wishart's moments; depth beyond float64."""

import itertools
import math

import mpmath
import pytest
import torch

from attention_atlas.simulation.direct import DirectSimulator
from attention_atlas.simulation.gram import GramSimulator
from attention_atlas.simulation.model import NORMALIZATIONS, RESIDUALS, Model

SETTINGS = [s for s in itertools.product(NORMALIZATIONS, RESIDUALS) if s != ("none", "normalized")]


def stacked(simulator, sequences):
    """What every layer shows, kept: (layer, query, key, sequence) of gaps and of inner products."""
    shown = [(seen.gaps.clone(), seen.inner().clone()) for seen in simulator.layers(sequences)]
    return [torch.stack(kind) for kind in zip(*shown, strict=True)]


def entering(vectors, model):
    """The vectors whose Gram matrix decides: centered ones with LayerNorm."""
    return vectors - vectors.mean(-1, keepdim=True) if model.normalization == "layernorm" else vectors


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(("normalization", "residual"), SETTINGS)
def test_the_factor_of_a_gram_matrix_shows_what_its_vectors_show(normalization, residual, causal):
    model = Model(13, 0.3, normalization, residual, layers=4, tokens=5, causal=causal)
    direct = DirectSimulator(model, 1)
    vectors = direct.draw(7)
    tokens = entering(vectors, model)
    factor = torch.linalg.cholesky(tokens @ tokens.mT).permute(1, 2, 0).contiguous()
    expected, found = stacked(direct, vectors), stacked(GramSimulator(model, 1), factor)
    seen = torch.ones(5, 5, dtype=torch.bool).tril(0 if causal else 5)
    for one, other in zip(expected, found, strict=True):
        torch.testing.assert_close(other[:, seen], one[:, seen], rtol=1e-11, atol=1e-12)


def test_negative_control_another_factor_with_another_gram_matrix_shows_something_else():
    model = Model(13, 0.3, layers=2, tokens=5)
    simulator = GramSimulator(model, 1)
    factor = simulator.draw(7).clone()
    before = stacked(simulator, factor)[0]
    factor[4, 3] += 0.1
    assert (stacked(simulator, factor)[0] - before).abs().amax((1, 2, 3)).min() > 1e-3


def wishart_errors(found, degrees, alpha, d):
    """By how many standard errors means and covariances of Gram entries miss a Wishart matrix of those degrees.

    (token, token, sequence) Gram matrices; E G = n Sigma / d, Cov(G_ij, G_kl) = n (S_ik S_jl + S_il S_jk) / d^2.
    """
    tokens, sequences = found.shape[0], found.shape[-1]
    sigma = torch.eye(tokens).double() + alpha / (1 - alpha)
    query, key = torch.tril_indices(tokens, tokens)
    entries = found[query, key]
    spread = sigma[query][:, query] * sigma[key][:, key] + sigma[query][:, key] * sigma[key][:, query]
    mean, covariance = degrees * sigma[query, key] / d, degrees * spread / d**2
    centered = entries - mean[:, None]
    products = centered[:, None] * centered
    means = centered.mean(-1) / (covariance.diagonal() / sequences).sqrt()
    return means.abs().max(), ((products.mean(-1) - covariance) / (products.std(-1) / sequences**0.5)).abs().max()


@pytest.mark.parametrize("simulator", [GramSimulator, DirectSimulator])
@pytest.mark.parametrize(("d", "alpha"), [(5, 0.0), (5, 0.5), (3, 0.5)])  # the last: as many tokens as dimensions
@pytest.mark.parametrize("normalization", ["none", "layernorm"])
def test_gram_matrices_are_wishart_with_one_degree_less_under_layernorm(simulator, d, alpha, normalization):
    model = Model(d, alpha, normalization, tokens=3)
    drawn = simulator(model, 2).draw(20_000)
    factor = drawn if simulator is GramSimulator else entering(drawn, model).permute(1, 2, 0)
    grams = torch.einsum("ics,jcs->ijs", factor, factor)
    degrees = d - (normalization == "layernorm")
    assert max(wishart_errors(grams, degrees, alpha, d)) < 4.5
    wrong = wishart_errors(grams, 2 * d - 1 - degrees, alpha, d)  # negative control: the other number of degrees
    assert wrong[0] > 20 and wrong[1] > 4.5


def test_factors_are_lower_triangular_and_the_stream_does_not_depend_on_how_it_is_cut():
    whole, cut = (GramSimulator(Model(13, 0.5, tokens=5), 3) for _ in range(2))
    parts = [cut.draw(count).clone() for count in (1, 3, 7)]
    assert torch.equal(torch.cat(parts, -1), whole.draw(11))
    assert not torch.equal(parts[0][:, :, 0], parts[1][:, :, 0])
    upper = torch.triu_indices(5, 5, 1)
    assert (parts[2][upper[0], upper[1]] == 0).all()


@pytest.mark.parametrize(("residual", "layers"), [("none", 30), ("raw", 9), ("normalized", 9)])
def test_gaps_keep_their_digits_beyond_float64(residual, layers):
    """Against the definition in 80 digits: after 30 layers cosines differ from 1 by 1e-18, and gaps are right."""
    model = Model(7, 0.5, "layernorm", residual, layers=layers, tokens=3)
    simulator = GramSimulator(model, 4)
    factor = simulator.draw(1)
    with mpmath.workdps(80):
        tokens = [[mpmath.mpf(value) for value in row] for row in factor[:, :, 0].tolist()]
        root = mpmath.sqrt(7)
        for seen in simulator.layers(factor):
            lengths = [mpmath.sqrt(mpmath.fsum(x * x for x in token)) for token in tokens]
            hidden = [[root * x / length for x in token] for token, length in zip(tokens, lengths, strict=True)]
            scores = [[mpmath.fdot(q, k) / root for k in hidden[: i + 1]] for i, q in enumerate(hidden)]
            for i, row in enumerate(scores):
                for j in range(i):
                    assert seen.gaps[i, j, 0].item() == pytest.approx(float(row[j] - root), rel=1e-10, abs=0)
                assert abs(seen.gaps[i, i, 0].item()) < 1e-15
            mixed = []
            for i, row in enumerate(scores):
                weights = [mpmath.exp(score) for score in row]
                rest = {"none": [0, 0, 0], "raw": tokens[i], "normalized": hidden[i]}[residual]
                sums = [mpmath.fsum(w * h[c] for w, h in zip(weights, hidden, strict=False)) for c in range(3)]
                mixed.append([s / mpmath.fsum(weights) + r for s, r in zip(sums, rest, strict=True)])
            tokens = mixed


def test_deep_stacks_stay_finite_and_lose_a_factor_of_four_a_layer():
    model = Model(16, 0.5, layers=64)
    gaps = stacked(GramSimulator(model, 5), GramSimulator(model, 5).draw(97))[0]
    below = torch.tril_indices(10, 10, -1)
    assert gaps[:, below[0], below[1]].isfinite().all()
    spread = (gaps[:, -1, -2] - gaps[:, -1, 0]).abs().log10().mean(-1)
    missing = (spread.diff() + math.log10(4)).abs()
    assert missing[30] < 0.01 and missing[62] < 1e-6  # the next slower mode is gone by then
    assert spread[-1] < -30  # float64 itself ends at -16
    last = gaps[-1]
    assert all((last[i, 1:i] > last[i, : i - 1]).all() for i in range(2, 10))  # every query prefers later keys


def test_negative_control_cosines_lose_what_gaps_keep():
    """The same stack by vectors: scores are cosines less 1, which end at the rounding of 1."""
    model = Model(16, 0.5, layers=64)
    gaps = stacked(DirectSimulator(model, 5), DirectSimulator(model, 5).draw(97))[0]
    spread = (gaps[:, -1, -2] - gaps[:, -1, 0]).abs()
    assert ((spread[-1] == 0) | (spread[-1] > 1e-17)).all()
