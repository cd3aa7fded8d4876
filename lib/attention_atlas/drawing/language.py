"""Decoders trained on text, drawn: numbers over training with a band over seeds, and differences seed by seed."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from attention_atlas.figures import PALETTE
from attention_atlas.outcomes.decoders import Decoders

LOOKS = (
    ("blue", "o", "-"), ("orange", "s", "--"), ("green", "^", "-."),
    ("purple", "D", ":"), ("red", "v", "-"), ("brown", "P", "--"),
)  # fmt: skip
MARKED = (25, 100, 400, 1600, 6400)  # steps
HEIGHTS = (10, 20, 50, 100, 200, 500, 1000)  # perplexities; the first is the lower end of every axis


def seed_band(axes: Axes, course: pd.DataFrame, color: str, **look: str | float) -> None:
    """Draw the mean over seeds, and the band from the least to the greatest seed.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    course : DataFrame
        One row for each place on the horizontal axis and one column for each seed.
    color : str
        Of line and band.
    **look
        What else matplotlib shall know of the line, such as ``marker`` and ``label``.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> seed_band(axes, pd.DataFrame({0: [4.0, 2.0], 1: [6.0, 2.0]}, index=[25, 100]), "blue")
    >>> axes.lines[0].get_ydata().tolist()
    [5.0, 2.0]
    """
    axes.plot(course.index, course.mean(axis=1), color=color, **look)
    axes.fill_between(course.index, course.min(axis=1), course.max(axis=1), color=color, alpha=0.2, linewidth=0)


def over_training(
    axes: Axes, found: Decoders, settings: dict[str, str], quantity: str, layer: int | None = None
) -> list[str]:
    """Draw a quantity of some settings over their training, on a logarithmic axis of steps.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    found : Decoders
        Some or all of the settings.
    settings : dict
        Setting to what it is called in the legend; at most six. Those that were not found are left out, and the
        others look as if they were there.
    quantity, layer
        As of :meth:`attention_atlas.outcomes.decoders.Decoders.by_seed`.

    Returns
    -------
    list of str
        The settings that were drawn.

    Raises
    ------
    ValueError
        If there are more settings than looks.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> found = Decoders(["one-layer-none"], "smoke")
    >>> over_training(Figure().subplots(), found, {"rope": "RoPE", "one-layer-none": "one layer"}, "loss")
    ['one-layer-none']
    """
    if len(settings) > len(LOOKS):
        raise ValueError(f"a panel has looks for {len(LOOKS)} settings, got {len(settings)}")
    drawn, last = [], MARKED[0]
    for (setting, label), (color, marker, line) in zip(settings.items(), LOOKS, strict=False):
        if setting not in found.configs:
            continue
        look = {"label": label, "marker": marker, "linestyle": line, "markersize": 3.5, "linewidth": 1.4}
        course = found.course(setting, quantity, layer)
        seed_band(axes, course, PALETTE[color], **look)
        last = max(last, course.index.max())
        drawn.append(setting)
    axes.set(xscale="log", xticks=[step for step in MARKED if step <= last])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())
    return drawn


def perplexity_axis(axes: Axes, floors: dict[str, float]) -> None:
    """A logarithmic axis of perplexity, with lines across for what simpler models reach; call it after drawing.

    Parameters
    ----------
    axes : Axes
        Whose axis it is; steps to the right.
    floors : dict
        Name, or the empty word for none, to a perplexity.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> perplexity_axis(axes, {"unigram": 300.0})
    >>> axes.texts[0].get_text()
    'unigram'
    """
    drawn = [line for panel in axes.get_shared_y_axes().get_siblings(axes) for line in panel.lines]
    top = 1.2 * max([HEIGHTS[1], *floors.values(), *(max(line.get_ydata()) for line in drawn)])
    axes.set(yscale="log", ylim=(HEIGHTS[0], top), yticks=[height for height in HEIGHTS if height <= top])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    for name, height in floors.items():
        axes.axhline(height, color=PALETTE["muted"], linewidth=1, linestyle=(0, (1, 2)), zorder=1)
        place = {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "bottom"}
        axes.text(1, height, name, fontsize=9, color=PALETTE["muted"], **place)


def differences(
    axes: Axes, found: Decoders, pairs: dict[str, tuple[str, str]], quantity: str, layer: int | None = None
) -> list[str]:
    """Draw differences of settings, one line a pair: every seed as an open circle, their mean with its standard error.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    found : Decoders
        Some or all of the settings.
    pairs : dict
        Label to a setting and the one that is taken off it. A pair that was not found keeps its line empty.
    quantity, layer
        As of :meth:`attention_atlas.outcomes.decoders.Decoders.by_seed`.

    Returns
    -------
    list of str
        Labels of the pairs that were drawn.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> found = Decoders(["one-layer-none"], "smoke")
    >>> differences(Figure().subplots(), found, {"itself": ("one-layer-none",) * 2, "?": ("relu", "rope")}, "loss")
    ['itself']
    """
    drawn = []
    axes.axvline(0, color=PALETTE["muted"], linewidth=1, zorder=1)
    for place, (label, (one, other)) in enumerate(pairs.items()):
        if one not in found.configs or other not in found.configs:
            continue
        values = found.by_seed(quantity, layer)
        seeds = (values[one] - values[other]).dropna()
        mean = found.paired(one, other, quantity, layer)
        axes.plot(seeds, [place + 0.22] * len(seeds), "o", color=PALETTE["muted"], markerfacecolor="none", markersize=4)
        axes.errorbar(mean["difference"], place, xerr=mean["standard_error"] if mean["seeds"] > 1 else None, fmt="s",
                      color=PALETTE["blue"], markersize=5, elinewidth=1.8, capsize=3)  # fmt: skip
        drawn.append(label)
    axes.set_yticks(range(len(pairs)), list(pairs))
    axes.set_ylim(len(pairs) - 0.4, -0.6)
    return drawn
