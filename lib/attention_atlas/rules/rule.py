"""How stored results settle a claim in words: the differences that the claim says are positive."""

import math
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
        Function of an experiment's report to the differences that the claim says are *all* positive: a table with
        columns ``difference`` and ``standard_error``, not a number where it is not known, and perhaps ``missing``, the
        trainings that are wanting by name (:func:`complete`). A single seed has no standard error, so it tells nothing.
    """

    words: str
    differences: Callable[[pd.DataFrame], pd.DataFrame]


def complete(*parts: pd.DataFrame) -> pd.DataFrame:
    """All differences of a claim in one table; what is not known stays in it and is not a number.

    Parameters
    ----------
    parts : DataFrame
        Tables with columns ``difference`` and ``standard_error``, and perhaps ``missing``: by name of what has to be
        trained for the difference, how many trainings are wanting.

    Examples
    --------
    >>> complete(pd.DataFrame({"difference": [0.1], "standard_error": [0.01]}), pd.DataFrame({"difference": [None]}))
       difference  standard_error
    0         0.1            0.01
    1         NaN             NaN
    """
    found = pd.concat(parts, ignore_index=True)
    return found.astype({"difference": float, "standard_error": float})


def over_seeds(differences: pd.Series, least: int, missing: dict[str, int] | None = None) -> pd.DataFrame:
    """A difference that every seed has, as a table of one row: mean and standard error, not a number of too few seeds.

    Parameters
    ----------
    differences : Series
        One for each seed, NaN where there is none.
    least : int
        Seeds without which nothing is known, at least 2.
    missing : dict, optional
        What is wanting then, as :func:`complete` has it.

    Examples
    --------
    >>> over_seeds(pd.Series([1.0, 3.0]), 2).to_dict("list"), over_seeds(pd.Series([1.0]), 2).isna().all(axis=None)
    ({'difference': [2.0], 'standard_error': [1.0]}, np.True_)
    """
    found = differences.dropna()
    few = len(found) < least
    mean, error = (math.nan, math.nan) if few else (found.mean(), found.sem())
    rest = {} if missing is None else {"missing": [missing if few else {}]}
    return pd.DataFrame({"difference": [mean], "standard_error": [error]} | rest)


def known(found: pd.DataFrame) -> pd.DataFrame:
    """The differences that have a number and an error.

    Examples
    --------
    >>> len(known(pd.DataFrame({"difference": [0.1, 0.2], "standard_error": [0.01, None]})))
    1
    """
    return found[found[["difference", "standard_error"]].notna().all(axis=1)]


def missing(found: pd.DataFrame) -> dict[str, int]:
    """What has to be trained before every difference is known: how many trainings of what, each counted once.

    Examples
    --------
    >>> missing(pd.DataFrame({"missing": [{"a": 2}, {"a": 2, "b": 1}]}))
    {'a': 2, 'b': 1}
    """
    return {name: count for each in found.get("missing", []) for name, count in each.items()}
