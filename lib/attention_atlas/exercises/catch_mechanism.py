"""Checks of the exercises on how a sink tags tokens (after Zhang et al. 2025; the exercises are ours).

Every check returns one line for a right answer and raises ValueError with the likely mistake for a wrong one.
"""

from attention_atlas.exercises.judge import judge

THRESHOLD = 0.3  # mean attention that makes a sink for Gu et al. 2025
ON_SEPARATOR = 0.6  # attention of every token on the separator, and as much of what it gets is the tag


def _received(numbers: int, first: int = 1) -> float:
    """Mean attention on one of some numbers that are averaged under a causal mask, from those that see it."""
    return sum(1 / seen for seen in range(first, numbers + 1)) / (numbers - first + 1)


def check_geometry(answer: float) -> str:
    """How many numbers after [SEP] it takes until layer 2 of the construction has no sink with the ``THRESHOLD``.

    Parameters
    ----------
    answer : float
        The least number.

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
    >>> check_geometry(10)
    'Correct: with up to 9 numbers the first one is called a sink, and all that it does is to be averaged.'
    """
    return judge(
        answer,
        next(n for n in range(1, 100) if _received(n) <= THRESHOLD),
        {
            "with these the first number still receives more than the threshold": 9,
            "this is for the threshold 0.2": next(n for n in range(1, 100) if _received(n) <= 0.2),
            "the last token's weight is 1/n, but a sink is judged by the mean over all who see it": 4,
            "the second number stops being one here; the first receives more": next(
                n for n in range(2, 100) if _received(n, first=2) <= THRESHOLD
            ),
            "count the numbers after [SEP], not the tokens": 11,
        },
        "with up to 9 numbers the first one is called a sink, and all that it does is to be averaged.",
        "the i-th number after [SEP] gives 1/i to each of those that it sees; average 1, 1/2, ..., 1/n",
        tolerance=0.0,
    )


def check_explained(answer: float) -> str:
    """Share of a head's output that the tag explains if tokens give ``ON_SEPARATOR`` to [SEP], the rest to one number.

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
        If it is wrong; the message names the likely mistake.

    Examples
    --------
    >>> check_explained(0.6923)
    'Correct: squares make the larger part look larger, so explained variance is not attention on the sink.'
    """
    tag, rest = ON_SEPARATOR, 1 - ON_SEPARATOR
    return judge(
        answer,
        tag**2 / (tag**2 + rest**2),
        {
            "this is the attention itself; the share is one of squared lengths": tag,
            "divide by the squared length of the whole output, tag and rest": tag**2,
            "this is what the tag does not explain": rest**2 / (tag**2 + rest**2),
            "this is a share of lengths, take their squares: ||P O||^2 / ||O||^2": tag / (tag**2 + rest**2) ** 0.5,
            "the two parts are orthogonal, so their squares add up, not their lengths": 1 - rest**2,
        },
        "squares make the larger part look larger, so explained variance is not attention on the sink.",
        "every token gets 0.6 of the tag and 0.4 of a vector of the same length at a right angle to it",
        tolerance=0.002,
    )
