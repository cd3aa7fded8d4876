"""Verdicts on claims in words: what a claim says must be greater than zero, and by how much it is.

A rule turns a claim into differences that it says are positive. It agrees when every one of them exceeds zero by four
standard errors; the least certain of them is the number on the scorecard.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

SURE = 4  # standard errors


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
    'differs'
    """
    whole = report[report["profile"] == "paper"] if len(report) else report
    found = rule.differences(whole) if len(whole) else whole
    if found.empty:
        return {"verdict": "not attempted"}
    least = (found["difference"] / found["standard_error"]).idxmin()
    difference, error = (float(found.loc[least, column]) for column in ("difference", "standard_error"))
    return {
        "ours": difference,
        "standard_error": error,
        "profile": "paper",
        "tolerance": SURE * error,
        "reason": f"{rule.words}; ours is the least certain of {len(found)} such differences, which has to exceed "
        f"{SURE} standard errors",
        "verdict": "agrees" if difference > SURE * error else "differs",
    }


def _probabilities(
    report: pd.DataFrame, setting: dict, layers: tuple[int, ...], widths: tuple[int, ...]
) -> pd.DataFrame:
    """Recency probabilities of one setting, layer by layer and width by width; missing ones are not a number."""
    wanted = report[(report[list(setting)] == pd.Series(setting)).all(axis=1)].set_index(["d", "layer"])
    index = pd.MultiIndex.from_product([widths, layers])
    return wanted[["recency_probability", "standard_error"]].reindex(index).reset_index(drop=True)


def _above(high: pd.DataFrame, low: pd.DataFrame | float) -> pd.DataFrame:
    """Recency probabilities less others, or less a number."""
    if not isinstance(low, pd.DataFrame):
        low = high.assign(recency_probability=low, standard_error=0.0)
    return pd.DataFrame(
        {
            "difference": high["recency_probability"] - low["recency_probability"],
            "standard_error": high["standard_error"].combine(low["standard_error"], math.hypot),
        }
    )


def _complete(*parts: pd.DataFrame) -> pd.DataFrame:
    found = pd.concat(parts, ignore_index=True)
    return found.iloc[:0] if found.isna().any(axis=None) else found


def _setting(alpha: float, layernorm: int = 1, residual: int = 0) -> dict:
    return {"alpha": alpha, "layernorm": layernorm, "residual": residual}


def _early(report: pd.DataFrame) -> pd.DataFrame:
    found = _above(_probabilities(report, _setting(0.0, layernorm=0), (3, 4), (16, 64)), 0.5)
    return _complete(found.assign(difference=-found["difference"]))


def _recency(report: pd.DataFrame) -> pd.DataFrame:
    return _complete(_above(_probabilities(report, _setting(0.5), (2, 3, 4), (16, 64)), 0.5))


def _weaker(report: pd.DataFrame) -> pd.DataFrame:
    without, with_residual = (
        _probabilities(report, _setting(0.5, residual=residual), (2, 3, 4), (16, 64)) for residual in (0, 1)
    )
    return _complete(_above(without, with_residual), _above(with_residual, 0.5))


def _amplified(report: pd.DataFrame) -> pd.DataFrame:
    steps = []
    for residual in (0, 1):
        curve = [
            _probabilities(report, _setting(alpha, residual=residual), (2, 3, 4), (16,))
            for alpha in (0.0, 0.2, 0.4, 0.6, 0.8)
        ]
        steps += [_above(high, low) for low, high in pairwise(curve)]
    return _complete(*steps)


RULES = {
    "kim2026-claim-early": Rule(
        "without LayerNorm (alpha 0, no residual) the recency probability is below 1/2 in layers 3 and 4 at d = 16 and "
        "64 (layers 1 and 2 have no preference, by symmetry and by proof)",
        _early,
    ),
    "kim2026-claim-layernorm": Rule(
        "with LayerNorm (alpha 0.5, no residual) it is above 1/2 in layers 2, 3 and 4 at d = 16 and 64 (at alpha 0 and "
        "d = 64, or at d = 1024, it is not visible)",
        _recency,
    ),
    "kim2026-claim-residual": Rule(
        "a residual lowers it and leaves it above 1/2, in layers 2, 3 and 4 at d = 16 and 64, alpha 0.5", _weaker
    ),
    "kim2026-claim-anisotropy": Rule(
        "it rises with every step of alpha from 0 to 0.8, in layers 2, 3 and 4 at d = 16, with and without residual",
        _amplified,
    ),
}
