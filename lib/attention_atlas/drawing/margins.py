"""Margins of checks on one axis, linear around zero and logarithmic beyond: how far statements are from failing."""

import numpy as np
from matplotlib.axes import Axes

from attention_atlas.figures import PALETTE
from attention_atlas.wording import signed

LINEAR = 0.1  # the axis is linear below this margin and logarithmic beyond it
BINS = LINEAR * np.sinh(0.25 * np.arange(-46, 25))  # equally wide on that axis, with an edge at 0
TICKS = (-1000, -100, -10, -1, 0, 1, 10)


def margin_ridges(axes: Axes, check: np.ndarray, control: np.ndarray, floor: float = 0.0) -> None:
    """Draw where the margins of a statement lie, and those of its negative control.

    Parameters
    ----------
    axes : Axes
        Where to draw; :func:`margin_axis` gives it its axis.
    check, control : (draw,)
        Margins in decades: a blue ridge with a dot at the smallest, and an orange one with a cross at the largest.
    floor : float
        Height of the line that the ridges, at most 0.72 high, stand on.

    Raises
    ------
    ValueError
        If a margin lies beyond the axis, where it would not be seen.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> margin_ridges(axes, np.array([0.5, 2.0]), np.array([-30.0, -4.0]))
    >>> [float(line.get_xdata()[0]) for line in axes.lines]
    [0.5, -4.0]
    """
    for margins, nearest, color, marker in ((check, check.min(), "blue", "o"), (control, control.max(), "orange", "X")):
        if margins.min() < BINS[0] or margins.max() > BINS[-1]:
            reach = f"{BINS[0]:.0f} to {BINS[-1]:.0f}"
            raise ValueError(f"the axis shows margins from {reach}, got {margins.min():g} to {margins.max():g}")
        height = np.histogram(margins, BINS)[0]
        top = np.append(height, 0) / height.max() * 0.72
        drawn = np.flatnonzero(top)
        span, shade = slice(drawn[0], drawn[-1] + 2), PALETTE[color]
        axes.fill_between(BINS[span], floor, floor + top[span], step="post", color=shade, alpha=0.45, linewidth=0)
        axes.plot(nearest, floor, marker=marker, color=shade, markersize=6.5, clip_on=False, zorder=3)


def margin_axis(axes: Axes) -> None:
    """Give a picture the margin axis.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> margin_axis(axes)
    >>> axes.get_xscale(), axes.get_xticklabels()[0].get_text()
    ('asinh', '−1000')
    """
    axes.set_xscale("asinh", linear_width=LINEAR)
    axes.set(xlim=(BINS[0], BINS[-1]), xticks=TICKS)
    axes.set_xticklabels([signed(tick, "g") for tick in TICKS])
    axes.xaxis.minorticks_off()
    axes.axvline(0, color=PALETTE["ink"], linewidth=1.1)
    axes.spines["left"].set_visible(False)
    axes.grid(False, axis="y")
