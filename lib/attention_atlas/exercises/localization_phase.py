"""Checks of the exercises on the two collapses and on depth (Bao et al. 2024; the exercises are ours).

Every check returns one line for a right answer and raises ValueError with the likely mistake for a wrong one.
"""

import math

from attention_atlas.exercises.judge import judge

MAPS = ((1.0, 0.0, 0.0, 0.0), (0.5, 0.5, 0.0, 0.0))  # weights of one query in two sequences
D_MODEL, LAYERS = 128, 6


def _bits(weights: list[float] | tuple[float, ...]) -> float:
    return -sum(weight * math.log2(weight) for weight in weights if weight)


def check_split(answer: float) -> str:
    """The share of the concentration of ``MAPS`` that is by content, of ln 4.

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
    >>> check_split(0.155639)
    'Correct: two keys of four are never used in either sequence, so most of the concentration is by position.'
    """
    of_mean = _bits([sum(column) / 2 for column in zip(*MAPS, strict=True)])
    mean = sum(map(_bits, MAPS)) / 2
    return judge(
        answer,
        (of_mean - mean) / 2,
        {
            "this is the part by position, of the mean map": (2 - of_mean) / 2,
            "this is the whole concentration, position and content together": (2 - mean) / 2,
            "this is in bits; divide by log2 of the 4 keys": of_mean - mean,
            "this is in nats; divide by the logarithm of the 4 keys": (of_mean - mean) * math.log(2),
            "this has the wrong sign: the mean map has the larger entropy": (mean - of_mean) / 2,
        },
        "two keys of four are never used in either sequence, so most of the concentration is by position.",
        "the entropy of the mean map less the mean entropy, as a share of ln 4",
    )


def check_noise(answer: float) -> str:
    """The eta at which the score of the last token on itself has the standard deviation 1, if d is ``D_MODEL``.

    Parameters
    ----------
    answer : float
        Above 0.

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
    >>> check_noise(8.0)
    'Correct: weights that are a multiple of the identity still make noise, eta sqrt(2 / d) of it.'
    """
    return judge(
        answer,
        math.sqrt(D_MODEL / 2),
        {
            "the square of a standard normal number has the variance 2, not 1": math.sqrt(D_MODEL),
            "the deviation is eta sqrt(2 / d), not eta / sqrt(2 d): variances of d squares add up to 2 d": math.sqrt(
                2 * D_MODEL
            ),
            "this sets eta^2 / d^2 to 1: the d coordinates are independent, so deviations grow as the root of d": float(
                D_MODEL
            ),
            "this is eta^2; take the root": D_MODEL / 2,
            "this is the deviation at eta = 1; the question is for which eta it becomes 1": math.sqrt(2 / D_MODEL),
        },
        "weights that are a multiple of the identity still make noise, eta sqrt(2 / d) of it.",
        "the score is eta |x|^2 / d, and |x|^2 is a sum of d squares of standard normal numbers",
    )


def check_averaging(answer: float) -> str:
    """Diversity after ``LAYERS`` layers of uniform attention with a residual, for a long random walk.

    Parameters
    ----------
    answer : float
        In [0, 1], right within 0.5 %.

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
    >>> check_averaging((1 + 2 * 4**6) ** -0.5)
    'Correct: a residual keeps every difference, and still the common part grows past them, doubling in every layer.'
    """

    def share(growth: float) -> float:
        return (1 + 2 * growth) ** -0.5

    return judge(
        answer,
        share(4.0**LAYERS),
        {
            "without the residual all tokens are equal after one layer; with it the differences stay": 0.0,
            "the mean doubles in every layer, so its square grows by 4, not by 2": share(2.0**LAYERS),
            "this is the diversity of the input: the differences stay, the mean grows": share(1.0),
            "this is the square of the diversity": share(4.0**LAYERS) ** 2,
            "this is one layer too few": share(4.0 ** (LAYERS - 1)),
            "this is one layer too many": share(4.0 ** (LAYERS + 1)),
        },
        "a residual keeps every difference, and still the common part grows past them, doubling in every layer.",
        "split the tokens into their mean and what differs from it; follow both through one layer",
        tolerance=0.005,
    )
