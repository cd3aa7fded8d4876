"""How sure a share is that was counted, or a mean that was taken."""

import math

from attention_atlas.shapes import Float, Tensor


def mean_and_error(values: Float[Tensor, "sample"]) -> tuple[float, float]:
    """Mean of the numbers that there are, and its standard error.

    Parameters
    ----------
    values : (sample,)
        Independent of each other; NaN where there is none.

    Returns
    -------
    float, float
        In float64. NaN for the mean of nothing, and for the error of a single number.

    Examples
    --------
    >>> import torch
    >>> mean_and_error(torch.tensor([1.0, 3.0, float("nan")])), mean_and_error(torch.tensor([2.0]))
    ((2.0, 1.0), (2.0, nan))
    """
    known = values.double()[~values.isnan()]
    if not len(known):
        return math.nan, math.nan
    error = (known.var(correction=1) / len(known)).sqrt().item() if len(known) > 1 else math.nan
    return known.mean().item(), error


def wilson(successes: int, trials: int, quantile: float = 1.959964) -> tuple[float, float]:
    """Interval of Wilson (1927) for a share, which stays within 0 and 1 and is right for few trials too.

    Parameters
    ----------
    successes, trials : int
        How often, of how many, at least 1.
    quantile : float
        Of the normal distribution; 1.96 for 95 %.

    Returns
    -------
    tuple of float
        Lower and upper end.

    Raises
    ------
    ValueError
        If there are no trials, or more successes than trials.

    Examples
    --------
    >>> [round(end, 3) for end in wilson(4, 10)]
    [0.168, 0.687]
    """
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f"a share needs 0 <= successes <= trials and a trial, got {successes} of {trials}")
    share, square = successes / trials, quantile**2 / trials
    middle = share + square / 2
    reach = quantile * math.sqrt(share * (1 - share) / trials + square / (4 * trials))
    low = (middle - reach) / (1 + square) if successes else 0.0  # rounding would leave a trace there
    return low, (middle + reach) / (1 + square) if successes < trials else 1.0
