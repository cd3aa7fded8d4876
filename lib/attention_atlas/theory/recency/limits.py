"""Limits in numbers: how fast distances fall, what recency is left without normalization, the least weight with it.

Derived here; the conditions under which the limits are reached are those of the statements in the book.
"""

import math

import torch

from attention_atlas.shapes import Float64, Tensor
from attention_atlas.simulation.model import RESIDUALS, Model


def distance_factor(strength: float, mode: int = 2) -> float:
    """What one layer leaves of the distances between tokens that are nearly equal.

    Parameters
    ----------
    strength : float
        Strength r of the residual in units of a normalized token, at least 0.
    mode : int
        Which way to be unequal, k at least 2: 2 for equally spaced tokens, larger ones fade faster.

    Returns
    -------
    float
        ``(1/k + r) / (1 + r)``.

    Raises
    ------
    ValueError
        If the strength is negative or the mode is below 2.

    Notes
    -----
    Derived here: nearly equal tokens share their attention equally, and that has the eigenvalues 1/k.

    Examples
    --------
    >>> distance_factor(0.0), distance_factor(1.0)
    (0.5, 0.75)
    """
    if not 0 <= strength < math.inf or mode < 2:
        raise ValueError(f"the strength must be at least 0 and the mode at least 2, got {strength} and {mode}")
    return (1 / mode + strength) / (1 + strength)


def distance_law(residual: str, layers: int, initial: float = 0.0, mode: int = 2) -> Float64[Tensor, "layer"]:
    """Distances between nearly equal tokens over depth, relative to those that enter the first layer.

    Parameters
    ----------
    residual : {"none", "raw", "normalized"}
        What is added to a layer's output.
    layers : int
        Number of layers, at least 1.
    initial : float
        With ``raw``: norm of the tokens that enter the first layer, in units of a normalized token.
    mode : int
        See :func:`distance_factor`.

    Returns
    -------
    (layer,)
        1 and then the product of all factors so far: ``2^-t``, ``(3/4)^t``, and with ``raw``, whose tokens grow by one
        unit a layer, a power law ``t^(-1/2)`` (mode k: ``t^(1/k - 1)``).

    Raises
    ------
    ValueError
        If the residual is unknown or a number impossible.

    Notes
    -----
    Derived here. 1 - cos falls like the square: 4^-t, (9/16)^t, 1/t.

    Examples
    --------
    >>> distance_law("none", 4)
    tensor([1.0000, 0.5000, 0.2500, 0.1250], dtype=torch.float64)
    >>> distance_law("raw", 4)
    tensor([1.0000, 0.5000, 0.3750, 0.3125], dtype=torch.float64)
    """
    if residual not in RESIDUALS:
        raise ValueError(f"unknown residual {residual!r}; allowed: {', '.join(RESIDUALS)}")
    if layers < 1:
        raise ValueError(f"layers must be at least 1, got {layers}")
    strengths = {"none": [0.0] * layers, "raw": [initial + t for t in range(layers)], "normalized": [1.0] * layers}
    factors = [1.0] + [distance_factor(strength, mode) for strength in strengths[residual][:-1]]
    return torch.tensor(factors, dtype=torch.float64).cumprod(0)


def early_limit(d_model: int, alpha: float) -> float:
    """Recency probability of the causal stack without normalization at infinite depth.

    Parameters
    ----------
    d_model : int
        Dimension d, at least 1.
    alpha : float
        Expected cosine of two tokens, in [0, 1).

    Returns
    -------
    float
        ``I_(1+alpha)/2 (d/2, 1/2) / 2``, a regularized incomplete beta function: small, not 0.

    Raises
    ------
    ValueError
        If the dimension or alpha is impossible.

    Notes
    -----
    Derived here for the tokens of Kim et al. 2026. In the end all triples of a sequence are ordered by one sign, that
    of ``<x_1, x_2 - x_1>``. It is positive with the probability that Student's t with d degrees of freedom exceeds
    sqrt(d (1-alpha) / (1+alpha)).

    Examples
    --------
    >>> round(early_limit(16, 0.0), 6)
    0.000516
    >>> round(early_limit(1, 0.0), 6)  # P(t > 1) of Cauchy's distribution
    0.25
    """
    model = Model(d_model, alpha, normalization="none")
    half, x = model.d_model / 2, (1 + model.alpha) / 2
    terms = torch.arange(math.ceil(60 / -math.log(x)), dtype=torch.float64)  # x^n is below 1e-26 after these
    a = half + terms
    # I_x(a, b) = sum over n of x^(a+n) (1-x)^b / ((a+n) B(a+n, b)): all terms are positive, nothing cancels.
    log_beta = torch.lgamma(a) + math.lgamma(0.5) - torch.lgamma(a + 0.5)
    return (a * math.log(x) + math.log(1 - x) / 2 - a.log() - log_beta).exp().sum().item() / 2


def log_weight_floor(tokens: int, d_model: int) -> float:
    """Lower bound on every attention weight that a normalized layer gives to an allowed key.

    Parameters
    ----------
    tokens, d_model : int
        Length S of the sequence and dimension d, both at least 1.

    Returns
    -------
    float
        ``log(e^(-2 sqrt(d)) / S)``, whatever the tokens are.

    Raises
    ------
    ValueError
        If a size is below 1.

    Notes
    -----
    Derived here: normalized scores are between -sqrt(d) and sqrt(d). The bounded attention that Wu et al. 2025,
    Theorem 4.1 assumes comes free with LayerNorm, with this epsilon. (L2 normalization: e^-2 / S.)

    Examples
    --------
    >>> round(math.exp(log_weight_floor(10, 16)), 8)
    3.355e-05
    """
    if tokens < 1 or d_model < 1:
        raise ValueError(f"tokens and d_model must be at least 1, got {tokens} and {d_model}")
    return -2 * math.sqrt(d_model) - math.log(tokens)
