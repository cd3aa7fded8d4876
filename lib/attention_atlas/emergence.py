"""When a network begins to answer from its context, and what its gaps are before and after."""

import math

import pandas as pd

from attention_atlas.retrieval_names import GAPS, PRINTED_STEPS
from attention_atlas.retrieval_points import GAP_KEY, Models
from attention_atlas.retrieval_tables import over_seeds

SURE = 4  # standard errors from which on a gap has a sign
STAGES = ["point", "profile", "position_encoding", "residual", "seed", "emerged", "accuracy_printed", "accuracy_end",
          "steps", "least_before", "most_before", "printed", "end", "noise", "turned"]  # fmt: skip


def first_step(curve: pd.Series, level: float) -> float:
    """First measured step at which a number is at least so large, NaN if there is none.

    Parameters
    ----------
    curve : Series
        Value by step.
    level : float
        To be reached.

    Examples
    --------
    >>> first_step(pd.Series([0.1, 0.6, 0.5, 0.9], [0, 100, 200, 500]), 0.6)
    100.0
    """
    reached = curve.index[curve >= level]
    return float(reached[0]) if len(reached) else math.nan


def stages(models: Models, gap: str, level: float) -> pd.DataFrame:
    """What every known model shows before and after it has learned to answer from the context.

    Parameters
    ----------
    models : Models
        As a page reads them.
    gap : {"first_vs_middle", "first_vs_last", "middle_vs_last"}
        Between which places.
    level : float
        Accuracy on novel classes at which the in-context solution counts as found.

    Returns
    -------
    DataFrame
        One row per model: its setting; ``emerged``, the first measured step at the level, NaN if never; accuracies at
        the printed length and at the end, of ``steps``; ``least_before`` and ``most_before``, extremes of the gap at
        earlier steps; the gap ``printed`` (at the printed length, NaN if it was not trained so long) and at the
        ``end``; ``noise``, four standard errors that the number of test sequences leaves at most; ``turned``, whether
        the gap was on the other side of zero than at the end before, both by more than the noise.

    Raises
    ------
    ValueError
        If the gap is unknown.

    Examples
    --------
    >>> from pathlib import Path
    >>> from attention_atlas.store import Store
    >>> nothing = Models(["first-none-none-2-residual-seed0"], "smoke", store=Store(Path("/nowhere")))
    >>> len(stages(nothing, "first_vs_last", 0.75))
    0
    """
    if gap not in GAPS:
        raise ValueError(f"unknown gap {gap!r}; allowed: {', '.join(GAPS)}")
    accuracies, gaps = models.trajectories("in_context"), models.trajectories(gap)
    rows = []
    for point, config in models.configs.items():
        accuracy, curve = accuracies[point], gaps[point]
        emerged = first_step(accuracy, level)
        before = curve if math.isnan(emerged) else curve[curve.index < emerged]
        noise, end = SURE * math.sqrt(0.5 / config.test_sequences), curve.iloc[-1]
        opposite = before.min() < -noise if end > 0 else before.max() > noise
        rows.append((
            point, models.tables[point]["profile"].iloc[0], config.position_encoding, config.residual, config.seed,
            emerged, accuracy.get(PRINTED_STEPS, math.nan), accuracy.iloc[-1], int(curve.index[-1]),
            before.min(), before.max(), curve.get(PRINTED_STEPS, math.nan), end, noise,
            bool(abs(end) > noise and opposite),
        ))  # fmt: skip
    return pd.DataFrame(rows, columns=STAGES)


def beside_paper(report: pd.DataFrame, printed: pd.DataFrame, unusual: dict | None = None) -> pd.DataFrame:
    """The paper's bars and ours at both lengths of training, wherever there is one of ours at the paper's size.

    Parameters
    ----------
    report : DataFrame
        As :attr:`~.retrieval_points.Models.report` has it.
    printed : DataFrame
        As :func:`attention_atlas.retrieval_points.printed_gaps` gives it.
    unusual : dict, optional
        See :func:`attention_atlas.retrieval_tables.over_seeds`.

    Returns
    -------
    DataFrame
        ``train_bias``, ``mask``, ``position_encoding``, ``depth``, ``residual``, ``gap`` and ``value`` of the paper,
        ``seeds``, and ours: ``printed`` and its ``error_printed`` after the printed number of steps, ``end`` and
        ``error_end`` after ``steps`` of them. Only models of the Gaussian mixture at the profile ``paper`` count.
    """
    columns = [*GAP_KEY, "value", "seeds", "printed", "error_printed", "end", "error_end", "steps"]
    whole = report.query("profile == 'paper' and setting == 'gaussian_mixture'") if len(report) else report
    both = {}
    for at, name in ((str(PRINTED_STEPS), "printed"), ("end", "end")):
        found = over_seeds(whole, at, unusual)
        found = found[found["quantity"].isin(GAPS) & found["mask_parameter"].isna()]
        found = found.rename(columns={"quantity": "gap", "mean": name, "standard_error": f"error_{name}"})
        both[name] = found[[*GAP_KEY, name, f"error_{name}", *(["seeds", "steps"] if name == "end" else [])]]
    if both["end"].empty:
        return pd.DataFrame(columns=columns)
    return printed.merge(both["printed"], on=GAP_KEY).merge(both["end"], on=GAP_KEY)[columns]


def spread(stages: pd.DataFrame, column: str = "end") -> str:
    """Mean over models and, if there are several, the extreme ones, as a page says it.

    Parameters
    ----------
    stages : DataFrame
        As :func:`stages` gives it, or a part of it.
    column : str
        Which number.

    Examples
    --------
    >>> spread(pd.DataFrame({"end": [0.1, -0.3]})), spread(pd.DataFrame({"end": []}))
    ('−.100 (−.300 to .100)', 'not trained yet')
    """
    values = stages[column].dropna()
    if values.empty:
        return "not trained yet"
    if len(values) == 1:
        return plain(values.iloc[0])
    return f"{plain(values.mean())} ({plain(values.min())} to {plain(values.max())})"


def steps_in_words(stages: pd.DataFrame) -> str:
    """When the context is first used, over models.

    Examples
    --------
    >>> steps_in_words(pd.DataFrame({"emerged": [5000.0, 90000.0, math.nan]}))
    '5,000 to 90,000, never in 1'
    """
    if stages.empty:
        return "not trained yet"
    reached, never = stages["emerged"].dropna(), int(stages["emerged"].isna().sum())
    if reached.empty:
        return "never"
    ends = dict.fromkeys(f"{step:,.0f}" for step in (reached.min(), reached.max()))
    return " to ".join(ends) + (f", never in {never}" if never else "")


def plain(value: float) -> str:
    """A gap or an accuracy to three decimals, without the leading zero; "–" where there is none.

    Examples
    --------
    >>> plain(-0.05), plain(1.0), plain(math.nan)
    ('−.050', '1.000', '–')
    """
    if math.isnan(value):
        return "–"
    rounded = round(value, 3) + 0.0  # no minus before a zero
    return f"{rounded:.3f}".replace("0.", ".", 1).replace("-", "−")
