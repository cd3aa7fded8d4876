"""Rules that settle the claims of Bao et al. 2024 by the phase diagram of attention over mean and deviation."""

import math

import pandas as pd

from attention_atlas.rules.rule import Rule, complete

POINT = "T64-d128"
SMALL = [(eta, 0.0) for eta in (5.0, 10.0, 20.0, 40.0, 80.0)]  # no variance, a mean away from zero
RESIDUAL, ENTROPY = 0.1, 0.5  # of the book's criterion: below the first ranks collapse, below the second entropy does


def _quantity(report: pd.DataFrame, quantity: str, places: list[tuple[float, float]]) -> pd.DataFrame:
    """Means and errors of one quantity at some places (eta, deviation); what is missing is not a number."""
    rows = report[(report["point"] == POINT) & (report["quantity"] == quantity)].set_index(["eta", "deviation"])
    wanted = pd.MultiIndex.from_tuples(places)
    return rows[["mean", "standard_error"]].reindex(wanted).reset_index(drop=True)


def _less(high: pd.DataFrame, low: pd.DataFrame | float) -> pd.DataFrame:
    """One quantity less another, or less a number."""
    if not isinstance(low, pd.DataFrame):
        low = high.assign(mean=low, standard_error=0.0)
    errors = high["standard_error"].combine(low["standard_error"], math.hypot)
    return pd.DataFrame({"difference": high["mean"] - low["mean"], "standard_error": errors})


def _localized(report: pd.DataFrame) -> pd.DataFrame:
    narrow, wide = (_quantity(report, "by_position", [(20.0, deviation)]) for deviation in (0.0, 16.0))
    position, content = (_quantity(report, name, SMALL) for name in ("by_position", "by_content"))
    return complete(_less(position, content), _less(narrow, wide))


def _neither(report: pd.DataFrame) -> pd.DataFrame:
    return complete(
        _less(_quantity(report, "residual", SMALL), RESIDUAL), _less(_quantity(report, "entropy", SMALL), ENTROPY)
    )


RULES = {
    "bao2024-localization": Rule(
        "at deviation 0 and eta 5 to 80 position explains more of the concentration than content does, and at eta 20 "
        "more than with deviation 16; full softmax, no mask, 64 tokens, 128 dimensions, random walks",
        _localized,
    ),
    "bao2024-collapses": Rule(
        "at deviation 0 and eta 5 to 80 the rank residual is above 0.1 and the normalized entropy above 0.5, where we "
        "draw the lines; the same setting (at eta 0, and far beyond 80, one of the two collapses: the regime can "
        "prevent both, as the published abstract says)",
        _neither,
    ),
}
