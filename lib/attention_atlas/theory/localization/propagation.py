"""The signal propagation probability: how likely a token's score is where the tangent of the softmax is not flat."""

import math

import torch

from attention_atlas.shapes import Bool, Float64, Tensor
from attention_atlas.theory.localization.forms import Forms
from attention_atlas.theory.localization.spectrum import Spectrum


def propagates(centered: Float64[Tensor, "*batch key"]) -> Bool[Tensor, "*batch key"]:
    """Which keys have a score where the clipped tangent of the softmax still depends on it.

    Parameters
    ----------
    centered : (*batch, key)
        Scores of one query, less the mean over all T keys.

    Returns
    -------
    (*batch, key)
        Whether ``-1 < z < T-1``.

    Notes
    -----
    The piecewise-linear softmax of Bao et al. 2024 as we reconstruct it: the tangent at equal scores, clipped to
    [0, 1], is ``1/T + z/T``; outside of these bounds its derivative is zero and no signal passes.

    Examples
    --------
    >>> propagates(torch.tensor([-1.5, -0.5, 2.0], dtype=torch.float64))
    tensor([False,  True, False])
    """
    return (centered > -1) & (centered < centered.shape[-1] - 1)


def moments(forms: Forms, spectrum: Spectrum) -> tuple[Float64[Tensor, "key"], Float64[Tensor, "key"]]:
    """Mean and variance of the centered score of every key.

    Parameters
    ----------
    forms : Forms
        Of the tokens.
    spectrum : Spectrum
        Of the weights; any matrix, normal or not.

    Returns
    -------
    (key,), (key,)
        ``eta S`` and ``frobenius * (product of variances) + xi S^2``, S being the covariance of key and query.

    Notes
    -----
    Derived here; exact at any length and dimension. For Gaussian pairs with covariance S and variances a and b,
    ``E u^T W v = S tr W`` and ``Var u^T W v = a b ||W||_F^2 + S^2 tr W^2`` (Isserlis).

    Examples
    --------
    >>> from attention_atlas.theory.localization.forms import random_walk
    >>> moments(random_walk(3), Spectrum(2.0, 1.0))[0]
    tensor([-2.,  0.,  2.], dtype=torch.float64)
    """
    mean = spectrum.eta * forms.covariance
    return mean, spectrum.frobenius * forms.product + spectrum.xi * forms.covariance.square()


def finite(forms: Forms, spectrum: Spectrum) -> Float64[Tensor, "key"]:
    """Signal propagation probability of every key, scores taken for Gaussian.

    Parameters
    ----------
    forms : Forms
        Of the tokens.
    spectrum : Spectrum
        Of the weights.

    Returns
    -------
    (key,)
        ``Phi((T-1-mean)/sigma) - Phi((-1-mean)/sigma)``.

    Notes
    -----
    Derived here. Moments are exact, the Gaussian is not: in d dimensions a score is a sum of d terms, see
    :func:`attention_atlas.theory.localization.exact_law.exact`.

    Examples
    --------
    >>> from attention_atlas.theory.localization.forms import random_walk
    >>> finite(random_walk(4), Spectrum(0.0, 1.0)).round(decimals=2)
    tensor([0.5600, 0.7600, 0.7600, 0.5600], dtype=torch.float64)
    """
    mean, variance = moments(forms, spectrum)
    return between(-1.0, forms.tokens - 1.0, mean, variance.clamp(min=0).sqrt())


def limit(position: Float64[Tensor, "*point"], spectrum: Spectrum) -> Float64[Tensor, "*point"]:
    """Signal propagation probability along an endless random walk with unit steps, the last token asking.

    Parameters
    ----------
    position : (*point)
        Position of the key as a share of the length, in [0, 1]: theta = i / T.
    spectrum : Spectrum
        Of the weights, the same at every length.

    Returns
    -------
    (*point)
        ``Phi((1 - (theta-1/2) eta)/s) - Phi(-(theta-1/2) eta/s)`` with
        ``s^2 = frobenius (theta^2 - theta + 1/3) + xi (theta - 1/2)^2``; for symmetric weights this is
        ``xi (2 theta^2 - 2 theta + 7/12)``.

    Raises
    ------
    ValueError
        If a position lies outside of [0, 1].

    Notes
    -----
    Derived here: the limit of :func:`finite` for T to infinity, in which score and bounds grow like T. At s = 0 a token
    on the edge of the window counts half, as it does in the limit of small s.

    Examples
    --------
    >>> limit(torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64), Spectrum(2.0, 0.0))
    tensor([0.0000, 0.5000, 1.0000], dtype=torch.float64)
    """
    if (position < 0).any() or (position > 1).any():
        raise ValueError(f"positions are shares in [0, 1], got {position.min().item():g} to {position.max().item():g}")
    offset = position - 0.5
    variance = spectrum.frobenius * (position.square() - position + 1 / 3) + spectrum.xi * offset.square()
    return between(0.0, 1.0, spectrum.eta * offset, variance.clamp(min=0).sqrt())


def between(
    low: float, high: float, mean: Float64[Tensor, "*point"], deviation: Float64[Tensor, "*point"]
) -> Float64[Tensor, "*point"]:
    """Probability that a normal number lies between two bounds.

    Parameters
    ----------
    low, high : float
        The bounds.
    mean, deviation : (*point)
        Of the number; without deviation it is its mean, and half of it is inside where that is a bound.

    Returns
    -------
    (*point)
        In [0, 1], to full relative precision where it is small.

    Examples
    --------
    >>> one = torch.ones(1, dtype=torch.float64)
    >>> between(-1.0, 1.0, 0 * one, one), between(30.0, float("inf"), 0 * one, one) > 0
    (tensor([0.6827], dtype=torch.float64), tensor([True]))
    """
    below, above = ((bound - mean) / deviation for bound in (low, high))
    below, above = (torch.where(side.isnan(), 0.0, side) for side in (below, above))  # 0 / 0: on the bound
    flip = below > 0  # of two tails the difference is taken where both are small
    low_tail, high_tail = torch.where(flip, -above, below), torch.where(flip, -below, above)
    return (torch.erfc(-high_tail / math.sqrt(2)) - torch.erfc(-low_tail / math.sqrt(2))) / 2


def drift_window(eta: float) -> tuple[float, float]:
    """Where along a random walk signals propagate when the eigenvalues do not vary at all.

    Parameters
    ----------
    eta : float
        Other than 0.

    Returns
    -------
    (float, float)
        Positions between which ``0 < (theta - 1/2) eta < 1``, within [0, 1].

    Raises
    ------
    ValueError
        If eta is 0: then no token is favored.

    Notes
    -----
    Derived here: :func:`limit` at xi = 0. Wider than half of the sequence it is never; beyond ``eta = 2`` it shrinks.

    Examples
    --------
    >>> drift_window(4.0), drift_window(-1.0)
    ((0.5, 0.75), (0.0, 0.5))
    """
    if eta == 0:
        raise ValueError("without drift (eta = 0) there is no window: every token propagates with probability 1/2")
    edge = min(max(0.5 + 1 / eta, 0.0), 1.0)
    return min(0.5, edge), max(0.5, edge)


def tilt(probabilities: Float64[Tensor, "key"]) -> float:
    """How much more of the late keys than of the early ones propagates.

    Parameters
    ----------
    probabilities : (key,)
        Of at least 4 keys.

    Returns
    -------
    float
        Mean over the last quarter less mean over the first.

    Raises
    ------
    ValueError
        If there are fewer keys.

    Notes
    -----
    Ours: one number for a curve that is flat, rises or falls.

    Examples
    --------
    >>> tilt(torch.tensor([0.25, 0.5, 0.75, 1.0], dtype=torch.float64))
    0.75
    """
    quarter = len(probabilities) // 4
    if not quarter:
        raise ValueError(f"a tilt compares quarters of at least 4 keys, got {len(probabilities)}")
    return (probabilities[-quarter:].mean() - probabilities[:quarter].mean()).item()
