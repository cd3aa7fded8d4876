"""What the models of the retrieval experiment show over their seeds, as Wu et al. 2025 tabulate it."""

import math

import pandas as pd

from attention_atlas.retrieval_names import GAPS, PRINTED_STEPS, SETTING, USUAL


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
    found = over_seeds(report)
    found = found[found["quantity"].isin(GAPS) & found["mask_parameter"].isna()].rename(columns={"quantity": "gap"})
    earlier = over_seeds(report, str(PRINTED_STEPS)).rename(columns={"quantity": "gap", "mean": "printed"})
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
    found = over_seeds(report)
    chosen = {"setting": "gaussian_mixture", "train_bias": "unbiased", "position_encoding": "none", "depth": 2,
              "residual": 1, "quantity": convention}  # fmt: skip
    for name, value in chosen.items():
        found = found[found[name] == value]
    found = found.assign(mean=100 * found["mean"], standard_error=100 * found["standard_error"], note="")
    return found[["mask", "mask_parameter", "token", "mean", "standard_error", "seeds", "profile", "note"]]
