"""What became of networks that were compressed: which still do their task, and from which rank on all of them do."""

import pandas as pd

from attention_atlas import results
from attention_atlas.compression import stored_numbers
from attention_atlas.experiments import averaging_compression
from attention_atlas.store import Store

MODEL = ["width", "seed"]  # what names a network


class Compressions:
    """Networks that learned to average, as they are and compressed: stored ones if there are any, else trained now.

    Parameters
    ----------
    profile : {"smoke", "quick", "paper"}
        Size at which blocks of which nothing is stored are trained.
    store : Store, optional
        Where results are; the project's own by default.

    Attributes
    ----------
    trained : DataFrame
        All networks as they are. Columns are those of :func:`attention_atlas.experiments.averaging_compression.run`,
        and ``width``, ``stored``, the numbers stored as a share of what the matrices hold (of compressions), and
        ``kept``, whether a network does its task.
    learned : DataFrame
        Those of them that learned it, which are the ones that were compressed; all of them if none did.
    whole, single : DataFrame
        Their compressions: all products alike (the network as it is among them), and one product alone.
    models : Series
        How many have learned it, by width.
    config : attention_atlas.experiments.averaging_compression.Config
        First configuration of width 16, of the size that was found.
    provenance : str
        For the figure that shows them.

    Raises
    ------
    ValueError
        If there is no such profile.

    Examples
    --------
    >>> from pathlib import Path
    >>> found = Compressions("smoke", Store(Path("/nowhere")))
    >>> found.models.to_dict(), found.single["product"].unique().tolist()[:2]
    ({8: 4, 16: 2}, ['query_key_1', 'value_output_1'])
    """

    def __init__(self, profile: str, store: Store | None = None):
        found = results.obtain(averaging_compression, profile, store=store)
        self.provenance = found.provenance
        self.config = averaging_compression.configurations(found.table["profile"].iloc[0])["width-16-0"]
        table = found.table.assign(width=found.table["point"].str.split("-").str[1].astype(int))
        shapes = table[["width", "rank", "entries"]].to_numpy().tolist()
        table["stored"] = [stored_numbers(width, width, *shape) / width**2 for width, *shape in shapes]
        table["kept"] = table["loss"] < self.config.learned_below
        self.trained = table[table["method"] == "none"]
        kept = self.trained["kept"]
        self.learned = self.trained[kept] if kept.any() else self.trained
        self.models = self.learned.groupby("width").size()
        table = table.merge(self.learned[MODEL])
        self.whole, self.single = table[table["product"] == "all"], table[table["product"] != "all"]

    def change(self, rows: pd.DataFrame) -> float:
        """Largest change of a network's loss, as a share of what it was before.

        Parameters
        ----------
        rows : DataFrame
            Of one compression, such as :func:`chosen` gives them.
        """
        before = self.learned.set_index(MODEL)["loss"]
        return (rows.set_index(MODEL)["loss"] / before - 1).abs().max()


def chosen(rows: pd.DataFrame, rank: int | None = None, entries: int | None = 0, **columns: str | int) -> pd.DataFrame:
    """Rows of one compression.

    Parameters
    ----------
    rows : DataFrame
        Of :class:`Compressions`.
    rank : int, optional
        Of the low-rank part; any by default.
    entries : int, optional
        Kept by the sparse part; by default there is no such part, and with None there may be any.
    **columns
        What other columns hold, such as ``method="plain"`` or ``width=16``.

    Examples
    --------
    >>> rows = pd.DataFrame({"rank": [1, 1, 2], "entries": [0, 8, 0], "method": ["plain", "plain", "weighted"]})
    >>> [len(chosen(rows)), len(chosen(rows, 1)), len(chosen(rows, 1, None)), len(chosen(rows, method="weighted"))]
    [2, 1, 2, 1]
    """
    for name, value in {"rank": rank, "entries": entries, **columns}.items():
        rows = rows if value is None else rows[rows[name] == value]
    return rows


def enough(rows: pd.DataFrame) -> int | None:
    """The smallest rank from which on all networks do their task.

    Parameters
    ----------
    rows : DataFrame
        Compressions of several ranks, with columns ``rank`` and ``kept``.

    Returns
    -------
    int or None
        None if some network fails at the largest rank too.

    Examples
    --------
    >>> enough(pd.DataFrame({"rank": [0, 1, 2, 3], "kept": [True, False, True, True]}))
    2
    """
    every = rows.groupby("rank")["kept"].all()
    return int(every[::-1].cummin()[::-1].idxmax()) if every.iloc[-1] else None
