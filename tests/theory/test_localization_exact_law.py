"""The law of a score against closed forms, explicit quadratic forms and simulation; how far it is from a Gaussian."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.checks.localization import score_matrices
from attention_atlas.tasks.random_walk import mixing, walks
from attention_atlas.theory.localization import exact_law
from attention_atlas.theory.localization.exact_law import cumulant, exact, gaussian_error
from attention_atlas.theory.localization.forms import Forms, independent, of_mixing, random_walk
from attention_atlas.theory.localization.propagation import finite, moments, propagates
from attention_atlas.theory.localization.spectrum import (
    SHAPES,
    apply,
    eigenvalues,
    normal_weights,
    of_eigenvalues,
)

SHAPE = st.sampled_from(SHAPES)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def number(*values):
    return torch.tensor(values, dtype=torch.float64)


def equal_eigenvalues(d_model, value=1.0):
    return torch.full((d_model,), value, dtype=torch.complex128)


def largest_error(d_model, eta, deviation, shape="gaussian"):
    values, forms = eigenvalues(d_model, eta, deviation, shape=shape), random_walk(6)
    return (exact(forms, values) - finite(forms, of_eigenvalues(values))).abs().max().item()


@pytest.mark.parametrize("bound", [2.0, 9.0, 16.0, 30.0])
def test_a_key_that_is_the_query_has_a_chi_square_score(bound):
    """Then u = v and S^2 = ab: d equal eigenvalues sqrt(d) make u^T W v / sqrt(d) a chi-square of d degrees."""
    forms = Forms(number(1.0), number(1.0))
    found = exact(forms, equal_eigenvalues(16, 4.0), low=0.0, high=bound)
    assert found.item() == pytest.approx(torch.special.gammainc(number(8.0), number(bound / 2)).item(), abs=1e-9)


@pytest.mark.parametrize("bound", [0.5, 2.0, 5.0])
def test_a_key_independent_of_the_query_has_a_difference_of_two_chi_squares(bound):
    """Then S = 0, and with d = 12 equal eigenvalues 2z = sqrt(1/12) (A - B), each of 12 degrees; by quadrature."""
    found = exact(Forms(number(0.0), number(1.0)), equal_eigenvalues(12), low=-bound, high=bound).item()
    b = (torch.arange(40_000, dtype=torch.float64) + 0.5) / 200  # up to 200
    density = torch.exp(5 * b.log() - b / 2 - math.lgamma(6) - 6 * math.log(2))
    width = 2 * bound * math.sqrt(12)
    sides = [torch.special.gammainc(number(6.0), ((b + side * width) / 2).clamp(min=0)) for side in (1, -1)]
    assert found == pytest.approx((density * (sides[0] - sides[1])).sum().item() / 200, abs=1e-6)


@pytest.mark.parametrize("rotation", [0.0, 1.3])
@pytest.mark.parametrize("persistence", [0.0, 0.6, 1.0])
def test_the_characteristic_function_is_that_of_the_explicit_quadratic_form(rotation, persistence):
    """E exp(i t x^T M x) = prod (1 - 2 i t mu)^(-1/2) over all eigenvalues mu of M, one root at a time."""
    values, mixed = eigenvalues(6, 1.5, 0.8, rotation), mixing(5, persistence)
    mu = torch.linalg.eigvalsh(score_matrices(mixed, normal_weights(values, generator())))
    points = torch.linspace(-3, 3, 13, dtype=torch.float64).expand(5, 13)
    expected = (1 - 2j * points[:, :, None] * mu[:, None, :]).pow(-0.5).prod(-1)
    found = exact_law._characteristic(of_mixing(mixed), values, points)
    assert torch.allclose(found, expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(("rotation", "persistence"), [(0.0, 1.0), (1.0, 1.0), (0.0, 0.0), (1.0, 0.8)])
def test_equals_a_large_simulation(rotation, persistence):
    sequences, values = 40_000, eigenvalues(16, 1.5, 0.7, rotation)
    x = walks(sequences, 5, 16, generator(), persistence)
    scores = (x @ apply(values, x[:, -1])[:, :, None])[:, :, 0] / 4
    rho = propagates(scores - scores.mean(1, keepdim=True)).double().mean(0)
    expected = exact(of_mixing(mixing(5, persistence)), values)
    assert ((rho - expected).abs() < 5 * (expected * (1 - expected) / sequences).sqrt()).all()


@given(seed=st.integers(0, 2**31), eta=st.floats(-3, 3), deviation=st.floats(0.1, 2), shape=SHAPE)
def test_cumulants_in_loops_are_traces_of_powers_of_the_quadratic_form(seed, eta, deviation, shape):
    values = eigenvalues(4, eta, deviation, shape=shape)
    mixed = torch.randn(4, 4, generator=generator(seed), dtype=torch.float64)
    matrices = score_matrices(mixed, normal_weights(values, generator(seed)))
    for order in (1, 2, 3, 4):
        found = cumulant(of_mixing(mixed), values, order)
        for key, matrix in enumerate(matrices):
            mu = torch.linalg.eigvalsh(matrix)
            powers = sum(value.item() ** order for value in mu)
            size = sum(abs(value.item()) ** order for value in mu)
            assert found[key].item() == pytest.approx(
                2 ** (order - 1) * math.factorial(order - 1) * powers,
                abs=1e-9 * 2**order * math.factorial(order) * size,
            )


@given(eta=st.floats(-3, 3), deviation=st.floats(0.1, 2), shape=SHAPE, tokens=st.integers(2, 20))
def test_the_first_two_cumulants_are_the_moments(eta, deviation, shape, tokens):
    forms, values = random_walk(tokens), eigenvalues(8, eta, deviation, shape=shape)
    mean, variance = moments(forms, of_eigenvalues(values))
    assert torch.allclose(cumulant(forms, values, 1), mean, rtol=1e-10, atol=1e-10)
    assert torch.allclose(cumulant(forms, values, 2), variance, rtol=1e-10, atol=1e-10)


@given(
    eta=st.floats(-3, 3), deviation=st.floats(0.3, 2), low=st.floats(-4, 2), width=st.floats(0, 5), more=st.floats(0, 5)
)
def test_a_wider_interval_is_likelier_and_neighbors_add_up(eta, deviation, low, width, more):
    forms, values = random_walk(4), eigenvalues(32, eta, deviation, shape="two-point")
    parts = exact(forms, values, low, low + width), exact(forms, values, low + width, low + width + more)
    whole = exact(forms, values, low, low + width + more)
    assert (whole >= 0).all() and (whole <= 1).all()
    assert torch.allclose(parts[0] + parts[1], whole, rtol=0, atol=1e-8)


def test_scores_that_do_not_vary_are_their_mean():
    assert (exact(random_walk(5), equal_eigenvalues(4, 0.0)) == 1).all()
    assert (exact(random_walk(5), equal_eigenvalues(4, 0.0), low=0.0) == 0).all()


def test_a_key_that_is_the_mean_token_does_not_keep_the_others_from_their_law():
    forms, values = random_walk(3), eigenvalues(32, 1.0, 1.0)
    with_mean = Forms(torch.cat([forms.covariance, number(0.0)]), torch.cat([forms.product, number(0.0)]))
    found = exact(with_mean, values, high=2.0)
    assert found[3] == 1 and torch.allclose(found[:3], exact(forms, values), rtol=0, atol=1e-12)


def test_independent_tokens_but_the_query_are_alike():
    rho = exact(independent(7), eigenvalues(32, 1.0, 1.0))
    assert torch.allclose(rho[:-1], rho[:1].expand(6), atol=1e-12) and (rho[-1] - rho[0]).abs() > 0.01


@pytest.mark.parametrize(("eta", "deviation"), [(0.0, 1.0), (1.0, 0.5)])
def test_at_fixed_drift_and_deviation_the_gaussian_is_off_by_one_over_the_dimension(eta, deviation):
    errors = [largest_error(d_model, eta, deviation) for d_model in (256, 1024)]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)


def test_without_deviation_the_gaussian_is_off_by_one_over_the_root_of_the_dimension():
    """Equal eigenvalues at fixed xi (so that eta grows as sqrt(d)): bounds are put where the score is."""
    errors, forms = [], random_walk(6)
    for d_model in (64, 256, 1024):
        values = equal_eigenvalues(d_model)
        mean, variance = moments(forms, of_eigenvalues(values))
        last = Forms(forms.covariance[-1:], forms.product[-1:])
        found = exact(last, values, low=-math.inf, high=mean[-1].item()).item()
        assert variance[-1] > 1
        errors.append(found - 0.5)
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.05)
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.05)


def test_negative_control_one_eigenvalue_that_stands_out_keeps_the_score_from_becoming_gaussian():
    errors = [largest_error(d_model, 0.0, 1.0, "spike") for d_model in (32, 128)]
    assert min(errors) > 0.05 and errors[1] > 0.9 * errors[0]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("d_model", [16, 61])
def test_the_bound_holds_and_is_the_plain_formula(shape, d_model):
    values, forms = eigenvalues(d_model, -1.0, 1.5, shape=shape), random_walk(5)
    bound = gaussian_error(forms, values)
    assert ((exact(forms, values) - finite(forms, of_eigenvalues(values))).abs() <= bound).all()
    for key in range(5):
        p, q = ((forms.product[key].sqrt() + sign * forms.covariance[key]).item() / 2 for sign in (1, -1))
        variance, fourth = 2 * (p * p + q * q), 3 * (2 * (p * p + q * q)) ** 2 + 48 * (p**4 + q**4)
        third = sum((abs(value) * fourth**0.25) ** 3 for value in values.real.tolist())
        total = sum(value**2 * variance for value in values.real.tolist())
        assert bound[key].item() == pytest.approx(2 * 0.56 * third / total**1.5, rel=1e-12)


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda forms: exact(forms, equal_eigenvalues(1)),
         "the law of a score needs a dozen eigenvalues of one size for its integral to converge, "
         "got 1 other than zero, the largest with 100% of all squares"),
        (lambda forms: cumulant(forms, eigenvalues(4, 0.0, 1.0, 1.0), 1),
         "cumulants are given for symmetric weights, got complex eigenvalues"),
        (lambda forms: cumulant(forms, equal_eigenvalues(4), 0), "cumulants have orders from 1 on, got 0"),
        (lambda forms: gaussian_error(forms, equal_eigenvalues(4, 0.0)),
         "a symmetric matrix other than zero is needed, got complex eigenvalues or zeros only"),
        (lambda forms: gaussian_error(forms, eigenvalues(4, 0.0, 1.0, 1.0)),
         "a symmetric matrix other than zero is needed, got complex eigenvalues or zeros only"),
    ],
)  # fmt: skip
def test_the_impossible_is_refused_in_one_line(attempt, message):
    with pytest.raises(ValueError) as refusal:
        attempt(random_walk(3))
    assert str(refusal.value) == message
