"""The causal paths from one token to another: how many there are, and what their steps cost.

In every function x = i - j is the distance covered and t + 1 = layers the number of steps, each of 0 tokens or more.
"""

import math

import torch

from attention_atlas.shapes import Float64, Int, Tensor
from attention_atlas.theory.position_bias.kernels import require_layers

Distance = Float64[Tensor, "*distance"] | Int[Tensor, "*distance"]


def log_paths(distance: Distance, layers: int) -> Float64[Tensor, "*distance"]:
    """Logarithm of the number of causal paths that cover a distance in so many layers.

    Parameters
    ----------
    distance : (*distance,)
        x = i - j in tokens, at least 0.
    layers : int
        Number of maps multiplied, t + 1 in the paper.

    Returns
    -------
    (*distance,)
        ``log binom(t + x, x)``: the ways to write x as an ordered sum of t + 1 numbers of at least 0.

    Raises
    ------
    ValueError
        If there are no layers.

    Notes
    -----
    The binomial coefficient of Wu et al. 2025, Theorems 4.5 and 4.7.

    Examples
    --------
    Two layers, distance 2: the steps are (0, 2), (1, 1) or (2, 0).

    >>> log_paths(torch.tensor([2]), layers=2).exp().round(decimals=9)
    tensor([3.], dtype=torch.float64)
    """
    t, x = require_layers(layers), distance.double()
    return torch.lgamma(t + x + 1) - torch.lgamma(x + 1) - math.lgamma(t + 1)


def printed_cost(distance: Distance, layers: int) -> Float64[Tensor, "*distance"]:
    """Squared length of the one step that covers the whole distance: the exponent of the paper, for every depth.

    Parameters
    ----------
    distance : (*distance,)
        x in tokens, at least 0.
    layers : int
        Number of maps multiplied, t + 1; the printed exponent does not depend on it.

    Returns
    -------
    (*distance,)
        ``x^2``, the largest sum of squares that t + 1 steps of total x can have.

    Raises
    ------
    ValueError
        If there are no layers.

    Notes
    -----
    Wu et al. 2025, Theorems 4.7 and I.2.

    Examples
    --------
    >>> printed_cost(torch.tensor([6]), layers=3)
    tensor([36.], dtype=torch.float64)
    """
    require_layers(layers)
    return distance.double().square()


def least_cost(distance: Distance, layers: int) -> Float64[Tensor, "*distance"]:
    """Smallest sum of squared steps that covers the distance in so many layers: equal steps.

    Parameters
    ----------
    distance : (*distance,)
        x in tokens, at least 0.
    layers : int
        Number of maps multiplied, t + 1.

    Returns
    -------
    (*distance,)
        ``x^2 / (t + 1)``.

    Raises
    ------
    ValueError
        If there are no layers.

    Notes
    -----
    Derived here (Cauchy-Schwarz): what the upper bound of Wu et al. 2025, Theorem 4.7, can have in its exponent.

    Examples
    --------
    >>> least_cost(torch.tensor([6]), layers=3)
    tensor([12.], dtype=torch.float64)
    """
    return printed_cost(distance, layers) / layers


def mean_cost(distance: Distance, layers: int) -> Float64[Tensor, "*distance"]:
    """Sum of squared steps of a typical path: the mean over all causal paths that cover the distance.

    Parameters
    ----------
    distance : (*distance,)
        x in tokens, at least 0.
    layers : int
        Number of maps multiplied, t + 1.

    Returns
    -------
    (*distance,)
        ``x (2x + t) / (t + 2)``, at most x^2 and less than twice the least cost plus x.

    Raises
    ------
    ValueError
        If there are no layers.

    Notes
    -----
    Derived here: by Jensen's inequality a lower bound for the sum over paths may take this exponent instead of x^2.
    With it the two bounds of Theorem 4.7 have exponents that agree up to a factor of 2 for long distances.

    Examples
    --------
    Two layers, distance 2: the steps (0, 2), (1, 1), (2, 0) cost 4, 2, 4.

    >>> mean_cost(torch.tensor([2]), layers=2)
    tensor([3.3333], dtype=torch.float64)
    """
    t, x = require_layers(layers), distance.double()
    return x * (2 * x + t) / (t + 2)
