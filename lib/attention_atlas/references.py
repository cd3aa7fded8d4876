"""The papers' printed numbers, the experiment that repeats each table, and how near is near enough."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from attention_atlas import registry
from attention_atlas.outcomes import retrieval_tables


@dataclass(frozen=True)
class Reference:
    """A table of printed numbers, the experiment that repeats it, and how near is near enough.

    Parameters
    ----------
    paper, file, experiment
        Whose numbers, where under ``data/reference``, and the name of the stored experiment.
    value, quantity
        The column of the printed number, and what it is called on the scorecard.
    neutral
        The value without a preference, from which a sign is counted; None where a sign means nothing.
    tolerance
        Function of our standard error and number of runs; `reason` says in words why it is that one.
    ours, runs
        The columns of our number, and of how many independent runs (seeds, sequences) it is the mean.
    floor
        Size that counts as small, in the unit of the number: a tolerance above it, and above the printed number's
        distance from `neutral`, has no power, and what lies within it does not count as agreement.
    summarize
        Function of the experiment's report to a table with these columns, where the report is not one already; its
        column ``note``, if there is one, is told with the reason.
    """

    paper: str
    file: str
    experiment: str
    value: str
    quantity: str
    neutral: float | None
    tolerance: Callable[[float, int], float]
    reason: str
    ours: str = "mean"
    runs: str = "seeds"
    floor: float = 0.02
    summarize: Callable[[pd.DataFrame], pd.DataFrame] = lambda report: report

    def table(self) -> pd.DataFrame:
        """The printed numbers, one row each."""
        return pd.read_csv(registry.DATA / "reference" / self.file)


FIVE_RUNS = "2 standard errors of the difference; the paper prints no error for its five runs, so each is given ours"
KIM_SEQUENCES = 10_000_000
REFERENCES = (
    Reference(
        "wu2025", "wu2025_accuracy_gaps.csv", "retrieval", "value", "accuracy gap", 0.0,
        lambda error, seeds: 2 * error * math.sqrt(1 + seeds / 5) + 0.0005,
        f"{FIVE_RUNS}; half a unit of the third printed decimal",
        summarize=retrieval_tables.accuracy_gaps,
    ),
    Reference(
        "wu2025", "wu2025_attention_sinks.csv", "retrieval", "sink_percent", "attention sink in percent", None,
        lambda error, seeds: 2 * error * math.sqrt(1 + seeds / 5) + 0.1,
        f"{FIVE_RUNS}; 0.1 for reading the figure", floor=2.0,
        summarize=retrieval_tables.attention_sinks,
    ),
    Reference(
        "kim2026", "kim2026_recency_probability.csv", "recency", "recency_probability", "recency probability", 0.5,
        lambda error, sequences: 4 * error * math.sqrt(1 + sequences / KIM_SEQUENCES) + 0.00005,
        "4 standard errors of the difference; the paper prints none for its 10,000,000 sequences, so it is given ours "
        "for as many; half a unit of the fourth printed decimal",
        ours="recency_probability", runs="sequences",
    ),
)  # fmt: skip
