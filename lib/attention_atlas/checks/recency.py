"""The statements of the chapter on recency (Kim et al. 2026), on random draws.

Every check takes (draws, generator) and returns one row per draw and side, as in
:mod:`attention_atlas.checks.position_bias`; every control breaks one hypothesis and returns the side that must fail.
Side "holds" compares a formula with the layer computed from explicit vectors, in decades below TOLERANCE, unless the
docstring says otherwise. T1 to T8 number the statements as the chapter proves them.
"""

import math

import pandas as pd
import torch

from attention_atlas.attention import attention_weights, logits
from attention_atlas.checks.margins import TOLERANCE, lower_margin, real, table, upper_margin, whole
from attention_atlas.checks.recency_deep import (
    bounded_weights,
    bounded_weights_control,
    deep_recency,
    deep_recency_control,
    early_bias,
    early_bias_control,
    early_limit_sign,
    early_limit_sign_control,
    rates,
    rates_control,
)
from attention_atlas.masks import causal, dense, none
from attention_atlas.positions import rope, rope_frequencies
from attention_atlas.shapes import Float64, Tensor
from attention_atlas.simulation.model import Model
from attention_atlas.theory.recency.closed_form import effective_residual, h, inner_products, predicted_scores
from attention_atlas.theory.recency.gram import equicorrelated, gram_layer

__all__ = [
    "bartlett_law",
    "bartlett_law_control",
    "bounded_weights",
    "bounded_weights_control",
    "deep_recency",
    "deep_recency_control",
    "early_bias",
    "early_bias_control",
    "early_limit_sign",
    "early_limit_sign_control",
    "falling_norm",
    "falling_norm_control",
    "flat_products",
    "flat_products_control",
    "gram_reduction",
    "gram_reduction_control",
    "layer_two_recency",
    "layer_two_recency_control",
    "rates",
    "rates_control",
    "residual_strength",
    "residual_strength_control",
]


def vectors(gram: Float64[Tensor, "token token"], d_model: int, generator: torch.Generator) -> Tensor:
    """Vectors in random directions that have this Gram matrix and, given d_model > tokens, a mean of 0 each.

    Examples
    --------
    >>> x = vectors(equicorrelated(3, 0.5), 7, torch.Generator().manual_seed(0))
    >>> bool((x @ x.T - equicorrelated(3, 0.5)).abs().max() < 1e-12 and x.mean(-1).abs().max() < 1e-12)
    True
    """
    directions = torch.randn(d_model, len(gram), generator=generator, dtype=torch.float64)
    if d_model > len(gram):
        directions -= directions.mean(0)
    return torch.linalg.cholesky(gram) @ torch.linalg.qr(directions).Q.T


def vector_layer(x, normalization="layernorm", residual="none", mask=causal, rotate=lambda x: x):
    """One layer on explicit vectors, as plainly as it can be written: scores, weights, and the next layer's input.

    Examples
    --------
    >>> vector_layer(torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).double(), residual="raw")[2]
    tensor([[ 2.0000, -2.0000],
            [-1.8884,  1.8884]], dtype=torch.float64)
    """
    normalize = {
        "none": lambda x: x,
        "layernorm": lambda x: torch.nn.functional.layer_norm(x, x.shape[-1:], eps=0.0),
        "rmsnorm": lambda x: torch.nn.functional.rms_norm(x, x.shape[-1:], eps=0.0),
        "l2": lambda x: torch.nn.functional.normalize(x, dim=-1),
    }
    hidden = normalize[normalization](x)
    scores = logits(rotate(hidden), rotate(hidden)) * (math.sqrt(x.shape[-1]) if normalization == "l2" else 1)
    weights = attention_weights(scores, dense(mask, len(x)))
    return scores, weights, weights @ hidden + {"none": 0 * x, "raw": x, "normalized": hidden}[residual]


def falling_norm(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """T1: ||o_j|| = 1 / h(j), and it falls strictly with j.

    Notes
    -----
    Formula: Kim et al. 2026, official code. That it falls is derived here. Any residual strength from 0 to 2.
    """

    def draw():
        varied, norms, claimed = _first_layer(generator, causal)
        fall = upper_margin(norms[1:], norms[:-1].log())
        return [
            dict(**varied, side="holds", margin=_agreement(norms, claimed)),
            dict(**varied, side="upper", margin=fall),
        ]

    return table(draw() for _ in range(draws))


def falling_norm_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: the causal mask. If every token averages all of them, all outputs have one norm."""

    def draw():
        varied, norms, claimed = _first_layer(generator, none)
        return [dict(**varied, side="holds", margin=_agreement(norms, claimed))]

    return table(draw() for _ in range(draws))


def _first_layer(generator, mask):
    """Norms of a first layer's outputs on equicorrelated vectors, and what h(j) says of them."""
    varied, x = _equicorrelated(generator)
    residual = varied["residual"]
    # a residual of any strength, in units of the normalized tokens of norm sqrt(d)
    output = vector_layer(x, mask=mask)[2] / math.sqrt(varied["d_model"]) + residual * x
    return varied, output.norm(dim=-1), 1 / h(**varied)


def _equicorrelated(generator):
    """Random settings and unit vectors that have them; effects of less than e^-8 would test nothing."""
    tokens = whole(3, 12, generator)
    d_model = whole(tokens + 1, 64, generator)
    alpha = real(0, 0.95, generator)
    varied = dict(tokens=tokens, d_model=d_model, alpha=alpha, residual=whole(0, 1, generator) * real(0, 2, generator))
    return varied, vectors(equicorrelated(tokens, alpha), d_model, generator)


def _agreement(values, claimed) -> float:
    """Decades between the tolerance and the largest relative error; of maps, for keys up to the query."""
    seen = torch.ones_like(values).tril().bool() if values.ndim == 2 else ...
    error = (values / claimed - 1).abs()[seen].max().item()
    return math.log10(TOLERANCE / max(error, 1e-17))  # below 1e-17 float64 cannot tell from no error


def flat_products(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """T2: <o_i, o_j> = (1+r) [(1+r) alpha + (1-alpha) v / D_i] for j < i, which does not depend on j."""
    return _products(draws, generator, bent=False)


def flat_products_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: equal cosines. One pair's is lower, and the rows are not flat."""
    return _products(draws, generator, bent=True)


def _products(draws, generator, bent):
    def draw():
        varied, x = _equicorrelated(generator)
        if bent:
            gram = equicorrelated(varied["tokens"], varied["alpha"])
            gram[0, 1] = gram[1, 0] = varied["alpha"] - (1 - varied["alpha"]) / 4  # still positive definite
            x = vectors(gram, varied["d_model"], generator)
        output = vector_layer(x)[2] / math.sqrt(varied["d_model"]) + varied["residual"] * x
        return [dict(**varied, side="holds", margin=_agreement(output @ output.T, inner_products(**varied)))]

    return table(draw() for _ in range(draws))


def layer_two_recency(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """T3: S_ij = sqrt(d) <o_i, o_j> h(i) h(j), which rises strictly with j < i."""

    def draw():
        varied, scores, claimed = _second_layer(generator, "layernorm")
        rise = min(lower_margin(row[1:i], row[: i - 1].log()) for i, row in enumerate(scores) if i > 1)
        sides = {"holds": _agreement(scores, claimed), "lower": rise}
        return [dict(**varied, side=side, margin=margin) for side, margin in sides.items()]

    return table(draw() for _ in range(draws))


def layer_two_recency_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: the second layer does not normalize. Its rows are flat and rise by less than is claimed."""

    def draw():
        varied, scores, _ = _second_layer(generator, "none")
        growth = h(**varied)
        claimed = (growth[1:-1] / growth[:-2]).log() + scores[-1, :-2].log()
        return [dict(**varied, side="lower", margin=lower_margin(scores[-1, 1:-1], claimed))]

    return table(draw() for _ in range(draws))


def _second_layer(generator, normalization):
    """Scores of the second layer on explicit vectors, and those predicted."""
    varied, x = _equicorrelated(generator)
    output = vector_layer(x)[2] / math.sqrt(varied["d_model"]) + varied["residual"] * x
    scores = vector_layer(output, normalization)[0]
    return varied, scores, predicted_scores(**varied)


def residual_strength(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """T4: adding the raw token is a residual of strength 1 / sqrt((1-alpha) d) in the first layer."""
    return _raw_residual(draws, generator, effective_residual)


def residual_strength_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: the strength is taken to be 1, as if the normalized token were added."""
    return _raw_residual(draws, generator, lambda d_model, alpha: 1.0)


def _raw_residual(draws, generator, strength):
    def draw():
        varied, x = _equicorrelated(generator)
        varied["residual"] = strength(varied["d_model"], varied["alpha"])
        raw = x / math.sqrt(1 - varied["alpha"])
        scores = vector_layer(vector_layer(raw, residual="raw")[2])[0]
        return [dict(**varied, side="holds", margin=_agreement(scores, predicted_scores(**varied)))]

    return table(draw() for _ in range(draws))


def gram_reduction(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """T5: the scores of every layer follow from the Gram matrix of its input, any normalization and residual."""
    return _reduction(draws, generator, rotary=False)


def gram_reduction_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: queries and keys are rotated by their position. Vectors with one Gram matrix then score differently."""
    return _reduction(draws, generator, rotary=True)


def _reduction(draws, generator, rotary):
    def draw():
        tokens, d_model = whole(3, 9, generator), 2 * whole(5, 20, generator)
        normalization = ("none", "layernorm", "rmsnorm", "l2")[whole(0, 3, generator)]
        residual = ("none", "raw", "normalized")[whole(0, 1 if normalization == "none" else 2, generator)]
        mask = (causal, none)[whole(0, 1, generator)]
        x = torch.randn(tokens, d_model, generator=generator, dtype=torch.float64) / math.sqrt(d_model)
        centered = x - x.mean(-1, keepdim=True) if normalization == "layernorm" else x
        gram, errors = centered @ centered.T, []
        frequencies = rope_frequencies(d_model)
        rotate = (lambda x: rope(x, frequencies)) if rotary else (lambda x: x)
        for _ in range(3):
            from_gram, _, gram = gram_layer(gram, d_model, normalization, residual, causal=mask is causal)
            scores, _, x = vector_layer(x, normalization, residual, mask, rotate)
            errors.append((from_gram - scores)[dense(mask, tokens)].abs().max())
        varied = dict(tokens=tokens, d_model=d_model, normalization=normalization, residual=residual, mask=mask.name)
        return [dict(**varied, side="holds", margin=math.log10(TOLERANCE / torch.stack(errors).max().item()))]

    return table(draw() for _ in range(draws))


def bartlett_law(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """T5: the Gram matrix of centered tokens is Wishart with d - 1 degrees of freedom.

    Margin: 5 less the standard errors by which the mean log-determinant of 2,000 sequences misses Bartlett's.
    """
    return _bartlett(draws, generator, lost=1)


def bartlett_law_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: centering is forgotten, and d degrees of freedom are claimed."""
    return _bartlett(draws, generator, lost=0)


def _bartlett(draws, generator, lost, sequences=2000):
    def draw():
        tokens = whole(3, 6, generator)
        model = Model(whole(tokens + 2, 12, generator), real(0, 0.9, generator), tokens=tokens)
        noise = torch.randn(sequences, tokens + 1, model.d_model, generator=generator, dtype=torch.float64)
        x = (noise[:, 1:] + model.shared * noise[:, :1]) / math.sqrt(model.d_model)
        x = x - x.mean(-1, keepdim=True)
        # X X^T = C B B^T C^T / d, C C^T = I + l^2 1 1^T, B with chi variables of n, n-1, ... degrees of freedom
        shapes = (model.d_model - lost - torch.arange(tokens, dtype=torch.float64)) / 2
        mean = (torch.digamma(shapes) + math.log(2 / model.d_model)).sum() + math.log1p(tokens * model.shared**2)
        error = (torch.linalg.slogdet(x @ x.mT).logabsdet.mean() - mean).abs()
        standard = (torch.polygamma(1, shapes).sum() / sequences).sqrt()
        varied = dict(tokens=tokens, d_model=model.d_model, alpha=model.alpha)
        return [dict(**varied, side="holds", margin=5 - (error / standard).item())]

    return table(draw() for _ in range(draws))
