"""Rules that settle the claims of Wu et al. 2025 by gaps and sinks of trained networks, means over seeds."""

import math
from collections.abc import Iterable
from itertools import pairwise

import pandas as pd

from attention_atlas.outcomes.retrieval_names import GAPS
from attention_atlas.outcomes.retrieval_tables import accuracy_gaps, attention_sinks, over_seeds
from attention_atlas.rules.rule import Rule, complete

FROM_FIRST = ("first_vs_middle", "first_vs_last")
ENCODINGS = ("none", "decay", "rope")
DEPTHS = {0: (2, 4, 6), 1: (2, 6, 10)}  # of the paper, without and with residual
WINDOWS, PREFIXES = (5, 9, 13), (2, 4, 6)


def _gap(gaps: pd.DataFrame, gap: str, **setting) -> pd.Series:
    """Mean and standard error of one gap; not a number where it is missing."""
    usual = {"setting": "gaussian_mixture", "train_bias": "unbiased", "mask": "causal", "position_encoding": "none"}
    wanted = usual | {"depth": 2, "residual": 1, "gap": gap} | setting
    found = gaps[(gaps[list(wanted)] == pd.Series(wanted)).all(axis=1)] if len(gaps) else gaps
    return _row(found)


def _row(found: pd.DataFrame) -> pd.Series:
    numbers = ["mean", "standard_error"]
    return found.iloc[0][numbers].astype(float) if len(found) == 1 else pd.Series(math.nan, index=numbers)


def _less(high: pd.Series, low: pd.Series | float = 0.0) -> dict:
    """How far one number lies above another."""
    low = low if isinstance(low, pd.Series) else pd.Series({"mean": low, "standard_error": 0.0})
    error = math.hypot(high["standard_error"], low["standard_error"])
    return {"difference": high["mean"] - low["mean"], "standard_error": error}


def _below(low: pd.Series, high: pd.Series | float = 0.0) -> dict:
    difference = _less(low, high)
    return difference | {"difference": -difference["difference"]}


def _all(differences: Iterable[dict]) -> pd.DataFrame:
    return complete(pd.DataFrame(list(differences), columns=["difference", "standard_error"]))


def _depth(report: pd.DataFrame) -> pd.DataFrame:
    gaps = accuracy_gaps(report)
    return _all(
        _less(*(_gap(gaps, gap, position_encoding=encoding, residual=0, depth=depth) for depth in (6, 2)))
        for encoding in ENCODINGS
        for gap in FROM_FIRST
    )


def _decay(report: pd.DataFrame) -> pd.DataFrame:
    gaps = accuracy_gaps(report)
    return _all(
        _less(*(_gap(gaps, gap, position_encoding=e, residual=residual, depth=depth) for e in ("rope", "decay")))
        for residual, depths in DEPTHS.items()
        for depth in depths
        for gap in FROM_FIRST
    )


def _middle_last(report: pd.DataFrame) -> pd.DataFrame:
    gaps = accuracy_gaps(report)

    def size(gap: str) -> pd.Series:
        cells = [
            _gap(gaps, gap, position_encoding=encoding, residual=residual, depth=depth)
            for residual, depths in DEPTHS.items()
            for depth in depths
            for encoding in ENCODINGS
        ]
        error = math.hypot(*(cell["standard_error"] for cell in cells)) / len(cells)
        return pd.Series({"mean": sum(abs(cell["mean"]) for cell in cells) / len(cells), "standard_error": error})

    return _all(_less(size(gap), size("middle_vs_last")) for gap in FROM_FIRST)


def _not_monotone(report: pd.DataFrame) -> pd.DataFrame:
    gaps = accuracy_gaps(report)
    differences = []
    for encoding in ("decay", "rope"):
        two, six, ten = (_gap(gaps, "first_vs_middle", position_encoding=encoding, depth=d) for d in DEPTHS[1])
        differences += [_less(six, two), _less(six, ten)]
    return _all(differences)


def _first_only(report: pd.DataFrame) -> pd.DataFrame:
    gaps = accuracy_gaps(report)

    def ends(bias: str, encoding: str) -> pd.Series:
        return _gap(gaps, "first_vs_last", train_bias=bias, position_encoding=encoding)

    express = [_less(ends("first", "none")), *(_below(ends("last", encoding)) for encoding in ("sin", "rope"))]
    return _all([*express, _less(ends("last", "none"))])


def _lost_in_the_middle(report: pd.DataFrame) -> pd.DataFrame:
    gaps = accuracy_gaps(report)
    differences = []
    for mask in ("causal", "none"):
        for encoding in ("sin", "rope"):
            setting = {"train_bias": "first_and_last", "mask": mask, "position_encoding": encoding}
            differences += [_less(_gap(gaps, "first_vs_middle", **setting))]
            differences += [_below(_gap(gaps, "middle_vs_last", **setting))]
    return _all(differences)


def _sinks(report: pd.DataFrame) -> pd.DataFrame:
    sinks = attention_sinks(report)

    def tokens(mask: str, parameter: int | None) -> list[pd.Series]:
        of_mask = sinks[sinks["mask"] == mask]
        parameters = of_mask["mask_parameter"].astype(float)
        of_mask = of_mask[parameters.isna() if parameter is None else parameters == parameter]
        return [_row(of_mask[of_mask["token"] == token]) for token in range(1, 18)]

    def largest(rows: list[pd.Series]) -> pd.Series:
        return max(rows, key=lambda row: row["mean"])

    def share_of_first(rows: list[pd.Series]) -> pd.Series:
        total = sum(row["mean"] for row in rows)
        share = rows[0]["mean"] / total if total else math.nan
        others = math.hypot(*(row["standard_error"] for row in rows[1:]))
        error = math.hypot(rows[0]["standard_error"] * (1 - share), others * share) / total if total else math.nan
        return pd.Series({"mean": share, "standard_error": error})

    first, *others = tokens("causal", None)
    differences = [_less(first, largest(others))]
    shares = [share_of_first(tokens("sliding_window", width)) for width in WINDOWS]
    differences += [_less(wide, narrow) for narrow, wide in pairwise(shares)]
    for length in PREFIXES:
        rows = tokens("prefix", length)
        least = min(rows[:length], key=lambda row: row["mean"])
        differences.append(_less(least, largest(rows[length:])))
    return _all(differences)


def _fixed_vocabulary(report: pd.DataFrame) -> pd.DataFrame:
    found = over_seeds(report)
    found = found[found["quantity"].isin(GAPS) & (found["mask"] != "sliding_window") & (found["mask"] != "prefix")]
    keys = ["train_bias", "mask", "position_encoding", "depth", "residual", "quantity"]
    both = found.pivot_table(index=keys, columns="setting", values="mean")
    if "fixed" not in both or len(both.dropna()) < len(both):
        return _all([{"difference": math.nan, "standard_error": math.nan}])
    large = both[both["gaussian_mixture"].abs() >= 0.05]
    share = ((large["fixed"] * large["gaussian_mixture"]) > 0).mean()
    return _all([{"difference": share - 0.5, "standard_error": math.sqrt(0.25 / len(large))}])


RULES = {
    "wu2025-claim-a": Rule(
        "without residual, the gaps first-middle and first-last are larger at depth 6 than at depth 2, for each of no "
        "encoding, decay and RoPE",
        _depth,
    ),
    "wu2025-claim-b": Rule(
        "the gaps first-middle and first-last are smaller with decay than with RoPE, at every depth, with and without "
        "residual",
        _decay,
    ),
    "wu2025-claim-c": Rule(
        "the mean size of the gap middle-last over the 18 unbiased networks is below that of first-middle and of "
        "first-last (network by network it is not, in the paper's own numbers)",
        _middle_last,
    ),
    "wu2025-claim-d": Rule(
        "with residual, the gap first-middle at depth 6 is above those at depth 2 and 10, for decay and RoPE (with no "
        "encoding the paper's own numbers fall monotonically)",
        _not_monotone,
    ),
    "wu2025-claim-e": Rule(
        "the causal network without encoding has a positive gap first-last when trained on first and still when "
        "trained on last, where the networks with sin and RoPE have a negative one",
        _first_only,
    ),
    "wu2025-claim-f": Rule(
        "trained on first and last, the networks with sin and RoPE have a positive gap first-middle and a negative "
        "gap middle-last, with and without a causal mask",
        _lost_in_the_middle,
    ),
    "wu2025-claim-g": Rule(
        "by Gu et al.'s convention, in percent: token 1 leads under the causal mask; its share of all sinks rises from "
        "window 5 to 9 to 13; every token of a prefix exceeds every other",
        _sinks,
    ),
    "wu2025-claim-h": Rule(
        "of the gaps that are at least 0.05 in size in the Gaussian mixture, more than half have the same sign under "
        "the fixed vocabulary, by four binomial standard errors",
        _fixed_vocabulary,
    ),
}
