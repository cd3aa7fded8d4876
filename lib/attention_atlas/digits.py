"""Numbers as they are stored: with as many digits as mean something, since more are noise and twice the file."""

import math


def rounded(value: float, digits: int) -> float:
    """A number to some significant digits.

    Parameters
    ----------
    value : float
        Any.
    digits : int
        How many count, at least 1.

    Returns
    -------
    float
        NaN for what is not finite: tables have one word for "no number".

    Examples
    --------
    >>> rounded(123.456, 4), rounded(0.000123456, 2), rounded(float("inf"), 4)
    (123.5, 0.00012, nan)
    """
    return float(f"{value:.{digits}g}") if math.isfinite(value) else math.nan
