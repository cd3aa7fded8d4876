"""Rules that settle what Bao et al. 2024 say of LocAteR by decoders trained on text with and without it.

They were written down when no seed that judges was trained. Later they were made stricter: three seeds judge at least,
since of two even four standard errors are chance in one case of thirteen (Student's distribution).
"""

import pandas as pd

from attention_atlas.decoders.settings import STRENGTHS
from attention_atlas.rules.rule import Rule, complete, over_seeds

KINDS = {"one-layer": "standard library", "words": "WikiText-2"}  # one layer, one head, Post-LN, d = 128
CHOOSING = 0  # the seed that chooses a strength, and which then judges nothing
LEAST = 3  # further seeds
UNKNOWN = pd.DataFrame({"difference": [None], "standard_error": [None]}, dtype=float)


def end_by_seed(report: pd.DataFrame, kind: str, quantity: str) -> pd.DataFrame:
    """A quantity of one kind of decoder after its last step, mean over heads.

    Parameters
    ----------
    report : DataFrame
        Of the experiment ``language``, with the columns ``point``, ``step``, ``quantity`` and ``value``.
    kind : str
        Of :data:`KINDS`.
    quantity : str
        As there.

    Returns
    -------
    DataFrame
        One row for each seed and one column for each strength; not a number where there is none.

    Examples
    --------
    >>> rows = [("words-none-seed1", 5, "loss", 2.0), ("words-none-seed1", 9, "loss", 1.5)]
    >>> table = end_by_seed(pd.DataFrame(rows, columns=["point", "step", "quantity", "value"]), "words", "loss")
    >>> float(table.loc[1, "none"]), bool(table.loc[1, "weak"] > 0)
    (1.5, False)
    """
    parts = report["point"].str.extract(rf"^{kind}-({'|'.join(STRENGTHS)})-seed(\d+)$")
    rows = report.assign(strength=parts[0], seed=parts[1])[parts[0].notna() & (report["quantity"] == quantity)]
    rows = rows[rows["step"] == rows.groupby("point")["step"].transform("max")]
    table = rows.assign(seed=rows["seed"].astype(int)).pivot_table("value", "seed", "strength", "mean")
    return table.reindex(columns=list(STRENGTHS)).astype(float)


def chosen(report: pd.DataFrame, kind: str) -> str | None:
    """The strength with the least validation loss of seed 0, None while one of them is not known.

    Parameters
    ----------
    report : DataFrame
        As of :func:`end_by_seed`.
    kind : str
        Of :data:`KINDS`.

    Examples
    --------
    >>> losses = {"none": 2.0, "weak": 2.1, "medium": 1.9, "strong": 3.0}
    >>> rows = [(f"words-{name}-seed0", 9, "loss", loss) for name, loss in losses.items()]
    >>> chosen(pd.DataFrame(rows, columns=["point", "step", "quantity", "value"]), "words")
    'medium'
    """
    losses = end_by_seed(report, kind, "loss").reindex([CHOOSING]).loc[CHOOSING].drop("none")
    return None if losses.isna().any() else str(losses.idxmin())


def _gain(report: pd.DataFrame, kind: str, quantity: str, sign: int) -> pd.DataFrame:
    """Paired over the seeds that did not choose: with the chosen strength less without, or the other way around."""
    strength = chosen(report, kind)
    if strength is None:
        return UNKNOWN
    found = end_by_seed(report, kind, quantity).drop(index=CHOOSING, errors="ignore")
    return over_seeds(sign * (found[strength] - found["none"]), LEAST)


def _better(report: pd.DataFrame) -> pd.DataFrame:
    return complete(*(_gain(report, kind, "loss", -1) for kind in KINDS))


def _higher(report: pd.DataFrame) -> pd.DataFrame:
    return complete(*(_gain(report, kind, "entropy", 1) for kind in KINDS))


_HOW = (
    "of three strengths of our penalty each corpus takes the one with the least validation loss of seed 0, as one "
    "tunes a regularizer; the other seeds, three at least, judge it against training without, seed by seed, on both "
    "corpora: "
)
RULES = {
    "bao2024-perplexity": Rule(
        _HOW + "the validation loss in nats (the logarithm of the perplexity) at the end of training falls", _better
    ),
    "bao2024-entropy": Rule(
        _HOW + "the entropy of attention in nats, mean over queries, at the end of training rises", _higher
    ),
}
