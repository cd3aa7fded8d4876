"""The query-key eigenspectrum: three numbers that decide, and matrices that have them.

Weights are normal matrices here, ``W^T W = W W^T``: symmetric ones and those that also rotate planes. Such a matrix is
its eigenvalues up to a rotation of the tokens, and Gaussian tokens look the same from every side.
"""

import math
from dataclasses import dataclass

import torch

from attention_atlas.shapes import Complex128, Float64, Tensor

SHAPES = ("gaussian", "two-point", "spike")


@dataclass(frozen=True)
class Spectrum:
    """What of the query-key weights W enters the mean and the variance of a score.

    Parameters
    ----------
    eta : float
        ``tr W / sqrt(d)``: the mean of the eigenvalues times ``sqrt(d)``.
    xi : float
        ``tr W^2 / d``: the mean of their squares; negative if W rotates more than it stretches.
    frobenius : float, optional
        ``||W||_F^2 / d``, at least ``abs(xi)``; by default `xi`, as of symmetric weights.

    Raises
    ------
    ValueError
        If no matrix has these numbers.

    Notes
    -----
    Bao et al. 2024 speak of mean and variance of the eigenspectrum of W_QK; the normalization is our reconstruction
    from logits ``x^T W x / sqrt(d)``. For symmetric W and d dimensions ``xi = eta^2 / d + variance``.

    Examples
    --------
    >>> Spectrum(2.0, 0.5).frobenius
    0.5
    """

    eta: float
    xi: float
    frobenius: float | None = None

    def __post_init__(self):
        if self.frobenius is None:
            object.__setattr__(self, "frobenius", self.xi)
        if not all(map(math.isfinite, (self.eta, self.xi, self.frobenius))):
            raise ValueError(f"a spectrum needs finite numbers, got {self.eta}, {self.xi} and {self.frobenius}")
        if self.frobenius < abs(self.xi) - 1e-12 * (1 + abs(self.xi)):
            raise ValueError(f"||W||_F^2 / d is at least |tr W^2| / d = {abs(self.xi):g}, got {self.frobenius:g}")


def of_weights(weights: Float64[Tensor, "d_model d_model"]) -> Spectrum:
    """The numbers of any matrix, normal or not.

    Parameters
    ----------
    weights : (d_model, d_model)
        W of the logits ``x_i^T W x_j / sqrt(d)``, for instance ``W_Q^T W_K`` for queries ``W_Q x``.

    Returns
    -------
    Spectrum
        Of this matrix.

    Examples
    --------
    >>> of_weights(torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64))
    Spectrum(eta=0.0, xi=-1.0, frobenius=1.0)
    """
    d_model = len(weights)
    square = (weights * weights.T).sum().item() / d_model
    return Spectrum(weights.trace().item() / math.sqrt(d_model), square, weights.square().sum().item() / d_model)


def of_eigenvalues(eigenvalues: Complex128[Tensor, "d_model"]) -> Spectrum:
    """The numbers of a normal matrix with these eigenvalues.

    Parameters
    ----------
    eigenvalues : (d_model,)
        As :func:`eigenvalues` makes them.

    Returns
    -------
    Spectrum
        Of every normal matrix that has them.

    Examples
    --------
    >>> of_eigenvalues(eigenvalues(64, eta=4.0, deviation=1.0))
    Spectrum(eta=4.0, xi=1.25, frobenius=1.25)
    """
    d_model = len(eigenvalues)
    real, imaginary = eigenvalues.real.square().sum().item(), eigenvalues.imag.square().sum().item()
    frobenius = (real + imaginary) / d_model if imaginary else None
    return Spectrum(eigenvalues.real.sum().item() / math.sqrt(d_model), (real - imaginary) / d_model, frobenius)


def eigenvalues(
    d_model: int, eta: float, deviation: float, rotation: float = 0.0, shape: str = "gaussian"
) -> Complex128[Tensor, "d_model"]:
    """Eigenvalues with exactly this mean and standard deviation of their real parts.

    Parameters
    ----------
    d_model : int
        Number d of them, at least 2; even with a rotation.
    eta : float
        Their sum is ``eta sqrt(d)``.
    deviation : float
        Standard deviation of their real parts, at least 0.
    rotation : float
        Imaginary parts ``+rotation`` and ``-rotation`` of neighbors, whose real parts are then equal; at least 0. With
        0 a normal matrix of these eigenvalues is symmetric.
    shape : {"gaussian", "two-point", "spike"}
        Real parts at evenly spaced quantiles of a normal distribution, half above and half below the mean, or all
        equal but one (one pair, with a rotation).

    Returns
    -------
    (d_model,)
        Complex numbers, conjugate ones side by side.

    Raises
    ------
    ValueError
        If a number or the shape is impossible.

    Examples
    --------
    >>> eigenvalues(4, eta=2.0, deviation=1.0, shape="two-point").real
    tensor([0., 0., 2., 2.], dtype=torch.float64)
    """
    if shape not in SHAPES:
        raise ValueError(f"unknown shape {shape!r}; allowed: {', '.join(SHAPES)}")
    if deviation < 0 or rotation < 0:
        raise ValueError(f"deviation and rotation must be at least 0, got {deviation} and {rotation}")
    if d_model < 2 or (rotation and d_model % 2):
        raise ValueError(f"d_model must be at least 2, and even with a rotation, got {d_model}")
    different = d_model // 2 if rotation else d_model
    spread = standardized(different, shape).repeat_interleave(d_model // different)
    sign = torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(d_model // 2 + 1)[:d_model]
    return torch.complex(eta / math.sqrt(d_model) + deviation * spread, rotation * sign)


def standardized(number: int, shape: str = "gaussian") -> Float64[Tensor, "number"]:
    """Numbers of mean 0 and variance 1 in rising order, the same every time.

    Parameters
    ----------
    number : int
        How many; a single one is 0.
    shape : {"gaussian", "two-point", "spike"}
        See :func:`eigenvalues`.

    Examples
    --------
    >>> standardized(5, "spike")
    tensor([-0.5000, -0.5000, -0.5000, -0.5000,  2.0000], dtype=torch.float64)
    """
    quantiles = (torch.arange(number, dtype=torch.float64) + 0.5) / number
    if shape == "gaussian":
        values = torch.special.ndtri(quantiles)
    elif shape == "two-point":
        values = (quantiles > 0.5).double() - (quantiles < 0.5).double()
    else:
        values = (torch.arange(number) == number - 1).double()
    values = values - values.mean()
    return values / values.square().mean().sqrt() if number > 1 else values


def apply(
    eigenvalues: Complex128[Tensor, "d_model"], vectors: Float64[Tensor, "*batch d_model"]
) -> Float64[Tensor, "*batch d_model"]:
    """Multiply vectors by the block-diagonal matrix with these eigenvalues.

    Parameters
    ----------
    eigenvalues : (d_model,)
        As :func:`eigenvalues` makes them: real, or conjugate pairs side by side.
    vectors : (*batch, d_model)
        Any.

    Returns
    -------
    (*batch, d_model)
        ``W v``, W having blocks ``[[a, b], [-b, a]]`` for a pair ``a + ib, a - ib``.

    Examples
    --------
    >>> apply(eigenvalues(2, 0.0, 0.0, rotation=3.0), torch.tensor([1.0, 0.0], dtype=torch.float64))
    tensor([ 0., -3.], dtype=torch.float64)
    """
    stretched = eigenvalues.real * vectors
    if not eigenvalues.imag.any():
        return stretched
    swapped = vectors.unflatten(-1, (-1, 2)).flip(-1).flatten(-2)
    return stretched + eigenvalues.imag * swapped


def normal_weights(
    eigenvalues: Complex128[Tensor, "d_model"], generator: torch.Generator | None = None
) -> Float64[Tensor, "d_model d_model"]:
    """A normal matrix with these eigenvalues.

    Parameters
    ----------
    eigenvalues : (d_model,)
        As :func:`eigenvalues` makes them.
    generator : torch.Generator, optional
        Source of a random orthonormal basis; without one the matrix is block-diagonal, as :func:`apply` has it.

    Returns
    -------
    (d_model, d_model)
        W, symmetric if all eigenvalues are real.

    Examples
    --------
    >>> of_weights(normal_weights(eigenvalues(4, 2.0, 1.0, rotation=2.0)))
    Spectrum(eta=2.0, xi=-2.0, frobenius=6.0)
    """
    d_model = len(eigenvalues)
    blocks = apply(eigenvalues, torch.eye(d_model, dtype=torch.float64)).T
    if generator is None:
        return blocks
    basis = orthonormal(d_model, generator)
    return basis @ blocks @ basis.T


def orthonormal(d_model: int, generator: torch.Generator) -> Float64[Tensor, "d_model d_model"]:
    """A random orthonormal basis, every one equally likely.

    Parameters
    ----------
    d_model : int
        Dimension.
    generator : torch.Generator
        Source of randomness.

    Examples
    --------
    >>> basis = orthonormal(3, torch.Generator().manual_seed(0))
    >>> torch.allclose(basis @ basis.T, torch.eye(3).double())
    True
    """
    basis, upper = torch.linalg.qr(torch.randn(d_model, d_model, generator=generator, dtype=torch.float64))
    return basis * upper.diagonal().sign()  # without the signs some bases are likelier (Mezzadri 2007)


def whitened(
    weights: Float64[Tensor, "d_model d_model"], covariance: Float64[Tensor, "d_model d_model"]
) -> Float64[Tensor, "d_model d_model"]:
    """Weights that do to tokens with unit steps what these do to tokens whose steps have a covariance.

    Parameters
    ----------
    weights, covariance : (d_model, d_model)
        W, and the covariance of a step, symmetric and positive semidefinite.

    Returns
    -------
    (d_model, d_model)
        ``C^(1/2) W C^(1/2)``.

    Raises
    ------
    ValueError
        If the covariance is not symmetric or has a negative eigenvalue.

    Examples
    --------
    >>> whitened(torch.eye(2).double(), 4 * torch.eye(2).double())
    tensor([[4., 0.],
            [0., 4.]], dtype=torch.float64)
    """
    if not torch.allclose(covariance, covariance.T):
        raise ValueError("a covariance is symmetric, got one that is not")
    values, basis = torch.linalg.eigh(covariance)
    if values[0] < -1e-12 * values[-1].abs():
        raise ValueError(f"a covariance has no negative eigenvalue, got {values[0].item():.3g}")
    root = basis * values.clamp(min=0).sqrt() @ basis.T
    return root @ weights @ root
