"""Checks of the exercises on trigger-conditional averaging (after Ran-Milo 2026; the exercises are ours).

Every check returns one line for a right answer and raises ValueError with the likely mistake for a wrong one.
"""

import math

from attention_atlas.exercises.judge import judge

TOKENS, ERROR = 24, 0.01  # of the first exercise; numbers are of size 1 at most
ERRORS, SLOPE = (0.02, 0.1), 20.0  # at tokens without trigger and at triggers; of a value, in the third


def check_strength(answer: float) -> str:
    """The least beta at which the softmax construction is within ``ERROR`` at every one of ``TOKENS`` tokens.

    Parameters
    ----------
    answer : float
        A logit.

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
    >>> check_strength(math.log(23 * 99))
    'Correct: the sink must outweigh all tokens together, so its logit grows with the logarithm of the length.'
    """
    numbers = TOKENS - 1
    return judge(
        answer,
        math.log(numbers * (1 / ERROR - 1)),
        {
            "BOS is one of the 24 tokens and carries no number: the last query sees 23": math.log(
                TOKENS * (1 / ERROR - 1)
            ),
            "this is e^beta; take the logarithm": numbers * (1 / ERROR - 1),
            "the numbers' own share is in the denominator too: i / (e^beta + i), not i / e^beta": math.log(
                numbers / ERROR
            ),
            "this is for a query that sees one number; the last one sees 23": math.log(1 / ERROR - 1),
            "this is the logarithm to base 10": math.log10(numbers * (1 / ERROR - 1)),
        },
        "the sink must outweigh all tokens together, so its logit grows with the logarithm of the length.",
        "set the bound of the construction to 0.01 for the query that sees the most numbers",
        tolerance=3e-4,
    )


def check_floor(answer: float) -> str:
    """Least attention to BOS at errors ``ERRORS``, ``TOKENS`` tokens, R = 1, and scores that depend on flags only.

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
    >>> check_floor(1 - 23 / 22 * 0.02 / (22 / 24 - 0.1))
    'Correct: small errors force it: at least 97 % of the attention goes to BOS, whatever the weights are.'
    """
    error, trigger = ERRORS
    slope = (TOKENS - 2) / TOKENS
    own = (TOKENS - 1) / (TOKENS - 2)
    bound = own * error / (slope - trigger)
    return judge(
        answer,
        1 - bound,
        {
            "this is what need not go to BOS; the question is what must": bound,
            "the query may attend to itself as well: the factor (T-1)/(T-2)": 1 - error / (slope - trigger),
            "triggers are wrong too, and may then have smaller values": 1 - own * error / slope,
            "errors at triggers make the bound weaker, not stronger": 1 - own * error / (slope + trigger),
            "with scores that depend on flags only there is room R, not R/2": 1 - 2 * bound,
        },
        "small errors force it: at least 97 % of the attention goes to BOS, whatever the weights are.",
        "put the errors, T = 24 and R = 1 into the statement for scores that depend on flags only",
        tolerance=1e-4,
    )


def check_opposed(answer: float) -> str:
    """By how much the attention that two opposed heads pay to numbers must differ at triggers.

    Parameters
    ----------
    answer : float
        A share of attention, if both heads' values have the slope ``SLOPE``.

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
    >>> check_opposed(0.05)
    'Correct: with large values of opposite signs a twentieth of the attention is enough, and nowhere is there a sink.'
    """
    return judge(
        answer,
        1 / SLOPE,
        {
            "this is the slope; the difference times the slope must be 1": SLOPE,
            "the heads have opposite signs: what counts is the difference of their attention, once": 1 / (2 * SLOPE),
            "this is the attention that stays with the numbers in the second head": 1 - 1 / SLOPE,
            "with values of slope 1 one head would have to leave the numbers altogether; here it is 20": 1.0,
            "without a difference the two heads cancel at triggers as well": 0.0,
        },
        "with large values of opposite signs a twentieth of the attention is enough, and nowhere is there a sink.",
        "the answer is slope times (attention of the first head to numbers less that of the second) times their mean",
    )
