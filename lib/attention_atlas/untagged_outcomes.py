"""What decoders lose without the first token's tag: stored results of ``language_untagged`` as a page reads them."""

import pandas as pd

from attention_atlas import results
from attention_atlas.experiments import language_untagged
from attention_atlas.store import Store

AS_IT_IS = "as it is"


class Untagged:
    """The decoders whose heads have a sink at the first token, and what becomes of them.

    Parameters
    ----------
    store : Store, optional
        Where results are; the project's own by default. Nothing is computed here.

    Attributes
    ----------
    points : list of str
        Decoders with such heads, such as ``no-positions-seed0``; `spared`: those without.
    table : DataFrame
        Rows of the experiment, with ``point``.
    provenance : str
        For the figure that shows them; empty if nothing is stored.
    """

    def __init__(self, store: Store | None = None):
        kept = {result.point for result in results.best(language_untagged.NAME, store)}
        known = [name for name in language_untagged.configurations("paper") if name in kept]
        found = results.obtain(language_untagged, "paper", known, store) if known else None
        self.table = found.table if found else pd.DataFrame(columns=[*language_untagged.COLUMNS, "point"])
        self.provenance = found.provenance if found else ""
        edited = set(self.table.loc[self.table["quantity"] == "more_loss", "point"])
        self.points = [name for name in known if name in edited]
        self.spared = [name for name in known if name not in edited]

    def heads(self, point: str) -> int:
        """How many heads of a decoder have such a sink."""
        rows = self.table[(self.table["point"] == point) & (self.table["quantity"] == "share")]
        return len(rows[["layer", "head"]].drop_duplicates())

    def strongest(self, point: str) -> pd.DataFrame:
        """What queries give to the first token in the head that gives it most: value and standard error."""
        rows = self.table[(self.table["point"] == point) & (self.table["quantity"] == "share")]
        rows = rows.assign(query=rows["label"].astype(int))
        layer, head = rows.groupby(["layer", "head"])["value"].mean().idxmax()
        chosen = rows[(rows["layer"] == layer) & (rows["head"] == head)]
        return chosen.set_index("query")[["value", "standard_error"]].sort_index()

    def more_loss(self) -> pd.DataFrame:
        """Loss beyond that of the decoder as it is, nats per token: a row for each decoder, a column for each way."""
        rows = self.table[self.table["quantity"] == "more_loss"]
        wide = rows.pivot(index="point", columns="label", values="value")
        return wide.reindex(index=self.points, columns=list(language_untagged.WAYS))

    def recency(self) -> pd.DataFrame:
        """Recency probability in layers after the last edited one: a row for each decoder, a column for each way."""
        last = self.table[self.table["quantity"] == "share"].groupby("point")["layer"].max()
        rows = self.table[(self.table["quantity"] == "recency") & self.table["point"].isin(self.points)]
        rows = rows[rows["layer"] > rows["point"].map(last)]
        wide = rows.pivot_table(index="point", columns="label", values="value")
        return wide.reindex(index=self.points, columns=[AS_IT_IS, *language_untagged.WAYS])


def odds_at(shares: pd.Series, query: int) -> float:
    """Odds with which the first token gets what a query gives it, see :func:`~.first_token_share.shares`.

    Parameters
    ----------
    shares : Series
        By query, from 1 on.
    query : int
        One of them, 2 or more.

    Examples
    --------
    >>> odds_at(pd.Series({4: 0.5}), 4)
    3.0
    """
    return float((query - 1) * shares[query] / (1 - shares[query]))


def used(more_loss: pd.DataFrame, recency: pd.DataFrame) -> str:
    """Whether later layers use the place that the tag tells, in a sentence.

    Parameters
    ----------
    more_loss, recency : DataFrame
        As of :meth:`Untagged.more_loss` and :meth:`Untagged.recency`.

    Examples
    --------
    >>> loss = pd.DataFrame({"constant": [0.03, 0.02], "other direction, constant": [0.01, 0.01]})
    >>> later = pd.DataFrame({"as it is": [0.8] * 2, "constant": [0.7] * 2, "other direction, constant": [0.8] * 2})
    >>> used(loss, later)[:81]
    'Later layers use it: in 2 of 2 decoders a tag that tells no place costs more than'
    """
    costs = more_loss["constant"] > more_loss["other direction, constant"]
    turns = recency["constant"] < recency[["as it is", "other direction, constant"]].min(axis=1)
    count, total = int((costs & turns).sum()), len(more_loss)
    head = "Later layers use it" if count == total else "Not all decoders use it" if count else "We see no use of it"
    return (
        f"{head}: in {count} of {total} decoders a tag that tells no place costs more than as much in another "
        "direction, and the layers after it turn less to late keys"
    )
