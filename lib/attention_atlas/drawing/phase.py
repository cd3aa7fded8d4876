"""Phase diagrams over a grid whose values are not evenly spaced: every place is a cell of the same size."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from attention_atlas.figures import PALETTE
from attention_atlas.wording import MINUS

LOOK = {  # letter, color, and how strong: no regime is told by its color alone
    "rank collapse": ("R", "blue", 0.45),
    "entropy collapse": ("E", "orange", 0.45),
    "both collapses": ("B", "red", 0.45),
    "localized": ("L", "green", 0.5),
    "driven by content": ("C", "muted", 0.14),
}


def value_map(axes: Axes, values: pd.DataFrame, limits: tuple[float, float] = (0.0, 1.0)) -> AxesImage:
    """Draw one quantity over eta and deviation.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    values : DataFrame
        One row per deviation, drawn from below, and one column per eta.
    limits : (float, float)
        Ends of the range of colors.

    Returns
    -------
    AxesImage
        For a color bar.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> value_map(Figure().subplots(), pd.DataFrame([[0.0, 1.0]], index=[0.0], columns=[0.0, 5.0])).get_clim()
    (0.0, 1.0)
    """
    low, high = limits
    image = axes.imshow(values.to_numpy(), origin="lower", aspect="auto", vmin=low, vmax=high)
    _name_places(axes, values)
    return image


def regime_map(axes: Axes, regimes: pd.DataFrame, fontsize: float = 9.5) -> None:
    """Draw the regime at every place, as a letter on its color.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    regimes : DataFrame
        As :func:`attention_atlas.outcomes.localization_diagrams.regimes` gives it.
    fontsize : float
        Of the letters, in points.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> regime_map(axes, pd.DataFrame([["localized"]], index=[0.0], columns=[5.0]))
    >>> [text.get_text() for text in axes.texts]
    ['L']
    """
    for row, names in enumerate(regimes.to_numpy()):
        for column, name in enumerate(names):
            letter, color, strength = LOOK[name]
            axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=(PALETTE[color], strength)))
            axes.text(column, row, letter, ha="center", va="center_baseline", fontsize=fontsize)
    axes.set(xlim=(-0.5, regimes.shape[1] - 0.5), ylim=(-0.5, regimes.shape[0] - 0.5))
    _name_places(axes, regimes)


def regime_legend(axes: Axes, shown: list[str], **options) -> None:
    """Name the letters below a panel.

    Parameters
    ----------
    axes : Axes
        Whose legend it is.
    shown : list of str
        Regimes to name.
    **options
        Of :meth:`matplotlib.axes.Axes.legend`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> regime_legend(axes, ["localized"])
    >>> axes.get_legend().get_texts()[0].get_text()
    'L localized'
    """
    handles = [Rectangle((0, 0), 1, 1, facecolor=(PALETTE[LOOK[name][1]], LOOK[name][2])) for name in shown]
    axes.legend(handles, [f"{LOOK[name][0]} {name}" for name in shown], **options)


def outline(axes: Axes, inside: pd.DataFrame, on_colors: bool = False) -> None:
    """Draw a line around some places.

    Parameters
    ----------
    axes : Axes
        With a map of the same places.
    inside : DataFrame
        True where a place belongs to the region.
    on_colors : bool
        Whether the map is of values: then the line is white with dark edges, to stand out from dark and bright cells.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> outline(axes, pd.DataFrame([[False, True]]))
    >>> len(axes.collections[0].get_segments())
    4
    """
    cells = inside.to_numpy()
    rows, columns = cells.shape
    edges = []
    for row in range(rows):
        for column in range(columns):
            if not cells[row, column]:
                continue
            left, right, below, above = column - 0.5, column + 0.5, row - 0.5, row + 0.5
            if column == 0 or not cells[row, column - 1]:
                edges.append([(left, below), (left, above)])
            if column == columns - 1 or not cells[row, column + 1]:
                edges.append([(right, below), (right, above)])
            if row == 0 or not cells[row - 1, column]:
                edges.append([(left, below), (right, below)])
            if row == rows - 1 or not cells[row + 1, column]:
                edges.append([(left, above), (right, above)])
    for color, width in (("black", 3.2), ("white", 1.4)) if on_colors else ((PALETTE["ink"], 2.0),):
        axes.add_collection(
            LineCollection(edges, colors=color, linewidths=width, capstyle="projecting", clip_on=False, zorder=3)
        )


def _name_places(axes: Axes, table: pd.DataFrame) -> None:
    """The values of eta below and of the deviation beside the cells."""
    axes.set_xticks(range(table.shape[1]), [f"{eta:g}".replace("-", MINUS) for eta in table.columns], rotation=90)
    axes.set_yticks(range(table.shape[0]), [f"{deviation:g}" for deviation in table.index])
    axes.tick_params(length=0, labelsize=9)
    axes.grid(False)
    axes.spines[:].set_visible(False)
