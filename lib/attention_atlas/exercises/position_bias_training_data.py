"""Checks of the exercises about biased training data (Figures 3, 6, 7 and 8 of Wu et al. 2025).

Every check returns one line for a right answer and raises ValueError with the likely mistake for a wrong one.
"""

from attention_atlas.exercises.judge import judge
from attention_atlas.outcomes.retrieval_gaps import LARGE
from attention_atlas.outcomes.retrieval_points import printed_gaps

LABELS = 32


def check_guess(answer: float) -> str:
    """Best accuracy on new classes of a network that knows which labels are in the context, and no more.

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
    >>> check_guess(1 / 32 + (1 - 1 / 32) / 2)
    'Correct: .516, a little above one half, because two classes may have one label.'
    """
    mistakes = {
        "two classes of a sequence have the same label once in 32 times, and then there is nothing to guess": 0.5,
        "this is chance among all labels: the context shows which ones are in play": 1 / LABELS,
        "there are eight items, but two classes: a label stands in the context four times": 1 / 8,
        "the sequences with one label are counted twice: one half belongs to the other 31 of 32": 1 / LABELS + 0.5,
        "this is the share of sequences with two labels": 1 - 1 / LABELS,
        "this is in percent": 50 * (1 + 1 / LABELS),
    }
    praise = ".516, a little above one half, because two classes may have one label."
    return judge(answer, (1 + 1 / LABELS) / 2, mistakes, praise, "how many labels does a context have?")


def check_hidden_u(position_encoding: str, depth: int, residual: bool) -> str:
    """The network of the paper that is lost in the middle although its training data prefer no place.

    Parameters
    ----------
    position_encoding : str
        As in ``data/reference/wu2025_accuracy_gaps.csv``.
    depth : int
        Its attention layers.
    residual : bool
        Whether it has residual connections.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If that network is not the one; the message says why.

    Examples
    --------
    >>> check_hidden_u("none", 2, True)
    Traceback (most recent call last):
    ValueError: not yet: its last place is not ahead of the middle, by .05 at least: the gap is -0.004
    """
    printed = printed_gaps()
    wanted = {"train_bias": "unbiased", "position_encoding": position_encoding, "depth": depth, "residual": residual}
    for name, value in wanted.items():
        printed = printed[printed[name] == value]
    if printed.empty:
        raise ValueError(f"the paper shows no such network without biased data: {position_encoding}, {depth} layers")
    gaps = printed.set_index("gap")["value"]
    for gap, sign, words in (
        ("first_vs_middle", 1, "its first place is not ahead of the middle"),
        ("middle_vs_last", -1, "its last place is not ahead of the middle"),
    ):
        if sign * gaps[gap] < LARGE:
            raise ValueError(f"not yet: {words}, by .05 at least: the gap is {gaps[gap]}")
    return "Correct: ten layers of RoPE make a U of their own. Biased data are one way to it, not the only one."
