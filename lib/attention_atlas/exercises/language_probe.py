"""Checks of the exercises on probing a model: what attention that looks at nothing in particular already shows.

Every check returns one line for a right answer and raises ValueError with the likely mistake for a wrong one.
"""

from attention_atlas.exercises.judge import judge

THRESHOLD = 0.2


def _first(tokens: int) -> float:
    """Mean attention that even causal attention gives to the first of some tokens."""
    return sum(1 / seen for seen in range(1, tokens + 1)) / tokens


def check_even_first(answer: float, tokens: int) -> str:
    """What the first token receives from causal attention that is even, on average over those who see it.

    Parameters
    ----------
    answer : float
        In [0, 1].
    tokens : int
        Length of the text.

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
    >>> check_even_first(0.75, 2)
    'Correct: so much is the mask alone; only what exceeds it was learned.'
    """
    return judge(
        answer,
        _first(tokens),
        {
            "this is what every token would get if all queries saw all tokens": 1 / tokens,
            "this is the sum over queries, not their mean": tokens * _first(tokens),
            "this leaves out the first token's attention to itself": (tokens * _first(tokens) - 1) / (tokens - 1),
        },
        "so much is the mask alone; only what exceeds it was learned.",
        "query i, counted from 1, sees i tokens and gives 1/i to each; average over all queries",
    )


def check_longest_with_a_sink(answer: int) -> str:
    """The longest text in which even causal attention makes the first token a sink, at the threshold 0.2.

    Parameters
    ----------
    answer : int
        Tokens.

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
    >>> check_longest_with_a_sink(17)
    'Correct: a short text has a sink without any learning, so probe long ones.'
    """
    longest = max(tokens for tokens in range(1, 100) if _first(tokens) > THRESHOLD)
    return judge(
        answer,
        longest,
        {
            "this is the first length without a sink": longest + 1,
            "a query that sees five tokens gives exactly .2, but the mean over all queries counts": 5,
            "this compares the last query's share, 1/T, with the threshold": 4,
        },
        "a short text has a sink without any learning, so probe long ones.",
        "the first token receives the T-th harmonic number over T; where does that fall to .2?",
        tolerance=0,
    )
