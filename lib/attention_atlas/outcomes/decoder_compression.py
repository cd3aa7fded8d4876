"""What became of decoders that were compressed: stored ones where there are any, and how few numbers are enough."""

import math
from collections.abc import Iterable

import pandas as pd

from attention_atlas.experiments import language_compression
from attention_atlas.outcomes.seeded import Seeded
from attention_atlas.store import Store

ALLOWED = 1.1  # perplexity, as a multiple of the decoder's own, up to which it counts as kept
KEPT = ("sinks_kept", "lasting_kept")  # shares of what a layer had, which may be nothing
VARIANT = ["setting", "seed", "part", "method", "kind", "size"]


class CompressedDecoders(Seeded):
    """Trained decoders, as they are and compressed, means over layers.

    Parameters
    ----------
    profile : {"smoke", "quick", "paper"}
        Size at which the first seed of a setting is computed of which nothing is stored.
    store : Store, optional
        Where results are; the project's own by default.

    Attributes
    ----------
    layers : DataFrame
        That of :func:`attention_atlas.experiments.language_compression.run`, with ``setting`` and ``seed``.
    table : DataFrame
        One row per variant of a decoder: means over layers, of ``sinks_kept`` over all sinks that there were (and of
        ``lasting_kept`` over all lasting ones). Also
        ``perplexity``, ``times`` (perplexity as a multiple of the decoder's own) and, of keys, ``sinks_share`` (sinks
        as a multiple of the decoder's own; NaN if it has none).
    settings : list of str
        In the order of the experiment.
    config : attention_atlas.experiments.language_compression.Config
        First configuration, of the size that was found.
    provenance : str
        For the figure that shows them.

    Raises
    ------
    ValueError
        If there is no such profile.
    """

    experiment = language_compression

    def __init__(self, profile: str, store: Store | None = None):
        self.settings, seeds = list(language_compression.SETTINGS), range(language_compression.SEEDS)
        super().__init__({name: [f"{name}-seed{seed}" for seed in seeds] for name in self.settings}, profile, store)
        self.config, table = self.configs[self.settings[0]], self.table.drop(columns="profile")
        numbers = table.columns.difference([*VARIANT, "layer"])
        self.layers = table.assign(**table[numbers].apply(pd.to_numeric))  # a column of nothing but NaN has no type
        self.table = self._means()

    def course(
        self, setting: str, quantity: str, part: str, method: str, kind: str, place: str = "size"
    ) -> pd.DataFrame:
        """A quantity of one way to compress, one row for each size and one column for each seed.

        Parameters
        ----------
        setting, quantity, part, method, kind : str
            Which rows and which column of the table.
        place : {"size", "stored"}
            What names the rows.
        """
        rows = self._rows(setting, part, method, kind)
        return rows.pivot(index=place, columns="seed", values=quantity)

    def of_all(self, setting: str, quantity: str, method: str, kinds: Iterable[str]) -> dict[str, pd.DataFrame]:
        """Courses over the numbers stored, by kind, where all matrices are made smaller."""
        return {kind: self.course(setting, quantity, "all", method, kind, "stored") for kind in kinds}

    def keys(self, setting: str, quantity: str, rank: int, kind: str = "kept") -> pd.Series:
        """A quantity by seed where keys are truncated to a rank, weighted by inputs; ``kind`` as in the table."""
        return self.course(setting, quantity, "keys", "weighted", kind).loc[rank]

    def helps(self, setting: str, size: float) -> pd.Series:
        """What a low-rank term does to the loss of weighted entries at equal numbers stored, see :meth:`paired`."""
        return self.paired(setting, "loss", ("all", "weighted", "sum", size), ("all", "weighted", "entries", size))

    def shared_sizes(self, sizes: Iterable[float]) -> list[float]:
        """Those budgets at which all decoders were compressed to a weighted sum."""
        there = [self.course(setting, "loss", "all", "weighted", "sum").index for setting in self.settings]
        return [size for size in sizes if all(size in index for index in there)]

    def most_lasting(self, setting: str) -> float:
        """Lasting sinks a head and window of the decoders as they are, in the layer that has most; mean over seeds."""
        rows = self.layers[(self.layers["part"] == "none") & (self.layers["setting"] == setting)]
        return rows.groupby("layer")["lasting_sinks"].mean().max()

    def largest_outlier(self) -> float:
        """Largest over median coordinate of the stream, mean over windows, of the layer and decoder that has most."""
        return self.layers.loc[self.layers["part"] == "none", "outlier_ratio"].max()

    def before(self, setting: str, quantity: str) -> pd.Series:
        """A quantity of the decoders as they are, by seed."""
        return self._rows(setting, "none", "none", "none").set_index("seed")[quantity]

    def enough(self, setting: str, method: str, kind: str, part: str = "all", allowed: float = ALLOWED) -> float | None:
        """The smallest size from which on all seeds keep their perplexity.

        Parameters
        ----------
        setting, method, kind, part : str
            Which way to compress.
        allowed : float
            Perplexity that counts as kept, as a multiple of the decoder's own.

        Returns
        -------
        float or None
            Numbers stored at most, as a share, or the rank; None if the largest size is not enough.
        """
        return firm(-self.course(setting, "times", part, method, kind), -allowed)

    def paired(self, setting: str, quantity: str, one: tuple, other: tuple) -> pd.Series:
        """Difference of two ways to compress, decoder by decoder.

        Parameters
        ----------
        setting, quantity : str
            Which decoders, and which column of the table.
        one, other : tuple
            Part, method, kind and size.

        Returns
        -------
        Series
            ``difference`` (mean of one less other), ``standard_error`` (NaN for one seed) and ``seeds``.
        """
        values = [self.course(setting, quantity, *way[:3]).loc[way[3]] for way in (one, other)]
        apart = (values[0] - values[1]).dropna()
        return pd.Series({"difference": apart.mean(), "standard_error": apart.sem(), "seeds": len(apart)})

    def _rows(self, setting: str, part: str, method: str, kind: str) -> pd.DataFrame:
        table = self.table
        wanted = (table["part"] == part) & (table["method"] == method) & (table["kind"] == kind)
        return table[wanted & (table["setting"] == setting)]

    def _means(self) -> pd.DataFrame:
        before = self.layers[self.layers["part"] == "none"].set_index(["setting", "seed", "layer"])
        counts = before[["sinks", "lasting_sinks"]].set_axis([f"{name}_were" for name in KEPT], axis=1)
        rows = self.layers.join(counts, on=["setting", "seed", "layer"])
        for name in KEPT:
            rows[name] = (rows[name] * rows[f"{name}_were"]).where(rows[f"{name}_were"] > 0, 0.0)
        table = rows.groupby(VARIANT, sort=False).mean().drop(columns="layer").reset_index()
        for name in KEPT:
            were = table.pop(f"{name}_were")
            table[name] = (table[name] / were).where(were > 0)
        table["perplexity"] = table["loss"].map(math.exp)
        own = table[table["part"] == "none"].set_index(["setting", "seed"])[["perplexity", "sinks"]]
        whole = table[["setting", "seed"]].join(own, on=["setting", "seed"])
        table["times"] = table["perplexity"] / whole["perplexity"]
        table["sinks_share"] = (table["sinks"] / whole["sinks"]).where(whole["sinks"] > 0)
        return table


def firm(course: pd.DataFrame, least: float) -> float | None:
    """The smallest place from which on all seeds have at least so much.

    Parameters
    ----------
    course : DataFrame
        One row for each place, in order, and one column for each seed; seeds that have NaN everywhere are left out.
    least : float
        How much.

    Returns
    -------
    float or None
        None if the last place is not enough, or nothing is known.

    Examples
    --------
    >>> course = pd.DataFrame({0: [0.1, 0.9, 0.8, 1.0], 1: [0.2, 0.7, 0.9, 0.9]}, index=[0, 1, 2, 4])
    >>> firm(course, 0.7), firm(course, 0.85), firm(course, 0.95)
    (1.0, 4.0, None)
    """
    enough = (course.dropna(axis=1, how="all") >= least).all(axis=1)
    if course.isna().all(axis=None) or not enough.iloc[-1]:
        return None
    return float(enough[::-1].cummin()[::-1].idxmax())


def spread(values: pd.Series, form: str = ".2f") -> str:
    """A number of several seeds: the mean, and from which to which.

    Parameters
    ----------
    values : Series
        One for each seed; NaN is left out.
    form : str
        A format specification.

    Examples
    --------
    >>> spread(pd.Series([0.5, 0.75, 1.0])), spread(pd.Series([2.0])), spread(pd.Series([math.nan]))
    ('0.75 (0.50 to 1.00)', '2.00', '–')
    """
    known = values.dropna()
    if known.empty:
        return "–"
    mean, least, most = (format(x, form) for x in (known.mean(), known.min(), known.max()))
    return mean if least == most else f"{mean} ({least} to {most})"
