"""Sinks token by token: the paper's stems, ours beside them, and behind both what attention does without learning."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from attention_atlas.figures import PALETTE

ASIDE = 0.17  # the paper's stems stand so far to the left of a token, ours to the right
BAND = 0.86  # width of a baseline's box
THIN = 2.4  # least height of that box in percent, so that an exact value is seen as well
EMPTY = 5.0  # half the range of an axis with nothing on it, in percentage points
NOT_YET = "not trained yet"


def sink_stems(axes: Axes, table: pd.DataFrame, color: str = "blue") -> None:
    """Draw one mask's sinks by one convention, in percent.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    table : DataFrame
        One row per token with shares ``paper``, ``mean``, ``least_seed`` and ``most_seed`` (NaN where no model is
        known), ``uniform_least``, ``uniform_most``; and ``untrained`` if there is such a column.
    color : str
        Of ours, a name of :data:`attention_atlas.figures.PALETTE`.

    Raises
    ------
    ValueError
        If a token has several rows: they would be drawn over each other.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from attention_atlas.outcomes.sink_comparison import sinks_beside
    >>> table = sinks_beside(pd.DataFrame()).query("label == 'causal' and quantity == 'sink_gu2025'")
    >>> axes = Figure().subplots()
    >>> sink_stems(axes, table)
    >>> axes.texts[0].get_text()
    'not trained yet'
    """
    _refuse_doubles(table)
    table = table.sort_values("token")
    token = table["token"]
    _boxes(axes, token, 100 * table["uniform_least"], 100 * table["uniform_most"])
    ink = PALETTE["ink"]
    if "untrained" in table:
        axes.plot(token, 100 * table["untrained"], linestyle="", marker="x", markersize=4, color=ink, markeredgewidth=1)
    orange, paper = PALETTE["orange"], 100 * table["paper"]
    axes.vlines(token - ASIDE, 0, paper, color=orange, linewidth=1.1)
    axes.plot(
        token - ASIDE, paper, "o", color=orange, markersize=4.5, markerfacecolor=PALETTE["paper"], markeredgewidth=1.2
    )
    _stems(axes, table, color)
    if table["mean"].isna().all():  # above the axes, where no box is
        axes.text(1, 1.03, NOT_YET, transform=axes.transAxes, ha="right", fontsize=9, color=PALETTE["muted"])
    axes.set(ylim=(-5, 107), yticks=[0, 50, 100])
    _tokens(axes, len(table))


def excess_stems(axes: Axes, table: pd.DataFrame, highlight: int = 1) -> None:
    """Draw how much more weight tokens receive than under uniform attention, in percentage points.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    table : DataFrame
        One row per token of the quantity ``received``, columns as in :func:`sink_stems`.
    highlight : int
        How many of the first tokens the claim is about; they are shaded.

    Raises
    ------
    ValueError
        If a token has several rows.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ours = {"mean": [0.3], "least_seed": [0.25], "most_seed": [0.35]}
    >>> table = pd.DataFrame({"token": [1], "uniform_least": [0.2]} | ours)
    >>> axes = Figure().subplots()
    >>> excess_stems(axes, table)
    >>> round(float(axes.lines[1].get_ydata()[0]), 6)
    10.0
    """
    _refuse_doubles(table)
    table = table.sort_values("token")
    axes.axvspan(0.5, highlight + 0.5, color=PALETTE["line"], alpha=0.6, linewidth=0)
    axes.axhline(0, color=PALETTE["ink"], linewidth=0.8)
    _stems(axes, table, "green", table["uniform_least"], place=0.0)
    if table["mean"].isna().all():
        axes.text(0.97, 0.75, NOT_YET, transform=axes.transAxes, ha="right", fontsize=9, color=PALETTE["muted"])
        axes.update_datalim([(1, -EMPTY), (1, EMPTY)])
        axes.autoscale_view(scalex=False)
    _tokens(axes, len(table))


def stem_legend(figure: Figure) -> None:
    """Name above the panels what :func:`sink_stems` draws; Gu et al.'s convention in blue, the printed one purple."""
    round_, line = {"linestyle": "-", "markersize": 5}, {"linestyle": "", "markersize": 4.5}
    orange, ink = PALETTE["orange"], PALETTE["ink"]
    handles = [
        Line2D([], [], color=orange, marker="o", markerfacecolor=PALETTE["paper"], label="paper", **round_),
        Line2D([], [], color=PALETTE["blue"], marker="s", label="ours, Gu et al.", **round_),
        Line2D([], [], color=PALETTE["purple"], marker="s", label="ours, printed formula", **round_),
        Patch(facecolor=PALETTE["muted"], alpha=0.4, label="uniform attention"),
        Line2D([], [], color=ink, marker="x", label="before training", **line),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), columnspacing=1.1, handlelength=1.6)


def _stems(axes: Axes, table: pd.DataFrame, color: str, less: float | pd.Series = 0.0, place: float = ASIDE) -> None:
    """Ours in percent, with a whisker from the least to the largest seed."""
    if table["mean"].isna().all():
        return
    low, mean, high = (100 * (table[name] - less) for name in ("least_seed", "mean", "most_seed"))
    token = table["token"] + place
    axes.vlines(token, 0, mean, color=PALETTE[color], linewidth=1.1)
    axes.plot(token, mean, "s", color=PALETTE[color], markersize=4)
    axes.vlines(token, low, high, color=PALETTE[color], linewidth=3.2, alpha=0.45)


def _boxes(axes: Axes, token: pd.Series, low: pd.Series, high: pd.Series) -> None:
    """Grey boxes around the values that a baseline can take."""
    boxes = []
    for at, least, most in zip(token, low, high, strict=True):
        height = max(most - least, THIN)
        boxes.append(Rectangle((at - BAND / 2, (least + most - height) / 2), BAND, height))
    axes.add_collection(PatchCollection(boxes, facecolor=PALETTE["muted"], alpha=0.4, linewidth=0, zorder=0.5))


def _tokens(axes: Axes, tokens: int) -> None:
    axes.set(xlim=(0.3, tokens + 0.7), xticks=range(1, tokens + 1, 4))
    axes.grid(False, axis="x")
    axes.tick_params(labelsize=9)


def _refuse_doubles(table: pd.DataFrame) -> None:
    if table["token"].duplicated().any():
        raise ValueError(f"one row per token can be drawn, got {len(table)} rows for {table['token'].nunique()} tokens")
