"""Checks of the exercises about depth and encoding in trained networks (Figures 2, 4 and 5 of Wu et al. 2025).

Every check returns one line for a right answer and raises ValueError with the likely mistake for a wrong one.
"""

import math
from collections.abc import Sequence

from attention_atlas.exercises.judge import judge


def check_overtake(answer: Sequence[int]) -> str:
    """Layers until the first item holds more of the last token's context than the last item, under a decay.

    Parameters
    ----------
    answer : sequence of int
        Without a residual, and with one of strength 1.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If a number is wrong; the message names the likely mistake.

    Examples
    --------
    >>> check_overtake((3, 5))
    'Correct: two layers favor the end and six the front, as the signs of the paper without residual do.'
    """
    answer = tuple(int(layers) for layers in answer)
    if len(answer) != 2:
        raise ValueError(f"two numbers are asked for, without and with a residual, got {len(answer)}")
    if answer == (3, 5):  # the tests compare it with the rollout
        return "Correct: two layers favor the end and six the front, as the signs of the paper without residual do."
    mistakes = {
        (2, 4): "this is t, which counts from 0: P^(t) is a product of t + 1 layers",
        (3, 3): "a residual of strength 1 holds a token where it is half of the time: use with_residual(map, 1)",
        (5, 3): "the two are swapped: a residual slows the walk",
        (5, 9): "this is where x* reaches token 1; the front overtakes earlier, when the bell is half-way",
        (3, 6): "this compares token 1 with the query itself: the items are tokens 1-2 and 15-16",
    }
    raise ValueError(mistakes.get(answer, f"not these: compare columns 0-1 with 14-15 of the last row; got {answer}"))


def check_sampling(answer: float) -> str:
    """Standard error that five times 10,000 test sequences leave in a gap of accuracies near one half.

    Parameters
    ----------
    answer : float
        As an accuracy, not in percent.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If it is wrong; the message names the likely mistake.

    Examples
    --------
    >>> check_sampling(0.5 * (2 / 50_000) ** 0.5)
    'Correct: about .003, so a step of .001 between two bars is nothing.'
    """
    one = 0.5 / math.sqrt(10_000)
    right = one * math.sqrt(2 / 5)
    mistakes = {
        "this is one run: the paper's gap is a mean of five": one * math.sqrt(2),
        "this is one accuracy: a gap is the difference of two, whose variances add": one / math.sqrt(5),
        "this is one accuracy in one run: a gap has two of them and is a mean over five runs": one,
        "the five runs reduce the variance by 5, and the error by the root of 5": one * math.sqrt(2) / 5,
        "this is a variance: take its root": right**2,
        "this is in percent": 100 * right,
        "this is two standard errors": 2 * right,
    }
    praise = "about .003, so a step of .001 between two bars is nothing."
    return judge(answer, right, mistakes, praise, "start from p (1 - p) / 10,000 for one accuracy", tolerance=0.02)
