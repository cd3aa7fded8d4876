"""Checks of the exercises about attention sinks (Appendix K of Wu et al. 2025)."""

from collections.abc import Sequence

import torch

from attention_atlas.exercises.judge import judge

MAP = ((1.0, 0.0, 0.0, 0.0), (0.9, 0.1, 0.0, 0.0), (0.5, 0.3, 0.2, 0.0), (0.3, 0.1, 0.1, 0.5))
TOKEN = 2  # of the map, counted from 1
THRESHOLDS = (0.2, 0.3)


def check_two_conventions(answer: Sequence[float]) -> str:
    """Is token 2 of the map a sink: by Gu et al., as 0 or 1, and by the printed formula, as a share of entries.

    Parameters
    ----------
    answer : (float, float)
        Gu et al., printed formula; threshold 0.15.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If a number is wrong; the message names the likely mistake.

    Examples
    --------
    >>> check_two_conventions((1, 1 / 3))
    'Correct: one large weight makes the mean, and counts as one entry of three.'
    """
    if len(answer) != 2:
        raise ValueError(f"two numbers are asked for, Gu et al. and then the printed formula, got {len(answer)}")
    gu, printed = (float(number) for number in answer)
    praise = "one large weight makes the mean, and counts as one entry of three."
    judge(
        gu,
        1.0,
        {
            "this divides by all 4 queries: only 3 can see token 2, and their mean, 0.167, exceeds 0.15": 0.0,
            "this is the mean weight: Gu et al. compare it with the threshold, a map counts 0 or 1": 0.5 / 3,
            "this is the printed formula: Gu et al. take the mean first and compare afterwards": 1 / 3,
        },
        praise,
        "Gu et al. ask of a map as a whole: does the mean weight that the token receives exceed the threshold?",
        tolerance=1e-2,
    )
    return judge(
        printed,
        1 / 3,
        {
            "this divides by all 4 queries, but one of them cannot see token 2": 0.25,
            "this is Gu et al.'s convention: the printed formula compares every entry first": 1.0,
            "this is the mean weight: the printed formula counts entries above the threshold": 0.5 / 3,
        },
        praise,
        "the printed formula counts the entries of the column above the threshold, per query that sees the token",
        tolerance=1e-2,
    )


def check_longest_text(answer: Sequence[int]) -> str:
    """Longest text in which uniform causal attention makes token 1 a sink by Gu et al., for two thresholds.

    Parameters
    ----------
    answer : (int, int)
        Numbers of tokens for the thresholds 0.2 and 0.3.

    Returns
    -------
    str
        What the right answer shows.

    Raises
    ------
    ValueError
        If a number is wrong; the message names the likely mistake.

    Examples
    --------
    >>> check_longest_text((17, 9))
    'Correct: 17 tokens, the length of this task, is the longest text in which the mask alone passes 0.2.'
    """
    if len(answer) != len(THRESHOLDS):
        raise ValueError(f"one length for each of the thresholds {THRESHOLDS}, got {len(answer)}")
    praise = "17 tokens, the length of this task, is the longest text in which the mask alone passes 0.2."
    length = torch.arange(1, 101, dtype=torch.float64)
    harmonic = (1 / length).cumsum(0)
    for number, threshold in zip(answer, THRESHOLDS, strict=True):
        right = int((harmonic / length > threshold).sum())
        logarithm = ((length.log() / length > threshold) & (length > 2)).nonzero().max() + 1
        mistakes = {
            "this is the first length at which it is no sink, one token too long": right + 1,
            "this asks the last query only: average over all": int((1 / length > threshold).sum()),
            "this takes ln N for 1 + 1/2 + ... + 1/N: at these lengths the difference matters": int(logarithm),
        }
        judge(number, right, mistakes, praise, "token 1 receives 1, 1/2, ..., 1/N from the N queries", tolerance=0)
    return f"Correct: {praise}"
