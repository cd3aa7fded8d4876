"""Checks of the exercises on sinks and tags in language models (the exercises are ours).

Every check returns one line for a right answer and raises ValueError with the likely mistake for a wrong one.
"""

from attention_atlas.catch_criteria import SINK
from attention_atlas.exercises.judge import judge

TOKENS, NEAR = 128, 0.3  # length of a window; attention on the token itself, and on the one before it
D_HEAD, D_MODEL, DIRECTIONS = 24, 96, 3
RIGHT = {"code": (8100, 9000), "language": (500, 1000)}  # tokens that a probe gets right, of how many


def received(tokens: int = TOKENS, near: float = NEAR) -> list[float]:
    """Mean attention on every token if all give ``near`` to themselves and to the token before, the rest evenly.

    Examples
    --------
    >>> [round(number, 3) for number in received(3)]
    [0.544, 0.467, 0.433]
    """
    found = []
    for key in range(tokens):
        row = [(1 - 2 * near) / (query + 1) for query in range(key, tokens)]
        row[0] += near if key else 2 * near  # the first token has none before it
        if len(row) > 1:
            row[1] += near
        found.append(sum(row) / len(row))
    return found


def check_late_sinks(answer: float) -> str:
    """Number of sinks by Zhang et al. 2025 in a head that looks at the token itself and the one before it.

    Parameters
    ----------
    answer : float
        How many tokens of the window receive more than 0.2.

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
    >>> check_late_sinks(3)
    'Correct: the last three tokens are called sinks, because so few queries see them; no other token is one.'
    """
    right = sum(mean > SINK for mean in received())
    return judge(
        answer,
        right,
        {
            "every token gets .6 in all, but it is divided by the number of queries that see it": TOKENS,
            "the third last gets exactly .2 from itself and the next, and a little from what is spread evenly": 2,
            "the last token is one, but so are those that two or three queries see": 1,
            "look at the last tokens, which few queries see": 0,
        },
        "the last three tokens are called sinks, because so few queries see them; no other token is one.",
        "a token that n queries see gets about .3 / n from itself and .3 / n from the next; compare with .2",
        tolerance=0.0,
    )


def check_random_share(answer: float) -> str:
    """Share of a head's output that random directions of its own space explain on average.

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
    >>> check_random_share(0.125)
    'Correct: in a head of 24 dimensions three arbitrary directions explain 12.5 % already; a share needs its control.'
    """
    return judge(
        answer,
        DIRECTIONS / D_HEAD,
        {
            "a head writes into the d_head directions of its output matrix only, not into all d_model": DIRECTIONS
            / D_MODEL,
            "this is a share of lengths; squares are explained": (DIRECTIONS / D_HEAD) ** 0.5,
            "this is what they leave": 1 - DIRECTIONS / D_HEAD,
            "this is one direction; there are three": 1 / D_HEAD,
        },
        "in a head of 24 dimensions three arbitrary directions explain 12.5 % already; a share needs its control.",
        "all directions of the head's space are alike on average, and together they explain everything",
        tolerance=0.002,
    )


def check_balanced(answer: float) -> str:
    """Balanced accuracy of a probe that gets ``RIGHT`` right.

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
    >>> check_balanced(0.7)
    'Correct: 86 % of the tokens are right, but half of the rarer kind is missed; always "code" would have 90 % and .5.'
    """
    shares = [right / all_of for right, all_of in RIGHT.values()]
    plain = sum(right for right, _ in RIGHT.values()) / sum(all_of for _, all_of in RIGHT.values())
    return judge(
        answer,
        sum(shares) / 2,
        {
            "this is plain accuracy, in which the frequent kind counts nine times as much": plain,
            "this is the accuracy on code alone": shares[0],
            "this is the accuracy on language alone; take the mean of both": shares[1],
            "this is what a probe that reads nothing has": 0.9,
        },
        '86 % of the tokens are right, but half of the rarer kind is missed; always "code" would have 90 % and .5.',
        "take the share of right answers for each kind, and the mean of the two shares",
    )
