"""What the trainings of the retrieval experiment cost, in core-hours by the seconds of those that are stored."""

import dataclasses

import pandas as pd

from attention_atlas import results
from attention_atlas.experiments import retrieval
from attention_atlas.store import Store

KINDS = ["vocabulary", "depth", "encoding"]


def costs(store: Store | None = None) -> pd.DataFrame:
    """The book's plan by kind of network: how many trainings, how long one takes, how long the rest will.

    Parameters
    ----------
    store : Store, optional
        Where results are; the project's own by default.

    Returns
    -------
    DataFrame
        Columns ``vocabulary``, ``depth`` and ``encoding`` ("RoPE" or "other"); ``trainings`` in the plan at the paper's
        size; ``stored``; ``hours_each``, core-hours of the longest training; ``hours_left`` for those that are not
        stored. Hours are :func:`attention_atlas.experiments.retrieval.cost` times the median of the seconds that stored
        CPU trainings took for a unit of it; NaN if there are none. A training that was interrupted has told the
        seconds of its last part only, and others ran beside it, so this is a rough number.

    Examples
    --------
    >>> from pathlib import Path
    >>> table = costs(Store(Path("/nowhere")))
    >>> int(table["trainings"].sum()), int(table["stored"].sum()), bool(table["hours_left"].isna().all())
    (360, 0, True)
    """
    plan = retrieval.configurations("paper")
    kept = {r.point: r for r in results.best(retrieval.NAME, store) if r.manifest["profile"] == "paper"}
    rates = []
    for point, result in kept.items():
        if result.manifest["device"].startswith("x86") and "together" not in result.manifest:
            trained = dataclasses.replace(plan[point], steps=int(result.table["step"].max()))
            rates.append(result.manifest["seconds"] / retrieval.cost(trained))
    rate = pd.Series(rates, dtype=float).median()
    rows = [
        {
            "vocabulary": config.vocabulary.replace("_", " "),
            "depth": config.depth,
            "encoding": "RoPE" if config.position_encoding == "rope" else "other",
            "trainings": 1,
            "stored": int(point in kept),
            "hours_each": retrieval.cost(config) * rate / 3600,
            "hours_left": 0.0 if point in kept else retrieval.cost(config) * rate / 3600,
        }
        for point, config in plan.items()
    ]
    how = {
        "trainings": "sum",
        "stored": "sum",
        "hours_each": "mean",
        "hours_left": lambda hours: hours.sum(skipna=False),
    }
    return pd.DataFrame(rows).groupby(KINDS, sort=False).agg(how).reset_index()
