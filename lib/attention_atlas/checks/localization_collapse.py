"""What spectra, entropies and traces can be (chapter on localization), on random draws.

In the form of :mod:`attention_atlas.checks.localization`, which passes these on.
"""

import math

import pandas as pd
import torch

from attention_atlas import metrics
from attention_atlas.checks.margins import agreement, lower_margin, random_maps, real, table, whole
from attention_atlas.masks import causal, dense, none
from attention_atlas.theory.localization import entropy_floor as floor
from attention_atlas.theory.localization.collapse import split
from attention_atlas.theory.localization.spectrum import eigenvalues, normal_weights, of_weights
from attention_atlas.training import locater


def spectrum_scale(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """xi >= eta^2 / d for symmetric W, with equality for multiples of I; frobenius >= eta^2 / d for any W.

    Margin: the excess as a share of frobenius; of the equality, decades below the tolerance.
    """

    def draw():
        d_model = whole(2, 24, generator)
        any_weights = torch.randn(d_model, d_model, generator=generator, dtype=torch.float64)
        any_weights += real(-3, 3, generator) * torch.eye(d_model, dtype=torch.float64)
        symmetric, any_found = of_weights((any_weights + any_weights.T) / 2), of_weights(any_weights)
        multiple = of_weights(real(0.1, 3, generator) * torch.eye(d_model, dtype=torch.float64))
        least = torch.tensor(multiple.eta**2 / d_model, dtype=torch.float64)
        sides = [
            ("lower", _excess(symmetric, symmetric.xi, d_model)),
            ("lower", _excess(any_found, any_found.frobenius, d_model)),
            ("holds", agreement(torch.full_like(least, multiple.xi), least)),
        ]
        return [dict(d_model=d_model, side=side, margin=margin) for side, margin in sides]

    return table(draw() for _ in range(draws))


def spectrum_scale_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: W is symmetric. It rotates by more than its eigenvalues spread, and xi falls below eta^2 / d."""

    def draw():
        d_model, deviation = 2 * whole(1, 12, generator), real(0, 1, generator)
        values = eigenvalues(d_model, real(-3, 3, generator), deviation, rotation=deviation + real(0.1, 2, generator))
        found = of_weights(normal_weights(values, generator))
        return [dict(d_model=d_model, side="lower", margin=_excess(found, found.xi, d_model))]

    return table(draw() for _ in range(draws))


def _excess(spectrum, scale, d_model):
    return (scale - spectrum.eta**2 / d_model) / spectrum.frobenius


def entropy_floor(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Zhai et al. 2023: the entropy of a softmax over T logits is at least a function of T and of their norm.

    Of rows of scores x^T W x / sqrt(d) by norms of W and X, of random logits by their own norm, and with equality at
    one logit above T - 1 equal ones ("holds").
    """

    def draw():
        tokens, d_model = whole(2, 16, generator), whole(2, 16, generator)
        x, weights = (torch.randn(n, d_model, generator=generator, dtype=torch.float64) for n in (tokens, d_model))
        weights *= real(0.1, 1, generator) / d_model
        rows = (x @ weights @ x.T / math.sqrt(d_model)).softmax(-1)
        of_scores = lower_margin(metrics.entropy(rows), floor.entropy_floor(floor.logit_size(weights, x), tokens).log())

        size = real(0.1, 8, generator)
        logits = torch.randn(64, tokens, generator=generator, dtype=torch.float64)
        logits *= size / logits.norm(dim=1, keepdim=True)
        least = floor.entropy_floor(size, tokens)
        of_logits = lower_margin(metrics.entropy(logits.softmax(-1)), least.log())
        equal = agreement(_entropy(floor.lowest_logits(size, tokens)), least)
        sides = (("lower", of_scores), ("lower", of_logits), ("holds", equal))
        return [dict(tokens=tokens, d_model=d_model, size=size, side=side, margin=margin) for side, margin in sides]

    return table(draw() for _ in range(draws))


def entropy_floor_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: the Euclidean norm. The root mean square of the logits is given, and the floor is too high."""

    def draw():
        tokens, size = whole(2, 16, generator), real(0.5, 8, generator)
        claimed = floor.entropy_floor(size / math.sqrt(tokens), tokens)
        margin = lower_margin(_entropy(floor.lowest_logits(size, tokens)), claimed.log())
        return [dict(tokens=tokens, size=size, side="lower", margin=margin)]

    return table(draw() for _ in range(draws))


def _entropy(logits):
    return metrics.entropy(logits.softmax(-1)[None])[0]


def concentration_split(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """1 - normalized entropy is the divergence of the mean map from uniform plus that of the maps from their mean.

    Both divergences term by term, as shares of log n: their sum, what `split` says of each ("holds"), and that the
    smaller of them is above 0 ("lower", a share and not decades).
    """
    return _split(draws, generator, own_mean=True)


def concentration_split_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: the mean is that of the maps. It is taken from other sequences, and the sum is not what is missing."""
    return _split(draws, generator, own_mean=False)


def _split(draws, generator, own_mean):
    def draw():
        mask = (causal, none)[whole(0, 1, generator)]
        tokens, sequences = whole(3, 8, generator), whole(2, 6, generator)
        maps = random_maps(mask, tokens, sequences, real(0.5, 4, generator), generator)
        others = maps if own_mean else random_maps(mask, tokens, sequences, 2.0, generator)
        allowed, mean = dense(mask, tokens), others.mean(0)
        counts = allowed.sum(-1).double()
        of_mean, of_maps = _divergence(mean, 1 / counts[:, None]), _divergence(maps, mean).mean(0)
        largest, several = counts.log(), counts > 1
        parts = torch.stack([(part / largest)[several].mean() for part in (of_mean, of_maps)])
        missing = 1 - metrics.normalised_entropy(maps, allowed)[:, several].mean()
        margins = {"holds": min(agreement(parts.sum(), missing), agreement(parts, torch.stack(split(maps, allowed))))}
        if own_mean:
            margins["lower"] = parts.min().item()
        varied = dict(tokens=tokens, sequences=sequences, mask=mask.name)
        return [dict(**varied, side=side, margin=margin) for side, margin in margins.items()]

    return table(draw() for _ in range(draws))


def _divergence(weights, reference):
    """Of every row of some maps from that of a reference, in nats."""
    return torch.where(weights > 0, weights * (weights / reference).log(), 0.0).sum(-1)


def locater_traces(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """``tr W``, ``tr W^2`` and ``||W||_F^2`` from small products of the factors are those of the d x d product."""

    def draw():
        query, key = _factors(generator)
        weights = query.mT @ key
        square = weights @ weights
        pairs = (
            (locater.trace(query, key), weights.diagonal(dim1=-2, dim2=-1).sum(-1)),
            (locater.trace_square(query, key), square.diagonal(dim1=-2, dim2=-1).sum(-1)),
            (locater.frobenius_square(query, key), weights.square().sum((-2, -1))),
        )
        varied = dict(zip(("heads", "d_head", "d_model"), query.shape, strict=True))
        return [dict(**varied, side="holds", margin=min(agreement(*pair) for pair in pairs))]

    return table(draw() for _ in range(draws))


def locater_traces_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: each Gram matrix is of one factor. Queries and keys mix, which gives ``tr W^2`` for ``||W||_F^2``."""

    def draw():
        query, key = _factors(generator)
        mixed = ((query @ key.mT) * (key @ query.mT)).sum((-2, -1))
        varied = dict(zip(("heads", "d_head", "d_model"), query.shape, strict=True))
        return [dict(**varied, side="holds", margin=agreement(mixed, (query.mT @ key).square().sum((-2, -1))))]

    return table(draw() for _ in range(draws))


def _factors(generator):
    heads, d_head = whole(1, 4, generator), whole(1, 8, generator)
    d_model = whole(d_head + 1, 24, generator)
    return (torch.randn(heads, d_head, d_model, generator=generator, dtype=torch.float64) for _ in range(2))
