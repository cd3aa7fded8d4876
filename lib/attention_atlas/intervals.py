"""How sure a share is that was counted, or a mean that was taken."""

import math

import torch

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


def chance(errors: float, sample: int) -> float:
    """How often the mean of a few numbers exceeds its expectation by so many of its own standard errors.

    Parameters
    ----------
    errors : float
        Standard errors, as estimated from the same numbers.
    sample : int
        How many numbers, at least 2; independent of each other and normal.

    Returns
    -------
    float
        In [0, 1], on one side: the tail of Student's distribution with one degree of freedom less.

    Raises
    ------
    ValueError
        If there are fewer than two numbers.

    Examples
    --------
    >>> round(chance(2, 3), 3), round(chance(2, 100), 3)
    (0.092, 0.024)
    """
    if sample < 2:
        raise ValueError(f"a standard error takes at least 2 numbers, got {sample}")
    # with t = sqrt(degrees) tan(angle) the density is a power of the cosine
    angle = torch.linspace(-math.pi / 2, math.pi / 2, 20_001, dtype=torch.float64)
    density = angle.cos().clamp(min=0) ** (sample - 2)
    beyond = torch.linspace(math.atan(errors / math.sqrt(sample - 1)), math.pi / 2, 20_001, dtype=torch.float64)
    tail = torch.trapezoid(beyond.cos().clamp(min=0) ** (sample - 2), beyond)
    return (tail / torch.trapezoid(density, angle)).item()


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
