"""Verdicts on claims in words: what a claim says must be greater than zero, and by how much it is.

A rule turns a claim into differences that it says are positive. It agrees when every one of them exceeds zero by four
standard errors, and in sign when every one exceeds zero; the least certain of them is the number on the scorecard.
"""

import math

import pandas as pd

from attention_atlas.rules import catch, language, language_tags, localization, recency, retrieval
from attention_atlas.rules.rule import Rule

SURE = 4  # standard errors
SOURCES = recency, retrieval, localization, catch, language, language_tags
RULES = {claim: rule for source in SOURCES for claim, rule in source.RULES.items()}


def judge(rule: Rule, report: pd.DataFrame) -> dict:
    """What the results say of a claim.

    Parameters
    ----------
    rule
        Of the claim.
    report
        As :func:`attention_atlas.results.report` gives it; only the profile ``paper`` counts.

    Returns
    -------
    dict
        Of the scorecard's columns: ``ours``, the least certain difference, its ``standard_error``, the ``tolerance``
        it has to exceed, ``profile``, ``reason`` and ``verdict``.

    Examples
    --------
    >>> rule = Rule("a rises", lambda report: pd.DataFrame({"difference": [0.2, 0.1], "standard_error": [0.01, 0.05]}))
    >>> judge(rule, pd.DataFrame({"profile": ["paper"]}))["verdict"]
    'agrees in sign'
    """
    whole = report[report["profile"] == "paper"] if len(report) else report
    found = rule.differences(whole) if len(whole) else whole
    if found.empty:
        return {"verdict": "not attempted"}
    sure = found["difference"].gt(0).map({True: math.inf, False: -math.inf})  # where there is no error at all
    least = (found["difference"] / found["standard_error"].where(found["standard_error"] > 0)).fillna(sure).idxmin()
    difference, error = (float(found.loc[least, column]) for column in ("difference", "standard_error"))
    return {
        "ours": difference,
        "standard_error": error,
        "profile": "paper",
        "tolerance": SURE * error,
        "reason": f"{rule.words}; ours is the least certain of {len(found)} such differences, which has to exceed "
        f"{SURE} standard errors",
        "verdict": "agrees" if difference > SURE * error else "agrees in sign" if difference > 0 else "differs",
    }
