"""Sinks of a decoder head by head, what tags explain beside controls, tagged tokens in a plane, probes by layer."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.lines import Line2D

from attention_atlas.figures import PALETTE
from attention_atlas.wording import probability

LIGHT, DARK = "#ffffff", "#101418"  # numbers on colors that are the same in light and dark mode


def head_map(axes: Axes, values: pd.DataFrame, most: float, title: str = "", digits: int = 2) -> None:
    """Draw one number for each head as a colored cell, the number in it.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    values : DataFrame
        One row for each layer, one column for each head.
    most : float
        Where the colors end; they begin at 0.
    title : str
        Above it.
    digits : int
        Behind the point.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> head_map(axes, pd.DataFrame([[0.0, 0.25], [0.5, 2.0]]), most=2.0)
    >>> [text.get_text() for text in axes.texts]
    ['0', '.25', '.50', '2.00']
    """
    layers, heads = values.shape
    norm = Normalize(0, most or 1)
    axes.pcolormesh(np.arange(heads + 1) + 0.5, np.arange(layers + 1) + 0.5, values, norm=norm, rasterized=True)
    for row, line in enumerate(values.to_numpy()):
        for column, value in enumerate(line):
            text = "–" if value != value else "0" if value == 0 else probability(value, digits)
            color = DARK if norm(value) > 0.55 else LIGHT
            axes.text(column + 1, row + 1, text, ha="center", va="center", fontsize=9, color=color)
    axes.set(xlim=(0.5, heads + 0.5), ylim=(layers + 0.5, 0.5), xticks=range(1, heads + 1), yticks=range(1, layers + 1))
    axes.set_title(title, fontsize=9.5)
    axes.tick_params(length=0)
    axes.grid(False)
    axes.spines[:].set_visible(False)


def share_rows(
    axes: Axes, rows: dict[str, tuple[Sequence[float], str, str]], shift: float = 0.0, height: float = 0.36
) -> None:
    """Draw shares of many heads in rows: a mark for each head, a bar at their mean.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    rows : dict of str to (list of float, str, str)
        For every row the shares in [0, 1], a color of the palette and a marker; NaN is left out.
    shift : float
        Of the marks down from the middle of their row, where there are several kinds.
    height : float
        Of half a bar.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> share_rows(axes, {"tags": ([0.2, 0.4, float("nan")], "blue", "o")})
    >>> axes.lines[0].get_xdata().tolist(), round(float(axes.lines[1].get_xdata()[0]), 3)
    ([20.0, 40.0], 30.0)
    """
    for place, (values, color, marker) in enumerate(rows.values()):
        known = 100 * np.array([value for value in values if value == value])
        middle = place + shift
        spread = middle + 0.6 * height * np.linspace(-1, 1, len(known)) if len(known) > 1 else [middle] * len(known)
        axes.plot(known, spread, marker, color=PALETTE[color], markersize=3.5, alpha=0.55, markeredgewidth=0)
        if len(known):
            axes.plot([known.mean()] * 2, [middle - height, middle + height], color=PALETTE[color], linewidth=2.4)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set(xlim=(-2, 102), ylim=(len(rows) - 0.5, -0.5), xlabel="share of the head's output, percent")
    axes.grid(False, axis="y")


def paired_bars(axes: Axes, rows: dict[str, tuple[Sequence[float], str]], names: Sequence[str], flat: bool) -> None:
    """Draw two or more bars for each name beside each other.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    rows : dict of str to (list of float, str)
        For every label of the legend a value for each name, and a color of the palette.
    names : list of str
        Below the bars, or left of them.
    flat : bool
        Whether bars lie, the first name on top.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> paired_bars(axes, {"all": ([1.0, 2.0], "blue"), "lasting": ([0.0, 1.0], "orange")}, ["begin", "end"], False)
    >>> [int(bar.get_height()) for bar in axes.patches]
    [1, 2, 0, 1]
    """
    width = 0.72 / len(rows)
    for order, (label, (values, color)) in enumerate(rows.items()):
        places = np.arange(len(names)) + width * (order - (len(rows) - 1) / 2)
        (axes.barh if flat else axes.bar)(places, values, width, color=PALETTE[color], label=label)
    (axes.set_yticks if flat else axes.set_xticks)(range(len(names)), names)
    if flat:
        axes.invert_yaxis()
    axes.legend()


def tag_plane(axes: Axes, places: pd.DataFrame, title: str = "") -> None:
    """Draw tagged and untagged tokens in a plane.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    places : DataFrame
        Columns ``first``, ``second`` and ``tagged``.
    title : str
        Above it.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> tag_plane(axes, pd.DataFrame({"first": [1.0, 2.0], "second": [0.0, 0.0], "tagged": [True, False]}))
    >>> [len(line.get_xdata()) for line in axes.lines]
    [1, 1]
    """
    for tagged, (color, marker, _) in KINDS.items():
        chosen = places[places["tagged"] == tagged]
        axes.plot(
            chosen["first"], chosen["second"], marker, color=PALETTE[color], markersize=4 if tagged else 3.5,
            markerfacecolor=PALETTE[color] if tagged else "none", markeredgewidth=0.8, alpha=0.8,
        )  # fmt: skip
    axes.set_title(title, fontsize=9.5)
    axes.set(xticks=[], yticks=[])


KINDS = {False: ("muted", "o", "gives every sink less than .1"), True: ("blue", "s", "gives a sink more than .5")}


def kind_handles() -> list[Line2D]:
    """What :func:`tag_plane` draws, for a legend.

    Examples
    --------
    >>> [handle.get_label() for handle in kind_handles()]
    ['gives every sink less than .1', 'gives a sink more than .5']
    """
    return [
        Line2D([], [], linestyle="", marker=marker, color=PALETTE[color], label=label, markersize=5,
               markerfacecolor=PALETTE[color] if tagged else "none")
        for tagged, (color, marker, label) in KINDS.items()
    ]  # fmt: skip


def layer_lines(axes: Axes, lines: Iterable[tuple[pd.DataFrame, str, str, str]], shift: float = 0.04) -> None:
    """Draw numbers by layer with whiskers from the least to the greatest seed.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    lines : iterable of (DataFrame, str, str, str)
        Columns ``mean``, ``least`` and ``most`` by layer from 0 on; a color of the palette, a format such as ``o-``,
        and a label.
    shift : float
        Between lines, so that whiskers do not hide each other.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> table = pd.DataFrame({"mean": [0.5], "least": [0.4], "most": [0.7]})
    >>> layer_lines(axes, [(table, "blue", "o-", "tags")])
    >>> axes.get_xticks().tolist()
    [1]
    """
    layers = 1
    for number, (table, color, form, label) in enumerate(lines):
        layers = max(layers, len(table))
        place = table.index + 1 + number * shift
        axes.plot(place, table["mean"], form, color=PALETTE[color], label=label, linewidth=1.4, markersize=4.5)
        axes.vlines(place, table["least"], table["most"], color=PALETTE[color], linewidth=1.2)
    axes.set_xticks(range(1, layers + 1))
    axes.set_xlabel("layer")
