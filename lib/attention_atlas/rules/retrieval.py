"""Rules that settle the claims of Wu et al. 2025 by gaps and sinks of trained networks, means over seeds."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise, product

import pandas as pd

from attention_atlas.outcomes.retrieval_names import GAPS, setting_name
from attention_atlas.outcomes.retrieval_tables import accuracy_gaps, attention_sinks, gaps_over_seeds
from attention_atlas.rules.rule import Rule, complete

SEEDS = 2  # of every setting at least: one has no standard error
FROM_FIRST = ("first_vs_middle", "first_vs_last")
ENCODINGS = ("none", "decay", "rope")
DEPTHS = {0: (2, 4, 6), 1: (2, 6, 10)}  # of the paper, without and with residual
WINDOWS, PREFIXES = (5, 9, 13), (2, 4, 6)
BIASES = ("first", "middle", "last", "first_and_last")
USUAL = {"setting": "gaussian_mixture", "train_bias": "unbiased", "mask": "causal", "position_encoding": "none",
         "depth": 2, "residual": 1}  # fmt: skip
LARGE = 0.05  # size from which on a gap has to keep its sign under the fixed vocabulary
SURE_SIGN = 2  # standard errors by which a gap has one
UNBIASED = [
    {"position_encoding": encoding, "residual": residual, "depth": depth}
    for residual, depths in DEPTHS.items()
    for depth in depths
    for encoding in ENCODINGS
]
BIASED = [  # without mask and encoding every gap is 0, by proof, and there is no sign to keep
    {"train_bias": bias, "mask": mask, "position_encoding": encoding}
    for bias, mask, encoding in product(BIASES, ("causal", "none"), ("none", "sin", "rope"))
    if (mask, encoding) != ("none", "none")
]


@dataclass(frozen=True)
class _Mean:
    """A mean over seeds, its standard error (NaN of a single seed), and which trainings are wanting for it."""

    mean: float
    standard_error: float
    missing: dict[str, int] = field(default_factory=dict)


def _mean(found: pd.DataFrame, name: str) -> _Mean:
    """The one row that was found of a setting; not a number where there is none."""
    seeds = int(found["seeds"].iloc[0]) if len(found) else 0
    missing = {name: SEEDS - seeds} if seeds < SEEDS else {}
    if found.empty:
        return _Mean(math.nan, math.nan, missing)
    return _Mean(float(found["mean"].iloc[0]), float(found["standard_error"].iloc[0]), missing)


def _gap(gaps: pd.DataFrame, gap: str, **setting) -> _Mean:
    """One gap of a setting."""
    wanted = USUAL | setting
    asked = wanted | {"gap": gap}
    found = gaps[(gaps[list(asked)] == pd.Series(asked)).all(axis=1)] if len(gaps) else gaps
    return _mean(found, setting_name(**wanted | {"residual": bool(wanted["residual"])}))


def _less(high: _Mean, low: _Mean | None = None) -> dict:
    """How far one number lies above another, or above zero."""
    low = low or _Mean(0.0, 0.0)
    error = math.hypot(high.standard_error, low.standard_error)
    return {"difference": high.mean - low.mean, "standard_error": error, "missing": high.missing | low.missing}


def _below(low: _Mean) -> dict:
    """How far a number lies below zero."""
    return _less(_Mean(-low.mean, low.standard_error, low.missing))


def _all(differences: Iterable[dict]) -> pd.DataFrame:
    return complete(pd.DataFrame(list(differences), columns=["difference", "standard_error", "missing"]))


def _missing(parts: Iterable[_Mean]) -> dict[str, int]:
    return {name: count for part in parts for name, count in part.missing.items()}


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

    def size(gap: str) -> _Mean:
        cells = [_gap(gaps, gap, **network) for network in UNBIASED]
        error = math.hypot(*(cell.standard_error for cell in cells)) / len(cells)
        return _Mean(sum(abs(cell.mean) for cell in cells) / len(cells), error, _missing(cells))

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

    def ends(bias: str, encoding: str) -> _Mean:
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

    def tokens(mask: str, parameter: int | None) -> list[_Mean]:
        of_mask = sinks[sinks["mask"] == mask]
        parameters = of_mask["mask_parameter"].astype(float)
        of_mask = of_mask[parameters.isna() if parameter is None else parameters == parameter]
        name = setting_name(**USUAL | {"mask": mask, "residual": True}, mask_parameter=parameter)
        return [_mean(of_mask[of_mask["token"] == token], name) for token in range(1, 18)]

    def largest(rows: list[_Mean]) -> _Mean:
        return max(rows, key=lambda row: row.mean)

    def share_of_first(rows: list[_Mean]) -> _Mean:
        total = sum(row.mean for row in rows)
        if not total > 0:
            return _Mean(math.nan, math.nan, _missing(rows))
        share = rows[0].mean / total
        others = math.hypot(*(row.standard_error for row in rows[1:]))
        error = math.hypot(rows[0].standard_error * (1 - share), others * share) / total
        return _Mean(share, error, _missing(rows))

    first, *others = tokens("causal", None)
    differences = [_less(first, largest(others))]
    shares = [share_of_first(tokens("sliding_window", width)) for width in WINDOWS]
    differences += [_less(wide, narrow) for narrow, wide in pairwise(shares)]
    for length in PREFIXES:
        rows = tokens("prefix", length)
        least = min(rows[:length], key=lambda row: row.mean)
        differences.append(_less(least, largest(rows[length:])))
    return _all(differences)


def _fixed_vocabulary(report: pd.DataFrame) -> pd.DataFrame:
    found = gaps_over_seeds(report)
    kept, missing = [], {}
    for network in UNBIASED + BIASED:
        pairs = [
            [_gap(found, gap, setting=vocabulary, **network) for vocabulary in ("gaussian_mixture", "fixed")]
            for gap in GAPS
        ]
        missing |= _missing(one for pair in pairs for one in pair)
        asked = [pair for pair in pairs if abs(pair[0].mean) >= LARGE and _sign(pair[0])]
        if asked:
            kept.append(all(_sign(mixture) == _sign(fixed) for mixture, fixed in asked))
    share, error = math.nan, math.nan
    if kept and not missing:
        share, error = sum(kept) / len(kept), math.sqrt(0.25 / len(kept))
    return _all([{"difference": share - 0.5, "standard_error": error, "missing": missing}])


def _sign(gap: _Mean) -> int:
    """Of a gap that has one by two standard errors, 0 of another."""
    return int(gap.mean > SURE_SIGN * gap.standard_error) - int(gap.mean < -SURE_SIGN * gap.standard_error)


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
        "all 38 networks of Figures 2-8 that have a mask or an encoding, two seeds of each under either vocabulary: "
        "one with a gap of at least 0.05 in size (and two standard errors) in the Gaussian mixture has one vote, yes "
        "if every such gap has the same sign, by two standard errors, under the fixed vocabulary; more than half have "
        "to say yes, by four binomial standard errors (made stricter before any network was trained under the fixed "
        "vocabulary: the rule was about single gaps of whatever was stored)",
        _fixed_vocabulary,
    ),
}
