"""Checks of the exercises on networks that learn to average, or do not (ours).

Every check returns one line for a right answer and raises ValueError with the likely mistake for a wrong one.
"""

from math import comb

from attention_atlas.exercises.judge import judge
from attention_atlas.theory.catch_tag_release.exact_error import expected_share
from attention_atlas.theory.catch_tag_release.one_layer import best_error

RUNS, MOST, CHANCE = 10, 4, 0.6
TOKENS = 4


def check_at_most_four(answer: float) -> str:
    """The probability that of ten runs at most four succeed, each with probability .6.

    Parameters
    ----------
    answer : float
        In [0, 1].

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If the answer is wrong; the message names the likely mistake.

    Examples
    --------
    >>> check_at_most_four(0.166239)
    'Correct: one laboratory in six would see what the paper saw, so four of ten do not contradict .6.'
    """
    exactly = [comb(RUNS, k) * CHANCE**k * (1 - CHANCE) ** (RUNS - k) for k in range(RUNS + 1)]
    return judge(
        answer,
        sum(exactly[: MOST + 1]),
        {
            "this is the probability of exactly four": exactly[MOST],
            "this leaves out four itself": sum(exactly[:MOST]),
            "this is the probability of more than four": sum(exactly[MOST + 1 :]),
            "success and failure are exchanged: at most four failures": sum(exactly[RUNS - MOST :]),
        },
        "one laboratory in six would see what the paper saw, so four of ten do not contradict .6.",
        "add the binomial probabilities of 0, 1, 2, 3 and 4 successes",
    )


def check_order(answer: float) -> str:
    """The share of the target's variance that the best predictor without order leaves, of three numbers and [SEP].

    Parameters
    ----------
    answer : float
        In [0, 1].

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If the answer is wrong; the message names the likely mistake.

    Examples
    --------
    >>> check_order(0.265152)
    'Correct: almost three quarters are explained without knowing where [SEP] is: a loss must lie far below that.'
    """
    variance = expected_share(TOKENS)
    all_numbers = sum(1 / n - 1 / (TOKENS - 1) for n in range(1, TOKENS)) / (TOKENS - 1)
    return judge(
        answer,
        best_error(TOKENS, 1.0) / variance,
        {
            "this is the mean squared error; divide by the variance of the target": best_error(TOKENS, 1.0),
            "this is what the mean of all numbers leaves; the last one always counts": all_numbers / variance,
            "this is the share that is explained": 1 - best_error(TOKENS, 1.0) / variance,
        },
        "almost three quarters are explained without knowing where [SEP] is: a loss must lie far below that.",
        "write target and prediction as weighted sums of the three numbers, for each n",
    )
