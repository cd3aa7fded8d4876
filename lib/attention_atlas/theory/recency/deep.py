"""Where depth ends: the tokens line up behind the first one, and normalization decides from which side that is seen.

Distances fall exponentially, so that cosines are 1 in float64 after some 25 layers. Here tokens are followed as offsets
from the first one, which causal attention never moves: every digit of a score's differences is kept at any depth.
"""

import math

import torch

from attention_atlas.attention import attention_weights
from attention_atlas.masks import causal, dense
from attention_atlas.rollout import rollout_trajectory
from attention_atlas.shapes import Float64, Tensor
from attention_atlas.simulation.model import Model
from attention_atlas.theory.position_bias.kernels import flat_map
from attention_atlas.theory.recency.gram import equicorrelated


def uniform_gram(tokens: int, layers: int, alpha: float) -> Float64[Tensor, "layer token token"]:
    """Gram matrices of a stack without normalization, if its attention were uniform.

    Parameters
    ----------
    tokens : int
        Length of the sequence, at least 2.
    layers : int
        Number of layers, at least 1.
    alpha : float
        Cosine of every pair of the unit vectors at the start, in [0, 1).

    Returns
    -------
    (layer, token, token)
        ``K_0 .. K_(layers-1)``, each the Gram matrix that enters a layer and so, up to a factor, its scores.

    Raises
    ------
    ValueError
        If a size or alpha is impossible.

    Notes
    -----
    Derived here: K_{t+1} = C K_t C^T with the Cesaro matrix C. K_1(i, j) = alpha + (1-alpha) / max(i, j) is flat before
    the diagonal; from K_2 on every row falls strictly with j.

    Examples
    --------
    >>> uniform_gram(3, layers=3, alpha=0.0)[1:, 2]
    tensor([[0.3333, 0.3333, 0.3333],
            [0.6111, 0.5278, 0.4630]], dtype=torch.float64)
    """
    if layers < 1:
        raise ValueError(f"layers must be at least 1, got {layers}")
    start = equicorrelated(tokens, alpha)[None]
    if layers == 1:
        return start
    powers = rollout_trajectory(flat_map(tokens).expand(layers - 1, tokens, tokens))
    return torch.cat([start, powers @ start @ powers.mT])


def offsets(
    gram: Float64[Tensor, "*batch token token"], d_model: int, normalization: str, residual: str, layers: int
) -> Float64[Tensor, "*batch layer token coordinate"]:
    """Every token minus the first one, as they enter each layer of the causal stack.

    Parameters
    ----------
    gram : (*batch, token, token)
        Inner products of the raw tokens (``layernorm``: centered), which must be linearly independent; 3 or more.
    d_model : int
        Dimension d, at least 1 (``layernorm``: 2).
    normalization : {"none", "layernorm", "rmsnorm", "l2"}
        With any but ``none`` the tokens are taken after normalization, in units of their norm.
    residual : {"none", "raw", "normalized"}
        As in :func:`attention_atlas.theory.recency.gram.gram_layer`; without normalization only ``none``.
    layers : int
        Number of layers, at least 1.

    Returns
    -------
    (*batch, layer, token, coordinate)
        ``h_j - h_1``, or ``x_j - x_1`` without normalization. The first coordinate is along the first token; there
        are as many coordinates as tokens.

    Raises
    ------
    ValueError
        If a setting is impossible or the tokens are linearly dependent.

    Notes
    -----
    Derived here. The recursion of ``gram_layer`` without its cancellation: nothing is approximated.

    Examples
    --------
    After 60 layers the tokens stand equally spaced on a segment that is 18 orders of magnitude long:

    >>> found = offsets(equicorrelated(4, 0.5), d_model=4, normalization="l2", residual="none", layers=60)[-1]
    >>> found.norm(dim=-1) / found[1].norm()
    tensor([0.0000, 1.0000, 2.0000, 3.0000], dtype=torch.float64)
    """
    return torch.stack([tokens for tokens, _ in _descend(gram, d_model, normalization, residual, layers)], -3)


def score_gaps(
    gram: Float64[Tensor, "*batch token token"], d_model: int, normalization: str, residual: str, layers: int
) -> Float64[Tensor, "*batch layer query key"]:
    """Scores of every layer less the score of the row's first key, accurate however near to each other they are.

    Parameters
    ----------
    gram, d_model, normalization, residual, layers
        As in :func:`offsets`.

    Returns
    -------
    (*batch, layer, query, key)
        ``S_ij - S_i1``, NaN at keys after the query. A recency probability of them is that of the scores.

    Raises
    ------
    ValueError
        If a setting is impossible or the tokens are linearly dependent.

    Notes
    -----
    Derived here. Differences of scores from ``gram_layer`` are lost where they fall below about 1e-16 sqrt(d).

    Examples
    --------
    The nearest wins, by as little as it may be:

    >>> gaps = score_gaps(equicorrelated(4, 0.5), d_model=4, normalization="l2", residual="none", layers=60)
    >>> gaps[-1, 3] / gaps[-1, 3, 1]
    tensor([0.0000, 1.0000, 1.6000, 1.8000], dtype=torch.float64)
    """
    return torch.stack([gaps for _, gaps in _descend(gram, d_model, normalization, residual, layers)], -3)


def _descend(gram, d_model, normalization, residual, layers):
    """Offsets from the first token and gaps to the first key, layer after layer."""
    tokens = gram.shape[-1]
    model = Model(d_model, 0.0, normalization, residual, layers, tokens)
    if residual != "none" and not model.normalized:
        raise ValueError(f"without normalization a residual doubles the tokens: allowed is none, got {residual}")
    factor, failed = torch.linalg.cholesky_ex(gram)
    if failed.any():
        raise ValueError("the tokens must be linearly independent, got a Gram matrix that is not positive definite")
    lengths = factor.norm(dim=-1, keepdim=True)
    here = factor / lengths if model.normalized else factor  # a triangular factor: token 1 is along coordinate 1
    first = here[..., :1, :1]
    offset = here - here[..., :1, :]
    allowed = dense(causal, tokens)
    for _ in range(layers):
        gaps = model.scale * (first * offset[..., None, :, 0] + offset @ offset.mT)  # <x_i, x_j - x_1>
        yield offset, gaps.masked_fill(~allowed, math.nan)
        mixed = attention_weights(gaps, allowed) @ offset
        if not model.normalized:
            offset = mixed
            continue
        strength = {"none": 0.0, "raw": lengths / model.length, "normalized": 1.0}[residual]
        offset, norm = _renormalized((strength * offset + mixed) / (1 + strength))
        lengths = (lengths + model.length) * norm


def _renormalized(offset: Tensor) -> tuple[Tensor, Tensor]:
    """Offset and norm of e_1 + offset, scaled back to norm 1; the first coordinate is small and must not cancel."""
    along, across = 1 + offset[..., :1], offset[..., 1:]
    square = across.square().sum(-1, keepdim=True)
    norm = (along.square() + square).sqrt()
    near = torch.expm1(-torch.log1p(square / along.square()) / 2)
    return torch.cat([torch.where(along > 0, near, along / norm - 1), across / norm], -1), norm


def departure_from_line(
    offsets: Float64[Tensor, "*batch token coordinate"],
) -> Float64[Tensor, "*batch"]:
    """How far the tokens are from equally spaced points on a line, in the order of their positions.

    Parameters
    ----------
    offsets : (*batch, token, coordinate)
        Every token minus the first one, at least 3 tokens.

    Returns
    -------
    (*batch)
        The largest ``||y_j / (j-1) - y_2|| / ||y_2||`` over j = 3..S: 0 on such a line.

    Raises
    ------
    ValueError
        If there are fewer than 3 tokens.

    Notes
    -----
    Derived here: (j-1) is the eigenvector of uniform causal attention to its eigenvalue 1/2, the largest below 1.

    Examples
    --------
    >>> departure_from_line(torch.tensor([[0.0], [1.0], [2.5]]).double())
    tensor(0.2500, dtype=torch.float64)
    """
    if offsets.shape[-2] < 3:
        raise ValueError(f"a line needs at least 3 tokens to depart from, got {offsets.shape[-2]}")
    second = offsets[..., 1:2, :]
    before = torch.arange(2, offsets.shape[-2], dtype=torch.float64)[:, None]
    return ((offsets[..., 2:, :] / before - second).norm(dim=-1) / second.norm(dim=-1)).amax(-1)
