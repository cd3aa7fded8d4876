"""Checks of the exercises about recency in trained decoders: a head's sign, equal tokens, and what diagonals hide.

Every check returns one line for a right answer and raises ValueError with the likely mistake for a wrong one.
"""

import torch

from attention_atlas.exercises.judge import judge
from attention_atlas.metrics import without_diagonal_means
from attention_atlas.shapes import Float64, Int, Tensor

HEAD = 0.62  # recency probability of the head whose query weights change sign
KINDS = 3  # equally frequent tokens
TOKENS = 40  # in the map of keys' places


def check_turned_head(answer: float) -> str:
    """Recency probability of a head after its query weights changed their sign, .62 before, no ties.

    Parameters
    ----------
    answer : float
        The probability.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If the number is wrong; the message names the likely mistake.

    Examples
    --------
    >>> check_turned_head(0.38)
    'Correct: what a layer reads is the same, but every comparison is turned around.'
    """
    return judge(
        answer,
        1 - HEAD,
        {
            "the scores change their sign, and with it which of two keys wins": HEAD,
            "a probability cannot be negative: it is the share of the other comparisons": -HEAD,
            "one half is the mean of this head and the turned one": 0.5,
        },
        "what a layer reads is the same, but every comparison is turned around.",
        "S becomes -S; which of two scores is larger then?",
    )


def random_tokens(count: int, tokens: int = 12) -> Int[Tensor, "text token"]:
    """Texts of three equally frequent tokens in random order, the same every time.

    Examples
    --------
    >>> random_tokens(2, 5).shape
    torch.Size([2, 5])
    """
    return torch.randint(KINDS, (count, tokens), generator=torch.Generator().manual_seed(0))


def check_ties(answer: float) -> str:
    """Recency probability of random texts of three equally frequent tokens in layer 1, ties counted as not higher.

    Parameters
    ----------
    answer : float
        Its expectation for scores that depend on the two tokens alone and are different for different keys.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If the number is wrong; the message names the likely mistake.

    Examples
    --------
    >>> check_ties(1 / 3)
    'Correct: equal keys tie in one of three cases, and looked like a bias toward early tokens.'
    """
    tie = 1 / KINDS
    return judge(
        answer,
        (1 - tie) / 2,
        {
            "two keys are equal in one of three cases, and a tie is not higher": 0.5,
            "this is the share of comparisons without a tie; half of them are won": 1 - tie,
            "two keys, not three, must be equal: the chance is 1/3, not 1/9": (1 - tie**2) / 2,
        },
        "equal keys tie in one of three cases, and looked like a bias toward early tokens.",
        "how often do two independent tokens agree?",
        tolerance=0.01,
    )


def places_of_keys() -> Float64[Tensor, "query key"]:
    """The map of the exercise: the score of key j is j, for every query, 40 tokens; NaN after the query.

    Examples
    --------
    >>> places_of_keys()[2, :4]
    tensor([1., 2., 3., nan], dtype=torch.float64)
    """
    place = torch.arange(1, TOKENS + 1, dtype=torch.float64)
    return place.expand(TOKENS, TOKENS).masked_fill(place > place[:, None], torch.nan)


def check_half_left(answer: float) -> str:
    """By how much a score still rises from one key to the next, once diagonals' means are off the map of places.

    Parameters
    ----------
    answer : float
        The rise within a row; it was 1.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If the number is wrong; the message names the likely mistake.

    Examples
    --------
    >>> check_half_left(0.5)
    'Correct: half of a preference for places looks like one for distances, and goes with it.'
    """
    row = without_diagonal_means(places_of_keys())[-1]
    return judge(
        answer,
        (row[1] - row[0]).item(),
        {
            "a key's place is not its distance, but along a row the two change together": 1.0,
            "not all of it is a function of the distance: along a diagonal the places differ": 0.0,
            "it still rises with the key, more slowly": -0.5,
        },
        "half of a preference for places looks like one for distances, and goes with it.",
        "the mean of the diagonal at distance d is that of 1, ..., 40 - d",
    )
