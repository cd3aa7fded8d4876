"""What depth does (T6-T8 of the chapter on recency), on random draws: early bias, recency, and how fast.

In the form of :mod:`attention_atlas.checks.recency`, which passes these on.
"""

import math

import pandas as pd
import torch

from attention_atlas.checks.margins import real, table, upper_margin, whole
from attention_atlas.masks import causal, dense
from attention_atlas.shapes import Float64, Tensor
from attention_atlas.simulation.model import Model
from attention_atlas.theory.recency.deep import offsets, score_gaps, uniform_gram
from attention_atlas.theory.recency.gram import equicorrelated, gram_layer, ideal_scores
from attention_atlas.theory.recency.limits import distance_law, log_weight_floor


def early_bias(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """T6: without normalization every row of scores falls strictly with j < i, from the third layer on.

    Tokens with their mean Gram matrix. Proved for layer 3 (any d >= 3), and for all if attention is uniform; checked
    here for both, with true attention also in layers 4 to 8.
    """

    def draw():
        varied, scores = _ideal(generator, "none")
        uniform = uniform_gram(varied["tokens"], varied["layers"], varied["alpha"])
        margin = min(_fall(scores), _fall(uniform))
        return [dict(**varied, side="upper", margin=margin)]

    return table(draw() for _ in range(draws))


def early_bias_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: every layer normalizes its input (LayerNorm). Rows rise."""

    def draw():
        varied, scores = _ideal(generator, "layernorm")
        return [dict(**varied, side="upper", margin=_fall(scores))]

    return table(draw() for _ in range(draws))


def _ideal(generator, normalization):
    varied = dict(tokens=whole(3, 12, generator), d_model=whole(3, 64, generator), alpha=real(0, 0.9, generator))
    varied["layers"] = whole(3, 8, generator)
    return varied, ideal_scores(**varied, normalization=normalization)


def _fall(scores: Float64[Tensor, "layer query key"]) -> float:
    """Least log10(S_ij / S_ik) for j < k < i, from the third layer on."""
    seen = torch.ones(scores.shape[1:]).tril(-1).bool()[:, 1:]  # keys k = 2..i-1, each after another
    return upper_margin(scores[2:, :, 1:][:, seen], scores[2:, :, :-1][:, seen].log())


def deep_recency(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """T7: with normalization every row of scores ends up rising with j < i.

    Any tokens with positive cosines to the first one. Margin: the least rise from one key to the next, as a share of
    the row's whole range.
    """

    return _deep(draws, generator, ("layernorm", "rmsnorm", "l2"), lambda gram: 1.0)


def deep_recency_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: nothing is normalized. As the second token is shorter along the first than that is, rows fall."""
    return _deep(draws, generator, ("none",), lambda gram: 1.0, accept=_shorter)


def early_limit_sign(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """T7: without normalization all rows end up rising with j < i if <x_1, x_2> > ||x_1||^2, and falling if less.

    Margin: the least step in that direction from one key to the next, as a share of the row's whole range.
    """
    return _deep(draws, generator, ("none",), lambda gram: (gram[0, 1] - gram[0, 0]).sign())


def early_limit_sign_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: every layer normalizes its input. Rows rise where they are claimed to fall."""
    return _deep(draws, generator, ("rmsnorm",), lambda gram: (gram[0, 1] - gram[0, 0]).sign(), accept=_shorter)


def _shorter(gram) -> bool:
    """Whether the second token has less along the first than the first itself."""
    return bool(gram[0, 1] < gram[0, 0])


def _deep(draws, generator, normalizations, sign, accept=lambda gram: True):
    """The least rise in the last of 200 layers, on random tokens in the half-space of the first one."""

    def draw():
        d_model, alpha = whole(4, 16, generator), real(0.4, 0.9, generator)
        normalization = normalizations[whole(0, len(normalizations) - 1, generator)]
        model, gram = Model(d_model, alpha, tokens=whole(3, min(7, d_model), generator)), None
        while gram is None or not ((gram[0] > 0).all() and accept(gram)):
            noise = torch.randn(model.tokens + 1, d_model, generator=generator, dtype=torch.float64)
            x = (noise[1:] + model.shared * noise[:1]) / math.sqrt(d_model)
            gram = x @ x.T
        gaps = score_gaps(gram, d_model, normalization, "none", 200)[-1]
        varied = dict(tokens=model.tokens, d_model=d_model, alpha=alpha, normalization=normalization)
        return [dict(**varied, side="holds", margin=_rise(gaps * sign(gram)))]

    return table(draw() for _ in range(draws))


def _rise(scores: Float64[Tensor, "query key"]) -> float:
    """Least rise from one key before the query to the next, as a share of the row's range over such keys."""
    rows = [row[:i] for i, row in enumerate(scores) if i > 1]
    return min((row.diff().min() / (row.max() - row.min())).item() for row in rows)


RATE_TOLERANCE = 0.02  # of the exponent; the power law has corrections of log(t) / t
RATE_LAYERS = {"none": 30, "raw": 400, "normalized": 60}  # between the two layers at which distances are compared


def rates(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """T8: tokens approach each other like 2^-t without a residual, (3/4)^t post-norm, t^(-1/2) pre-norm.

    Margin: log10 of the tolerance, 2%, over the relative error of log(distance late / distance early).
    """
    return _rates(draws, generator, {"none": "none", "raw": "raw", "normalized": "normalized"})


def rates_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: the residual is another one than claimed."""
    return _rates(draws, generator, {"none": "normalized", "raw": "none", "normalized": "raw"})


def _rates(draws, generator, actual):
    def draw():
        claimed = ("none", "raw", "normalized")[whole(0, 2, generator)]
        tokens, alpha, d_model = whole(3, 5, generator), real(0.5, 0.9, generator), whole(4, 9, generator)
        start, steps = 100, RATE_LAYERS[claimed]
        distance = offsets(equicorrelated(tokens, alpha), d_model, "rmsnorm", actual[claimed], start + steps + 1)
        measured = (distance[-1, 1].norm() / distance[start, 1].norm()).log()
        law = distance_law(claimed, start + steps + 1)
        error = abs(measured / (law[-1] / law[start]).log() - 1).item()
        varied = dict(tokens=tokens, d_model=d_model, alpha=alpha, residual=claimed)
        return [dict(**varied, side="holds", margin=math.log10(RATE_TOLERANCE / max(error, 1e-17)))]

    return table(draw() for _ in range(draws))


def bounded_weights(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """T7: LayerNorm keeps every allowed weight above e^(-2 sqrt(d)) / S, whatever its input."""
    return _weights(draws, generator, "layernorm")


def bounded_weights_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: nothing is normalized. Long tokens in different directions leave one another next to nothing."""
    return _weights(draws, generator, "none")


def _weights(draws, generator, normalization):
    def draw():
        tokens, d_model = whole(2, 12, generator), whole(2, 16, generator)
        x = 20 * torch.randn(tokens, d_model, generator=generator, dtype=torch.float64)
        x[-1] = -x[0]  # the worst that can happen
        x = x - x.mean(-1, keepdim=True)
        scores, _, _ = gram_layer(x @ x.T, d_model, normalization)
        # weights underflow in the control, their logarithms do not
        log_weights = scores.nan_to_num(nan=-math.inf).log_softmax(-1)
        least = log_weights[dense(causal, tokens)].min().item()
        margin = (least - log_weight_floor(tokens, d_model)) / math.log(10)
        return [dict(tokens=tokens, d_model=d_model, side="lower", margin=margin)]

    return table(draw() for _ in range(draws))
