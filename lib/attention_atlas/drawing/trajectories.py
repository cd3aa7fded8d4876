"""Numbers over the training of a network: one line per seed against steps on a logarithmic axis."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullLocator

from attention_atlas.figures import PALETTE
from attention_atlas.outcomes.retrieval_points import Models

LOOKS = {  # quantity: what it is called, color, line
    "first_vs_middle": ("first − middle", "blue", "-"),
    "first_vs_last": ("first − last", "orange", (0, (4, 1.5))),
    "middle_vs_last": ("middle − last", "green", (0, (1, 1))),
    "in_context": ("novel classes", "purple", "-"),
    "training": ("trained classes", "muted", (0, (4, 1.5))),
    "loss": ("loss", "red", "-"),
}
ROWS = {
    "gap": ("first_vs_middle", "first_vs_last", "middle_vs_last"),
    "accuracy": ("in_context", "training"),
    "loss in nats": ("loss",),
}
FIRST, LAST = 100, 300_000  # steps on every axis, so that pages can be laid side by side


def curves(models: Models, points: Sequence[str] | None = None) -> dict[str, list[pd.Series]]:
    """Every number of :data:`LOOKS` over the training of some models.

    Parameters
    ----------
    models : Models
        As a page reads them.
    points : sequence of str, optional
        Which of them; all by default. Those that are not known are left out.

    Returns
    -------
    dict
        Quantity to a curve for every known model.

    Examples
    --------
    >>> from pathlib import Path
    >>> from attention_atlas.store import Store
    >>> nothing = Models(["first-none-none-2-residual-seed0"], "smoke", store=Store(Path("/nowhere")))
    >>> curves(nothing)["loss"]
    []
    """
    found = {}
    for quantity in LOOKS:
        known = models.trajectories(quantity)
        found[quantity] = [known[point] for point in (known if points is None else points) if point in known]
    return found


def steps_axis(axes: Axes, mark: int | None = None) -> None:
    """Steps on a logarithmic axis, from :data:`FIRST` to :data:`LAST`.

    Parameters
    ----------
    axes : Axes
        Whose axis it is.
    mark : int, optional
        A number of steps to be marked by a line from top to bottom.

    Examples
    --------
    >>> axes = Figure().subplots()
    >>> steps_axis(axes, mark=100_000)
    >>> axes.get_xscale(), [label.get_text() for label in axes.get_xticklabels()]
    ('log', ['100', '1k', '10k', '100k'])
    """
    axes.set(xscale="log", xlim=(FIRST * 0.8, LAST * 1.3), xticks=[100, 1_000, 10_000, 100_000])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:g}" if step < 1e3 else f"{step / 1e3:g}k"))
    axes.xaxis.set_minor_locator(NullLocator())
    if mark is not None:
        axes.axvline(mark, color=PALETTE["muted"], linewidth=1.0, zorder=1)


def handle(label: str, color: str, line: str | tuple) -> Line2D:
    """For a legend: the look of a curve, whether it is there or not."""
    return Line2D([], [], color=PALETTE[color], linestyle=line, linewidth=1.4, label=label)


def lines(axes: Axes, seeds: Iterable[pd.Series], color: str, line: str | tuple = "-") -> None:
    """Draw one line per seed, with a dot where its training ended.

    Parameters
    ----------
    axes : Axes
        With steps to the right, see :func:`steps_axis`.
    seeds : iterable of Series
        Value by step; step 0 has no place on a logarithmic axis and is left out.
    color : str
        Name in the palette.
    line
        Line style.

    Examples
    --------
    >>> axes = Figure().subplots()
    >>> lines(axes, [pd.Series([0.0, 0.1, 0.4], [0, 100, 200])] * 2, "blue")
    >>> len(axes.lines)
    4
    """
    for seed in seeds:
        drawn = seed[seed.index > 0]
        axes.plot(drawn.index, drawn, linestyle=line, color=PALETTE[color], linewidth=1.4)
        axes.plot(
            drawn.index[-1:], drawn[-1:], marker="o", markersize=3.5, color=PALETTE[color], linestyle="", clip_on=False
        )


def levels(axes: Axes, values: Mapping[str, float], early: bool = True) -> None:
    """Thin lines across at heights, named at their first or last step, such as what guessing reaches.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    values : mapping
        Name, or nothing, to height.
    early : bool
        Whether names stand at the first steps.

    Examples
    --------
    >>> axes = Figure().subplots()
    >>> levels(axes, {"a guess": 0.5})
    >>> axes.texts[0].get_text()
    'a guess'
    """
    for words, height in values.items():
        axes.axhline(height, color=PALETTE["muted"], linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
        if words:
            place, side = (FIRST, "left") if early else (LAST, "right")
            axes.text(place, height, words, fontsize=9, color=PALETTE["muted"], va="bottom", ha=side)


def not_yet(axes: Axes, words: str = "not trained yet") -> None:
    """Say in the lower half of a panel, below what guessing reaches, that there is nothing to show."""
    axes.text(0.5, 0.41, words, transform=axes.transAxes, ha="center", va="center", color=PALETTE["muted"], fontsize=10)


def emergence(
    figure: Figure,
    columns: Mapping[str, Mapping[str, Sequence[pd.Series]]],
    mark: int,
    paper: Mapping[str, Mapping[str, float]] | None = None,
    guesses: Mapping[str, tuple[float, float]] | None = None,
) -> list[list[Axes]]:
    """Draw gaps, accuracies and loss below one another, one column for each kind of network.

    Parameters
    ----------
    figure : Figure
        An empty one; 7.2 by 6.4 inches hold three columns.
    columns : mapping
        Title to what :func:`curves` gives; a column without models says that they are not trained yet.
    mark : int
        Steps to be marked: the length of training that the paper prints.
    paper : mapping, optional
        Title to the paper's gaps, drawn as open circles at the mark.
    guesses : mapping, optional
        Name to an accuracy and a loss that guessing reaches, drawn across.

    Returns
    -------
    list of list of Axes
        The panels, rows as in :data:`ROWS`.

    Raises
    ------
    ValueError
        If there is no column, or the paper has one that is not drawn.

    Examples
    --------
    >>> series = pd.Series([0.1, 0.4], [100, 200])
    >>> panels = emergence(Figure(), {"none": {"loss": [series]}}, mark=100_000)
    >>> len(panels), len(panels[2][0].lines)
    (3, 3)
    """
    if not columns:
        raise ValueError("there must be at least one column to draw, got none")
    if unknown := set(paper or {}) - set(columns):
        raise ValueError(f"the paper's values for {sorted(unknown)[0]!r} have no column; allowed: {', '.join(columns)}")
    panels = figure.subplots(len(ROWS), len(columns), sharex=True, sharey="row", squeeze=False).tolist()
    for row, (name, quantities) in zip(panels, ROWS.items(), strict=True):
        for axes, (title, known) in zip(row, columns.items(), strict=True):
            steps_axis(axes, mark)
            for quantity in quantities:
                _, color, line = LOOKS[quantity]
                lines(axes, known.get(quantity, ()), color, line)
                value = (paper or {}).get(title, {}).get(quantity)
                if value is not None:
                    axes.plot(mark, value, marker="o", markersize=8, markerfacecolor="none",
                              markeredgecolor=PALETTE[color], markeredgewidth=1.4, linestyle="", zorder=5)  # fmt: skip
            if not any(known.get(quantity) for quantity in quantities):
                not_yet(axes)
        _guesses(row, name, guesses or {})
        row[0].set_ylabel(name)
    looks = [handle(*look) for look in LOOKS.values()]  # above the panels, where no curve is
    figure.legend(handles=looks, loc="outside upper center", ncols=len(looks) // 2)
    for axes, title in zip(panels[0], columns, strict=True):
        axes.set_title(title)
    for axes in panels[-1]:
        axes.set_xlabel("training steps")
    panels[1][0].set_ylim(0, 1.05)
    panels[2][0].set_ylim(0, 4)
    for axes in panels[0]:
        axes.axhline(0, color=PALETTE["muted"], linewidth=0.8, zorder=1)
    return panels


def _guesses(row: Sequence[Axes], name: str, guesses: Mapping[str, tuple[float, float]]) -> None:
    """What guessing reaches, named in the first panel: the first level where curves have left it, others before."""
    place = {"accuracy": 0, "loss in nats": 1}.get(name)
    if place is None:
        return
    for axes in row:
        for number, (words, both) in enumerate(guesses.items()):
            levels(axes, {words if axes is row[0] else "": both[place]}, early=number > 0)
