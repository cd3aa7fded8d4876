"""The interval of a share against its definition, and shares that there cannot be."""

import math

import pytest

from attention_atlas.intervals import chance, wilson
from attention_atlas.outcomes.maps import STUDENT


@pytest.mark.parametrize("trials", [1, 4, 10, 100])
def test_wilson_inverts_the_test_of_a_share(trials):
    """The ends are the shares from which the one observed is exactly 1.96 standard deviations off."""
    for successes in range(trials + 1):
        observed = successes / trials
        for end, outer in zip(wilson(successes, trials), (0.0, 1.0), strict=True):
            if end != outer:
                assert abs(observed - end) == pytest.approx(1.959964 * math.sqrt(end * (1 - end) / trials), rel=1e-9)
        low, high = wilson(successes, trials)
        assert low <= observed <= high and (low, high) == pytest.approx(
            tuple(1 - end for end in reversed(wilson(trials - successes, trials)))
        )


@pytest.mark.parametrize(("successes", "trials"), [(-1, 4), (5, 4), (0, 0)])
def test_an_impossible_share_is_refused(successes, trials):
    with pytest.raises(ValueError, match=f"got {successes} of {trials}"):
        wilson(successes, trials)


def test_chance_is_students_tail():
    for errors in (0.0, 1.0, 2.0, 4.0):
        assert chance(errors, 2) == pytest.approx(0.5 - math.atan(errors) / math.pi, abs=1e-7)  # Cauchy's
        assert chance(errors, 3) == pytest.approx(0.5 - errors / (2 * math.sqrt(2 + errors**2)), abs=1e-7)
        assert chance(errors, 10**5) == pytest.approx(math.erfc(errors / math.sqrt(2)) / 2, abs=1e-4)
    for sample, quantile in STUDENT.items():
        assert chance(quantile, sample) == pytest.approx(0.025, abs=2e-5)
    with pytest.raises(ValueError, match="at least 2 numbers, got 1"):
        chance(2, 1)
