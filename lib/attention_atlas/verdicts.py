"""Verdicts on claims in words: what a claim says must be greater than zero, and by how much it is.

A rule turns a claim into differences that it says are all positive. It agrees when every one of them exceeds zero by
four standard errors, and in sign when every one exceeds zero; the least certain of them is the number on the scorecard.
As long as some are not known it can only be refuted: one that lies below zero by four standard errors does.
"""

import math

import pandas as pd

from attention_atlas.outcomes.retrieval_names import PRINTED_STEPS
from attention_atlas.rules import catch, language, language_maps, language_tags, localization, recency, retrieval
from attention_atlas.rules.rule import Rule, known, missing
from attention_atlas.wording import signed

SURE = 4  # standard errors
SOURCES = recency, retrieval, localization, catch, language, language_maps, language_tags
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
        it has to exceed, ``profile``, ``reason`` and ``verdict``; and ``known`` and ``of``, how many differences are
        known and how many there are, and ``missing``, what is not trained yet
        (:func:`attention_atlas.rules.rule.missing`). Where nothing is judged only these, ``reason`` and ``verdict``.

    Examples
    --------
    >>> rule = Rule("a rises", lambda report: pd.DataFrame({"difference": [0.2, 0.1], "standard_error": [0.01, 0.05]}))
    >>> judge(rule, pd.DataFrame({"profile": ["paper"]}))["verdict"]
    'agrees in sign'
    """
    whole = report[report["profile"] == "paper"] if len(report) else report
    found = rule.differences(whole) if len(whole) else pd.DataFrame(columns=["difference", "standard_error"])
    there = known(found)
    counts = {"known": len(there), "of": len(found), "missing": missing(found)}
    refuted = bool((there["difference"] < -SURE * there["standard_error"]).any())
    if there.empty or (len(there) < len(found) and not refuted):
        return counts | {"verdict": "not attempted", "reason": known_words(found)}
    least = _certainty(there).idxmin()
    difference, error = (float(there.loc[least, column]) for column in ("difference", "standard_error"))
    reason = f"{rule.words}; ours is the least certain of {len(there)} such differences, which has to exceed {SURE} "
    reason += "standard errors"
    if len(there) < len(found):
        reason += f"; {len(found) - len(there)} more are not known, but one that is so far below zero refutes the claim"
    return counts | {
        "ours": difference,
        "standard_error": error,
        "profile": "paper",
        "tolerance": SURE * error,
        "reason": reason,
        "verdict": "agrees" if difference > SURE * error else "agrees in sign" if difference > 0 else "differs",
    }


def known_words(found: pd.DataFrame) -> str:
    """What is known of a claim's differences, and how much has to be trained for the others.

    Parameters
    ----------
    found : DataFrame
        As a rule's ``differences`` gives it.

    Examples
    --------
    >>> table = pd.DataFrame({"difference": [0.3, 0.2, None], "standard_error": [0.1, 0.1, None]})
    >>> known_words(table)
    'known: 2 of 3 differences, all positive, the least certain 2.0 standard errors'
    >>> known_words(table[2:].assign(missing=[{"rope-6": 2, "rope-2": 1}]))
    'known: none of 1 difference; missing: 3 trainings of 2 networks'
    """
    if found.empty:
        return "known: none of the differences"
    there, lacking = known(found), missing(found)
    words = f"known: {len(there) or 'none'} of {len(found)} difference{'s' if len(found) > 1 else ''}"
    if len(there):
        positive = int((there["difference"] > 0).sum())
        least = _certainty(there).min()
        words += ", all positive" if positive == len(there) else f", {positive} of them positive"
        words += f", the least certain {signed(least, '.1f')} standard errors" if math.isfinite(least) else ""
    if lacking:
        trainings, networks = sum(lacking.values()), len(lacking)
        words += f"; missing: {trainings} training{'s' if trainings > 1 else ''} of {networks} network"
        words += "s" if networks > 1 else ""
    return words


def at_printed_length(report: pd.DataFrame) -> pd.DataFrame:
    """A report of the experiment ``retrieval`` as if every training had ended after the steps that the paper prints.

    Parameters
    ----------
    report : DataFrame
        As :func:`attention_atlas.results.report` gives it; may be empty.

    Examples
    --------
    >>> at_printed_length(pd.DataFrame({"at": ["100000", "end"], "value": [0.1, 0.2]})).values.tolist()
    [['end', 0.1]]
    """
    return report[report["at"] == str(PRINTED_STEPS)].assign(at="end") if len(report) else report


def _certainty(there: pd.DataFrame) -> pd.Series:
    """Known differences in standard errors; as far from zero as can be where there is no error at all."""
    sure = there["difference"].gt(0).map({True: math.inf, False: -math.inf})
    return (there["difference"] / there["standard_error"].where(there["standard_error"] > 0)).fillna(sure)
