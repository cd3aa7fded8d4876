"""Drawings that several pages share: a mask as a graph and as a matrix, an attention map.

Tokens are numbered from 1 in every drawing, as in the papers; the library counts from 0.
"""

import torch
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import Normalize
from matplotlib.image import AxesImage
from matplotlib.patches import Circle, FancyArrowPatch, Rectangle
from matplotlib.path import Path
from matplotlib.ticker import FixedLocator, FuncFormatter

from attention_atlas.figures import PALETTE
from attention_atlas.masks import Mask, center_nodes, dense, edges
from attention_atlas.shapes import Float, Tensor

RADIUS, CELL = 0.36, 0.84  # of a node and side of a cell, in units of the distance between neighbours
ROUND = 0.5523  # control points at this share of the radius make a cubic curve a quarter of a circle, to 0.03 %


def mask_graph(axes: Axes, mask: Mask, tokens: int) -> None:
    """Draw a mask as a directed graph: tokens on a line, an arc from every key to every query that may attend to it.

    Parameters
    ----------
    axes : Axes
        Where to draw; its frame is switched off.
    mask : Mask
        The rule.
    tokens : int
        Number of nodes; up to about 16 stay legible.

    Raises
    ------
    ValueError
        If the sequence is shorter than the mask allows.

    Notes
    -----
    Wu et al. 2025, Figure 1: edge (j, i) means "i attends to j", so an arrow points where information flows. Arcs to
    later tokens run above the line, arcs to earlier ones below it; loops are left out. Center nodes and the arcs that
    leave them are orange and heavier.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from attention_atlas.masks import causal
    >>> axes = Figure().subplots()
    >>> mask_graph(axes, causal, tokens=5)
    >>> sum(isinstance(patch, FancyArrowPatch) for patch in axes.patches)
    10
    """
    centers = set(center_nodes(mask, tokens))
    pairs = [(source, target) for source, target in edges(mask, tokens).tolist() if source != target]
    for source, target in sorted(pairs, key=lambda pair: pair[0] in centers):  # the heavy arcs last, on top
        heavy = source in centers
        arc = FancyArrowPatch(
            path=_arc(source + 1, target + 1),
            arrowstyle="-|>,head_length=2.6,head_width=1.3",
            mutation_scale=1.0,
            color=PALETTE["orange" if heavy else "muted"],
            linewidth=1.2 if heavy else 0.7,
            alpha=1.0 if heavy else 0.6,
            zorder=2 if heavy else 1,
            fill=True,
        )
        arc.set_gid(f"arc-{source}-{target}")
        axes.add_patch(arc)
    for token in range(tokens):
        center = token in centers
        axes.add_patch(
            Circle(
                (token + 1, 0),
                RADIUS,
                facecolor=(PALETTE["orange"], 0.25) if center else "none",
                edgecolor=PALETTE["orange" if center else "muted"],
                linewidth=1.8 if center else 0.9,
                zorder=3,
            )
        )
        axes.text(token + 1, 0, str(token + 1), ha="center", va="center_baseline", fontsize=9, zorder=4)
    above = max([target - source for source, target in pairs] + [0])
    below = max([source - target for source, target in pairs] + [0])
    room = RADIUS + 0.2
    axes.set(xlim=(0.4, tokens + 0.6), ylim=(-_height(below) - room, _height(above) + room), aspect="equal")
    axes.set_axis_off()


def _height(distance: int) -> float:
    """Of an arc: flatter than a half circle, so that long arcs leave room for the short ones."""
    return 0.42 * distance


def _arc(source: int, target: int) -> Path:
    """Half an ellipse from node to node, above the line if it leads to a later token."""
    side = 1 if target > source else -1
    # Leave on the near side of a node and land on its near side, so that opposite traffic does not share a point.
    start, end, foot = source + 0.12 * side, target - 0.12 * side, side * RADIUS
    top, middle, reach = foot + side * _height(abs(target - source)), (start + end) / 2, (end - start) / 2
    bend = foot + ROUND * (top - foot)
    points = [(start, foot), (start, bend), (middle - ROUND * reach, top), (middle, top)]
    points += [(middle + ROUND * reach, top), (end, bend), (end, foot)]
    return Path(points, [Path.MOVETO] + [Path.CURVE4] * 6)


def mask_matrix(axes: Axes, mask: Mask, tokens: int) -> None:
    """Draw a mask as a matrix: one row per query, a filled cell for every key that it may attend to.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    mask : Mask
        The rule.
    tokens : int
        Number of rows and columns.

    Raises
    ------
    ValueError
        If the sequence is shorter than the mask allows.

    Notes
    -----
    The companion of :func:`mask_graph`: columns of center nodes are orange, other allowed cells blue, the rest empty.
    Cells are vector shapes, so they follow light and dark mode.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from attention_atlas.masks import sliding_window
    >>> mask_matrix(Figure().subplots(), sliding_window(2), tokens=5)
    """
    centers = set(center_nodes(mask, tokens))
    cells = {"blue": [], "orange": [], "line": []}
    for query, row in enumerate(dense(mask, tokens).tolist()):
        for key, allowed in enumerate(row):
            color = ("orange" if key in centers else "blue") if allowed else "line"
            cells[color].append(Rectangle((key + 1 - CELL / 2, query + 1 - CELL / 2), CELL, CELL))
    for color, squares in cells.items():
        fill = "none" if color == "line" else PALETTE[color]
        axes.add_collection(
            PatchCollection(squares, facecolor=fill, edgecolor=PALETTE[color], linewidth=0.6, label=color)
        )
    axes.set(xlim=(0.4, tokens + 0.6), ylim=(tokens + 0.6, 0.4), aspect="equal")
    _name_axes(axes, tokens)


def attention_map(
    axes: Axes, weights: Float[Tensor, "query key"], norm: Normalize | None = None, labels: bool = True
) -> AxesImage:
    """Draw an attention map or a rollout: queries downwards, keys to the right, exact zeros left empty.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    weights : (query, key)
        Attention weights in [0, 1].
    norm : Normalize, optional
        From weight to colour; linear from 0 to 1 by default. Give panels that are to be compared the same one.
    labels : bool
        Whether to name the axes; the inner panels of a grid need no names.

    Returns
    -------
    AxesImage
        For a colour bar.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> attention_map(Figure().subplots(), torch.eye(5)).get_array().mask.sum().item()
    20
    """
    queries, keys = weights.shape
    drawn = weights.detach().double().masked_fill(weights == 0, torch.nan).numpy()
    # Half a cell around the token's own number: cell (1, 1) spans 0.5 .. 1.5.
    extent = (0.5, keys + 0.5, queries + 0.5, 0.5)
    image = axes.imshow(drawn, norm=norm or Normalize(0, 1), extent=extent, aspect="equal")
    _name_axes(axes, queries, keys, labels)
    return image


def _name_axes(axes: Axes, queries: int, keys: int | None = None, labels: bool = True) -> None:
    """The house vocabulary on both axes; only the first and the last token are numbered."""
    axes.grid(False)
    axes.xaxis.set_major_locator(FixedLocator([1, keys or queries]))
    axes.yaxis.set_major_locator(FixedLocator([1, queries]))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:.0f}" if labels else ""))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if labels:
        axes.set_xlabel("key", labelpad=-6)
        axes.set_ylabel("query", labelpad=-6)
