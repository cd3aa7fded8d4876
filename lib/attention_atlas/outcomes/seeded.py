"""Decoders of several settings and seeds as a page reads them: what is stored of them, and what is taken of it."""

from types import ModuleType
from typing import ClassVar

from attention_atlas import results
from attention_atlas.profiles import PROFILES, rank
from attention_atlas.store import Store, key


class Seeded:
    """Points named after a setting and a seed: stored ones where there are any, else the first is made now.

    The base of one class for every experiment with decoders.

    Parameters
    ----------
    points : dict
        Of every setting its points, ``rope-seed0`` and so on.
    profile : {"smoke", "quick", "paper"}
        Size at which the first point of a setting is made of which nothing is stored.
    store : Store, optional
        Where results are; the project's own by default.

    Attributes
    ----------
    table : DataFrame
        That of the experiment's ``run``, with ``setting`` and ``seed``.
    configs : dict
        First configuration of every setting, of the size that was found.
    provenance : str
        For the figure that shows them.
    """

    experiment: ClassVar[ModuleType]

    def __init__(self, points: dict[str, list[str]], profile: str, store: Store | None = None):
        kept = kept_sizes(self.experiment, store)
        chosen = [point for of_one in points.values() for point in largest(of_one, kept)]
        found = results.obtain(self.experiment, profile, chosen, store)
        self.provenance = found.provenance
        names = found.table["point"].str.rsplit("-seed", n=1, expand=True)
        self.table = found.table.assign(setting=names[0], seed=names[1].astype(int)).drop(columns="point")
        sizes = self.table.drop_duplicates("setting").set_index("setting")["profile"]
        self.configs = {name: self.experiment.configurations(sizes[name])[f"{name}-seed0"] for name in points}

    def seeds(self, setting: str) -> int:
        """How many decoders of a setting there are."""
        return self.table.loc[self.table["setting"] == setting, "seed"].nunique()


def kept_sizes(experiment: ModuleType, store: Store | None = None) -> dict[str, int]:
    """Rank of the size at which each point is stored; what was asked otherwise than now does not count.

    Parameters
    ----------
    experiment : module
        Of :mod:`attention_atlas.experiments`.
    store : Store, optional
        Where results are; the project's own by default.

    Examples
    --------
    >>> from pathlib import Path
    >>> from attention_atlas.experiments import language
    >>> kept_sizes(language, Store(Path("/nowhere")))
    {}
    """
    asked = {size: experiment.configurations(size) for size in PROFILES}
    found = {}
    for result in results.best(experiment.NAME, store):
        config = asked[result.manifest["profile"]].get(result.point)
        if config is not None and key(experiment, config) == result.manifest["key"]:
            found[result.point] = rank(result.manifest["profile"])
    return found


def largest(points: list[str], kept: dict[str, int]) -> list[str]:
    """Those of the largest size stored, else the first: models of two sizes are not averaged.

    Parameters
    ----------
    points : list of str
        At least one.
    kept : dict
        As of :func:`kept_sizes`.

    Examples
    --------
    >>> largest(["a", "b", "c"], {"b": 1, "c": 2}), largest(["a", "b"], {})
    (['c'], ['a'])
    """
    most = max((kept.get(point, -1) for point in points), default=-1)
    return [point for point in points if kept.get(point) == most] or points[:1]
