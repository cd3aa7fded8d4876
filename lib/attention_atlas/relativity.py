"""How far mean scores are from a function of the distance alone, and how much of it noise explains.

Everything is measured over the keys before the query, whatever the mask, so that causal and full maps compare.
"""

import pandas as pd
import torch

from attention_atlas.metrics import without_diagonal_means
from attention_atlas.shapes import Float64, Tensor


def earlier(map: Float64[Tensor, "query key"]) -> Float64[Tensor, "pair"]:
    """The entries of a map at keys before the query, row by row.

    Examples
    --------
    >>> earlier(torch.arange(9.0, dtype=torch.float64).view(3, 3))
    tensor([3., 6., 7.], dtype=torch.float64)
    """
    return map[torch.ones_like(map).tril(-1).bool()]


def size(map: Float64[Tensor, "query key"]) -> float:
    """Root mean square over the keys before the query.

    Parameters
    ----------
    map : (query, key)
        Any numbers; those at and after the query are ignored.

    Returns
    -------
    float
        NaN for a single token, which has nothing before it.

    Examples
    --------
    >>> size(torch.tensor([[9.0, 9.0, 9.0], [2.0, 9.0, 9.0], [2.0, -2.0, 9.0]]).double())
    2.0
    """
    return earlier(map).square().mean().sqrt().item()


def left_over(
    scores: Float64[Tensor, "layer query key"],
    errors: Float64[Tensor, "layer query key"],
    predicted: Float64[Tensor, "layer query key"],
) -> pd.DataFrame:
    """What mean scores keep when the mean of every distance is taken off.

    Parameters
    ----------
    scores, errors : (layer, query, key)
        Mean scores and their standard errors.
    predicted : (layer, query, key)
        Scores to compare with.

    Returns
    -------
    DataFrame
        One row per layer: ``layer`` from 1; ``left`` and ``predicted``, the :func:`size` of what is left of the scores
        and of the prediction; ``floor``, the :func:`size` of the errors; ``share``, what is left over all squared
        deviations of the scores from their own mean.

    Notes
    -----
    Derived here. If the true map is a function of the distance, E left^2 <= floor^2 whatever the correlation of the
    errors: taking off means is an orthogonal projection, and a projection of the noise is no longer than the noise.

    Examples
    --------
    >>> scores = torch.tensor([[[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [5.0, 3.0, 0.0]]]).double()
    >>> left_over(scores, 0 * scores + 0.5, scores)[["left", "floor", "share"]].round(3).values.tolist()
    [[0.816, 0.5, 0.25]]
    """
    rows = []
    for layer, (map, error, ideal) in enumerate(zip(scores, errors, predicted, strict=True), start=1):
        left, values = without_diagonal_means(map), earlier(map)
        share = earlier(left).square().sum() / (values - values.mean()).square().sum()
        sizes = {"left": size(left), "floor": size(error), "predicted": size(without_diagonal_means(ideal))}
        rows.append({"layer": layer, **sizes, "share": share.item()})
    return pd.DataFrame(rows)


def fitted_factor(
    scores: Float64[Tensor, "query key"],
    errors: Float64[Tensor, "query key"],
    pattern: Float64[Tensor, "query key"],
) -> tuple[float, Float64[Tensor, "pair"]]:
    """The number that makes a pattern fit mean scores best, and what the fit misses in standard errors.

    Parameters
    ----------
    scores, errors : (query, key)
        Mean scores and their standard errors, above 0 at keys before the query.
    pattern : (query, key)
        What the scores should be proportional to.

    Returns
    -------
    factor : float
        Of the least-squares fit with weights 1 / errors^2.
    deviations : (pair,)
        (scores - factor * pattern) / errors at keys before the query.

    Examples
    --------
    >>> pattern = torch.tensor([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [0.5, 1.0, 1.0]]).double()
    >>> factor, deviations = fitted_factor(3 * pattern, 0 * pattern + 0.1, pattern)
    >>> round(factor, 6), deviations.abs().max().item() < 1e-9
    (3.0, True)
    """
    error, shape = earlier(errors), earlier(pattern)
    seen, shape = earlier(scores) / error, shape / error
    factor = (shape @ seen / shape.square().sum()).item()
    return factor, seen - factor * shape
