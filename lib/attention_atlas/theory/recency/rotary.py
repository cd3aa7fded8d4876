"""Rotary positions in the weightless stack on average: mean scores are multiplied by a function of the distance."""

import math

import torch

from attention_atlas.attention import attention_weights
from attention_atlas.masks import causal, dense, none
from attention_atlas.positions import rope_frequencies
from attention_atlas.shapes import Float64, Tensor
from attention_atlas.simulation.model import Model
from attention_atlas.theory.recency.gram import equicorrelated


def mean_rotation(tokens: int, d_model: int) -> Float64[Tensor, "query key"]:
    """What rotating two isotropic vectors by their positions leaves of their mean inner product.

    Parameters
    ----------
    tokens, d_model : int
        Length of the sequence, at least 1, and the even dimension d.

    Returns
    -------
    (query, key)
        ``2/d sum_l cos((i-j) theta_l)``, the trace of the rotation over d: 1 at distance 0, a function of i - j alone.

    Raises
    ------
    ValueError
        If a size is impossible.

    Notes
    -----
    Derived here. Let x and y be random with E[y x^T] = E<x, y> I / d, as it is if rotating both by any one orthogonal
    matrix changes nothing. Then E<R_i x, R_j y> = tr(R_(j-i)) / d E<x, y>.

    Examples
    --------
    >>> mean_rotation(2, d_model=2)
    tensor([[1.0000, 0.5403],
            [0.5403, 1.0000]], dtype=torch.float64)
    """
    if tokens < 1:
        raise ValueError(f"a sequence has at least 1 token, got {tokens}")
    index = torch.arange(tokens)
    return torch.cos((index[:, None] - index)[..., None] * rope_frequencies(d_model)).mean(-1)


def ideal_rotary_scores(model: Model) -> Float64[Tensor, "layer query key"]:
    """Scores of every layer with rotary positions if inner products and rotations were exactly their means.

    Parameters
    ----------
    model : Model
        What is predicted; it must rotate.

    Returns
    -------
    (layer, query, key)
        Before the softmax; NaN at keys after the query if causal.

    Raises
    ------
    ValueError
        If the model does not rotate.

    Notes
    -----
    Derived here. The first layer's mean is of this form exactly, apart from the mean cosine of two tokens, which is
    alpha only for large d. From the second layer on this is an approximation: it leaves out that the weights depend
    on the very vectors that they mix. With ``layernorm`` it also leaves out that rotating undoes the centering, a
    matter of one dimension in d.

    Examples
    --------
    Layer 1 depends on the distance alone, layer 2 no more:

    >>> first, second = ideal_rotary_scores(Model(64, 0.5, "l2", layers=2, tokens=4, rope=True))
    >>> [round(score, 4) for score in first.diagonal(-1).tolist()]
    [0.4831, 0.4831, 0.4831]
    >>> [round(score, 4) for score in second.diagonal(-1).tolist()]
    [0.7582, 0.8513, 0.8924]
    """
    if not model.rope:
        raise ValueError("rotary scores are asked of a model without rope; allowed: rope=True")
    allowed = dense(causal if model.causal else none, model.tokens)
    rotation = mean_rotation(model.tokens, model.d_model)
    gram = equicorrelated(model.tokens, model.alpha) / (1.0 if model.unit_input else 1 - model.alpha)
    found = []
    for _ in range(model.layers):
        inverse = gram.diagonal().rsqrt() if model.normalized else torch.ones(model.tokens, dtype=torch.float64)
        scores = model.scale * rotation * inverse[:, None] * gram * inverse
        found.append(scores.masked_fill(~allowed, math.nan))
        stretch = model.length * inverse if model.normalized else inverse
        kept = {"none": 0.0, "raw": 1.0, "normalized": stretch}[model.residual] * torch.ones_like(stretch)
        mixing = attention_weights(scores, allowed) * stretch + torch.diag(kept)
        gram = mixing @ gram @ mixing.T
    return torch.stack(found)
