"""Mean score maps as Kim et al. 2026 show them: the colour says what happens beside the diagonal, the corner how often.

A token's score on itself is far above the others, so the diagonal takes no part in the range of colours and is left
hollow, as are the keys that a query may not see. Tokens are numbered from 1.
"""

import math

import torch
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from attention_atlas.figures import PALETTE
from attention_atlas.shapes import Float, Tensor
from attention_atlas.wording import probability


def with_error(mean: float, error: float) -> str:
    """A probability to five decimals, and in parentheses the standard error of its last digits.

    Examples
    --------
    >>> with_error(0.638178, 0.000031)
    '.63818(3)'
    """
    return f"{probability(mean, 5)}({round(error * 1e5)})"


def score_map(
    axes: Axes,
    scores: Float[Tensor, "query key"],
    recency: float | None = None,
    paper: float | None = None,
    least_range: float = 0.0,
    labels: bool = True,
    limits: tuple[float, float] | None = None,
) -> AxesImage:
    """Draw one score map, with its recency probability in the corner and the range of its colours below.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    scores : (query, key)
        Mean scores, NaN where a query may not look.
    recency : float, optional
        The recency probability of the layer; none is written by default.
    paper : float, optional
        The paper's value of it, written below.
    least_range : float
        Smallest width of the range of colours. Some standard errors here keep noise from looking like a pattern.
    labels : bool
        Whether to name the axes; the inner panels of a grid need no names.
    limits : (float, float), optional
        Ends of the range of colours; by default those of the map. Give panels that are to be compared the same ones.

    Returns
    -------
    AxesImage
        The map, whose colours run from the smallest to the largest score off the diagonal, or between the limits.

    Raises
    ------
    ValueError
        If the map is not square, has no score beside the diagonal or one outside the limits.

    Notes
    -----
    Below the map stand the lower end of the range and by how much the upper one exceeds it (``+``). If all keys are
    allowed the corner is taken, and the probability stands above the map.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> scores = torch.tensor([[4.0, torch.nan, torch.nan], [1.0, 4.0, torch.nan], [1.0, 1.5, 4.0]])
    >>> score_map(Figure().subplots(), scores, recency=1.0).get_clim()
    (1.0, 1.5)
    """
    queries, keys = scores.shape
    if queries != keys:
        raise ValueError(f"a score map has as many queries as keys, got {queries} and {keys}")
    drawn = scores.detach().double().clone().fill_diagonal_(torch.nan)
    shown = drawn[~drawn.isnan()]
    if not len(shown):
        raise ValueError(f"a map of {queries} tokens without a score beside the diagonal has nothing to show")
    least, most = shown.min().item(), shown.max().item()
    low, high = (least, most) if limits is None else limits
    if least < low or most > high:
        raise ValueError(f"scores from {least:g} to {most:g} do not fit into the limits {low:g} and {high:g}")
    spare = max(least_range - (high - low), 0) / 2  # on both sides, so that a flat map has the middle color
    image = axes.imshow(
        drawn.numpy(), norm=Normalize(low - spare, high + spare), extent=(0.5, keys + 0.5, keys + 0.5, 0.5)
    )
    hollow = [Rectangle((token + 0.5, token + 0.5), 1, 1) for token in range(keys)]
    axes.add_collection(PatchCollection(hollow, facecolor="none", edgecolor=PALETTE["muted"], linewidth=0.5))
    edge = [0.5, 0.5, keys + 0.5], [0.5, keys + 0.5, keys + 0.5]
    axes.plot(*edge, color=PALETTE["muted"], linewidth=0.5)  # where dark colors meet a dark page
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.set(xticks=[1, keys], yticks=[1, keys], xlim=(0.4, keys + 0.6), ylim=(keys + 0.6, 0.4))
    axes.tick_params(length=0, labelsize=9, pad=1, labelbottom=labels, labelleft=labels)
    if labels:
        axes.set_xlabel("key", labelpad=-9, fontsize=9)
        axes.set_ylabel("query", labelpad=-6, fontsize=9)
    _range(axes, image, low, high, below=-0.17 if labels else -0.07)
    if recency is not None:
        text = f"RP {probability(recency)}" + (f"\npaper {probability(paper)}" if paper is not None else "")
        if drawn.triu(1).isnan().any():  # the upper triangle is blank
            axes.text(0.985, 0.97, text, transform=axes.transAxes, ha="right", va="top", fontsize=9)
        else:
            axes.text(1, 1.02, text.replace("\n", ", "), transform=axes.transAxes, ha="right", va="bottom", fontsize=9)
    return image


def _range(axes: Axes, image: AxesImage, low: float, high: float, below: float) -> None:
    """A slim colour bar under a map: the smallest score on the left, how much larger the largest is on the right."""
    bar = axes.inset_axes((0.0, below - 0.045, 1.0, 0.045))
    bar.imshow([[place / 63 for place in range(64)]], aspect="auto", cmap=image.get_cmap(), extent=(0, 1, 0, 1))
    bar.set(xticks=[], yticks=[])
    bar.grid(False)
    bar.spines[:].set_visible(False)
    for place, side, text in ((0.0, "left", _short(low, 3)), (1.0, "right", f"+{_short(high - low, 2)}")):
        bar.text(place, -0.3, text, transform=bar.transAxes, ha=side, va="top", fontsize=9, color=PALETTE["muted"])


def _short(value: float, digits: int) -> str:
    """A number of so many digits, in powers of ten where it is small."""
    if 0 < abs(value) < 0.01:
        return f"{value:.1e}".replace("e-0", "e-").replace("-", "−")
    return f"{value:.{digits}g}".replace("-", "−")


def score_maps(
    figure: Figure,
    maps: list[list[Float[Tensor, "query key"]]],
    columns: list[str],
    rows: list[str] | None = None,
    recency: list[list[float]] | None = None,
    paper: list[list[float | None]] | None = None,
    least_range: list[list[float]] | None = None,
) -> list[list[Axes]]:
    """Draw a labelled grid of score maps, each with its own range of colours.

    Parameters
    ----------
    figure : Figure
        An empty figure; 7.2 inches wide and 1.9 inches high per row hold four columns (a single row: 2.7 inches).
    maps : list of list of (query, key)
        Mean scores, one list per row of the grid, NaN where a query may not look.
    columns : list of str
        Titles over the first row.
    rows : list of str, optional
        Names at the left of every row; line breaks are welcome.
    recency, paper : list of list of float, optional
        Recency probabilities, ours and the paper's, in the order of the maps; None where the paper has none.
    least_range : list of list of float, optional
        Smallest width of every panel's range of colours.

    Returns
    -------
    list of list of Axes
        The panels.

    Raises
    ------
    ValueError
        If names or numbers are not as many as the maps.

    Notes
    -----
    Kim et al. 2026, official code: concept/simulation.ipynb, make_figure, whose colours leave the diagonal out too.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> scores = torch.arange(9.0).reshape(3, 3)
    >>> panels = score_maps(Figure(), [[scores, scores]], ["Layer 1", "Layer 2"], recency=[[1.0, 1.0]])
    >>> len(panels), len(panels[0])
    (1, 2)
    """
    height, width = len(maps), len(columns)
    grids = {"maps": maps, "recency": recency, "paper": paper, "least_range": least_range}
    for name, grid in grids.items():
        if grid is not None and (len(grid) != height or any(len(line) != width for line in grid)):
            shape = [len(line) for line in grid]
            raise ValueError(f"{name} must have {height} rows of {width}, as maps and columns say, got rows of {shape}")
    if rows is not None and len(rows) != height:
        raise ValueError(f"{height} rows of maps need as many names, got {len(rows)}")
    full = (not math.isnan(scores[0, -1].item()) for scores in maps[0])
    above = recency is not None and any(full)  # whether a probability takes the place of the titles
    panels = figure.subplots(height, width, squeeze=False)
    for line, column in ((line, column) for line in range(height) for column in range(width)):
        axes = panels[line][column]
        score_map(
            axes,
            maps[line][column],
            recency=None if recency is None else recency[line][column],
            paper=None if paper is None else paper[line][column],
            least_range=0.0 if least_range is None else least_range[line][column],
            labels=line == height - 1 and column == 0,
        )
        if line == 0:
            axes.set_title(columns[column], fontsize=10, pad=16 if above else 4)
        if column == 0 and rows is not None:
            axes.annotate(
                rows[line], (-0.24, 0.5), xycoords="axes fraction", rotation=90, ha="right", va="center", fontsize=9.5
            )
    return [list(line) for line in panels]
