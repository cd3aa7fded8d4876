"""What became of the trained decoders: the stored runs of ``language`` as pages read them."""

import math
from collections.abc import Mapping

import pandas as pd

from attention_atlas.decoders.settings import SEEDS, SETTINGS
from attention_atlas.experiments import language
from attention_atlas.outcomes.seeded import Seeded, kept_sizes
from attention_atlas.store import Store


def stored_settings(settings: list[str], store: Store | None = None) -> list[str]:
    """Those settings of which a decoder is stored, of the largest size of which any is.

    Parameters
    ----------
    settings : list of str
        Of :data:`attention_atlas.decoders.settings.SETTINGS`.
    store : Store, optional
        Where results are; the project's own by default.

    Examples
    --------
    >>> from pathlib import Path
    >>> stored_settings(["rope", "relu"], Store(Path("/nowhere")))
    []
    """
    kept = kept_sizes(language, store)
    mine = {name: max((kept.get(point, -1) for point in _points(name)), default=-1) for name in settings}
    most = max(mine.values(), default=-1)
    return [name for name, size in mine.items() if size == most >= 0]


class Decoders(Seeded):
    """The decoders of some settings: stored ones where there are any, else one seed trained now.

    Parameters
    ----------
    settings : list of str
        Of :data:`attention_atlas.decoders.settings.SETTINGS`.
    profile : {"smoke", "quick", "paper"}
        Size at which a setting of which nothing is stored is trained.
    store : Store, optional
        Where results are; the project's own by default.

    Attributes
    ----------
    table : DataFrame
        That of :func:`attention_atlas.experiments.language.run`, with ``setting`` and ``seed``.
    end : DataFrame
        Its rows after the last step.
    configs : dict
        First configuration of every setting, of the size that was found.
    provenance : str
        For the figure that shows them.

    Raises
    ------
    ValueError
        If there is no such setting or profile.
    """

    experiment = language

    def __init__(self, settings: list[str], profile: str, store: Store | None = None):
        if unknown := [name for name in settings if name not in SETTINGS]:
            raise ValueError(f"unknown setting {unknown[0]!r}; allowed: {', '.join(SETTINGS)}")
        super().__init__({name: _points(name) for name in settings}, profile, store)
        last = self.table.groupby(["setting", "seed"])["step"].transform("max")
        self.end = self.table[self.table["step"] == last].reset_index(drop=True)

    def course(self, setting: str, quantity: str, layer: int | None = None) -> pd.DataFrame:
        """A quantity of one setting over its training: one row for each recorded step, one column for each seed.

        Parameters
        ----------
        setting : str
            One of those that were asked for.
        quantity, layer
            As of :meth:`by_seed`.
        """
        if quantity == "perplexity":
            return self.course(setting, "loss").map(math.exp)
        rows = self.table[(self.table["setting"] == setting) & (self.table["quantity"] == quantity)]
        rows = rows if layer is None else rows[rows["layer"] == layer]
        return rows.pivot_table("value", "step", "seed", "mean")

    def by_seed(self, quantity: str, layer: int | None = None) -> pd.DataFrame:
        """A quantity of every decoder after its last step, one row for each seed and one column for each setting.

        Parameters
        ----------
        quantity : str
            As in the table, or ``perplexity``; averaged over heads and, unless one is named, over layers.
        layer : int, optional
            From 0 on.
        """
        if quantity == "perplexity":
            return self.by_seed("loss").map(math.exp)
        rows = self.end[self.end["quantity"] == quantity]
        rows = rows if layer is None else rows[rows["layer"] == layer]
        return rows.pivot_table("value", "seed", "setting", "mean").reindex(columns=list(self.configs))

    def means(self, quantity: str, layer: int | None = None) -> pd.DataFrame:
        """Mean over seeds of every setting, with its standard error (NaN for one seed) and the number of seeds."""
        found = self.by_seed(quantity, layer)
        return pd.DataFrame({"mean": found.mean(), "standard_error": found.sem(), "seeds": found.count()})

    def paired(self, one: str, other: str, quantity: str, layer: int | None = None) -> pd.Series:
        """Difference of two settings, seed by seed: both start from the same weights and read the same windows.

        Returns
        -------
        Series
            ``difference`` (mean of one less other), ``standard_error`` (NaN for one seed) and ``seeds``, those that
            both have.
        """
        found = self.by_seed(quantity, layer)
        apart = (found[one] - found[other]).dropna()
        return pd.Series({"difference": apart.mean(), "standard_error": apart.sem(), "seeds": len(apart)})

    def compared(
        self, pairs: Mapping[str, tuple[str, str]], quantity: str, layer: int | None = None
    ) -> dict[str, pd.Series]:
        """Differences of several pairs of settings by name, see :meth:`paired`."""
        return {name: self.paired(*pair, quantity, layer) for name, pair in pairs.items()}


def learned(config: language.Config) -> int:
    """How many numbers a decoder learns.

    Parameters
    ----------
    config : attention_atlas.experiments.language.Config
        Of the experiment ``language``.

    Examples
    --------
    >>> learned(language.CANARY) == sum(math.prod(shape) for shape in language.CANARY.decoder.shapes.values())
    True
    """
    return sum(math.prod(shape) for shape in config.decoder.shapes.values())


def passes(config: language.Config, tokens: int) -> float:
    """How often each token of the training text is read on average.

    Parameters
    ----------
    config : attention_atlas.experiments.language.Config
        Of the experiment ``language``.
    tokens : int
        In the training text.

    Examples
    --------
    >>> read = language.CANARY.steps * language.CANARY.batch * language.CANARY.tokens
    >>> passes(language.CANARY, read // 2)
    2.0
    """
    return config.steps * config.batch * config.tokens / tokens


def _points(setting: str) -> list[str]:
    return [f"{setting}-seed{seed}" for seed in range(SEEDS[1])]
