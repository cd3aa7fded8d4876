"""Checks of the exercises on giving the tag to other tokens (ours).

Every check returns one line for a right answer and raises ValueError with the likely mistake for a wrong one.
"""

import math

from attention_atlas.exercises.judge import judge

NUMBERS, TAGGED, AFTER = (0.2, 0.4, 0.6, 0.8), (0, 3), (2, 3)
TAGGED_KEYS, OTHER_KEYS, LEAD = 6, 9, 8.0


def check_output(answer: float) -> str:
    """The output for ``NUMBERS`` if those at ``TAGGED`` have the tag.

    Parameters
    ----------
    answer : float
        The output.

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
    >>> check_output(0.5)
    'Correct: where the separator is no longer matters, only who is tagged.'
    """
    return judge(
        answer,
        _mean(TAGGED),
        {
            "this is the mean of the numbers after [SEP]; the tag has been moved": _mean(AFTER),
            "this is the sum of the tagged numbers; attention weights sum to 1": 2 * _mean(TAGGED),
        },
        "where the separator is no longer matters, only who is tagged.",
        "take the mean of the tagged numbers",
    )


def check_squared_distance(answer: float) -> str:
    """The squared distance of that output from the mean of the numbers after the separator.

    Parameters
    ----------
    answer : float
        The square.

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
    >>> check_squared_distance(0.04)
    'Correct: a large error on the task, and no error at all on what the mechanism predicts.'
    """
    distance = _mean(AFTER) - _mean(TAGGED)
    return judge(
        answer,
        distance**2,
        {"this is the distance; square it": distance, "the distance is not squared, and has the wrong sign": -distance},
        "a large error on the task, and no error at all on what the mechanism predicts.",
        "the target is still the mean of the numbers after [SEP]",
    )


def check_half(whole: float, half: float) -> str:
    """The shares of attention on untagged numbers with the whole tag and with half of it.

    Parameters
    ----------
    whole, half : float
        In [0, 1].

    Returns
    -------
    str
        What the right answers show.

    Raises
    ------
    ValueError
        If one is wrong; the message names the likely mistake.

    Examples
    --------
    >>> check_half(0.000502942, 0.0267393)
    'Correct: half the tag lets fifty times as much attention stray.'
    """
    return judge(
        half,
        _stray(LEAD / 2),
        {"a score is halved, not a weight": _stray(LEAD) / 2, "this is with the whole tag": _stray(LEAD)},
        judge(
            whole,
            _stray(LEAD),
            {
                "this is the weight of one untagged number; there are nine": _stray(LEAD) / OTHER_KEYS,
                "count the nine and the six: both kinds share the attention": math.exp(-LEAD),
            },
            "half the tag lets fifty times as much attention stray.",
            "an untagged key has exp(-8) of a tagged one's weight",
        ).removeprefix("Correct: "),
        "halve the score that the tag adds",
    )


def _mean(places: tuple[int, ...]) -> float:
    return sum(NUMBERS[place] for place in places) / len(places)


def _stray(lead: float) -> float:
    """Attention on the untagged keys if tagged ones score so much more."""
    other = OTHER_KEYS * math.exp(-lead)
    return other / (TAGGED_KEYS + other)
