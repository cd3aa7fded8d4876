"""The signal propagation probability as the Gaussian formula has it: by hand, in loops, its limit, what breaks it."""

import math
from statistics import NormalDist

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas.tasks.random_walk import mixing
from attention_atlas.theory.localization.forms import independent, of_mixing, random_walk
from attention_atlas.theory.localization.propagation import (
    between,
    drift_window,
    finite,
    limit,
    moments,
    propagates,
    tilt,
)
from attention_atlas.theory.localization.spectrum import Spectrum

ETA = st.floats(-6, 6)
FROBENIUS = st.floats(0.01, 4)
SHARE = st.floats(-1, 1)  # xi as a share of frobenius


def number(*values):
    return torch.tensor(values, dtype=torch.float64)


def places(tokens):
    return torch.arange(1, tokens + 1, dtype=torch.float64) / tokens


def finite_in_loops(tokens, spectrum):
    """Of a random walk, key by key, from the steps themselves."""
    found = []
    for i in range(1, tokens + 1):
        steps = [float(s <= i) - (tokens - s + 1) / tokens for s in range(1, tokens + 1)]
        covariance, a = sum(steps), sum(step**2 for step in steps)
        variance = spectrum.frobenius * a * tokens + spectrum.xi * covariance**2
        law = NormalDist(spectrum.eta * covariance, math.sqrt(variance))
        found.append(law.cdf(tokens - 1) - law.cdf(-1))
    return number(*found)


def test_by_hand_the_middle_of_an_endless_walk():
    """At theta = 1/2 the mean is 0 and the variance frobenius / 12, whatever the drift and the rotation."""
    for spectrum in (Spectrum(0.0, 12.0), Spectrum(5.0, 12.0), Spectrum(5.0, -3.0, 12.0)):
        assert limit(number(0.5), spectrum).item() == pytest.approx(NormalDist().cdf(1) - 0.5, rel=1e-12)


def test_by_hand_a_score_on_a_bound_does_not_propagate():
    z = number(-1.0, -0.999, 2.0, 1.999)
    assert propagates(number(*z[:3].tolist())).tolist() == [False, True, False]
    assert propagates(z).tolist() == [False, True, True, True]  # of four keys the upper bound is 3


@pytest.mark.parametrize("spectrum", [Spectrum(0.0, 1.0), Spectrum(3.0, 0.2), Spectrum(-2.0, -0.5, 1.5)])
@pytest.mark.parametrize("tokens", [2, 5, 11])
def test_equal_the_plain_loop(tokens, spectrum):
    loop = finite_in_loops(tokens, spectrum)
    assert torch.allclose(finite(random_walk(tokens), spectrum), loop, rtol=1e-11, atol=1e-14)


def test_moments_of_one_key_written_out():
    mean, variance = moments(of_mixing(mixing(3)), Spectrum(2.0, 0.5, 0.75))
    assert mean.tolist() == pytest.approx([-2, 0, 2], abs=1e-14)
    assert variance.tolist() == pytest.approx([0.75 * 5 / 3 + 0.5, 0.75 * 2 / 3, 0.75 * 5 / 3 + 0.5])


@given(eta=ETA, xi=FROBENIUS, theta=st.floats(0, 1))
def test_the_limit_of_symmetric_weights_is_the_formula_of_the_book(eta, xi, theta):
    spread = math.sqrt(xi * (2 * theta**2 - 2 * theta + 7 / 12))
    low, high = (NormalDist().cdf((bound - (theta - 0.5) * eta) / spread) for bound in (0, 1))
    assert limit(number(theta), Spectrum(eta, xi)).item() == pytest.approx(high - low, rel=1e-7, abs=1e-13)


@given(eta=ETA, frobenius=FROBENIUS, share=SHARE, theta=st.floats(0, 1))
def test_a_walk_read_backwards_has_the_opposite_drift(eta, frobenius, share, theta):
    forward, backward = (Spectrum(sign * eta, share * frobenius, frobenius) for sign in (1, -1))
    assert torch.allclose(limit(number(theta), forward), limit(number(1 - theta), backward), rtol=1e-9, atol=1e-14)


@given(eta=ETA, frobenius=FROBENIUS, share=SHARE, tokens=st.integers(2, 30), increment=st.floats(0.05, 5))
def test_longer_steps_are_larger_weights(eta, frobenius, share, tokens, increment):
    small = Spectrum(eta, share * frobenius, frobenius)
    large = Spectrum(increment * eta, increment**2 * share * frobenius, increment**2 * frobenius)
    scaled = finite(random_walk(tokens).scaled(increment), small)
    assert torch.allclose(scaled, finite(random_walk(tokens), large), rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("spectrum", [Spectrum(2.0, 0.5), Spectrum(-3.0, -0.5, 2.0)])
def test_the_limit_is_approached_as_one_over_the_length(spectrum):
    errors = [
        (finite(random_walk(tokens), spectrum) - limit(places(tokens), spectrum)).abs().max().item()
        for tokens in (256, 1024)
    ]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.03)


def test_negative_control_the_limit_of_other_weights_is_not_approached():
    rotating, symmetric = Spectrum(0.0, -0.5, 1.0), Spectrum(0.0, 1.0)
    for tokens in (256, 4096):
        error = (finite(random_walk(tokens), rotating) - limit(places(tokens), symmetric)).abs().max()
        assert error > 0.03


@given(eta=ETA, xi=FROBENIUS, tokens=st.integers(3, 40))
def test_negative_control_independent_tokens_are_all_alike_but_the_query(eta, xi, tokens):
    flat = finite(independent(tokens), Spectrum(eta, xi))
    assert (flat[:-1] == flat[0]).all()
    walk = finite(random_walk(tokens), Spectrum(0.0, xi))
    assert walk[tokens // 2] >= walk[0] and (walk[tokens // 2] > walk[0] or xi < 0.1)


@pytest.mark.parametrize("eta", [-7.0, -1.0, 0.5, 2.0, 3.0, 20.0])
def test_the_window_is_where_the_limit_without_spread_is_one(eta):
    theta = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000  # no edge among them
    low, high = drift_window(eta)
    inside = (theta > low) & (theta < high)
    assert torch.equal(limit(theta, Spectrum(eta, 0.0)), inside.double())
    assert torch.allclose(limit(theta, Spectrum(eta, 1e-12)), inside.double(), atol=1e-9)
    assert high - low == pytest.approx(min(0.5, 1 / abs(eta)))


def test_negative_controls_without_drift_nothing_is_localized_and_a_wide_spectrum_stops_all_signals():
    theta = torch.linspace(0, 1, 21, dtype=torch.float64)
    assert torch.allclose(limit(theta, Spectrum(0.0, 1e-9)), number(0.5).expand(21), atol=1e-9)
    assert limit(theta, Spectrum(4.0, 1e8)).max() < 1e-3


@given(mean=st.floats(-40, 40), deviation=st.floats(0.1, 10), low=st.floats(-20, 20), width=st.floats(0, 20))
def test_between_is_a_difference_of_distribution_functions(mean, deviation, low, width):
    law = NormalDist(mean, deviation)
    found = between(low, low + width, number(mean), number(deviation)).item()
    assert 0 <= found <= 1 and found == pytest.approx(law.cdf(low + width) - law.cdf(low), abs=1e-14)
    mirrored = between(-low - width, -low, number(-mean), number(deviation)).item()
    assert mirrored == pytest.approx(found, abs=1e-15)  # two numbers near 1/2 differ by no less than 1e-16


def test_between_keeps_its_digits_in_the_far_tail():
    """The tail of a normal number beyond x is phi(x) / x (1 - 1/x^2 + 3/x^4 - ...)."""
    x = 30.0
    expected = math.exp(-(x**2) / 2) / math.sqrt(2 * math.pi) / x * (1 - x**-2 + 3 * x**-4 - 15 * x**-6)
    for sign in (-1, 1):
        low, high = sorted((sign * x, sign * math.inf))
        assert between(low, high, number(0.0), number(1.0)).item() == pytest.approx(expected, rel=1e-7)


def test_without_deviation_a_number_is_inside_outside_or_half_on_a_bound():
    assert between(0.0, 1.0, number(-1, 0, 0.5, 1, 2), number(0, 0, 0, 0, 0)).tolist() == [0, 0.5, 1, 0.5, 0]


@pytest.mark.parametrize("outside", [-0.1, 1.5])
def test_positions_off_the_sequence_are_refused(outside):
    low, high = min(0.5, outside), max(0.5, outside)
    with pytest.raises(ValueError, match=rf"^positions are shares in \[0, 1\], got {low:g} to {high:g}$"):
        limit(number(0.5, outside), Spectrum(0.0, 1.0))


def test_a_window_without_drift_is_refused():
    with pytest.raises(ValueError) as refusal:
        drift_window(0.0)
    assert str(refusal.value) == (
        "without drift (eta = 0) there is no window: every token propagates with probability 1/2"
    )


def test_a_tilt_is_late_less_early():
    assert tilt(number(0, 1, 1, 1, 1, 4, 4, 6)) == 4.5
    assert tilt(number(1, 9, 9, 9, 0)) == -1  # one key is a quarter of five
    for eta in (-2.0, 0.0, 2.0):
        curve = finite(random_walk(32), Spectrum(eta, 0.5))
        assert tilt(curve) == pytest.approx(-tilt(finite(random_walk(32), Spectrum(-eta, 0.5))), abs=0.2)
        assert math.copysign(1, round(tilt(curve), 2)) == math.copysign(1, eta)
    with pytest.raises(ValueError, match="a tilt compares quarters of at least 4 keys, got 3"):
        tilt(number(0, 1, 2))
