"""Checks of the exercises on what recency is and where it begins (Kim et al. 2026).

Every check returns one line for a right answer and raises ValueError with the likely mistake for a wrong one.
Tokens in the messages are counted from 1, as on the pages.
"""

import math
from collections.abc import Callable

from attention_atlas.exercises.judge import judge
from attention_atlas.theory.recency.signal import signal_to_noise

SCORES = ((9,), (1, 9), (1, 2, 9), (3, 1, 2, 9), (3, 4, 2, 2, 9))  # scores of query i on keys 1..i
EDGE, SPREAD = 0.0015, 0.068  # a recency probability above one half, and its standard deviation over sequences
KNOWN, WIDE = (64, 0.5), 1024  # dimension and anisotropy of a known stack; dimension of a wider one


def check_count(answer: float) -> str:
    """The recency probability of the score map ``SCORES``.

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
    >>> check_count(3 / 10)
    'Correct: 3 of 10 triples prefer the later key: an early bias.'
    """
    return judge(
        answer,
        3 / 10,
        {
            "the tie counts as a win here; only a score that is larger does": 4 / 10,
            "the tie counts as half a win here; only a score that is larger counts": 3.5 / 10,
            "this is the share that prefers the earlier key": 6 / 10,
            "the scores on the diagonal take part here; a triple has three different tokens": 13 / 20,
            "this is the mean of the rows' own shares; all triples count alike, so longer rows count more": 1 / 2,
            "this is the last row alone; rows 3 and 4 have triples too": 1 / 6,
        },
        "3 of 10 triples prefer the later key: an early bias.",
        "there are 10 triples: one in row 3, three in row 4, six in row 5",
    )


def check_sequences(answer: float) -> str:
    """How many sequences show ``EDGE`` above one half with four standard errors, if one varies by ``SPREAD``.

    Parameters
    ----------
    answer : float
        A number of sequences, right within 2 %.

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
    >>> check_sequences(33_000)
    'Correct: some 33,000 sequences; ten million would show an edge of .0001.'
    """
    return judge(
        answer,
        (4 * SPREAD / EDGE) ** 2,
        {
            "this makes the edge one standard error; four were asked": (SPREAD / EDGE) ** 2,
            "a standard error falls with the root of the number: square this": 4 * SPREAD / EDGE,
            "this takes the 120 triples of a sequence for independent coins; they share scores": (2 / EDGE) ** 2 / 120,
            "this takes a sequence for one coin; it is a mean of 120 triples": (2 / EDGE) ** 2,
        },
        "some 33,000 sequences; ten million would show an edge of .0001.",
        "the standard error of a mean over n sequences is SPREAD / sqrt(n)",
        tolerance=0.02,
    )


def check_anisotropy(answer: float) -> str:
    """The alpha at which a stack of dimension ``WIDE`` has the signal-to-noise ratio of the ``KNOWN`` one.

    Parameters
    ----------
    answer : float
        In [0, 1), right within 0.2 %.

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
    >>> check_anisotropy(0.8175)
    'Correct: a wide model needs nearly parallel tokens to show in layer 2 what a narrow one shows at .5.'
    """
    d, alpha = KNOWN
    effect = (1 - alpha) * math.exp(-(1 - alpha) * math.sqrt(d))
    root = math.sqrt(WIDE)
    return judge(
        answer,
        _solve(lambda value: signal_to_noise(WIDE, value) - signal_to_noise(d, alpha), 0.0, 0.9999),
        {
            "this keeps (1-alpha) sqrt(d); the factor alpha sqrt(d) before the exponential grows too": 1
            - (1 - alpha) * math.sqrt(d / WIDE),
            "this keeps (1-alpha) d; the exponent has the root of d": 1 - (1 - alpha) * d / WIDE,
            "this keeps the mean effect (1-alpha) e^(-(1-alpha) sqrt(d)); noise shrinks with 1-alpha as well": _solve(
                lambda value: (1 - value) * math.exp(-(1 - value) * root) - effect, 0.0, 1 - 1 / root
            ),
            "alpha must grow: at the old one the exponent is -16 now, it was -4": alpha,
        },
        "a wide model needs nearly parallel tokens to show in layer 2 what a narrow one shows at .5.",
        "find the zero of signal_to_noise(1024, alpha) - signal_to_noise(64, 0.5) by bisection",
        tolerance=0.002,
    )


def _solve(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a rising function is zero."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) < 0 else (low, middle)
    return low
