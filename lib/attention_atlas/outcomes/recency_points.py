"""Points of the experiment on recency as a page reads them, and beside the paper's printed numbers."""

import math

import pandas as pd

from attention_atlas import registry
from attention_atlas.experiments import recency
from attention_atlas.experiments.recency import Config
from attention_atlas.outcomes.stored_points import StoredPoints
from attention_atlas.references import KIM_SEQUENCES
from attention_atlas.shapes import Float64, Tensor

KEY = ["alpha", "layernorm", "residual", "d", "layer"]  # what tells the paper's numbers apart
UNIT = 1e-4  # of the paper's last printed digit


class Points(StoredPoints):
    """Simulations of recency. See :class:`attention_atlas.outcomes.stored_points.StoredPoints`.

    Examples
    --------
    >>> from pathlib import Path
    >>> from attention_atlas.store import Store
    >>> points = Points(["control-full-none"], "smoke", Store(Path("/nowhere")))
    >>> points.recency("control-full-none")["mean"].round(1).tolist(), points.sequences
    ([0.5, 0.5, 0.5], '500')
    """

    experiment = recency
    index = "layer"

    def recency(self, name: str) -> pd.DataFrame:
        """Recency probabilities by layer: columns ``mean`` and ``standard_error``."""
        return self.rows(name, "recency_probability")

    def score_map(self, name: str, layer: int, quantity: str = "score") -> Float64[Tensor, "query key"]:
        """A mean map of a layer, see :func:`attention_atlas.experiments.recency.score_map`."""
        return recency.score_map(self.configs[name], self.tables[name], layer, quantity)

    def noise(self, name: str, layer: int) -> float:
        """Eight standard errors of the last query's mean score on the first key: a range in which noise looks flat."""
        return 8 * self.score_map(name, layer, "standard_error")[-1, 0].item()

    def report(self) -> pd.DataFrame:
        """The recency probabilities of all points that are in the paper's current version, as it tabulates them."""
        return pd.concat([recency.report(self.configs[name], self.tables[name]) for name in self.tables])


def printed() -> pd.DataFrame:
    """The recency probabilities that the paper prints, as far as they are kept beside this book."""
    return pd.read_csv(registry.DATA / "reference" / "kim2026_recency_probability.csv")


def setting(config: Config) -> tuple[float, int, int, int]:
    """A configuration as the paper's table names it: alpha, LayerNorm or not, residual or not, dimension.

    Examples
    --------
    >>> setting(Config(16, 0.5, residual="raw"))
    (0.5, 1, 1, 16)
    """
    normalized, residual = config.normalization == "layernorm", config.residual == "raw"
    return config.alpha, int(normalized), int(residual), config.d_model


def beside(points: Points) -> pd.DataFrame:
    """The paper's printed recency probabilities and ours, with deviations in combined standard errors.

    Parameters
    ----------
    points : Points
        Of the groups ``maps`` and ``alpha``; other points have nothing beside them.

    Returns
    -------
    DataFrame
        One row per printed number that the points repeat: columns :data:`KEY`, ``paper``, ``ours``,
        ``standard_error`` (ours), ``combined`` and ``deviation`` = (ours - paper) / combined.

    Notes
    -----
    The paper prints no errors. It is given ours for its 10,000,000 sequences, and the standard deviation of rounding
    to four decimals, 1e-4 / sqrt(12).

    Examples
    --------
    >>> from pathlib import Path
    >>> from attention_atlas.store import Store
    >>> beside(Points(["maps-d16-plain"], "smoke", Store(Path("/nowhere"))))["paper"].tolist()
    [0.5, 0.5005, 0.0822, 0.014]
    """
    ours = points.report().rename(columns={"recency_probability": "ours"}).drop(columns="figure")
    paper = printed().rename(columns={"recency_probability": "paper"}).drop(columns="figure")
    both = paper.merge(ours, on=KEY)
    theirs = both["standard_error"] * (both["sequences"] / KIM_SEQUENCES) ** 0.5
    both["combined"] = (both["standard_error"] ** 2 + theirs**2 + UNIT**2 / 12) ** 0.5
    both["deviation"] = (both["ours"] - both["paper"]) / both["combined"]
    return both


def root_mean_square(values: pd.Series) -> float:
    """Near 1 for deviations of independent numbers, in their standard errors.

    Examples
    --------
    >>> root_mean_square(pd.Series([3.0, -4.0]))
    3.5355339059327378
    """
    return math.sqrt((values**2).mean())
