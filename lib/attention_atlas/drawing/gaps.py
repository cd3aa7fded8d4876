"""Gaps between two places as Wu et al. 2025 show them: the paper's bars, hollow, beside ours, filled.

A gap is the accuracy with the first-named place right minus that with the other one right. Whiskers of ours are two
standard errors over seeds, dots the seeds at the ends of the range; a diamond is the gap after the printed length of
training, where ours went on. What is not known yet is an empty place and says so, once in a panel without any of ours.
"""

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from attention_atlas.figures import PALETTE
from attention_atlas.outcomes.retrieval_gaps import NOT_YET, row
from attention_atlas.outcomes.retrieval_names import GAPS, PRINTED_STEPS
from attention_atlas.wording import MINUS

COLORS = dict(zip(GAPS, ("blue", "orange", "green"), strict=True))
MARKERS = dict(zip(GAPS, "os^", strict=True))
LABELS = {gap: gap.replace("_", " ") for gap in GAPS}
WIDTH = 0.36


def gap_bars(axes: Axes, rows: list[pd.Series], hollow: str = "paper") -> None:
    """Draw pairs of bars, the paper's and ours, one pair at each of 0, 1, 2, ...

    Parameters
    ----------
    axes : Axes
        Where to draw.
    rows : list of Series
        As :func:`attention_atlas.outcomes.retrieval_gaps.beside` gives them.
    hollow : str
        Column of the left bar: ``paper``, or ``mixture`` of rows as
        :func:`attention_atlas.outcomes.retrieval_gaps.vocabularies` gives them.

    Examples
    --------
    >>> from attention_atlas.outcomes.retrieval_gaps import beside
    >>> axes = Figure().subplots()
    >>> gap_bars(axes, [row for _, row in beside(pd.DataFrame(), train_bias="first", mask="causal").iterrows()])
    >>> len(axes.patches), [text.get_text() for text in axes.texts]
    (9, ['ours: not yet'])
    """
    nothing = all(math.isnan(one["mean"]) for one in rows)
    if nothing:
        words = f"ours: {NOT_YET}" if hollow == "paper" else NOT_YET
        axes.text(0.98, 0.03, words, transform=axes.transAxes, ha="right", fontsize=9, color=PALETTE["muted"])
    for place, one in enumerate(rows):
        for x, value in ((place - 0.2, one[hollow]), (place + 0.2, one["mean"])):
            if math.isnan(value) and not nothing:
                look = {"rotation": 90, "fontsize": 9, "color": PALETTE["muted"]}
                axes.text(x, 0, f" {NOT_YET}", ha="center", va="bottom", **look)
        if not math.isnan(one[hollow]):
            axes.bar(place - 0.2, one[hollow], WIDTH, facecolor="none", edgecolor=PALETTE["ink"], linewidth=1.1)
        if math.isnan(one["mean"]):
            continue
        x = place + 0.2
        axes.bar(x, one["mean"], WIDTH, color=PALETTE[COLORS[one["gap"]]], alpha=0.75)
        if not math.isnan(one["standard_error"]):
            axes.errorbar(x, one["mean"], 2 * one["standard_error"], color=PALETTE["ink"], linewidth=1, capsize=2.5)
            axes.plot([x, x], [one["least"], one["most"]], ".", color=PALETTE["ink"], markersize=3)
        if one["steps"] > PRINTED_STEPS and not math.isnan(one["printed_length"]):
            look = {"markersize": 4.5, "markerfacecolor": PALETTE["paper"], "color": PALETTE["ink"], "zorder": 4}
            axes.plot(x, one["printed_length"], "D", markeredgewidth=1, **look)
    axes.axhline(0, color=PALETTE["muted"], linewidth=0.8)
    axes.set_xlim(-0.55, len(rows) - 0.45)
    axes.grid(False, axis="x")
    axes.tick_params(axis="x", length=0)


def gap_grid(
    figure: Figure,
    table: pd.DataFrame,
    lines: dict[str, dict],
    columns: dict[str, dict],
    bars: dict[str, dict],
    ceiling: float | None = None,
    hollow: str = "paper",
) -> list[list[Axes]]:
    """Draw a grid of panels with pairs of bars, all on one scale.

    Parameters
    ----------
    figure : Figure
        An empty figure, 7.2 inches wide; 1.6 inches a line are enough.
    table : DataFrame
        As :func:`attention_atlas.outcomes.retrieval_gaps.beside` gives it.
    lines, columns, bars : dict
        Name of each line of panels, column of panels and pair of bars, and what it is in the table. Together they
        must name one row.
    ceiling : float, optional
        Largest gap that can be expected, drawn on both sides.
    hollow : str
        As of :func:`gap_bars`.

    Returns
    -------
    list of list of Axes
        The panels.

    Raises
    ------
    ValueError
        If a pair of bars is not one row of the table.
    """
    panels = figure.subplots(len(lines), len(columns), squeeze=False, sharey=True, sharex=True)
    for across, (line, of_line) in zip(panels, lines.items(), strict=True):
        across[0].set_ylabel(line)
        for axes, of_column in zip(across, columns.values(), strict=True):
            gap_bars(axes, [row(table, **of_line, **of_column, **of_bar) for of_bar in bars.values()], hollow)
            axes.set_xticks(range(len(bars)), list(bars))
            for edge in [] if ceiling is None else [-ceiling, ceiling]:
                axes.axhline(edge, color=PALETTE["muted"], linewidth=0.8, linestyle=":")
    for axes, column in zip(panels[0], columns, strict=True):
        axes.set_title(column)
    panels[0][0].yaxis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", MINUS))
    figure.legend(
        *gap_legend(table, hollow), loc="outside upper center", ncols=3, handler_map={tuple: HandlerTuple(ndivide=None)}
    )
    return panels.tolist()


def gap_legend(table: pd.DataFrame, hollow: str = "paper") -> tuple[list, list[str]]:
    """Handles and labels of what there is to draw: the paper's, ours, and at which length of training.

    Parameters
    ----------
    table : DataFrame
        As :func:`attention_atlas.outcomes.retrieval_gaps.beside` gives it.
    hollow : str
        As of :func:`gap_bars`.

    Examples
    --------
    >>> from attention_atlas.outcomes.retrieval_gaps import beside
    >>> gap_legend(beside(pd.DataFrame()))[1]
    ['paper']
    """
    left = Patch(facecolor="none", edgecolor=PALETTE["ink"], linewidth=1.1)
    ours = tuple(Patch(facecolor=PALETTE[color], alpha=0.75) for color in COLORS.values())
    printed = Line2D([], [], linestyle="", marker="D", markersize=4.5, markerfacecolor=PALETTE["paper"],
                     color=PALETTE["ink"])  # fmt: skip
    names = {
        "paper": ["paper", "ours, at the end", f"ours after {PRINTED_STEPS:,} steps"],
        "mixture": ["ours, Gaussian mixture", "ours, fixed vocabulary", f"fixed, after {PRINTED_STEPS:,} steps"],
    }
    longer = (table["steps"] > PRINTED_STEPS) & table["printed_length"].notna()
    drawn = table[hollow].notna().any(), table["mean"].notna().any(), longer.any()
    shown = [
        pair for pair, there in zip(zip((left, ours, printed), names[hollow], strict=True), drawn, strict=True) if there
    ]
    return [handle for handle, _ in shown], [name for _, name in shown]


def gap_scatter(
    axes: Axes, table: pd.DataFrame, across: tuple[str, str], up: tuple[str, str], reach: float = 0.62
) -> None:
    """Draw gaps against gaps, with the line on which they are equal.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    table : DataFrame
        With a column ``gap`` and those named next; rows with a missing value are left out.
    across, up : (str, str)
        Columns of the value, and of its standard error ("" if it has none): whiskers are two of it.
    reach : float
        Largest gap that the axes show.

    Raises
    ------
    ValueError
        If a gap is larger.

    Examples
    --------
    >>> axes = Figure().subplots()
    >>> table = pd.DataFrame({"gap": ["first_vs_last"] * 2, "paper": [0.1, 0.2], "mean": [0.1, math.nan]})
    >>> gap_scatter(axes, table, ("paper", ""), ("mean", ""))
    >>> [len(line.get_xdata()) for line in axes.lines if line.get_label() == "first vs last"]
    [1]
    """
    if (most := table[[across[0], up[0]]].abs().max(axis=None)) > reach:
        raise ValueError(f"a gap of {most:g} does not fit into axes that reach to {reach:g}")
    axes.axline((0, 0), slope=1, color=PALETTE["muted"], linewidth=0.9)
    for draw in (axes.axhline, axes.axvline):
        draw(0, color=PALETTE["line"], linewidth=0.8)
    for gap in GAPS:
        mine = table[table["gap"] == gap].dropna(subset=[across[0], up[0]])
        errors = {
            axis: 2 * mine[column].fillna(0) if column else None
            for axis, column in (("xerr", across[1]), ("yerr", up[1]))
        }
        color = PALETTE[COLORS[gap]]
        axes.errorbar(mine[across[0]], mine[up[0]], **errors, linestyle="", color=color, linewidth=0.8)
        axes.plot(mine[across[0]], mine[up[0]], MARKERS[gap], color=color, markersize=4.5, label=LABELS[gap])
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5, symmetric=True))
        axis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", MINUS))


def place_profile(axes: Axes, table: pd.DataFrame, **setting) -> None:
    """Draw how much better than the middle the first and the last place are answered: a U is "lost in the middle".

    Parameters
    ----------
    axes : Axes
        Where to draw.
    table : DataFrame
        As :func:`attention_atlas.outcomes.retrieval_gaps.beside` gives it.
    setting
        What names one row for each gap.

    Examples
    --------
    >>> from attention_atlas.outcomes.retrieval_gaps import beside
    >>> table, axes = beside(pd.DataFrame(), train_bias="first_and_last"), Figure().subplots()
    >>> place_profile(axes, table, mask="causal", position_encoding="sin")
    >>> axes.lines[0].get_ydata().tolist()
    [0.316, 0.0, 0.238]
    """
    first, last = (row(table, gap=gap, **setting) for gap in ("first_vs_middle", "middle_vs_last"))
    look = {"color": PALETTE["ink"], "linestyle": "--", "markerfacecolor": PALETTE["paper"]}
    axes.plot(range(3), pd.Series([first["paper"], 0.0, -last["paper"]]).to_numpy(), marker="o", label="paper", **look)
    if math.isnan(first["mean"]):
        axes.text(
            0.5, 0.85, f"ours: {NOT_YET}", transform=axes.transAxes, ha="center", fontsize=9, color=PALETTE["muted"]
        )
    else:
        errors = [0 if math.isnan(e) else 2 * e for e in (first["standard_error"], 0.0, last["standard_error"])]
        axes.errorbar(
            range(3), [first["mean"], 0.0, -last["mean"]], errors, marker="s", color=PALETTE["purple"], capsize=2.5,
            label="ours",
        )  # fmt: skip
    axes.axhline(0, color=PALETTE["muted"], linewidth=0.8)
    axes.set(xticks=range(3), xlim=(-0.3, 2.3))
    axes.set_xticklabels(["first", "middle", "last"])
