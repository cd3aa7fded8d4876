"""How stored results settle a claim in words: the differences that the claim says are positive."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Rule:
    """How stored results settle a claim.

    Parameters
    ----------
    words
        The rule as a reader sees it.
    differences
        Function of an experiment's report to the differences that the claim says are positive: a table with columns
        ``difference`` and ``standard_error``; empty if the results needed are not all there.
    """

    words: str
    differences: Callable[[pd.DataFrame], pd.DataFrame]


def complete(*parts: pd.DataFrame) -> pd.DataFrame:
    """All differences of a claim, or none if one of them is not known.

    Parameters
    ----------
    parts : DataFrame
        Tables with columns ``difference`` and ``standard_error``; what is missing is not a number.

    Examples
    --------
    >>> complete(pd.DataFrame({"difference": [0.1, None], "standard_error": [0.01, 0.01]})).empty
    True
    """
    found = pd.concat(parts, ignore_index=True)
    return found.iloc[:0] if found.isna().any(axis=None) else found
