"""Rotary positions: Lemmas 4.6, I.1 and Theorems 4.7, I.2 with explicit constants, as printed and as they hold.

d = 2 is the case of a single pair: ``frequencies = torch.tensor([theta_1])``. Everywhere x = i - j, t = layers - 1.
"""

import math
from typing import NamedTuple

import torch

from attention_atlas.shapes import Float64, Tensor
from attention_atlas.theory.position_bias.paths import Distance, least_cost, log_paths, mean_cost, printed_cost


class RopeConstants(NamedTuple):
    """log C_min, log C_max and the two rates: c in the lower bound's exponent, c' in the upper bound's."""

    log_lower: float
    log_upper: float
    lower_rate: float
    upper_rate: float


def rope_constants(
    tokens: int,
    frequencies: Float64[Tensor, "pair"],
    scale_min: float,
    scale_max: float,
    content_angle: float = 0.0,
    shares: Float64[Tensor, "pair"] | None = None,
) -> RopeConstants:
    """Constants for which Lemmas 4.6 and I.1 hold, refused where the rotation could wrap around.

    Parameters
    ----------
    tokens : int
        Length N of the sequence, at least 1.
    frequencies : (pair,)
        theta_l in radians per token, the largest (theta_1) positive.
    scale_min, scale_max : float
        Bounds on |q_i| |k_j| / sqrt(d) over all allowed pairs, the largest possible logit; 0 < scale_min <= scale_max.
    content_angle : float
        Bound in radians on the angle between q_i and k_j in every coordinate pair, at least 0: delta theta_1.
    shares : (pair,), optional
        Share of the squared norm of every q and k in each coordinate pair (assumption A3), summing to 1; equal shares
        if left out.

    Returns
    -------
    RopeConstants
        With S = scale, a = content_angle, R = sum_l shares_l theta_l^2 / sum_l theta_l^2:
        ``c = S_max R``, ``c' = S_min R / pi^2``, ``log C_min = S_min - S_max - S_max a^2 - log N``,
        ``log C_max = S_max - S_min + 2 S_min a^2 / pi^2 + S_max a^2 / 2``.

    Raises
    ------
    ValueError
        If a + (N - 1) theta_1 exceeds pi, or an argument is out of its range.

    Notes
    -----
    Derived here for Wu et al. 2025, Lemma 4.6 (d = 2) and Lemma I.1 (even d, A3), which only assert that such
    constants exist, from 1 - u^2/2 <= cos u <= 1 - 2 u^2/pi^2 for |u| <= pi and
    x^2 theta^2 / 2 - a^2 <= u^2 <= 2 x^2 theta^2 + 2 a^2 for u within a of x theta.

    Examples
    --------
    >>> constants = rope_constants(tokens=4, frequencies=torch.tensor([1.0]).double(), scale_min=2.0, scale_max=2.0)
    >>> constants.lower_rate, round(constants.upper_rate, 3), round(math.exp(constants.log_lower), 3)
    (2.0, 0.203, 0.25)
    """
    if shares is None:
        shares = torch.full_like(frequencies, 1 / len(frequencies))
    if len(shares) != len(frequencies) or shares.min() < 0 or abs(shares.sum().item() - 1) > 1e-9:
        raise ValueError(f"shares need one number >= 0 per frequency, summing to 1, got {shares.tolist()}")
    if not 0 < scale_min <= scale_max < math.inf:
        raise ValueError(f"0 < scale_min <= scale_max is needed, got {scale_min} and {scale_max}")
    fastest = frequencies.abs().max().item()
    if tokens < 1 or content_angle < 0 or not fastest > 0:
        raise ValueError(
            "at least 1 token, a content angle >= 0 and a frequency > 0 are needed, "
            f"got {tokens}, {content_angle}, {fastest}"
        )
    reach = content_angle + (tokens - 1) * fastest
    if reach > math.pi * (1 + 1e-12):
        raise ValueError(f"content_angle + (tokens - 1) * theta_1 must be at most pi, got {reach:.4g}")
    squares, wobble = frequencies.square(), content_angle**2
    mean_share = ((shares * squares).sum() / squares.sum()).item()
    return RopeConstants(
        log_lower=scale_min - scale_max - scale_max * wobble - math.log(tokens),
        log_upper=scale_max - scale_min + (2 * scale_min / math.pi**2 + scale_max / 2) * wobble,
        lower_rate=scale_max * mean_share,
        upper_rate=scale_min * mean_share / math.pi**2,
    )


def log_rope_bounds(
    distance: Distance, layers: int, frequencies: Float64[Tensor, "pair"], constants: RopeConstants
) -> tuple[Float64[Tensor, "*distance"], Float64[Tensor, "*distance"]]:
    """The two bounds between which the share of a token at some distance lies, for every depth.

    Parameters
    ----------
    distance : (*distance,)
        x in tokens, at least 0.
    layers : int
        Number of maps multiplied, t + 1; 1 gives Lemmas 4.6 and I.1, the bounds on a single map.
    frequencies : (pair,)
        theta_l in radians per token.
    constants : RopeConstants
        From :func:`rope_constants`, valid for the maps of all layers.

    Returns
    -------
    lower, upper : (*distance,)
        ``(t+1) log C_min + log binom(t+x, x) - c F x (2x+t) / (t+2)`` and
        ``(t+1) log C_max + log binom(t+x, x) - c' F x^2 / (t+1)`` with F = sum_l theta_l^2.

    Raises
    ------
    ValueError
        If there are no layers.

    Notes
    -----
    Derived here, in place of Wu et al. 2025, Theorems 4.7 and I.2: the lower bound is stronger than theirs (exponent
    c F x^2), the upper one replaces theirs, which fails. See :func:`log_rope_bounds_printed`.

    Examples
    --------
    >>> frequencies = torch.tensor([1.0]).double()
    >>> lower, upper = log_rope_bounds(torch.arange(3), 2, frequencies, rope_constants(3, frequencies, 1.0, 1.0))
    >>> bool((lower < upper).all())
    True
    """
    paths, speed = log_paths(distance, layers), frequencies.square().sum()
    return (
        layers * constants.log_lower + paths - constants.lower_rate * speed * mean_cost(distance, layers),
        layers * constants.log_upper + paths - constants.upper_rate * speed * least_cost(distance, layers),
    )


def log_rope_bounds_printed(
    distance: Distance, layers: int, frequencies: Float64[Tensor, "pair"], constants: RopeConstants
) -> tuple[Float64[Tensor, "*distance"], Float64[Tensor, "*distance"]]:
    """The bounds as the paper's Appendix G prints them; the upper one fails from three layers on.

    Parameters
    ----------
    distance : (*distance,)
        x in tokens, at least 0.
    layers : int
        Number of maps multiplied, t + 1.
    frequencies : (pair,)
        theta_l in radians per token.
    constants : RopeConstants
        As for :func:`log_rope_bounds`.

    Returns
    -------
    lower, upper : (*distance,)
        With F = sum_l theta_l^2 the exponents are ``c F x^2`` and ``c' F x^2 / 2``, whatever the depth.

    Raises
    ------
    ValueError
        If there are no layers.

    Notes
    -----
    Wu et al. 2025, Appendix G, for Theorem 4.7. Right for one and two layers. Kept for the discrepancy ledger.

    Examples
    --------
    >>> frequencies = torch.tensor([1.0]).double()
    >>> constants = rope_constants(3, frequencies, 1.0, 1.0)
    >>> _, printed = log_rope_bounds_printed(torch.arange(3), 4, frequencies, constants)
    >>> _, repaired = log_rope_bounds(torch.arange(3), 4, frequencies, constants)
    >>> (repaired > printed).tolist()
    [False, True, True]
    """
    paths, cost = log_paths(distance, layers), frequencies.square().sum() * printed_cost(distance, layers)
    return (
        layers * constants.log_lower + paths - constants.lower_rate * cost,
        layers * constants.log_upper + paths - constants.upper_rate * cost / 2,
    )
