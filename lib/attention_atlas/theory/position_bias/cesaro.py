"""Uniform causal attention, solved exactly: its powers are Hausdorff matrices.

A_ij = 1/i for j <= i is the Cesaro matrix: token i averages all tokens up to itself. Its n-th power is known in closed
form, so it is the oracle for everything else here. Derived here; the paper does not have it.
"""

import math
from fractions import Fraction
from itertools import pairwise

import torch

from attention_atlas.shapes import Float64, Tensor
from attention_atlas.theory.position_bias.kernels import require_layers


def _numerators(tokens: int, layers: int) -> tuple[list[list[int]], int]:
    """Rows of integers and the one denominator that they share."""
    if tokens < 1:
        raise ValueError(f"a map needs at least 1 token, got {tokens}")
    require_layers(layers)
    denominator = math.lcm(*range(1, tokens + 1)) ** layers
    # Repeated differences of the sequence j^-n are the alternating sums of the closed form, without their cancellation:
    # integers are exact. differences[k] holds the (i-j)-th difference that starts at token k + 1.
    differences = [denominator // token**layers for token in range(1, tokens + 1)]
    rows = [[0] * tokens for _ in range(tokens)]
    for gap in range(tokens):
        for key, difference in enumerate(differences):
            rows[key + gap][key] = math.comb(key + gap, key) * difference
        differences = [here - after for here, after in pairwise(differences)]
    return rows, denominator


def cesaro_power_exact(tokens: int, layers: int) -> list[list[Fraction]]:
    """Rollout of equal layers of uniform causal attention, as exact fractions.

    Parameters
    ----------
    tokens : int
        Length of the sequence, at least 1.
    layers : int
        Number of layers n, at least 1: t + 1 for the paper's P^(t).

    Returns
    -------
    list of list of Fraction
        Entry [query][key], both from 0; every row sums to exactly 1.

    Raises
    ------
    ValueError
        If there are no tokens or no layers.

    Notes
    -----
    Derived here. (A^n)_ij = binom(i-1, j-1) sum_{r=0}^{i-j} (-1)^r binom(i-j, r) (j+r)^-n, tokens from 1: the
    Hausdorff matrix of the moment sequence k^-n, since A itself is the one of k^-1 and Hausdorff matrices multiply
    by multiplying their moments.

    Examples
    --------
    >>> [str(share) for share in cesaro_power_exact(3, layers=2)[2]]
    ['11/18', '5/18', '1/9']
    """
    rows, denominator = _numerators(tokens, layers)
    return [[Fraction(numerator, denominator) for numerator in row] for row in rows]


def cesaro_power(tokens: int, layers: int) -> Float64[Tensor, "query key"]:
    """Rollout of equal layers of uniform causal attention, each entry correctly rounded to float64.

    Parameters
    ----------
    tokens : int
        Length of the sequence, at least 1.
    layers : int
        Number of layers, at least 1: t + 1 for the paper's P^(t).

    Returns
    -------
    (query, key)
        The oracle for :func:`attention_atlas.rollout.rollout_power` of ``flat_map(tokens)``.

    Raises
    ------
    ValueError
        If there are no tokens or no layers.

    Notes
    -----
    Derived here, see :func:`cesaro_power_exact`. Summed in float64 the alternating sum would lose about
    i log10(3) digits (1e-11 is left at 15 tokens, nothing beyond 40); integers are summed and divided once instead.

    Examples
    --------
    >>> cesaro_power(3, layers=2)
    tensor([[1.0000, 0.0000, 0.0000],
            [0.7500, 0.2500, 0.0000],
            [0.6111, 0.2778, 0.1111]], dtype=torch.float64)
    """
    rows, denominator = _numerators(tokens, layers)
    return torch.tensor([[numerator / denominator for numerator in row] for row in rows], dtype=torch.float64)


def cesaro_rate(tokens: int) -> Float64[Tensor, "key"]:
    """Loss per layer of each token's log share under uniform causal attention, in the limit of many layers.

    Parameters
    ----------
    tokens : int
        Length of the sequence, at least 1.

    Returns
    -------
    (key,)
        ``log j`` for token j = 1..N, in nats per layer: 0 for the first token, which keeps everything.

    Raises
    ------
    ValueError
        If there are no tokens.

    Notes
    -----
    Derived here: the eigenvalues of the Cesaro matrix are 1, 1/2, ..., 1/N, and token j's column decays as j^-n.

    Examples
    --------
    >>> cesaro_rate(3).exp().round(decimals=9)
    tensor([1., 2., 3.], dtype=torch.float64)
    """
    if tokens < 1:
        raise ValueError(f"a map needs at least 1 token, got {tokens}")
    return torch.arange(1, tokens + 1, dtype=torch.float64).log()


def cesaro_looseness(tokens: int) -> Float64[Tensor, "key"]:
    """How many times faster uniform causal attention collapses than Theorem 4.1 guarantees.

    Parameters
    ----------
    tokens : int
        Length of the sequence N, at least 2.

    Returns
    -------
    (key,)
        True rate over the bound's rate for tokens j = 2..N: ``log j / -log(1 - (j-1)/N)``; 1 means a sharp bound.

    Raises
    ------
    ValueError
        If there are fewer than two tokens.

    Notes
    -----
    Derived here, with the largest epsilon that Wu et al. 2025, Theorem 4.1 could have, 1/N. For token 2 the ratio is
    about N log 2; for token N it is exactly 1.

    Examples
    --------
    >>> cesaro_looseness(64)[[0, -1]]
    tensor([44.0139,  1.0000], dtype=torch.float64)
    """
    if tokens < 2:
        raise ValueError(f"the bound is about tokens 2..N, so N must be at least 2, got {tokens}")
    before = torch.arange(1, tokens, dtype=torch.float64)
    return cesaro_rate(tokens)[1:] / -torch.log1p(-before / tokens)
