"""What every check shares: random draws, and the distance of a value from its bound in decades."""

import math
from collections.abc import Callable, Iterable

import pandas as pd
import torch

from attention_atlas.attention import attention_weights
from attention_atlas.checks import ROUNDING as ROUNDING
from attention_atlas.masks import Mask, dense
from attention_atlas.rollout import rollout_trajectory
from attention_atlas.shapes import Float64, Tensor

TOLERANCE = 1e-10  # relative; a layer on vectors of 64 numbers rounds about 1e-14


def whole(low: int, high: int, generator: torch.Generator) -> int:
    """A whole number drawn evenly from low..high, both included.

    Parameters
    ----------
    low, high : int
        Ends of the range.
    generator : torch.Generator
        Source of randomness.

    Returns
    -------
    int
        The draw.

    Examples
    --------
    >>> whole(3, 3, torch.Generator())
    3
    """
    return int(torch.randint(low, high + 1, (), generator=generator))


def real(low: float, high: float, generator: torch.Generator) -> float:
    """A number drawn evenly from [low, high).

    Parameters
    ----------
    low, high : float
        Ends of the range.
    generator : torch.Generator
        Source of randomness.

    Returns
    -------
    float
        The draw.

    Examples
    --------
    >>> real(2.0, 2.0, torch.Generator())
    2.0
    """
    return low + (high - low) * torch.rand((), generator=generator, dtype=torch.float64).item()


def random_maps(
    mask: Mask, tokens: int, layers: int, scale: float, generator: torch.Generator
) -> Float64[Tensor, "layer query key"]:
    """Attention maps of independent Gaussian logits, another one for every layer.

    Parameters
    ----------
    mask : Mask
        Who may attend to whom.
    tokens, layers : int
        Size and number of the maps.
    scale : float
        Standard deviation of the logits; 0 gives uniform attention.
    generator : torch.Generator
        Source of randomness.

    Returns
    -------
    (layer, query, key)
        Row-stochastic maps.

    Examples
    --------
    >>> from attention_atlas.masks import causal
    >>> random_maps(causal, 2, 1, 0.0, torch.Generator())
    tensor([[[1.0000, 0.0000],
             [0.5000, 0.5000]]], dtype=torch.float64)
    """
    logits = scale * torch.randn(layers, tokens, tokens, generator=generator, dtype=torch.float64)
    return attention_weights(logits, dense(mask, tokens))


def upper_margin(values: Float64[Tensor, "..."], log_bound: Float64[Tensor, "..."]) -> float:
    """Decades by which the values stay below their upper bound, in the worst place.

    Parameters
    ----------
    values : (...)
        Shares, at least 0; a share of 0 keeps every bound.
    log_bound : (...)
        Natural logarithm of the bound, broadcast against the values.

    Returns
    -------
    float
        The least ``log10(bound / value)``, negative where the bound fails.

    Examples
    --------
    >>> round(upper_margin(torch.tensor(0.1).double(), torch.tensor(0.0).double()), 6)
    1.0
    """
    return ((log_bound - values.log()).min() / math.log(10)).item()


def lower_margin(values: Float64[Tensor, "..."], log_bound: Float64[Tensor, "..."]) -> float:
    """Decades by which the values stay above their lower bound, in the worst place.

    Parameters
    ----------
    values : (...)
        Shares, at least 0.
    log_bound : (...)
        Natural logarithm of the bound, broadcast against the values.

    Returns
    -------
    float
        The least ``log10(value / bound)``, negative where the bound fails.

    Examples
    --------
    >>> round(lower_margin(torch.tensor(0.1).double(), torch.tensor(0.0).double()), 6)
    -1.0
    """
    return ((values.log() - log_bound).min() / math.log(10)).item()


def agreement(values: Float64[Tensor, "..."], claimed: Float64[Tensor, "..."]) -> float:
    """Decades between TOLERANCE and the largest error, relative to the largest value claimed.

    Parameters
    ----------
    values, claimed : (...)
        Computed plainly, and by a formula.

    Returns
    -------
    float
        ``log10(TOLERANCE / error)``, negative where the formula is wrong; a NaN is never an agreement.

    Examples
    --------
    >>> round(agreement(torch.tensor([0.0, 2.0]).double(), torch.tensor([0.2, 2.0]).double()), 6)
    -9.0
    """
    error = ((values - claimed).abs().max() / claimed.abs().max()).item()
    return math.log10(TOLERANCE / (error if error != error else max(error, 1e-17)))  # float64 tells no less from 0


def sandwich(
    maps: Float64[Tensor, "layer query key"],
    log_bounds: Callable[[Tensor, int], tuple[Tensor, Tensor]],
    sides: tuple[str, ...] = ("lower", "upper"),
) -> dict[str, float]:
    """Margins of a lower and an upper bound that depend on the distance and on the number of layers.

    Parameters
    ----------
    maps : (layer, query, key)
        Causal attention maps; the rollouts of the first 1, 2, ... of them are all compared.
    log_bounds : function
        From distances (query, key) and a number of layers to the logarithms of the two bounds.
    sides : tuple of {"lower", "upper"}
        Which of them.

    Returns
    -------
    dict
        The worst margin of each side, over all depths and all keys that a query may see.

    Examples
    --------
    >>> bounds = lambda distance, layers: (torch.full_like(distance, -1.0), torch.zeros_like(distance))
    >>> {side: round(margin, 3) for side, margin in sandwich(torch.ones(1, 1, 1).double(), bounds).items()}
    {'lower': 0.434, 'upper': 0.0}
    """
    index = torch.arange(maps.shape[-1], dtype=torch.float64)
    distance = index[:, None] - index
    seen, worst = distance >= 0, dict.fromkeys(sides, math.inf)
    for t, shares in enumerate(rollout_trajectory(maps)):
        lower, upper = log_bounds(distance.clamp(min=0), t + 1)
        margins = {"lower": lower_margin(shares[seen], lower[seen]), "upper": upper_margin(shares[seen], upper[seen])}
        worst = {side: min(margin, margins[side]) for side, margin in worst.items()}
    return worst


def table(rows: Iterable[list[dict]]) -> pd.DataFrame:
    """One table of all draws, one row per draw and side.

    Parameters
    ----------
    rows : iterable of list of dict
        For every draw the rows that it gave, each with ``side``, ``margin`` and what was varied.

    Returns
    -------
    pandas.DataFrame
        With the number of the draw as its first column.

    Examples
    --------
    >>> table([[{"side": "upper", "margin": 1.0}]])
       draw   side  margin
    0     0  upper     1.0
    """
    return pd.DataFrame([{"draw": draw, **row} for draw, sides in enumerate(rows) for row in sides])
