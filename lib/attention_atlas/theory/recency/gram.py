"""The weightless stack without its vectors: scores depend on inner products only, and a layer maps those to those."""

import math

import torch

from attention_atlas.attention import attention_weights
from attention_atlas.masks import causal as causal_mask
from attention_atlas.masks import dense, none
from attention_atlas.shapes import Float64, Tensor
from attention_atlas.simulation.model import Model


def equicorrelated(tokens: int, alpha: float) -> Float64[Tensor, "token token"]:
    """Gram matrix of unit vectors of which all pairs have the same cosine.

    Parameters
    ----------
    tokens : int
        Number of vectors, at least 2.
    alpha : float
        Their cosine, in [0, 1).

    Returns
    -------
    (token, token)
        1 on the diagonal, alpha off it.

    Raises
    ------
    ValueError
        If there are fewer than 2 tokens or alpha is impossible.

    Notes
    -----
    What the tokens of Kim et al. 2026 have on average, apart from their length.

    Examples
    --------
    >>> equicorrelated(2, 0.5)
    tensor([[1.0000, 0.5000],
            [0.5000, 1.0000]], dtype=torch.float64)
    """
    if tokens < 2:
        raise ValueError(f"a pair needs at least 2 tokens, got {tokens}")
    if not 0 <= alpha < 1:
        raise ValueError(f"alpha, the cosine of two tokens, must be in [0, 1), got {alpha}")
    return torch.full((tokens, tokens), alpha, dtype=torch.float64).fill_diagonal_(1.0)


def gram_layer(
    gram: Float64[Tensor, "*batch token token"],
    d_model: int,
    normalization: str,
    residual: str = "none",
    causal: bool = True,
) -> tuple[
    Float64[Tensor, "*batch token token"], Float64[Tensor, "*batch token token"], Float64[Tensor, "*batch token token"]
]:
    """One layer of the weightless stack on a Gram matrix.

    Parameters
    ----------
    gram : (*batch, token, token)
        Inner products ``<x_i, x_j>`` of the layer's raw input, with ``layernorm`` of the centered input: centering
        commutes with mixing and with the residual, so it happens once, before the first layer.
    d_model : int
        Dimension d of the vectors, at least 1 (``layernorm``: 2).
    normalization : {"none", "layernorm", "rmsnorm", "l2"}
        What the layer does to its inputs first: nothing, scale them to norm sqrt(d), or (``l2``) to norm 1.
    residual : {"none", "raw", "normalized"}
        What is added to its output: nothing, the raw inputs, or the normalized ones.
    causal : bool
        Whether a token attends to itself and earlier tokens only, or to all.

    Returns
    -------
    scores : (*batch, token, token)
        Rows are queries, columns keys, before the softmax: ``<H_i, H_j> / sqrt(d)``, with ``l2`` ``<H_i, H_j>``.
        NaN at keys after the query if causal.
    weights : (*batch, token, token)
        Their softmax.
    next : (*batch, token, token)
        Gram matrix of the layer's output, the next layer's input.

    Raises
    ------
    ValueError
        If a setting is impossible or a token to be normalized has norm 0.

    Notes
    -----
    Derived here: with D = diag(s / norm of x) and H = D X, the output is M X with M = P D, plus I or D for a residual,
    and its Gram matrix M G M^T. Nothing else of X is needed. RoPE acts on coordinates and has no such form.

    Examples
    --------
    >>> scores, weights, after = gram_layer(equicorrelated(2, 0.0), d_model=1, normalization="none")
    >>> weights
    tensor([[1.0000, 0.0000],
            [0.2689, 0.7311]], dtype=torch.float64)
    >>> after
    tensor([[1.0000, 0.2689],
            [0.2689, 0.6068]], dtype=torch.float64)
    """
    model = Model(d_model=d_model, alpha=0.0, normalization=normalization, residual=residual, causal=causal)
    scale = torch.ones_like(gram.diagonal(dim1=-2, dim2=-1))
    if model.normalized:
        squares = gram.diagonal(dim1=-2, dim2=-1)
        if not (squares > 0).all():
            raise ValueError(f"a token to be normalized needs a norm above 0, got {squares.min().item()} squared")
        scale = squares.rsqrt()
    scores = model.scale * scale[..., :, None] * gram * scale[..., None, :]
    allowed = dense(causal_mask if causal else none, gram.shape[-1])
    weights = attention_weights(scores, allowed)
    stretch = model.length * scale if model.normalized else scale
    kept = {"none": 0.0, "raw": 1.0, "normalized": stretch}[residual] * torch.ones_like(stretch)
    mixing = weights * stretch[..., None, :] + torch.diag_embed(kept)
    return scores.masked_fill(~allowed, math.nan), weights, mixing @ gram @ mixing.mT


def ideal_scores(
    tokens: int,
    d_model: int,
    alpha: float,
    normalization: str = "layernorm",
    residual: str = "none",
    layers: int = 4,
    causal: bool = True,
) -> Float64[Tensor, "layer query key"]:
    """Scores of every layer if the tokens' inner products were exactly their means: no randomness is left.

    Parameters
    ----------
    tokens, d_model : int
        Length of the sequence, at least 3, and dimension d, at least 1 (``layernorm``: 2).
    alpha : float
        Cosine of every pair of tokens, in [0, 1).
    normalization : {"layernorm", "none", "rmsnorm", "l2"}
        See :func:`gram_layer`.
    residual : {"none", "raw", "normalized"}
        See :func:`gram_layer`.
    layers : int
        Number of layers, at least 1.
    causal : bool
        Whether a token attends to itself and earlier tokens only, or to all.

    Returns
    -------
    (layer, query, key)
        Before the softmax; NaN at keys after the query if causal.

    Raises
    ------
    ValueError
        If a setting is impossible.

    Notes
    -----
    The tokens (g_t + l c) / sqrt(d) of Kim et al. 2026 have on average the squared norm 1 / (1-alpha) and the inner
    product alpha / (1-alpha); with ``layernorm`` (d-1)/d of that, which only a raw residual could notice and which is
    left out. Normalization brings the cosines so close to 1 in float64 that differences of scores end at about
    1e-16 sqrt(d): see :mod:`attention_atlas.theory.recency.deep` for any depth.

    Examples
    --------
    Layer 2 rises towards the query, and so does every later layer:

    >>> ideal_scores(4, d_model=16, alpha=0.5, layers=2)[1, 3]
    tensor([2.5038, 2.6466, 2.7632, 4.0000], dtype=torch.float64)
    """
    model = Model(d_model, alpha, normalization, residual, layers, tokens, causal)
    gram = equicorrelated(model.tokens, model.alpha) / (1 - model.alpha)
    found = []
    for _ in range(model.layers):
        scores, _, gram = gram_layer(gram, d_model, normalization, residual, causal)
        found.append(scores)
    return torch.stack(found)
