"""The statements of the chapter on localization (Bao et al. 2024, as reconstructed by us), on random draws.

Every check takes (draws, generator) and returns one row per draw and side, as in
:mod:`attention_atlas.checks.position_bias`; every control breaks one hypothesis and returns the side that must fail.
Side "holds" compares a formula with explicit matrices, in decades below TOLERANCE, unless the docstring says otherwise.
"""

import math

import pandas as pd
import torch

from attention_atlas.checks.localization_collapse import (
    concentration_split,
    concentration_split_control,
    entropy_floor,
    entropy_floor_control,
    locater_traces,
    locater_traces_control,
    spectrum_scale,
    spectrum_scale_control,
)
from attention_atlas.checks.margins import agreement, real, table, upper_margin, whole
from attention_atlas.shapes import Float64, Tensor
from attention_atlas.tasks.random_walk import mixing
from attention_atlas.theory.localization import exact_law as law
from attention_atlas.theory.localization.forms import independent, of_mixing, random_walk
from attention_atlas.theory.localization.propagation import between, finite, limit, moments
from attention_atlas.theory.localization.spectrum import Spectrum, eigenvalues, normal_weights, of_weights

__all__ = [
    "concentration_split",
    "concentration_split_control",
    "entropy_floor",
    "entropy_floor_control",
    "exact_law",
    "exact_law_control",
    "gaussian_error",
    "gaussian_error_control",
    "iid_flat",
    "iid_flat_control",
    "localized",
    "localized_control",
    "locater_traces",
    "locater_traces_control",
    "propagation_limit",
    "propagation_limit_control",
    "propagation_moments",
    "propagation_moments_control",
    "spectrum_scale",
    "spectrum_scale_control",
]

EXACT = 1e-9  # to which the numerical integral of the exact law is right
DENSITY, SLOPE = 1 / math.sqrt(2 * math.pi), math.exp(-0.5) / math.sqrt(2 * math.pi)  # most of phi(x), and of x phi(x)


def score_matrices(
    mixed: Float64[Tensor, "token step"], weights: Float64[Tensor, "d_model d_model"], query: int = -1
) -> Float64[Tensor, "token size size"]:
    """Symmetric matrices of the centered scores as quadratic forms in all steps, one below the other in one vector.

    Parameters
    ----------
    mixed : (token, step)
        How much of every step is in every token.
    weights : (d_model, d_model)
        W.
    query : int
        Which token asks.

    Returns
    -------
    (token, size, size)
        Of size steps times d_model; a score has mean tr M and variance ``2 ||M||_F^2``.

    Examples
    --------
    >>> score_matrices(torch.eye(2).double(), torch.eye(1).double())[1, 1]
    tensor([-0.2500,  0.5000], dtype=torch.float64)
    """
    centered = mixed - mixed.mean(0)
    forms = torch.stack([torch.kron(torch.outer(key, mixed[query]), weights) for key in centered])
    return (forms + forms.mT) / (2 * math.sqrt(len(weights)))


def propagation_moments(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Mean and variance of a centered score are eta S and frobenius a b + xi S^2: any W, any mixture, any query."""

    def draw():
        tokens, d_model = whole(2, 6, generator), whole(1, 6, generator)
        mixed, weights = (torch.randn(n, n, generator=generator, dtype=torch.float64) for n in (tokens, d_model))
        query = whole(0, tokens - 1, generator)
        margin = _moments_margin(score_matrices(mixed, weights, query), of_mixing(mixed, query), weights)
        return [dict(tokens=tokens, d_model=d_model, side="holds", margin=margin)]

    return table(draw() for _ in range(draws))


def propagation_moments_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: tokens are independent, the moments those of the walk."""

    def draw():
        tokens, d_model = whole(3, 6, generator), whole(1, 6, generator)  # two tokens of either kind are alike
        weights = torch.randn(d_model, d_model, generator=generator, dtype=torch.float64)
        matrices = score_matrices(mixing(tokens, 0.0), weights)
        margin = _moments_margin(matrices, random_walk(tokens), weights)
        return [dict(tokens=tokens, d_model=d_model, side="holds", margin=margin)]

    return table(draw() for _ in range(draws))


def _moments_margin(matrices, forms, weights) -> float:
    mean, variance = moments(forms, of_weights(weights))
    means, variances = matrices.diagonal(dim1=1, dim2=2).sum(1), 2 * matrices.square().sum((1, 2))
    return min(agreement(means, mean), agreement(variances, variance))


def exact_law(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Cumulants 1 to 4 of a score are 2^(n-1) (n-1)! (p^n + (-q)^n) sum m^n, for symmetric W and any mixture."""
    return _cumulants(draws, generator, rotating=0.0)


def exact_law_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: W rotates planes, with the same real parts of its eigenvalues."""
    return _cumulants(draws, generator, rotating=1.0)


def _cumulants(draws, generator, rotating):
    def draw():
        tokens, d_model = whole(2, 6, generator), 2 * whole(1, 3, generator)
        varied = dict(tokens=tokens, d_model=d_model, eta=real(-3, 3, generator), deviation=real(0.1, 2, generator))
        mixed = torch.randn(tokens, tokens, generator=generator, dtype=torch.float64)
        rotation = rotating * real(0.5, 2, generator)
        values = eigenvalues(d_model, varied["eta"], varied["deviation"], rotation)
        power = matrices = score_matrices(mixed, normal_weights(values, generator))
        forms, margins = of_mixing(mixed), []
        for order in range(1, 5):
            found = 2 ** (order - 1) * math.factorial(order - 1) * power.diagonal(dim1=1, dim2=2).sum(1)
            margins.append(agreement(found, law.cumulant(forms, values.real + 0j, order)))
            power = power @ matrices
        return [dict(**varied, side="holds", margin=min(margins))]

    return table(draw() for _ in range(draws))


def gaussian_error(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """The Gaussian formula for the walk is off by no more than Berry and Esseen's bound, which falls as 1/sqrt(d).

    The bound at d, and a fall of the largest error by 2 or more from d to 4 d; eigenvalues evenly around their mean.
    """

    def draw():
        shape = ("gaussian", "two-point")[whole(0, 1, generator)]
        varied, errors, bound = _gaussian_errors(generator, shape)
        within = upper_margin(errors[0].clamp(min=EXACT), bound.log())
        return [dict(**varied, side="upper", margin=within), _fall(varied, errors)]

    return table(draw() for _ in range(draws))


def gaussian_error_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: no eigenvalue stands out. One carries the whole deviation, and the error does not fall."""

    def draw():
        varied, errors, _ = _gaussian_errors(generator, "spike")
        return [_fall(varied, errors)]

    return table(draw() for _ in range(draws))


def _gaussian_errors(generator, shape):
    """Errors of the formula for all keys, at d and at 4 d, and the bound at d."""
    tokens, d_model = whole(4, 12, generator), whole(16, 32, generator)
    eta, deviation = real(-2, 0, generator), real(0.5, 2, generator)  # of a spike above 0 the others may all vanish
    errors, forms = [], random_walk(tokens)
    spectra = [eigenvalues(size, eta, deviation, shape=shape) for size in (d_model, 4 * d_model)]
    for values in spectra:
        spectrum = Spectrum(eta, eta**2 / len(values) + deviation**2)
        errors.append((law.exact(forms, values) - finite(forms, spectrum)).abs())
    varied = dict(tokens=tokens, d_model=d_model, eta=eta, deviation=deviation, shape=shape)
    return varied, errors, law.gaussian_error(forms, spectra[0])


def _fall(varied, errors):
    at_d, at_four_d = (error.max().clamp(min=EXACT) for error in errors)
    return dict(**varied, side="upper", margin=math.log10(at_d / (2 * at_four_d)))


def propagation_limit(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Along the walk the formula at length T is within C/T of its limit at i/T; any W.

    Notes
    -----
    With v >= frobenius (1 - 1/T^2) / 12 below both variances, in units of T: the bounds and the mean move by
    (1 + abs(eta)/2) / T, the variance by frobenius (1/T + 7 / (12 T^2)). So with the largest values of phi(x) and of
    x phi(x) the two tails move by 2 [(1 + abs(eta)/2) phi(0) / (T sqrt(v)) + frobenius (1/T + ...) phi(1) / (2 v)].
    """

    def draw():
        frobenius = real(0.2, 4, generator)
        spectrum = Spectrum(real(-4, 4, generator), real(-1, 1, generator) * frobenius, frobenius)
        return [_limit_margin(whole(8, 512, generator), spectrum, spectrum)]

    return table(draw() for _ in range(draws))


def propagation_limit_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: W is symmetric. It rotates, and the limit of a symmetric W of this Frobenius norm is claimed."""

    def draw():
        eta, deviation, rotation = real(-1, 1, generator), real(0.2, 1, generator), real(1, 2, generator)
        spectrum = Spectrum(eta, deviation**2 - rotation**2, deviation**2 + rotation**2)
        return [_limit_margin(whole(2048, 4096, generator), spectrum, Spectrum(eta, spectrum.frobenius))]

    return table(draw() for _ in range(draws))


def _limit_margin(tokens, spectrum, claimed):
    places = torch.arange(1, tokens + 1, dtype=torch.float64) / tokens
    error = (finite(random_walk(tokens), spectrum) - limit(places, claimed)).abs().max()
    least = spectrum.frobenius * (1 - 1 / tokens**2) / 12
    moved = spectrum.frobenius * (1 / tokens + 7 / (12 * tokens**2))
    bound = 2 * ((1 + abs(spectrum.eta) / 2) * DENSITY / (tokens * math.sqrt(least)) + moved * SLOPE / (2 * least))
    return dict(tokens=tokens, eta=spectrum.eta, xi=spectrum.xi, side="upper", margin=math.log10(bound / error))


def localized(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """As xi falls, rho tends to 1 where 0 < (theta - 1/2) eta < 1 and to 0 outside, at a rate given by g.

    Of the limit, with g the distance of (theta - 1/2) eta from 0 and 1: within exp(-6 g^2 / (7 xi)) of 1 or 0. Of the
    exact law at length T and dimension d, with G that of the mean score from -1 and T - 1: within
    7 xi T^2 / (12 G^2) of it, after Chebyshev.
    """
    return _window(draws, generator, drifting=True)


def localized_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: the mean of the eigenvalues is 0, at the same xi; then rho tends to 1/2 everywhere."""
    return _window(draws, generator, drifting=False)


def _window(draws, generator, drifting):
    def draw():
        tokens, d_model, eta = whole(16, 64, generator), 2 * whole(200, 400, generator), real(1, 6, generator)
        xi = eta**2 / d_model + real(0.01, 0.1, generator) ** 2
        places, true_eta = torch.linspace(0, 1, 201, dtype=torch.float64), eta if drifting else 0.0
        spectrum = Spectrum(true_eta, xi)
        offset = places - 0.5
        inside = limit(places, spectrum)
        deviation = (xi * (places.square() - places + 1 / 3 + offset.square())).sqrt()
        tails = ((-math.inf, 0.0), (1.0, math.inf))  # 1 - inside would leave nothing of them
        outside = sum(between(*tail, true_eta * offset, deviation) for tail in tails)
        expected, near = _side(eta * offset, 0, 1)
        of_limit = upper_margin(torch.where(expected, outside, inside), -6 * near.square() / (7 * xi))

        values = eigenvalues(d_model, true_eta, math.sqrt(xi - true_eta**2 / d_model), shape="two-point")
        forms = random_walk(tokens)
        inside = law.exact(forms, values)
        expected, near = _side(eta * forms.covariance, -1, tokens - 1)
        wrong = (torch.where(expected, 1 - inside, inside) - EXACT).clamp(min=0)
        of_law = upper_margin(wrong, (7 * xi * tokens**2 / (12 * near.square())).log())
        varied = dict(tokens=tokens, d_model=d_model, eta=eta, xi=xi)
        return [dict(**varied, side="upper", margin=margin) for margin in (of_limit, of_law)]

    return table(draw() for _ in range(draws))


def _side(means, low, high):
    """Which means are between two bounds, and how far they are from the nearer one."""
    return (means > low) & (means < high), torch.minimum((means - low).abs(), (means - high).abs())


def iid_flat(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """For independent tokens the scores of all keys but the query have one law, any W; so rho is flat.

    Compared are eigenvalues of the scores' quadratic forms, which are the law, and, of symmetric W, rho itself.
    """
    return _flat(draws, generator, persistence=0.0)


def iid_flat_control(draws: int, generator: torch.Generator) -> pd.DataFrame:
    """Broken: tokens are a random walk."""
    return _flat(draws, generator, persistence=1.0)


def _flat(draws, generator, persistence):
    def draw():
        tokens, d_model = whole(3, 6, generator), whole(2, 6, generator)
        weights = torch.randn(d_model, d_model, generator=generator, dtype=torch.float64)
        spectra = torch.linalg.eigvalsh(score_matrices(mixing(tokens, persistence), weights))[:-1]
        forms = random_walk(tokens) if persistence else independent(tokens)
        values = eigenvalues(16, real(-2, 2, generator), real(0.5, 2, generator), shape="two-point")
        rho = law.exact(forms, values)[:-1]
        margins = [agreement(values, values[:1].expand_as(values)) for values in (spectra, rho)]
        return [dict(tokens=tokens, d_model=d_model, side="holds", margin=margin) for margin in margins]

    return table(draw() for _ in range(draws))
