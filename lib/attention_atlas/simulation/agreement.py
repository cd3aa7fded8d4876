"""Two ways to simulate one law, side by side: how far apart they are, in standard errors, and from which layer on."""

from collections.abc import Sequence
from itertools import accumulate

import pandas as pd

from attention_atlas.metrics import recency_probability
from attention_atlas.simulation.gram import GramSimulator
from attention_atlas.simulation.model import Model
from attention_atlas.simulation.stream import simulate
from attention_atlas.theory.recency.gram import gram_layer

PLACE = ["quantity", "layer", "query", "key"]
FACTORS = 4  # sequences by factors for each one by vectors: they are cheaper, and lower the common error


def compare(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Differences of two independent simulations in their combined standard errors.

    Parameters
    ----------
    first, second : DataFrame
        Tables as :meth:`attention_atlas.simulation.moments.Moments.table` gives them.

    Returns
    -------
    DataFrame
        One row per place that both have: ``quantity``, ``layer``, ``query``, ``key``, ``mean_first``,
        ``standard_error_first``, the same of the second, and ``deviation`` = (first - second) / combined error; NaN
        where neither varies.

    Examples
    --------
    >>> table = pd.DataFrame(dict(quantity="gap", layer=1, query=2, key=1, mean=[5.0], standard_error=[3.0]))
    >>> compare(table, table.assign(mean=0.0, standard_error=4.0))["deviation"].tolist()
    [1.0]
    """
    both = first.merge(second, on=PLACE, suffixes=("_first", "_second"))
    error = (both["standard_error_first"] ** 2 + both["standard_error_second"] ** 2) ** 0.5
    both["deviation"] = (both["mean_first"] - both["mean_second"]) / error.where(error > 0)
    return both


def factors_and_vectors(model: Model, sequences: int, seed: int, claimed: Model | None = None) -> pd.DataFrame:
    """A model by token vectors, beside the same model, or one that claims to be the same, by Gram factors.

    Parameters
    ----------
    model : Model
        What is simulated by vectors.
    sequences : int
        By vectors, at least 2; there are :data:`FACTORS` times as many by factors.
    seed : int
        The two simulations share no randomness.
    claimed : Model, optional
        What is simulated by factors; the model itself by default.

    Returns
    -------
    DataFrame
        As :func:`compare` says, factors first.

    Examples
    --------
    >>> both = factors_and_vectors(Model(16, 0.5, tokens=5), 500, seed=1)
    >>> bool(both[both["quantity"] == "recency_probability"]["deviation"].abs().max() < 4)
    True
    """
    by_factors = simulate(claimed or model, FACTORS * sequences, seed).table()
    return compare(by_factors, simulate(model, sequences, seed + 100, "direct").table())


def canceling_recency(model: Model, sequences: int, seed: int) -> list[float]:
    """Recency probability by layer if cosines near 1 are compared as they are, from the Gram simulator's own draws.

    Parameters
    ----------
    model : Model
        A causal, normalized model that the Gram simulator can simulate.
    sequences, seed : int
        As of :func:`attention_atlas.simulation.stream.simulate`, whose sequences these are.

    Returns
    -------
    list of float
        One number per layer; right until the cosines agree to their last digits.

    Notes
    -----
    The recursion G' = M G M^T in float64, with no care taken: what equation eq-no-cancellation of the book avoids.

    Examples
    --------
    >>> [round(share, 2) for share in canceling_recency(Model(16, 0.5, layers=3), 500, seed=0)]
    [0.5, 0.64, 0.8]
    """
    factors = GramSimulator(model, seed).draw(sequences).permute(2, 0, 1)
    grams, found = factors @ factors.mT, []
    for _ in range(model.layers):
        scores, _, grams = gram_layer(grams, model.d_model, model.normalization, model.residual)
        found.append(recency_probability(scores).item())
    return found


def departure(curve: Sequence[float], reference: Sequence[float], tolerance: float = 0.01) -> int | None:
    """First layer in which two curves are more than a tolerance apart.

    Parameters
    ----------
    curve, reference : sequence of float
        One value per layer, from layer 1 on.
    tolerance : float
        Largest difference that still counts as the same.

    Returns
    -------
    int or None
        Counted from 1; None if there is none.

    Raises
    ------
    ValueError
        If the curves differ in length.

    Examples
    --------
    >>> departure([0.5, 0.6, 0.9], [0.5, 0.6, 0.8])
    3
    """
    if len(curve) != len(reference):
        raise ValueError(f"curves of {len(curve)} and {len(reference)} layers cannot be compared")
    pairs = enumerate(zip(curve, reference, strict=True), start=1)
    return next((layer for layer, (a, b) in pairs if abs(a - b) > tolerance), None)


def decline(curve: Sequence[float], tolerance: float = 0.01) -> int | None:
    """First layer in which a curve lies more than a tolerance below where it has been.

    Parameters
    ----------
    curve, tolerance
        As of :func:`departure`.

    Returns
    -------
    int or None
        Counted from 1; None if there is none.

    Examples
    --------
    >>> decline([0.5, 0.9, 1.0, 0.995, 0.7])
    5
    """
    return departure(curve, list(accumulate(curve, max)), tolerance)
