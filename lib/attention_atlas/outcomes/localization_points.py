"""Points of the experiment on signal propagation as a page reads them, beside what formulas say of the same keys."""

import math

import pandas as pd
import torch

from attention_atlas.experiments import localization
from attention_atlas.experiments.localization import Config
from attention_atlas.outcomes.stored_points import StoredPoints
from attention_atlas.theory.localization.exact_law import exact
from attention_atlas.theory.localization.forms import Forms, random_walk
from attention_atlas.theory.localization.propagation import finite, limit
from attention_atlas.theory.localization.spectrum import eigenvalues, of_eigenvalues

EXPECTED = 25  # sequences that must be expected on either side for a share of them to be nearly normal


class Points(StoredPoints):
    """Simulations of signal propagation. See :class:`attention_atlas.outcomes.stored_points.StoredPoints`.

    Examples
    --------
    >>> from pathlib import Path
    >>> from attention_atlas.store import Store
    >>> points = Points(["grid-T16-d32-late"], "smoke", Store(Path("/nowhere")))
    >>> points.rows("grid-T16-d32-late", "propagates")["mean"].round(1).iloc[[0, -1]].tolist(), points.sequences
    ([0.0, 0.5], '200')
    """

    experiment = localization
    index = "key"

    def beside(self, names: list[str] | None = None, law: bool = True) -> pd.DataFrame:
        """Simulated signal propagation probabilities and what the formulas say.

        Parameters
        ----------
        names : list of str, optional
            Which points; all by default.
        law : bool
            Whether the exact law is computed too, which takes seconds where sequences are long and dimensions many.

        Returns
        -------
        DataFrame
            One row for every point and key: columns ``point``, ``tokens``, ``d_model``, ``sequences``, ``key``
            (counted from 1), ``mean``, ``standard_error``, and the columns of :func:`formulas`.
        """
        frames = []
        for name in self.configs if names is None else names:
            config, simulated = self.configs[name], self.rows(name, "propagates").reset_index()
            sizes = {"tokens": config.tokens, "d_model": config.d_model, "sequences": config.sequences}
            frames.append(
                simulated.assign(point=name, **sizes).join(formulas(config, law)[["finite", "exact", "limit"]])
            )
        return pd.concat(frames, ignore_index=True)


def formulas(config: Config, law: bool = True) -> pd.DataFrame:
    """What theory says of every key that a simulation keeps.

    Parameters
    ----------
    config : localization.Config
        Of the simulation.

    Returns
    -------
    DataFrame
        One row for every key: ``key`` (counted from 1), ``finite`` (Gaussian scores with exact moments), ``exact``
        (the law of the score) and ``limit`` (an endless walk with unit steps; NaN for other tokens).

    Examples
    --------
    >>> formulas(Config(4, 16, eta=0.0, deviation=1.0)).round(2).iloc[0].tolist()
    [1.0, 0.56, 0.6, 0.49]
    """
    kept = torch.tensor(config.keys) - 1
    forms = Forms(config.forms.covariance[kept], config.forms.product[kept])
    bounds = {"low": -1.0, "high": config.tokens - 1.0}
    found = exact(forms, config.eigenvalues, **bounds) if law else torch.full_like(forms.product, math.nan)
    endless = limit((kept + 1).double() / config.tokens, config.spectrum)
    if (config.persistence, config.increment) != (1, 1):
        endless = torch.full_like(found, math.nan)
    columns = {"finite": finite(config.forms, config.spectrum)[kept], "exact": found, "limit": endless}
    return pd.DataFrame({"key": config.keys} | {name: column.tolist() for name, column in columns.items()})


def gaussian_errors(tokens: int, eta: float, deviation: float, dimensions: list[int]) -> list[float]:
    """Largest error of the Gaussian formula over the keys of a random walk, dimension by dimension.

    Parameters
    ----------
    tokens : int
        Length of the walk.
    eta, deviation : float
        Of the eigenvalues, see :func:`attention_atlas.theory.localization.spectrum.eigenvalues`.
    dimensions : list of int
        Dimensions d.

    Examples
    --------
    >>> coarse, fine = gaussian_errors(8, 0.0, 1.0, [32, 64])
    >>> 1.6 < coarse / fine < 2.1
    True
    """
    forms, errors = random_walk(tokens), []
    for d_model in dimensions:
        spectrum = eigenvalues(d_model, eta, deviation)
        errors.append((exact(forms, spectrum) - finite(forms, of_eigenvalues(spectrum))).abs().max().item())
    return errors


def summary(beside: pd.DataFrame) -> pd.DataFrame:
    """How far simulation and formulas are apart, by point.

    Parameters
    ----------
    beside : DataFrame
        Of :meth:`Points.beside`.

    Returns
    -------
    DataFrame
        Indexed by ``point``, in the order given: ``tokens``, ``d_model``; ``largest`` and ``median`` over the keys of
        ``|mean - finite|``; ``predicted``, the largest ``|exact - finite|``; ``endless``, the largest
        ``|limit - finite|``.

    Examples
    --------
    >>> rows = {"point": ["a", "a"], "tokens": 2, "d_model": 8, "mean": [0.5, 0.7], "finite": [0.4, 0.7]}
    >>> summary(pd.DataFrame(rows | {"exact": [0.5, 0.5], "limit": 0.4})).round(2).loc["a"].tolist()
    [2.0, 8.0, 0.1, 0.05, 0.2, 0.3]
    """
    apart = beside.assign(
        apart=(beside["mean"] - beside["finite"]).abs(),
        predicted=(beside["exact"] - beside["finite"]).abs(),
        endless=(beside["limit"] - beside["finite"]).abs(),
    ).groupby("point", sort=False)
    return pd.DataFrame(
        {
            "tokens": apart["tokens"].first(),
            "d_model": apart["d_model"].first(),
            "largest": apart["apart"].max(),
            "median": apart["apart"].median(),
            "predicted": apart["predicted"].max(),
            "endless": apart["endless"].max(),
        }
    )


def standardized(beside: pd.DataFrame) -> pd.Series:
    """Simulated less exact probabilities in the standard errors that the exact ones imply.

    Parameters
    ----------
    beside : DataFrame
        Of :meth:`Points.beside`.

    Returns
    -------
    Series
        Of the rows where at least :data:`EXPECTED` sequences should propagate and as many should not: only there is a
        share of sequences nearly normal.

    Notes
    -----
    The errors that a simulation estimates would not do: where no sequence of it propagates they are zero.

    Examples
    --------
    >>> row = {"sequences": [100, 100], "mean": [0.6, 0.0], "exact": [0.5, 0.1]}
    >>> standardized(pd.DataFrame(row)).round(6).tolist()
    [2.0]
    """
    exact_value, sequences = beside["exact"], beside["sequences"]
    rare = sequences * pd.concat([exact_value, 1 - exact_value], axis=1).min(axis=1)
    error = (exact_value * (1 - exact_value) / sequences).clip(lower=0) ** 0.5
    return ((beside["mean"] - exact_value) / error)[rare >= EXPECTED]


def chance_beyond(size: float, count: int) -> float:
    """How many of so many standard normal numbers are further from zero than this, on average.

    Examples
    --------
    >>> round(chance_beyond(1.96, 100), 2)
    5.0
    """
    return count * math.erfc(size / math.sqrt(2))
