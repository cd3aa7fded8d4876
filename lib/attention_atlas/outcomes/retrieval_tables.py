"""What the models of the retrieval experiment show over their seeds, as Wu et al. 2025 tabulate it."""

import math

import pandas as pd

from attention_atlas.outcomes.retrieval_names import ENDINGS, GAPS, MAPS, PRINTED_STEPS, SETTING, USUAL, sides
from attention_atlas.profiles import rank


def model_report(config, table: pd.DataFrame) -> pd.DataFrame:
    """Gaps, accuracies and sinks of one model, at the printed length of training and at the end.

    Parameters
    ----------
    config, table
        A configuration of the experiment and what its ``run`` found.

    Returns
    -------
    DataFrame
        What tells the setting: ``setting`` (the vocabulary), ``train_bias``, ``mask``, ``mask_parameter``,
        ``position_encoding``, ``depth``, ``residual`` (0 or 1), ``scale``, ``varied``, ``initial_scale``,
        ``learning_rate``; then ``seed``, ``at`` ("100000" or "end"), ``steps``, ``quantity``, ``token`` (-1 where there
        is none), ``value``, and its ``sampling_error``, the standard error that the number of test sequences leaves.
    """
    end = int(table["step"].max())
    parts = []
    for at, step in ((str(PRINTED_STEPS), PRINTED_STEPS), ("end", end)):
        found = table[(table["step"] == step) & ~table["quantity"].isin(MAPS)]
        error = _sampling_error(found, config.test_sequences)
        shown = {"at": at, "steps": step, "quantity": found["quantity"], "token": found["key"]}
        parts.append(pd.DataFrame(shown | {"value": found["value"], "sampling_error": error}))
    setting = {"setting": config.vocabulary} | {name: getattr(config, name) for name in SETTING[1:]}
    setting |= {"residual": int(config.residual)} | {name: getattr(config, name) for name in (*USUAL, "seed")}
    report = pd.concat(parts, ignore_index=True)
    return pd.concat([pd.DataFrame([setting] * len(report), index=report.index), report], axis=1)


def _sampling_error(found: pd.DataFrame, sequences: int) -> pd.Series:
    """Of accuracies and shares binomial, of a gap that of a difference of two; none of a loss or a mean weight."""
    variance = (found["value"] * (1 - found["value"])).where(~found["quantity"].isin(["loss", "received"]), 0.0)
    scalar = found[found["key"] == -1].set_index("quantity")["value"]
    for gap in (gap + ending for gap in GAPS for ending in ENDINGS):
        pair = [scalar.get(side, 0.0) for side in sides(gap)]
        variance = variance.mask(found["quantity"] == gap, sum(p * (1 - p) for p in pair))
    return (variance / sequences) ** 0.5


def over_seeds(report: pd.DataFrame, at: str = "end", unusual: dict | None = None) -> pd.DataFrame:
    """Means over the models of a setting, which differ in their seeds only.

    Parameters
    ----------
    report : DataFrame
        As :func:`attention_atlas.results.report` gives it of the experiment ``retrieval``.
    at : {"end", "100000"}
        Length of training.
    unusual : dict, optional
        Values of ``scale``, ``varied``, ``initial_scale``, ``learning_rate`` that are not the official code's.

    Returns
    -------
    DataFrame
        One row per setting, quantity, token and profile: ``mean``; ``standard_error`` of it over seeds, but not below
        the error that the number of test sequences leaves, and NaN of a single seed; ``seeds``; ``least`` and
        ``most``, the extreme seeds; ``steps``, mean length of training.

    Raises
    ------
    ValueError
        If there is no such length of training.
    """
    if at not in ("end", str(PRINTED_STEPS)):
        raise ValueError(f"unknown length of training {at!r}; allowed: end, {PRINTED_STEPS}")
    keys = [*SETTING, "quantity", "token", "profile"]
    columns = ["mean", "standard_error", "seeds", "least", "most", "steps"]
    if report.empty:
        return pd.DataFrame(columns=[*keys, *columns])
    chosen = report[report["at"] == at].astype({"mask_parameter": float})  # None is NaN, also where all are None
    for name, value in (USUAL | (unusual or {})).items():
        chosen = chosen[chosen[name] == value]
    grouped = chosen.assign(variance=chosen["sampling_error"] ** 2).groupby(keys, dropna=False, sort=False)
    found = grouped.agg(
        mean=("value", "mean"), deviation=("value", "std"), seeds=("seed", "nunique"), least=("value", "min"),
        most=("value", "max"), steps=("steps", "mean"), sampling=("variance", "mean"),
    ).reset_index()  # fmt: skip
    largest = found[["deviation"]].assign(sampling=found["sampling"] ** 0.5).max(axis=1, skipna=False)
    return found.assign(standard_error=largest / found["seeds"] ** 0.5)[[*keys, *columns]]


def gaps_over_seeds(report: pd.DataFrame, at: str = "end", unusual: dict | None = None) -> pd.DataFrame:
    """The gaps alone of networks with a causal mask or none, under ``gap`` in place of ``quantity``.

    Parameters
    ----------
    report, at, unusual
        See :func:`over_seeds`.
    """
    found = over_seeds(report, at, unusual)
    return found[found["quantity"].isin(GAPS) & found["mask_parameter"].isna()].rename(columns={"quantity": "gap"})


def at_largest_profile(found: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Of rows that differ in their profile only, the one of the largest.

    Parameters
    ----------
    found : DataFrame
        With a column ``profile``.
    keys : list of str
        Columns that tell apart what is asked.

    Examples
    --------
    >>> at_largest_profile(pd.DataFrame({"gap": 1, "profile": ["quick", "paper", "smoke"]}), ["gap"])["profile"].item()
    'paper'
    """
    ordered = found.sort_values("profile", key=lambda profiles: profiles.map(rank), kind="stable")
    return ordered.drop_duplicates(keys, keep="last")


def accuracy_gaps(report: pd.DataFrame) -> pd.DataFrame:
    """Gaps between two places as ``data/reference/wu2025_accuracy_gaps.csv`` has them.

    Parameters
    ----------
    report : DataFrame
        See :func:`over_seeds`.

    Returns
    -------
    DataFrame
        The file's columns but for figure and value, and ``mean``, ``standard_error``, ``seeds``, ``profile`` and a
        ``note`` with the gap at the printed length of training.
    """
    found, earlier = gaps_over_seeds(report), gaps_over_seeds(report, str(PRINTED_STEPS))
    earlier = earlier.rename(columns={"mean": "printed"})
    keys = [*SETTING, "gap", "profile"]
    found = found.merge(earlier[[*keys, "printed"]], on=keys, how="left")
    notes = [
        ""
        if math.isnan(row.printed)
        else f"trained for {row.steps:,.0f} steps; after {PRINTED_STEPS:,}: {row.printed:.3f}"
        for row in found.itertuples()
    ]
    return found.drop(columns=["mask_parameter", "token", "least", "most", "steps", "printed"]).assign(note=notes)


def attention_sinks(report: pd.DataFrame, convention: str = "sink_gu2025") -> pd.DataFrame:
    """Sinks in percent as ``data/reference/wu2025_attention_sinks.csv`` has them: two layers, with residual.

    Parameters
    ----------
    report : DataFrame
        See :func:`over_seeds`.
    convention : {"sink_gu2025", "sink_wu2025"}
        What counts as a sink, see :mod:`attention_atlas.sinks`. The figures are read in the first, because the formula
        that the paper prints, the second, does not give them (see the discrepancy ledger).

    Returns
    -------
    DataFrame
        Columns ``mask``, ``mask_parameter``, ``token``, ``mean``, ``standard_error``, ``seeds``, ``profile``, ``note``.
    """
    found = of_sink_networks(over_seeds(report))
    found = found[found["quantity"] == convention]
    found = found.assign(mean=100 * found["mean"], standard_error=100 * found["standard_error"], note="")
    return found[["mask", "mask_parameter", "token", "mean", "standard_error", "seeds", "profile", "note"]]


def of_sink_networks(found: pd.DataFrame, residual: bool = True) -> pd.DataFrame:
    """Rows of :func:`over_seeds` of the networks of Figures 10-12: two layers, no encoding, any mask."""
    wanted = {"setting": "gaussian_mixture", "train_bias": "unbiased", "position_encoding": "none", "depth": 2}
    for name, value in (wanted | {"residual": int(residual)}).items():
        found = found[found[name] == value]
    return found
