"""The query-key eigenspectrum: three numbers, matrices that have them, and what a covariance of the steps changes."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.theory.localization.spectrum import (
    SHAPES,
    Spectrum,
    apply,
    eigenvalues,
    normal_weights,
    of_eigenvalues,
    of_weights,
    orthonormal,
    standardized,
    whitened,
)

ETA = st.floats(-5, 5)
DEVIATION = st.floats(0, 3)
ROTATION = st.one_of(st.just(0.0), st.floats(0.01, 3))
SHAPE = st.sampled_from(SHAPES)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def numbers(spectrum):
    return pytest.approx((spectrum.eta, spectrum.xi, spectrum.frobenius), rel=1e-9, abs=1e-9)


def test_by_hand_a_stretch_and_a_quarter_turn():
    assert of_weights(3 * torch.eye(4).double()) == Spectrum(6.0, 9.0, 9.0)
    assert of_weights(torch.tensor([[0.0, 2.0], [-2.0, 0.0]]).double()) == Spectrum(0.0, -4.0, 4.0)


def test_equal_the_plain_loop():
    weights = normal(5, 5)
    trace = square = frobenius = 0.0
    for i in range(5):
        trace += weights[i, i].item()
        for j in range(5):
            square += (weights[i, j] * weights[j, i]).item()
            frobenius += weights[i, j].item() ** 2
    found = of_weights(weights)
    assert (found.eta, found.xi, found.frobenius) == pytest.approx((trace / math.sqrt(5), square / 5, frobenius / 5))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("number", [1, 2, 3, 7, 64])
def test_standardized_numbers_have_mean_0_and_variance_1(shape, number):
    values = standardized(number, shape)
    assert abs(values.mean().item()) < 1e-14 and (values.diff() >= 0).all()
    assert values.square().mean().item() == pytest.approx(float(number > 1), rel=1e-12)


@given(half=st.integers(1, 20), eta=ETA, deviation=DEVIATION, rotation=ROTATION, shape=SHAPE)
def test_eigenvalues_have_the_mean_and_the_deviation_asked_for(half, eta, deviation, rotation, shape):
    values = eigenvalues(2 * half, eta, deviation, rotation, shape)
    spread = deviation if not rotation or half > 1 else 0.0  # one pair of two equal real parts has none
    assert values.real.sum().item() == pytest.approx(eta * math.sqrt(2 * half), abs=1e-9)
    assert values.real.std(correction=0).item() == pytest.approx(spread, abs=1e-9)
    mean_square = eta**2 / (2 * half) + spread**2
    spectrum = Spectrum(eta, mean_square - rotation**2, mean_square + rotation**2)
    found = of_eigenvalues(values)
    assert (found.eta, found.xi, found.frobenius) == numbers(spectrum)
    assert torch.equal(values.reshape(half, 2)[:, 0].conj(), values.reshape(half, 2)[:, 1]) or not rotation


@given(seed=st.integers(0, 2**31), half=st.integers(1, 6), eta=ETA, deviation=DEVIATION, rotation=ROTATION, shape=SHAPE)
def test_weights_are_normal_with_these_eigenvalues_and_numbers(seed, half, eta, deviation, rotation, shape):
    values = eigenvalues(2 * half, eta, deviation, rotation, shape)
    weights, found = normal_weights(values, generator(seed)), of_eigenvalues(values)
    assert torch.allclose(weights @ weights.T, weights.T @ weights, atol=1e-10)
    of_them = of_weights(weights)
    assert (of_them.eta, of_them.xi, of_them.frobenius) == numbers(found)
    for order in range(1, 5):  # power sums settle the eigenvalues of small matrices without sorting them
        traced = torch.linalg.matrix_power(weights, order).trace().item()
        assert traced == pytest.approx(values.pow(order).sum().real.item(), rel=1e-9, abs=1e-7)


@pytest.mark.parametrize("rotation", [0.0, 1.5])
def test_apply_is_the_block_diagonal_matrix(rotation):
    values, vectors = eigenvalues(6, 2.0, 1.0, rotation), normal(3, 5, 6)
    product = vectors @ normal_weights(values).T
    assert torch.allclose(apply(values, vectors), product, atol=1e-12)
    for block in range(3):
        a, b = values[2 * block].real.item(), values[2 * block].imag.item()
        first, second = vectors[0, 0, 2 * block].item(), vectors[0, 0, 2 * block + 1].item()
        c = values[2 * block + 1].real.item()
        expected = (a * first + b * second, c * second - b * first)
        assert product[0, 0, 2 * block : 2 * block + 2].tolist() == pytest.approx(expected)


def test_a_basis_is_orthonormal_and_has_no_preferred_direction():
    bases = torch.stack([orthonormal(3, generator(seed)) for seed in range(3000)])
    assert torch.allclose(bases @ bases.mT, torch.eye(3).double().expand(3000, 3, 3), atol=1e-12)
    assert (bases.mean(0).abs() < 5 / math.sqrt(3 * 3000)).all()
    assert ((bases.square().mean(0) - 1 / 3).abs() < 0.03).all()


@given(seed=st.integers(0, 2**31))
def test_whitened_weights_have_the_numbers_that_any_root_of_the_covariance_gives(seed):
    """L^T W L of Cholesky's root is a rotation of C^(1/2) W C^(1/2)."""
    factor, weights = normal(5, 5, seed=seed), normal(5, 5, seed=seed + 1)
    covariance = factor @ factor.T + 0.1 * torch.eye(5).double()
    lower = torch.linalg.cholesky(covariance)
    found = of_weights(whitened(weights, covariance))
    assert (found.eta, found.xi, found.frobenius) == numbers(of_weights(lower.T @ weights @ lower))


def test_whitened_weights_see_in_white_tokens_what_the_weights_see_in_theirs():
    """Mean and variance of x^T W y for correlated Gaussian x = y + noise, simulated."""
    covariance = torch.tensor([[2.0, 0.5, 0.0], [0.5, 1.0, -0.3], [0.0, -0.3, 0.4]]).double()
    weights, lower = normal(3, 3), torch.linalg.cholesky(covariance)
    y, noise = normal(200_000, 3, seed=1) @ lower.T, normal(200_000, 3, seed=2) @ lower.T
    scores = ((y + noise) @ weights * y).sum(1)
    white = whitened(weights, covariance)
    mean, variance = white.trace(), 2 * white.square().sum() + (white * white.T).sum()
    assert abs(scores.mean() - mean) < 5 * (variance / 200_000).sqrt()
    assert scores.var().item() == pytest.approx(variance.item(), rel=0.05)


def test_negative_control_of_weights_that_are_not_normal_the_frobenius_norm_is_larger():
    shear = torch.tensor([[1.0, 3.0], [0.0, 1.0]]).double()
    assert (of_weights(shear).xi, of_weights(shear).frobenius) == (1.0, 5.5)
    assert of_eigenvalues(torch.tensor([1.0, 1.0]).cdouble()).frobenius == 1.0


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda: Spectrum(0.0, 2.0, 1.0), "||W||_F^2 / d is at least |tr W^2| / d = 2, got 1"),
        (lambda: Spectrum(0.0, -1.0), "||W||_F^2 / d is at least |tr W^2| / d = 1, got -1"),
        (lambda: Spectrum(math.nan, 1.0), "a spectrum needs finite numbers, got nan, 1.0 and 1.0"),
        (lambda: eigenvalues(4, 0.0, 1.0, shape="flat"),
         "unknown shape 'flat'; allowed: gaussian, two-point, spike"),
        (lambda: eigenvalues(4, 0.0, -1.0), "deviation and rotation must be at least 0, got -1.0 and 0.0"),
        (lambda: eigenvalues(4, 0.0, 1.0, -2.0), "deviation and rotation must be at least 0, got 1.0 and -2.0"),
        (lambda: eigenvalues(5, 0.0, 1.0, 1.0), "d_model must be at least 2, and even with a rotation, got 5"),
        (lambda: eigenvalues(1, 0.0, 1.0), "d_model must be at least 2, and even with a rotation, got 1"),
        (lambda: whitened(torch.eye(2).double(), torch.tensor([[1.0, 0.5], [0.0, 1.0]]).double()),
         "a covariance is symmetric, got one that is not"),
        (lambda: whitened(torch.eye(2).double(), torch.diag(torch.tensor([1.0, -0.5])).double()),
         "a covariance has no negative eigenvalue, got -0.5"),
    ],
)  # fmt: skip
def test_the_impossible_is_refused_in_one_line(attempt, message):
    with pytest.raises(ValueError) as refusal:
        attempt()
    assert str(refusal.value) == message
