"""Recency in trained decoders: the stored numbers and maps of ``language_maps`` as a page reads them."""

import math
from typing import NamedTuple

import pandas as pd

from attention_atlas import results
from attention_atlas.decoders.maps import PANELS
from attention_atlas.experiments import language_maps
from attention_atlas.outcomes.seeded import kept_sizes, largest
from attention_atlas.relativity import earlier
from attention_atlas.shapes import Float64, Tensor
from attention_atlas.store import Store

QUANTITIES = {
    (name or kind, layer): "recency" if kind == "score" else f"gram_{name}" for kind, name, layer, _ in PANELS
}
SURE = 4  # standard errors over windows, by which a single head of a single decoder prefers a side
LEAST = 3  # decoders; an interval over two is 12.7 standard errors wide, and nothing where they happen to coincide
STUDENT = {3: 4.303, 4: 3.182, 5: 2.776}  # 97.5 % quantiles of Student's t for so many decoders
NORMAL = 1.96  # the same for very many, of which windows are


class Interval(NamedTuple):
    """What some decoders show, and where there are three or more the 95 % interval of their mean.

    Parameters
    ----------
    values : tuple of float
        One for each decoder.
    error : float
        Standard error over windows; all decoders read the same ones, so that their mean does not make it smaller.
    """

    values: tuple[float, ...]
    error: float = 0.0

    @property
    def seeds(self) -> int:
        """How many decoders there are."""
        return len(self.values)

    @property
    def mean(self) -> float:
        """Mean over decoders, NaN of none."""
        return sum(self.values) / len(self.values) if self.values else math.nan

    @property
    def reach(self) -> float:
        """Half the interval: Student's over decoders and the normal one over windows, added in squares.

        Examples
        --------
        >>> round(Interval((0.59, 0.60, 0.61)).reach, 3), Interval((0.59, 0.60)).reach
        (0.025, nan)
        """
        if self.seeds < LEAST:
            return math.nan
        return math.hypot(STUDENT[self.seeds] * float(pd.Series(self.values).sem()), NORMAL * self.error)

    def beyond(self, value: float) -> int | None:
        """1 if the interval is above a value, -1 if below, 0 if it holds the value, None if there is no interval.

        Examples
        --------
        >>> [Interval(found).beyond(0.5) for found in ((0.58, 0.6, 0.62), (0.4, 0.6, 0.8), (0.6, 0.6))]
        [1, 0, None]
        """
        if self.seeds < LEAST:
            return None
        return int(self.mean - self.reach > value) - int(self.mean + self.reach < value)

    @property
    def word(self) -> str:
        """What it is of a recency probability; empty if there is no interval.

        Examples
        --------
        >>> Interval((0.38, 0.4, 0.42)).word, Interval((0.4,)).word
        ('early bias', '')
        """
        return {1: "recency", 0: "undecided", -1: "early bias", None: ""}[self.beyond(0.5)]


class Left(NamedTuple):
    """What the mean maps of a decoder keep without their diagonals' means, in the layer where it is most.

    Parameters
    ----------
    ratio : float
        Root mean square of what is left, over what noise leaves at most.
    share : float
        Of the whole map's variation, that which is no function of the distance.
    """

    ratio: float
    share: float


def stored_settings(settings: list[str], store: Store | None = None) -> list[str]:
    """Those settings of which a trained decoder and its maps are stored, of the largest size of which any is.

    Parameters
    ----------
    settings : list of str
        Of :data:`attention_atlas.experiments.language_maps.SETTINGS`.
    store : Store, optional
        Where results are; the project's own by default.

    Examples
    --------
    >>> from pathlib import Path
    >>> stored_settings(["rope", "decay"], Store(Path("/nowhere")))
    []
    """
    kept = kept_sizes(language_maps, store)
    sizes = {name: max((kept.get(point, -1) for point in _points(name)), default=-1) for name in settings}
    mine = {name: min(size, kept.get(f"{name}-maps", -1)) for name, size in sizes.items()}
    most = max(mine.values(), default=-1)
    return [name for name, size in mine.items() if size == most >= 0]


class LanguageMaps:
    """The decoders of some settings, trained and untrained: stored ones where there are any, else one seed made now.

    Parameters
    ----------
    settings : list of str
        Of :data:`attention_atlas.experiments.language_maps.SETTINGS`.
    profile : {"smoke", "quick", "paper"}
        Size at which a setting of which nothing is stored is trained.
    store : Store, optional
        Where results are; the project's own by default.

    Attributes
    ----------
    table : DataFrame
        That of :func:`attention_atlas.experiments.language_maps.run` with ``setting``, ``trained`` and ``seed``.
    configs : dict
        First configuration of every setting, of the size that was found.
    provenance : str
        For the figure that shows them.

    Raises
    ------
    ValueError
        If there is no such setting or profile.
    """

    def __init__(self, settings: list[str], profile: str, store: Store | None = None):
        allowed = language_maps.SETTINGS
        if unknown := [name for name in settings if name not in allowed]:
            raise ValueError(f"unknown setting {unknown[0]!r}; allowed: {', '.join(allowed)}")
        self._profile, self._store = profile, store
        kept = kept_sizes(language_maps, store)
        points = []
        for name in settings:
            for end in ("", "-untrained"):
                points += largest(_points(name, end), kept)
        found = results.obtain(language_maps, profile, points, store)
        self.provenance = found.provenance
        names = found.table["point"].str.extract(r"(?P<setting>.*)-seed(?P<seed>\d+)(?P<end>.*)")
        self.table = found.table.assign(
            setting=names["setting"], seed=names["seed"].astype(int), trained=names["end"] == ""
        ).drop(columns="point")
        sizes = self.table[self.table["trained"]].drop_duplicates("setting").set_index("setting")["profile"]
        self.configs = {name: language_maps.configurations(sizes[name])[f"{name}-seed0"] for name in settings}

    def rows(self, setting: str, quantity: str, text: str = "text", trained: bool = True) -> pd.DataFrame:
        """All rows of a quantity: columns seed, layer, head, value, standard_error."""
        table = self.table
        kept = (table["setting"] == setting) & (table["quantity"] == quantity)
        kept &= (table["text"] == text) & (table["trained"] == trained)
        return table.loc[kept, ["seed", "layer", "head", "value", "standard_error"]]

    def values(self, setting: str, quantity: str, text: str = "text", trained: bool = True) -> pd.DataFrame:
        """Of whole layers: one row for each seed and one column for each layer, from 0 on."""
        found = self.rows(setting, quantity, text, trained)
        return found[found["head"] == -1].pivot_table("value", "seed", "layer")

    def by_layer(
        self, setting: str, quantity: str = "recency", text: str = "text", trained: bool = True
    ) -> list[Interval]:
        """A quantity of every layer that has it."""
        found = self.rows(setting, quantity, text, trained)
        layers = found[found["head"] == -1].groupby("layer")
        return [interval(of["value"].tolist(), of["standard_error"].mean()) for _, of in layers]

    def panels(self, setting: str, text: str = "text", trained: bool = True) -> dict[tuple[str, int], Interval]:
        """Recency probability of every panel of the trace, by (name or kind, layer) of :data:`QUANTITIES`."""
        return {panel: self.by_layer(setting, of, text, trained)[panel[1]] for panel, of in QUANTITIES.items()}

    def left(self, setting: str, text: str = "text") -> Left:
        """What is no function of the distance, in the layer after the first where it is most beside its floor."""
        ratios = (self.values(setting, "left", text) / self.values(setting, "floor", text)).mean()[1:]
        return Left(ratios.max(), self.values(setting, "share", text).mean()[ratios.idxmax()])

    def mean(
        self, setting: str, quantity: str = "recency", text: str = "text", trained: bool = True, less: str | None = None
    ) -> Interval:
        """Mean over all layers but the first, or its difference to another setting's, seed by seed.

        Its standard error over windows is the layers' mean error, as if they erred alike.
        """
        mean, error = self._deep(setting, quantity, text, trained)
        if less is not None:
            other, of_other = self._deep(less, quantity, text, trained)
            mean, error = (mean - other).dropna(), math.hypot(error, of_other)
        return interval(mean.tolist(), error)

    def change(self, setting: str, text: str, before: str, quantity: str = "recency") -> Interval:
        """How much the mean of a quantity over all layers but the first changes with the text, seed by seed."""
        mean, error = self._deep(setting, quantity, text, True)
        other, of_other = self._deep(setting, quantity, before, True)
        return interval((mean - other).dropna().tolist(), math.hypot(error, of_other))

    def _deep(self, *which) -> tuple[pd.Series, float]:
        found = self.rows(*which)
        found = found[(found["head"] == -1) & (found["layer"] > 0)]
        return found.groupby("seed")["value"].mean(), found["standard_error"].mean()

    def heads(self, setting: str, text: str = "text", trained: bool = True) -> dict[str, int]:
        """How many heads of all layers but the first prefer later keys, earlier ones, or neither by four errors."""
        found = self.rows(setting, "recency", text, trained)
        found = found[(found["head"] >= 0) & (found["layer"] > 0)]
        off = (found["value"] - 0.5) / found["standard_error"]
        recency, early = int((off > SURE).sum()), int((off < -SURE).sum())
        return {"recency": recency, "early bias": early, "undecided": len(off) - recency - early}

    def seeds(self, setting: str, trained: bool = True) -> int:
        """How many decoders of a setting there are."""
        return self.rows(setting, "recency", trained=trained)["seed"].nunique()

    def maps(self, setting: str, trained: bool = True) -> dict[str, Float64[Tensor, "query key"]]:
        """Mean maps of the first decoder, by name of their column."""
        point = f"{setting}-maps" + ("" if trained else "-untrained")
        table = results.obtain(language_maps, self._profile, [point], self._store).table
        names = [name for name in table if name.startswith(("score_", "gram_"))]
        return {name: language_maps.map_of(table, name) for name in names}


def first_key(map: Float64[Tensor, "query key"], distances: int) -> float:
    """How far the first token's mean score is off that of all places, in standard deviations of the map.

    Parameters
    ----------
    map : (query, key)
        Mean scores without ``<s>``.
    distances : int
        A place's score is the mean over its queries at distances 1 to this.

    Examples
    --------
    >>> import torch
    >>> first_key(torch.eye(6)[:1].double().expand(6, 6), 1) > 0  # all queries score the first token alone
    True
    >>> first_key(torch.arange(6).double().expand(6, 6), 2) < 0
    True
    """
    places = by_place(map, distances)
    return ((places[0] - places.mean()) / (earlier(map).std().item() or 1.0)).item()


def by_place(map: Float64[Tensor, "query key"], distances: int) -> Float64[Tensor, "place"]:
    """Mean score of every key that is seen at all of the distances 1 to ``distances``.

    Parameters
    ----------
    map : (query, key)
        Mean scores.
    distances : int
        At least 1 and less than the tokens.

    Raises
    ------
    ValueError
        If no key is seen at all of them.

    Examples
    --------
    >>> import torch
    >>> by_place(torch.arange(9.0).reshape(3, 3).double(), 1), by_place(torch.arange(9.0).reshape(3, 3).double(), 2)
    (tensor([3., 7.], dtype=torch.float64), tensor([4.5000], dtype=torch.float64))
    """
    places = len(map) - distances
    if not 0 < distances < len(map):
        raise ValueError(
            f"distances must be 1 to {len(map) - 1}, so that a key is seen at all of them, got {distances}"
        )
    return sum(map.diagonal(-gap)[:places] for gap in range(1, distances + 1)) / distances


def interval(values: list[float], error: float) -> Interval:
    """What some decoders show.

    Parameters
    ----------
    values : list of float
        One for each decoder, at most five.
    error : float
        Standard error over windows.

    Raises
    ------
    ValueError
        If there are more than five.

    Examples
    --------
    >>> interval([0.6, 0.7], 0.01)
    Interval(values=(0.6, 0.7), error=0.01)
    """
    if len(values) > max(STUDENT):
        raise ValueError(f"an interval is known of at most {max(STUDENT)} decoders, got {len(values)}")
    return Interval(tuple(values), float(error))


def _points(setting: str, end: str = "") -> list[str]:
    return [f"{setting}-seed{seed}{end}" for seed in range(language_maps.SEEDS)]
