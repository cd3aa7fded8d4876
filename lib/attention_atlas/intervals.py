"""How sure a share is that was counted."""

import math


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
