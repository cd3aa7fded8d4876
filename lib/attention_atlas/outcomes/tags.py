"""What sinks write in trained decoders: the stored runs of ``language_tags`` as pages read them."""

import pandas as pd

from attention_atlas.experiments import language_tags
from attention_atlas.outcomes.seeded import Seeded, kept_sizes
from attention_atlas.rules.language_tags import tagged_share
from attention_atlas.store import Store

HEAD = ["setting", "seed", "layer", "head"]
FIRM = 0.5  # share of the windows in which a head must have a sink to be said to have it


class TagOutcomes(Seeded):
    """The decoders of some settings: stored ones where there are any, else one seed looked at now.

    Parameters
    ----------
    settings : list of str
        Such as ``rope``, see :func:`attention_atlas.experiments.language_tags.configurations`.
    profile : {"smoke", "quick", "paper"}
        Size at which a setting of which nothing is stored is looked at.
    store : Store, optional
        Where results are; the project's own by default.

    Attributes
    ----------
    table : DataFrame
        That of :func:`attention_atlas.experiments.language_tags.run`, with ``setting`` and ``seed``.
    configs : dict
        First configuration of every setting, of the size that was found.
    provenance : str
        For the figure that shows them.

    Raises
    ------
    ValueError
        If there is no such setting or profile.
    """

    experiment = language_tags

    def __init__(self, settings: list[str], profile: str, store: Store | None = None):
        offered = list(language_tags.configurations(profile))
        known = dict.fromkeys(point.rsplit("-seed", 1)[0] for point in offered)
        if unknown := [name for name in settings if name not in known]:
            raise ValueError(f"unknown setting {unknown[0]!r}; allowed: {', '.join(known)}")
        points = {name: [point for point in offered if point.rsplit("-seed", 1)[0] == name] for name in settings}
        super().__init__(points, profile, store)

    def of(self, setting: str, quantity: str, label: str = "") -> pd.DataFrame:
        """Rows of a quantity with one label."""
        table = self.table
        return table[(table["setting"] == setting) & (table["quantity"] == quantity) & (table["label"] == label)]

    def heads(self, setting: str, quantity: str, label: str = "") -> pd.DataFrame:
        """A quantity of every head, one row for each layer and one column for each head: mean over seeds."""
        return self.of(setting, quantity, label).pivot_table("value", "layer", "head", "mean")

    def layers(self, setting: str, quantity: str, label: str = "") -> pd.DataFrame:
        """Of every layer: ``mean`` over heads and seeds, and the ``least`` and the ``most`` of the seeds."""
        by_seed = self.of(setting, quantity, label).groupby(["layer", "seed"])["value"].mean().unstack("seed")
        ends = {"least": by_seed.min(axis=1), "most": by_seed.max(axis=1)}
        return pd.DataFrame({"mean": by_seed.mean(axis=1), **ends})

    def read(self, setting: str, quantity: str, layer: int) -> dict[str, float]:
        """Accuracy of all probes of a layer, ``probe`` or ``probe_late``, mean over seeds, by what they read."""
        rows = self.table[(self.table["setting"] == setting) & (self.table["quantity"] == quantity)]
        return rows[rows["layer"] == layer].groupby("label")["value"].mean().to_dict()

    def mean(self, setting: str, quantity: str, label: str = "") -> tuple[float, float]:
        """Mean over layers, heads and seeds, and its standard error over seeds (NaN for one)."""
        by_seed = self.of(setting, quantity, label).groupby("seed")["value"].mean()
        return by_seed.mean(), by_seed.sem()

    def every(self, setting: str, quantity: str) -> list[float]:
        """A quantity of every head of every seed that has it."""
        table = self.of(setting, quantity)
        return table.loc[table["head"] >= 0, "value"].dropna().tolist()

    def where_lasting(self, setting: str, quantity: str) -> tuple[float, float]:
        """Mean over the windows with a lasting sink, of all heads alike, and its standard error over seeds.

        Only for what there is in such windows alone, such as ``two_tags``; NaN if there is none.
        """
        report = self.table.assign(point=self.table["setting"] + "-seed" + self.table["seed"].astype(str))
        by_seed = tagged_share(report, setting, quantity)
        return by_seed.mean(), by_seed.sem()

    def single_heads(self, settings: list[str]) -> pd.DataFrame:
        """One row for each head, one column for each quantity that heads have, most attention to ``<s>`` first."""
        table = self.table[self.table["setting"].isin(settings) & (self.table["head"] >= 0)]
        table = table[table["label"] == ""].pivot(index=HEAD, columns="quantity", values="value").reset_index()
        return table.sort_values("received_first", ascending=False, ignore_index=True)

    def firm_heads(self, settings: list[str]) -> pd.DataFrame:
        """Those of :meth:`single_heads` that have ``<s>`` for a sink in most windows."""
        heads = self.single_heads(settings)
        return heads[heads["first_zhang"] > FIRM].reset_index(drop=True)

    def pictured(self) -> dict[str, tuple[int, int]]:
        """Layer and head, by setting, of which tokens are kept for a picture."""
        points = self.table[self.table["quantity"] == "place"].drop_duplicates("setting")
        return {row.setting: (row.layer, row.head) for row in points.itertuples()}

    def plane(self, setting: str, space: str) -> pd.DataFrame:
        """Tagged and untagged tokens in the plane of their first two principal directions, see :meth:`pictured`.

        Returns
        -------
        DataFrame
            Columns ``first``, ``second`` and ``tagged``.
        """
        parts = []
        for kind in ("tagged", "untagged"):
            first, second = (self.of(setting, "place", f"{space} {k} {kind}")["value"].tolist() for k in (1, 2))
            parts.append(pd.DataFrame({"first": first, "second": second, "tagged": kind == "tagged"}))
        return pd.concat(parts, ignore_index=True)

    def labels(self, setting: str, quantity: str) -> pd.Series:
        """Mean over layers and seeds by label."""
        table = self.table[(self.table["setting"] == setting) & (self.table["quantity"] == quantity)]
        return table.groupby("label", sort=False)["value"].mean()


def looked_at(settings: list[str], least: list[str] | None = None, store: Store | None = None) -> list[str]:
    """Those settings of which a decoder's sinks are stored.

    Parameters
    ----------
    settings : list of str
        Such as ``rope``, see :func:`attention_atlas.experiments.language_tags.configurations`.
    least : list of str, optional
        What is given instead if one of these is not stored.
    store : Store, optional
        Where results are; the project's own by default.

    Examples
    --------
    >>> from pathlib import Path
    >>> nowhere = Store(Path("/nowhere"))
    >>> looked_at(["rope", "relu"], store=nowhere), looked_at(["rope", "relu"], ["rope"], nowhere)
    ([], ['rope'])
    """
    kept = {point.rsplit("-seed", 1)[0] for point in kept_sizes(language_tags, store)}
    return [name for name in settings if name in kept] if kept.issuperset(least or []) else list(least)
