"""Attention maps in a grid with one logarithmic color bar, an empty frame for a map that is not there yet."""

from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon

from attention_atlas.drawing.attention import attention_map
from attention_atlas.drawing.sinks import NOT_YET
from attention_atlas.figures import PALETTE
from attention_atlas.shapes import Bool, Float, Tensor

FLOOR = 1e-2  # weight at which the colors begin
KINDS = (
    ("vectors", slice(0, -1, 2), "blue", "o"),
    ("labels", slice(1, None, 2), "orange", "s"),
    ("query", slice(-1, None), "green", "D"),
)


def map_grid(
    figure: Figure,
    maps: list[list[Float[Tensor, "query key"] | None]],
    columns: list[str],
    rows: list[str],
) -> list[list[Axes]]:
    """Draw maps that are to be compared, colors running logarithmically from .01 to 1.

    Parameters
    ----------
    figure : Figure
        An empty figure; 7.2 inches wide for four columns.
    maps : list of list of (query, key)
        One list per row of the grid; None for a map that is not known.
    columns, rows : list of str
        Titles above the first row and beside the first column.

    Returns
    -------
    list of list of Axes
        The panels.

    Raises
    ------
    ValueError
        If titles are not as many as the maps.

    Examples
    --------
    >>> import torch
    >>> panels = map_grid(Figure(), [[torch.eye(5), None]], ["trained", "missing"], ["layer 1"])
    >>> panels[0][1].texts[0].get_text()
    'not\\ntrained yet'
    """
    if len(rows) != len(maps) or any(len(line) != len(columns) for line in maps):
        shape = [len(line) for line in maps]
        raise ValueError(f"{len(rows)} rows of {len(columns)} maps are titled, got rows of {shape}")
    panels = figure.subplots(len(rows), len(columns), squeeze=False)
    norm = LogNorm(FLOOR, 1.0)
    image = None
    for line, (titles, drawn) in enumerate(zip(panels, maps, strict=True)):
        for column, (axes, weights) in enumerate(zip(titles, drawn, strict=True)):
            if weights is None:
                _empty(axes)
            else:
                image = attention_map(axes, weights, norm, labels=line == len(rows) - 1 and column == 0)
            if line == 0:
                axes.set_title(columns[column], fontsize=10)
        titles[0].annotate(
            rows[line], (-0.24, 0.5), xycoords="axes fraction", rotation=90, ha="right", va="center", fontsize=9.5
        )
    if image is not None:
        bar = figure.colorbar(image, ax=panels, pad=0.015, aspect=32, extend="min", ticks=[0.01, 0.1, 1])
        bar.ax.set_yticklabels([".01", ".1", "1"])
        bar.ax.minorticks_off()
        bar.set_label("weight", fontsize=9.5)
    return [list(line) for line in panels]


def mark_tokens(axes: Axes, marked: Bool[Tensor, "key"]) -> None:
    """Point at the columns of some tokens from above a map.

    Parameters
    ----------
    axes : Axes
        A panel of :func:`map_grid`.
    marked : (key,)
        Which tokens.

    Examples
    --------
    >>> import torch
    >>> axes = Figure().subplots()
    >>> mark_tokens(axes, torch.tensor([True, False, True]))
    >>> axes.lines[0].get_xdata().tolist()
    [1, 3]
    """
    columns = marked.nonzero()[:, 0].numpy() + 1
    look = {"color": PALETTE["green"], "markersize": 3.2, "clip_on": False, "transform": axes.get_xaxis_transform()}
    axes.plot(columns, [1.03] * len(columns), "v", **look, scalex=False, scaley=False)


def _empty(axes: Axes) -> None:
    """The triangle where a map will be."""
    corners = [(0, 1), (0, 0), (1, 0)]
    axes.add_patch(Polygon(corners, facecolor="none", edgecolor=PALETTE["muted"], linewidth=0.8, linestyle="--"))
    axes.text(0.08, 0.1, NOT_YET.replace(" ", "\n", 1), va="bottom", fontsize=9, color=PALETTE["muted"])
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.set_axis_off()


def query_row(
    axes: Axes,
    weights: Float[Tensor, "key"] | None,
    untrained: Float[Tensor, "key"],
    spread: Float[Tensor, "seed key"] | None = None,
) -> None:
    """Draw what the query takes from every token: vectors as circles, labels as squares, itself as a diamond.

    Parameters
    ----------
    axes : Axes
        Where to draw; its vertical axis becomes logarithmic.
    weights : (key,), optional
        Of a trained network; None if there is none yet.
    untrained : (key,)
        The same before training, a dashed line.
    spread : (seed, key), optional
        Of single networks, shown as a band from the least to the largest.

    Examples
    --------
    >>> import torch
    >>> axes = Figure().subplots()
    >>> query_row(axes, torch.tensor([0.2, 0.3, 0.5]), torch.full((3,), 1 / 3))
    >>> [len(line.get_xdata()) for line in axes.lines]
    [3, 3, 1, 1, 1]
    """
    tokens = len(untrained)
    place = range(1, tokens + 1)
    axes.plot(place, untrained, "--", color=PALETTE["muted"], linewidth=1.2)
    if weights is None:
        axes.text(0.5, 0.85, NOT_YET, transform=axes.transAxes, ha="center", fontsize=9, color=PALETTE["muted"])
    else:
        axes.plot(place, weights, color=PALETTE["line"], linewidth=0.9)
        if spread is not None:
            axes.fill_between(place, spread.amin(0), spread.amax(0), color=PALETTE["blue"], alpha=0.18, linewidth=0)
        for _, chosen, color, marker in KINDS:
            axes.plot(place[chosen], weights[chosen], marker, color=PALETTE[color], markersize=4.5)
    axes.set_yscale("log")
    axes.set(xlim=(0.3, tokens + 0.7), xticks=range(1, tokens + 1, 4))
    axes.grid(False, axis="x")
    axes.tick_params(labelsize=9)


def query_legend(figure: Figure) -> None:
    """Name above the panels what :func:`query_row` draws.

    Examples
    --------
    >>> figure = Figure()
    >>> query_legend(figure)
    >>> [text.get_text() for text in figure.legends[0].get_texts()]
    ['vectors', 'labels', 'query', 'before training']
    """
    handles = [
        Line2D([], [], linestyle="", marker=marker, markersize=5, color=PALETTE[color], label=name)
        for name, _, color, marker in KINDS
    ]
    handles.append(Line2D([], [], linestyle="--", linewidth=1.2, color=PALETTE["muted"], label="before training"))
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
