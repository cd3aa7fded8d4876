"""The law of a score at any dimension, and how far the Gaussian that stands for it can be off.

In the basis of a symmetric W a score is a sum of d independent numbers, each a difference of two chi-squares. Its
characteristic function is a product of d square roots, and one numerical integral gives every probability.
"""

import math

import torch

from attention_atlas.shapes import Complex128, Float64, Tensor
from attention_atlas.theory.localization.forms import Forms
from attention_atlas.theory.localization.propagation import moments
from attention_atlas.theory.localization.spectrum import of_eigenvalues

REACH = 40.0  # standard deviations beyond which a score has no probability worth a digit of float64
SMALL = 1e-13  # of the characteristic function, where the integral ends
MOST = 16384  # points of the integral
SHEVTSOVA = 0.56  # constant of the Berry-Esseen theorem for summands that differ in law


def exact(
    forms: Forms, eigenvalues: Complex128[Tensor, "d_model"], low: float = -1.0, high: float | None = None
) -> Float64[Tensor, "key"]:
    """Probability that the centered score of a key lies between two bounds, for normal weights.

    Parameters
    ----------
    forms : Forms
        Of the tokens.
    eigenvalues : (d_model,)
        Of a normal W; complex ones in conjugate pairs.
    low, high : float
        The bounds; by default those between which a signal propagates, -1 and T - 1.

    Returns
    -------
    (key,)
        ``P(low < z < high)`` to about 1e-9.

    Raises
    ------
    ValueError
        If a score is made of so few eigenvalues that the integral does not converge: others are zero, or far smaller.

    Notes
    -----
    Derived here. With m = eigenvalue / sqrt(d), ``E e^(itz) = prod (1 - 2it S Re m + t^2 (ab - S^2) |m|^2)^(-1/2)``,
    inverted after Gil-Pelaez on points half a step off zero, as Davies (1973) does.

    Examples
    --------
    With 16 dimensions a score is not yet Gaussian; the formula has .56 and .76 here:

    >>> from attention_atlas.theory.localization.forms import random_walk
    >>> from attention_atlas.theory.localization.spectrum import eigenvalues
    >>> exact(random_walk(4), eigenvalues(16, eta=0.0, deviation=1.0)).round(decimals=3)
    tensor([0.6010, 0.7840, 0.7840, 0.6010], dtype=torch.float64)
    """
    high = forms.tokens - 1.0 if high is None else high
    mean, variance = moments(forms, of_eigenvalues(eigenvalues))
    deviation = variance.clamp(min=0).sqrt()
    still = deviation <= 1e-12 * (1 + mean.abs())  # nothing varies: the score is its mean
    inside, varies = ((mean > low) & (mean < high)).double(), ~still
    if varies.any():
        mean, scale = mean[varies], deviation[varies]
        sides = [((bound - mean) / scale).clamp(-REACH, REACH) for bound in (low, high)]
        varying = Forms(forms.covariance[varies], forms.product[varies])
        inside[varies] = _inversion(varying, eigenvalues, mean, scale, *sides)
    return inside


def _inversion(forms, eigenvalues, mean, scale, low, high):
    """P(low < (z - mean) / scale < high) of all keys, in steps so fine that the far tails do not fold in."""
    step, start, total = 2 * math.pi / (4 * REACH), 0, torch.zeros_like(mean)
    while start < MOST:
        points = (torch.arange(start, start + 128, dtype=torch.float64) + 0.5) * step
        value = _characteristic(forms, eigenvalues, points / scale[:, None])
        value = value * torch.polar(torch.ones(()).double(), -points * (mean / scale)[:, None])
        phase = [torch.polar(torch.ones(()).double(), -points * side[:, None]) for side in (low, high)]
        total += (((phase[0] - phase[1]) * value).imag / points).sum(1) * step / math.pi
        if value[:, -1].abs().max() < SMALL:
            return total.clamp(0, 1)
        start += 128
    raise ValueError(
        "the law of a score needs a dozen eigenvalues of one size for its integral to converge, "
        f"got {eigenvalues.count_nonzero()} other than zero, the largest with {_share(eigenvalues):.0%} of all squares"
    )


def _share(eigenvalues: Complex128[Tensor, "d_model"]) -> float:
    squares = eigenvalues.abs().square()
    return (squares.max() / squares.sum()).item()


def _characteristic(
    forms: Forms, eigenvalues: Complex128[Tensor, "d_model"], points: Float64[Tensor, "key point"]
) -> Complex128[Tensor, "key point"]:
    """E exp(i t z); equal eigenvalues are taken together."""
    different, count = torch.unique(torch.view_as_real(eigenvalues), dim=0, return_counts=True)
    real, size = different[:, 0], different.square().sum(1)
    covariance, rest = forms.covariance[:, None], (forms.product - forms.covariance.square())[:, None]
    total = torch.zeros_like(points, dtype=torch.complex128)
    for number, stretch, square in zip(count.tolist(), real.tolist(), size.tolist(), strict=True):
        t = points / math.sqrt(len(eigenvalues))
        factor = torch.complex(1 + t.square() * rest * square, -2 * t * covariance * stretch)
        total += number * factor.log()  # the real part is above 0, so the logarithm has no jump
    return (-total / 2).exp()


def cumulant(forms: Forms, eigenvalues: Complex128[Tensor, "d_model"], order: int) -> Float64[Tensor, "key"]:
    """Cumulants of the centered scores, for symmetric weights.

    Parameters
    ----------
    forms : Forms
        Of the tokens.
    eigenvalues : (d_model,)
        Of a symmetric W.
    order : int
        1 is the mean, 2 the variance, 3 and 4 measure skewness and heavy tails; at least 1.

    Returns
    -------
    (key,)
        ``2^(n-1) (n-1)! (p^n + (-q)^n) sum m^n`` with ``p, q = (sqrt(ab) +- S) / 2`` and ``m = eigenvalue / sqrt(d)``.

    Raises
    ------
    ValueError
        If an eigenvalue is complex or the order is below 1.

    Notes
    -----
    Derived here: coordinate by coordinate ``u v`` is ``p A - q B`` with independent chi-squares A and B of one degree
    of freedom. At fixed eta and deviation both the skewness, of eigenvalues evenly around their mean, and the excess
    kurtosis fall as 1/d; without deviation the skewness falls as ``1/sqrt(d)``.

    Examples
    --------
    >>> from attention_atlas.theory.localization.forms import random_walk
    >>> from attention_atlas.theory.localization.spectrum import eigenvalues
    >>> cumulant(random_walk(3), eigenvalues(16, eta=2.0, deviation=0.0), 1)[0]
    tensor(-2.0000, dtype=torch.float64)
    """
    if eigenvalues.imag.any():
        raise ValueError("cumulants are given for symmetric weights, got complex eigenvalues")
    if order < 1:
        raise ValueError(f"cumulants have orders from 1 on, got {order}")
    plus, minus = _weights(forms)
    powers = (eigenvalues.real / math.sqrt(len(eigenvalues))).pow(order).sum()
    return 2 ** (order - 1) * math.factorial(order - 1) * (plus**order + (-minus) ** order) * powers


def gaussian_error(forms: Forms, eigenvalues: Complex128[Tensor, "d_model"]) -> Float64[Tensor, "key"]:
    """How far the Gaussian formula for the signal propagation probability can be off, at most.

    Parameters
    ----------
    forms : Forms
        Of the tokens.
    eigenvalues : (d_model,)
        Of a symmetric W, not all zero.

    Returns
    -------
    (key,)
        Twice Berry and Esseen's bound on the distance of two distribution functions, since two bounds enter. It falls
        as ``1/sqrt(d)`` unless few eigenvalues stand out; the true error falls faster.

    Raises
    ------
    ValueError
        If an eigenvalue is complex or all are zero.

    Notes
    -----
    Derived here, with the constant 0.56 of Shevtsova (2010) and ``E|Y|^3 <= (E Y^4)^(3/4)`` for the centered summands.

    Examples
    --------
    >>> from attention_atlas.theory.localization.forms import random_walk
    >>> from attention_atlas.theory.localization.spectrum import eigenvalues
    >>> errors = [gaussian_error(random_walk(8), eigenvalues(d, 0.0, 1.0, shape="two-point"))[0] for d in (64, 256)]
    >>> round((errors[0] / errors[1]).item(), 6)
    2.0
    """
    if eigenvalues.imag.any() or not eigenvalues.real.any():
        raise ValueError("a symmetric matrix other than zero is needed, got complex eigenvalues or zeros only")
    plus, minus = _weights(forms)
    second = 2 * (plus.square() + minus.square())
    third = (3 * second.square() + 48 * (plus**4 + minus**4)) ** 0.75  # at least E|Y|^3, from the fourth moment
    size = eigenvalues.real.abs()
    return 2 * SHEVTSOVA * third / second**1.5 * size.pow(3).sum() / size.square().sum() ** 1.5


def _weights(forms: Forms) -> tuple[Float64[Tensor, "key"], Float64[Tensor, "key"]]:
    """p and q of ``u v = p A - q B``."""
    size = forms.product.sqrt()
    return (size + forms.covariance) / 2, (size - forms.covariance) / 2
