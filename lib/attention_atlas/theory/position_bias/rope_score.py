"""Where the largest share stands under a RoPE-like map: the paper's curve L(x) and two that follow the layers.

All predictions are log(number of paths) - theta^2 * (cost of a path) and differ in the cost, see
:mod:`attention_atlas.theory.position_bias.paths`. x = i - j, t = layers - 1.
"""

import math
from collections.abc import Callable

import torch

from attention_atlas.shapes import Float64, Tensor
from attention_atlas.theory.position_bias.kernels import require_layers
from attention_atlas.theory.position_bias.paths import Distance, log_paths, printed_cost


def rope_score(
    distance: Distance,
    layers: int,
    angle: float,
    cost: Callable[[Distance, int], Float64[Tensor, "*distance"]] = printed_cost,
) -> Float64[Tensor, "*distance"]:
    """Predicted log share of a token at some distance, up to factors that do not depend on the distance.

    Parameters
    ----------
    distance : (*distance,)
        x in tokens, at least 0.
    layers : int
        Number of maps multiplied, t + 1.
    angle : float
        theta_1 in radians per token; for several pairs the root of their summed squares.
    cost : function
        Which exponent: ``printed_cost`` (the paper's L), ``least_cost`` or ``mean_cost`` (derived here), of
        :mod:`attention_atlas.theory.position_bias.paths`.

    Returns
    -------
    (*distance,)
        ``L(x) = log binom(t + x, x) - angle^2 cost(x)`` in nats.

    Raises
    ------
    ValueError
        If there are no layers.

    Notes
    -----
    Wu et al. 2025, Section 4.3, after Theorem 4.7, with c = 1.

    Examples
    --------
    >>> from attention_atlas.theory.position_bias.paths import least_cost, mean_cost
    >>> costs = printed_cost, least_cost, mean_cost
    >>> [int(rope_score(torch.arange(400), 4, 0.001**0.5, cost).argmax()) for cost in costs]
    [38, 76, 60]
    """
    return log_paths(distance, layers) - angle**2 * cost(distance, layers)


def rope_peak(layers: int, angle: float, cost: Callable[[Distance, int], Tensor] = printed_cost) -> int:
    """Distance at which the predicted share is largest.

    Parameters
    ----------
    layers : int
        Number of maps multiplied, t + 1.
    angle : float
        theta_1 in radians per token, above 0.
    cost : function
        As for :func:`rope_score`.

    Returns
    -------
    int
        The exact argmax of L over all whole distances.

    Raises
    ------
    ValueError
        If the angle is not positive or there are no layers.

    Notes
    -----
    x* of Wu et al. 2025, Section 4.3. Every cost rises by at least 2x / (t+1) per token and log binom by at most t / x,
    so no peak lies beyond x^2 = t (t+1) / (2 angle^2).

    Examples
    --------
    >>> [rope_peak(layers, 0.001**0.5) for layers in (1, 2, 4, 7, 11)]
    [0, 22, 38, 53, 68]
    """
    t = require_layers(layers)
    _require_angle(angle)
    reach = math.ceil(math.sqrt(t * (t + 1) / 2) / angle) + 2
    return int(rope_score(torch.arange(reach), layers, angle, cost).argmax())


def _require_angle(angle: float) -> None:
    if not 0 < angle < math.inf:
        raise ValueError(f"the angle must be finite and above 0, got {angle}")


def rope_slope(distance: Distance, layers: int, angle: float) -> Float64[Tensor, "*distance"]:
    """Derivative of the paper's L(x), in the paper's approximation of the binomial.

    Parameters
    ----------
    distance : (*distance,)
        x in tokens, above 0.
    layers : int
        Number of maps multiplied, t + 1.
    angle : float
        theta_1 in radians per token.

    Returns
    -------
    (*distance,)
        ``log((t + x) / x) - 2 theta_1^2 x`` in nats per token.

    Raises
    ------
    ValueError
        If there are no layers.

    Notes
    -----
    Wu et al. 2025, Appendix H, with the square that is missing in print (:func:`rope_slope_printed`).

    Examples
    --------
    >>> rope_slope(torch.tensor([38.0]).double(), layers=4, angle=0.001**0.5)
    tensor([-1.4093e-05], dtype=torch.float64)
    """
    t, x = require_layers(layers), distance.double()
    return torch.log1p(t / x) - 2 * angle**2 * x


def rope_slope_printed(distance: Distance, layers: int, angle: float) -> Float64[Tensor, "*distance"]:
    """The derivative as the paper's Appendix H prints it, 2 theta_1 x in place of 2 theta_1^2 x.

    Parameters
    ----------
    distance : (*distance,)
        x in tokens, above 0.
    layers : int
        Number of maps multiplied, t + 1.
    angle : float
        theta_1 in radians per token.

    Returns
    -------
    (*distance,)
        ``log((t + x) / x) - 2 theta_1 x``.

    Raises
    ------
    ValueError
        If there are no layers.

    Notes
    -----
    Wu et al. 2025, Appendix H. Kept for the discrepancy ledger; the signs of its conclusion survive.

    Examples
    --------
    >>> bool(rope_slope_printed(torch.tensor([38.0]).double(), layers=4, angle=0.001**0.5) < -1)
    True
    """
    t, x = require_layers(layers), distance.double()
    return torch.log1p(t / x) - 2 * angle * x


def rope_root(layers: int, angle: float, slope: Callable[[Distance, int, float], Tensor] = rope_slope) -> float:
    """Where the derivative of the paper's L(x) crosses zero, by bisection.

    Parameters
    ----------
    layers : int
        Number of maps multiplied, t + 1, at least 2.
    angle : float
        theta_1 in radians per token, above 0.
    slope : function
        ``rope_slope`` or ``rope_slope_printed``; must fall with the distance.

    Returns
    -------
    float
        x* in tokens.

    Raises
    ------
    ValueError
        If the angle is not positive or there are fewer than two layers: a single map has its peak at distance 0.

    Notes
    -----
    Wu et al. 2025, Appendix H: log((t + x) / x) = 2 theta_1^2 x.

    Examples
    --------
    >>> [round(rope_root(layers, 0.001**0.5), 1) for layers in (2, 4, 7, 11)]
    [22.1, 38.0, 53.3, 68.3]
    """
    _require_angle(angle)
    if layers < 2:
        raise ValueError(f"a root needs at least 2 layers, got {layers}")
    # As log1p(t/x) <= t/x, both slopes are negative at the upper end.
    low, high = 0.0, math.sqrt(layers) / angle + math.sqrt(layers / angle)
    for _ in range(100):
        middle = (low + high) / 2
        if slope(torch.tensor(middle, dtype=torch.float64), layers, angle) > 0:
            low = middle
        else:
            high = middle
    return low
