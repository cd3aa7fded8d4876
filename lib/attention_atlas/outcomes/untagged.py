"""What decoders lose without the first token's tag: stored results of ``language_untagged`` as a page reads them."""

import pandas as pd

from attention_atlas import results
from attention_atlas.experiments import language_untagged
from attention_atlas.outcomes.seeded import kept_sizes
from attention_atlas.profiles import rank
from attention_atlas.store import Store
from attention_atlas.words.decoders import LABELS

AS_IT_IS = "as it is"
KINDS = {"no-positions": "LayerNorm", "no-norm": "no norm", "no-positions-qk-norm": "QK-norm"}


class Untagged:
    """The decoders whose heads have a sink at the first token, and what becomes of them.

    Parameters
    ----------
    store : Store, optional
        Where results are; the project's own by default. Nothing is computed here.

    Attributes
    ----------
    points : list of str
        Decoders with such heads, such as ``no-positions-seed0``.
    table : DataFrame
        Rows of the experiment, with ``point``.
    provenance : str
        For the figure that shows them; empty if nothing is stored.
    """

    def __init__(self, store: Store | None = None):
        paper, kept = rank("paper"), kept_sizes(language_untagged, store)
        known = [name for name in language_untagged.configurations("paper") if kept.get(name) == paper]
        found = results.obtain(language_untagged, "paper", known, store) if known else None
        self.table = found.table if found else pd.DataFrame(columns=[*language_untagged.COLUMNS, "point"])
        self.provenance = found.provenance if found else ""
        edited = set(self.table.loc[self.table["quantity"] == "more_loss", "point"])
        self.points = [name for name in known if name in edited]

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
        """Recency probability in the layers after the last edited one, NaN where none follows: a row for each decoder.

        Returns
        -------
        DataFrame
            A column for each way.
        """
        wide = self._later().pivot_table(index="point", columns="label", values="value")
        return wide.reindex(index=self.points, columns=[AS_IT_IS, *language_untagged.WAYS])

    def later_layers(self) -> dict[str, tuple[int, ...]]:
        """The layers, from 0 on, over which :meth:`recency` is a mean; empty where none follows."""
        layers = self._later().groupby("point")["layer"].unique()
        return {point: tuple(sorted(map(int, layers.get(point, ())))) for point in self.points}

    def _later(self) -> pd.DataFrame:
        last = self.table[self.table["quantity"] == "share"].groupby("point")["layer"].max()
        rows = self.table[(self.table["quantity"] == "recency") & self.table["point"].isin(self.points)]
        return rows[rows["layer"] > rows["point"].map(last)]


def odds_at(shares: pd.Series) -> float:
    """Odds with which the first token gets what the middle one of some queries gives it.

    Parameters
    ----------
    shares : Series
        By query, from 1 on; see :func:`attention_atlas.decoders.first_token_share.shares`.

    Examples
    --------
    >>> odds_at(pd.Series({1: 1.0, 4: 0.5, 16: 0.2}))
    3.0
    """
    query = shares.index[len(shares) // 2]
    return float((query - 1) * shares[query] / (1 - shares[query]))


def short(point: str) -> str:
    """A decoder without positions in a word and its seed.

    Examples
    --------
    >>> short("no-positions-seed1"), short("no-positions-qk-norm-seed0")
    ('LayerNorm, 1', 'QK-norm, 0')
    """
    setting, seed = point.rsplit("-seed", 1)
    return f"{KINDS.get(setting, LABELS[setting])}, {seed}"
