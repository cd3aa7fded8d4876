"""Checks of the exercises on the construction that averages the numbers after a separator.

Every check returns one line for a right answer and raises ValueError with the likely mistake for a wrong one.
"""

import math

import torch

from attention_atlas.exercises.judge import judge
from attention_atlas.theory.catch_tag_release.construction import retrieval
from attention_atlas.theory.catch_tag_release.exact_error import expected_share, worst_error


def check_strength(answer: float) -> str:
    """The gamma at which a thousandth of the attention is left on 30 numbers before [SEP], with 10 after it.

    Parameters
    ----------
    answer : float
        With perfect tags (beta large), to 1 %.

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
    >>> check_strength(8.005)
    'Correct: gamma has to grow with log(m/n), the rest of the length costs nothing'
    """
    mistakes = {
        "this takes as many numbers before [SEP] as after it: the odds are (m/n) e^-gamma": math.log(999),
        "m and n have changed places": math.log(999 / 3),
        "this is the decimal logarithm": math.log10(3 * 999),
        "all 30 numbers together get the thousandth, not each of them": math.log(999 / 10),
        "[SEP] has the logit -gamma, but the numbers before it have 0": math.log(3 * 999) / 2,
    }
    praise = "gamma has to grow with log(m/n), the rest of the length costs nothing"
    hint = "untagged tokens have the logit 0 and tagged ones gamma: write down their shares"
    return judge(answer, math.log(3 * 999), mistakes, praise, hint, tolerance=0.01)


def check_range(answer: float) -> str:
    """The largest error for numbers in [10, 11]: [SEP], then one number, gamma = 2, perfect tags.

    Parameters
    ----------
    answer : float
        Of the two-layer construction, in absolute terms.

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
    >>> check_range(0.19785)
    'Correct: what [SEP] gets is taken from the answer, 11 times its weight'
    """
    place, gamma = torch.tensor(0), torch.tensor(2.0, dtype=torch.float64)
    weights = retrieval(torch.ones(2, dtype=torch.float64), place, gamma)
    taken = weights[0].item()
    mistakes = {
        "this is the error for numbers in [0, 1]: the value of [SEP] is 0, not 10": worst_error(weights, place).item(),
        "this is the error for the number 10: the worst is the other end": 10 * taken,
        "the logit of [SEP] is gamma (1 - 2): its own tag is 1 as well": 11 / (1 + math.exp(6)),
        "the number has the logit gamma and [SEP] has -gamma: they differ by 2 gamma": 11 / (1 + math.exp(2)),
        "this is the weight of [SEP] in odds: divide by 1 + e^-4": 11 * math.exp(-4),
    }
    right = worst_error(weights, place, 10, 11).item()
    praise = "what [SEP] gets is taken from the answer, 11 times its weight"
    return judge(answer, right, mistakes, praise, "find the weight of [SEP]; it brings a 0", tolerance=2e-3)


def check_share(answer: float) -> str:
    """Share of the last number in the best guess of one layer: four tokens, [SEP] at any of the first three places.

    Parameters
    ----------
    answer : float
        The coefficient of the last number.

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
    >>> check_share(11 / 18)
    'Correct: the last number is the only one of which one layer knows that it counts'
    """
    mistakes = {
        "this averages all three numbers alike: the last one is known to come after [SEP]": 1 / 3,
        "this is one over the mean of n: take the mean of 1/n": 1 / 2,
        "this is the share of each of the other numbers": (1 - expected_share(4)) / 2,
        "this is the share of the other numbers together": 1 - expected_share(4),
        "n is 1, 2 or 3: [SEP] may come first": 3 / 4,
    }
    praise = "the last number is the only one of which one layer knows that it counts"
    return judge(
        answer, expected_share(4), mistakes, praise, "its share is 1/n given n; average over n", tolerance=1e-3
    )


def check_copy(answer: float) -> str:
    """The factor v above which the variant with s = 3 prefers tagged numbers to a [SEP] that does not come first.

    Parameters
    ----------
    answer : float
        The threshold for large beta.

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
    >>> check_copy(1.0)
    'Correct: whatever s is, the copy must outdo the original'
    """
    mistakes = {
        "there the tagged numbers have the same sign as [SEP] (v s > 1), but [SEP] is still ahead": 1 / 3,
        "this forgets that [SEP] is tagged too, by the numbers before it: it has s - v": 4 / 3,
        "the numbers before [SEP] have -1 and take it down: it has s - v, not s + v": 2.0,
        "this compares tagged numbers with untagged ones; any v above 0 separates these": 0.0,
    }
    praise = "whatever s is, the copy must outdo the original"
    return judge(answer, 1.0, mistakes, praise, "after layer 1 a tagged number has v s - 1 and [SEP] has s - v")
