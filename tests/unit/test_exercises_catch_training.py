"""The right answers pass, and every likely mistake is told apart from the others."""

import itertools
from fractions import Fraction

import pytest

from attention_atlas.exercises import catch_training as exercises


def of_ten(wanted):
    """Probability of the outcomes wanted, run by run."""
    total = 0.0
    for outcome in itertools.product((0, 1), repeat=10):
        if wanted(sum(outcome)):
            total += 0.6 ** sum(outcome) * 0.4 ** (10 - sum(outcome))
    return total


def left_over(share):
    """Mean squared error over n = 1, 2, 3 of giving the last number a share and the others the rest, in fractions."""
    total = Fraction(0)
    for n in (1, 2, 3):
        target = [Fraction(1, n) if place >= 3 - n else Fraction(0) for place in range(3)]
        guess = [(1 - share) / 2, (1 - share) / 2, share]
        total += sum((a - b) ** 2 for a, b in zip(target, guess, strict=True)) / 3
    return total


VARIANCE = Fraction(11, 18)  # of the target: the mean of 1, 1/2 and 1/3


def test_the_right_answers_pass():
    assert exercises.check_at_most_four(of_ten(lambda k: k <= 4)).startswith("Correct")
    best = min(left_over(Fraction(k, 3600)) for k in range(3601))
    assert left_over(VARIANCE) == best
    assert exercises.check_order(float(best / VARIANCE)).startswith("Correct")


@pytest.mark.parametrize(
    ("check", "answer", "mistake"),
    [
        (exercises.check_at_most_four, of_ten(lambda k: k == 4), "exactly four"),
        (exercises.check_at_most_four, of_ten(lambda k: k < 4), "leaves out four"),
        (exercises.check_at_most_four, of_ten(lambda k: k > 4), "more than four"),
        (exercises.check_at_most_four, of_ten(lambda k: k >= 6), "exchanged"),
        (exercises.check_at_most_four, 0.4, "add the binomial"),
        (exercises.check_order, float(left_over(VARIANCE)), "divide by the variance"),
        (exercises.check_order, float(left_over(Fraction(1, 3)) / VARIANCE), "mean of all numbers"),
        (exercises.check_order, 1 - float(left_over(VARIANCE) / VARIANCE), "share that is explained"),
        (exercises.check_order, 0.5, "weighted sums"),
    ],
)
def test_mistakes_are_named(check, answer, mistake):
    with pytest.raises(ValueError, match=mistake):
        check(answer)
