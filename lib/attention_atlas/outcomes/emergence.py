"""When a network begins to answer from its context, and what its gaps are before and after."""

import math

import pandas as pd

from attention_atlas.outcomes.retrieval_names import GAPS, PRINTED_STEPS
from attention_atlas.outcomes.retrieval_points import Models

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
