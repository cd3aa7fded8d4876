"""Checks of the exercises on LocAteR on text.

Every check returns one line for a right answer and raises ValueError with the likely mistake for a wrong one.
"""

import math
from statistics import mean, stdev

from attention_atlas.exercises.judge import judge

WITHOUT, WITH = (40.0, 43.0, 41.0), (39.2, 42.0, 40.4)  # perplexities of three seeds
TOKENS = 128


def check_paired_error(answer: float) -> str:
    """Standard error of the mean difference of perplexities 40, 43, 41 without a penalty and 39.2, 42, 40.4 with it.

    Parameters
    ----------
    answer : float
        Of the paired difference, seed by seed.

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
    >>> check_paired_error(0.11547)
    'Correct: the seeds differ by 3 and the differences by 0.4; unpaired the error would be ten times this'
    """
    apart = [one - other for one, other in zip(WITH, WITHOUT, strict=True)]
    right = stdev(apart) / math.sqrt(3)
    mistakes = {
        "this is the standard deviation: the error of a mean of 3 is smaller by the root of 3": stdev(apart),
        "this divides by 3 in the variance: with the mean estimated it is 2": right * math.sqrt(2 / 3),
        "this is not paired: take the differences first": math.hypot(stdev(WITH), stdev(WITHOUT)) / math.sqrt(3),
        "this is the mean difference": abs(mean(apart)),
        "the error is positive; this is the mean difference": mean(apart),
        "divide by the root of 3, not by 3": stdev(apart) / 3,
    }
    praise = "the seeds differ by 3 and the differences by 0.4; unpaired the error would be ten times this"
    return judge(
        answer, right, mistakes, praise, "the standard deviation of three differences, over the root of 3", 5e-3
    )


def check_highest_entropy(answer: float) -> str:
    """Entropy of uniform causal attention over 128 tokens, in nats, mean over the queries that see 2 or more.

    Parameters
    ----------
    answer : float
        In nats.

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
    >>> check_highest_entropy(sum(math.log(seen) for seen in range(2, 129)) / 127)
    'Correct: no causal attention over 128 tokens can have more, and a penalty that shrinks W to 0 ends there'
    """
    total = math.lgamma(TOKENS + 1)  # ln 128!
    mistakes = {
        "this is the last query only: the others see fewer tokens": math.log(TOKENS),
        "the first query sees one token and does not count: divide by 127": total / TOKENS,
        "these are bits: take the natural logarithm": total / (TOKENS - 1) / math.log(2),
        "this is the logarithm of the mean number of tokens seen, not the mean logarithm": math.log((TOKENS + 2) / 2),
        "this is the sum: divide by the number of queries": total,
    }
    praise = "no causal attention over 128 tokens can have more, and a penalty that shrinks W to 0 ends there"
    return judge(answer, total / (TOKENS - 1), mistakes, praise, "query i sees i tokens alike: its entropy is ln i")
