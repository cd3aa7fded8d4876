"""Stored simulations as a page reads them: points of an experiment by name, tables of means with standard errors."""

from types import ModuleType
from typing import ClassVar

import pandas as pd

from attention_atlas import results
from attention_atlas.store import Store


class StoredPoints:
    """What is known of some points: stored results where there are any, others computed now.

    The base of one class for every experiment whose tables have the columns ``quantity``, ``mean`` and
    ``standard_error`` and whose configurations count ``sequences``.

    Parameters
    ----------
    names : list of str
        Points of the experiment.
    profile : {"smoke", "quick", "paper"}
        Size at which missing points are computed.
    store : Store, optional
        Where results are; the project's own by default.

    Attributes
    ----------
    configs, tables : dict
        Configuration, of the size that was found, and table of every point.
    provenance : str
        For the figure that shows them.

    Raises
    ------
    ValueError
        If there is no such point or profile.
    """

    experiment: ClassVar[ModuleType]
    index: ClassVar[str]  # the column that tells the rows of a quantity apart

    def __init__(self, names: list[str], profile: str, store: Store | None = None):
        found = results.obtain(self.experiment, profile, names, store)
        self.provenance = found.provenance
        self.tables = {name: found.table[found.table["point"] == name] for name in names}
        self.configs = {
            name: self.experiment.configurations(table["profile"].iloc[0])[name] for name, table in self.tables.items()
        }

    @property
    def sequences(self) -> str:
        """How many sequences a point has, for a caption; the least and the most if they differ."""
        counts = sorted({config.sequences for config in self.configs.values()})
        return " to ".join(f"{count:,}" for count in dict.fromkeys((counts[0], counts[-1])))

    def rows(self, name: str, quantity: str) -> pd.DataFrame:
        """A quantity of one point, by :attr:`index`: columns ``mean`` and ``standard_error``."""
        rows = self.tables[name][self.tables[name]["quantity"] == quantity]
        return rows.set_index(self.index)[["mean", "standard_error"]].astype(float)
