"""Many models as one line: their median, and a band around it."""

import pandas as pd
from matplotlib.axes import Axes

OUTER = 0.1  # share of the models beyond either edge of a band


def median_band(axes: Axes, rows: pd.DataFrame, by: str, quantity: str, color: str, **look: str | float) -> None:
    """Draw the median over models, and the band of all but the outer tenths.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    rows : DataFrame
        One row per model and place.
    by, quantity : str
        Columns: the place on the horizontal axis, and what is drawn.
    color : str
        Of line and band.
    **look
        What else matplotlib shall know of the line, such as ``marker`` and ``label``.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> median_band(axes, pd.DataFrame({"rank": [1, 1, 1, 2], "loss": [0.1, 0.2, 0.9, 0.5]}), "rank", "loss", "blue")
    >>> axes.lines[0].get_ydata().tolist()
    [0.2, 0.5]
    """
    groups = rows.groupby(by)[quantity]
    middle = groups.median()
    axes.plot(middle.index, middle, color=color, **look)
    axes.fill_between(middle.index, groups.quantile(OUTER), groups.quantile(1 - OUTER), color=color, alpha=0.15)
