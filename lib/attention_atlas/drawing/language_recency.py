"""Recency in trained decoders: curves over layers, the nine panels of Kim et al. 2026, and maps without diagonal means.

Layers are numbered from 1 in pictures, and tokens from the first one after ``<s>``.
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from attention_atlas.decoders.maps import PANELS
from attention_atlas.drawing.recency import score_map
from attention_atlas.drawing.signed import signed_map
from attention_atlas.figures import PALETTE, shades
from attention_atlas.metrics import without_diagonal_means
from attention_atlas.outcomes.maps import by_place
from attention_atlas.relativity import earlier
from attention_atlas.shapes import Float64, Tensor
from attention_atlas.wording import probability, signed

Map = Float64[Tensor, "query key"]
STYLES = {  # color, line, marker and place beside the layer's number
    "trained": ("blue", "-", "o", -0.08),
    "shuffled text": ("orange", "--", "s", -0.03),
    "shuffled, no <s>": ("purple", "-.", "^", 0.03),
    "untrained": ("muted", ":", "D", 0.08),
    "trained, without distance": ("green", "-.", "^", 0.0),
}


def layer_curves(axes: Axes, curves: dict[str, pd.DataFrame], heads: pd.DataFrame | None = None) -> None:
    """Draw recency probabilities over layers: mean over seeds, from the least to the greatest, and single heads.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    curves : dict of str to DataFrame
        Name of :data:`STYLES` to one row for each seed and one column for each layer, from 0 on.
    heads : DataFrame, optional
        Columns ``layer`` and ``value``: small points, of single heads.

    Examples
    --------
    >>> axes = Figure().subplots()
    >>> layer_curves(axes, {"trained": pd.DataFrame([[0.5, 0.6], [0.5, 0.7]])})
    >>> axes.lines[-1].get_ydata().round(2).tolist()
    [0.5, 0.65]
    """
    axes.axhline(0.5, color=PALETTE["line"], linewidth=1)
    if heads is not None:
        axes.plot(heads["layer"] + 0.78, heads["value"], "_", color=PALETTE["blue"], markersize=7, alpha=0.7)
    for name, values in curves.items():
        color, line, marker, beside = STYLES[name]
        place = values.columns.to_numpy() + 1 + beside
        axes.vlines(place, values.min(), values.max(), color=PALETTE[color], linewidth=1)
        axes.plot(place, values.mean(), line, color=PALETTE[color], marker=marker, label=name)
    layers = len(next(iter(curves.values())).columns)
    axes.set(xlim=(0.6, layers + 0.4), xticks=range(1, layers + 1), xlabel="layer")


def trace_panels(figure: Figure, maps: dict[str, Map], recency: dict[tuple[str, int], float]) -> list[Axes]:
    """Draw the nine panels between the first two attention layers.

    Parameters
    ----------
    figure : Figure
        An empty one, 7.2 inches wide and 8.4 high.
    maps : dict
        Mean maps with their names in ``language_maps``; the first token, ``<s>``, is left out.
    recency : dict
        (kind or name, layer) of a panel to its recency probability: ``("score", 1)``, ``("pooled", 0)``.

    Returns
    -------
    list of Axes
        Nine, row by row.

    Examples
    --------
    >>> import torch
    >>> names = [f"{kind}_{layer}" if kind == "score" else f"{kind}_{name}_{layer}" for kind, name, layer, _ in PANELS]
    >>> recency = {(name or kind, layer): 0.5 for kind, name, layer, _ in PANELS}
    >>> drawn = trace_panels(Figure(), {name: torch.arange(25.0).reshape(5, 5).double() for name in names}, recency)
    >>> len(drawn), drawn[8].get_title(loc="left") != ""
    (9, True)
    """
    panels = list(figure.subplots(3, 3).flat)
    for axes, (kind, name, layer, title) in zip(panels, PANELS, strict=True):
        column = f"score_{layer}" if kind == "score" else f"gram_{name}_{layer}"
        _map(axes, _visible(maps[column][1:, 1:]), recency[name or kind, layer], labels=axes is panels[6])
        axes.set_title(title, fontsize=9.5, loc="left")
    return panels


def layer_maps(figure: Figure, rows: dict[str, list[Map]], recency: dict[str, list[float]]) -> list[list[Axes]]:
    """Draw the score maps of all layers, below each what is left without its diagonals' means.

    Parameters
    ----------
    figure : Figure
        An empty one, 7.2 inches wide and 4.2 high for every decoder.
    rows : dict of str to list of (query, key)
        Name of a decoder to its layers' mean maps, with ``<s>``, which is left out.
    recency : dict of str to list of float
        Its layers' recency probabilities.

    Returns
    -------
    list of list of Axes
        Two rows for each decoder; colors of the second one are alike in all layers.

    Examples
    --------
    >>> import torch
    >>> map = torch.arange(25.0).reshape(5, 5).double()
    >>> drawn = layer_maps(Figure(), {"a": [map, map]}, {"a": [0.5, 0.5]})
    >>> len(drawn), len(drawn[0])
    (2, 2)
    """
    layers = len(next(iter(rows.values())))
    grid = figure.subplots(2 * len(rows), layers, squeeze=False)
    for place, (name, maps) in enumerate(rows.items()):
        text = [_visible(map[1:, 1:]) for map in maps]
        left = [without_diagonal_means(map) for map in text]
        limit = max(earlier(map).abs().max().item() for map in left) or 1.0
        upper, lower = grid[2 * place : 2 * place + 2]
        for layer in range(layers):
            _map(upper[layer], text[layer], recency[name][layer], labels=False)
            image = signed_map(lower[layer], _before(left[layer]), limit=limit, corners=False)
            edge = 0.5 + len(left[layer])
            lower[layer].plot([0.5, 0.5, edge, 0.5], [0.5, edge, edge, 0.5], color=PALETTE["muted"], linewidth=0.6)
            lower[layer].spines[:].set_visible(False)
            if not place:
                upper[layer].set_title(f"layer {layer + 1}", fontsize=10)
        upper[0].set_ylabel(f"{name}\nscore", fontsize=9.5)
        lower[0].set_ylabel("without\ndiagonal means", fontsize=9.5)
        figure.colorbar(image, ax=list(lower), shrink=0.85, pad=0.01)
    return [list(row) for row in grid]


def place_curves(figure: Figure, decoders: dict[str, list[Map]], distances: int) -> None:
    """Draw mean scores against the distance and, over the same distances for all, against the key's place.

    Parameters
    ----------
    figure : Figure
        An empty one, 7.2 inches wide.
    decoders : dict of str to list of (query, key)
        Name to its layers' mean maps, with ``<s>``, which is left out.
    distances : int
        The place varies for keys at distances 1 to this, averaged; at least 1.

    Raises
    ------
    ValueError
        If no two keys are seen at all of these distances.

    Notes
    -----
    Every curve is drawn less its own mean, in units of the standard deviation of the map before the query.

    Examples
    --------
    >>> import torch
    >>> figure = Figure()
    >>> place_curves(figure, {"a": [torch.arange(49.0).reshape(7, 7).double()]}, 2)
    >>> [len(axes.lines) for axes in figure.axes]
    [2, 2]
    """
    most = min(len(map) for maps in decoders.values() for map in maps) - 3
    if not 1 <= distances <= most:
        raise ValueError(f"distances must be 1 to {most}, so that two keys are seen at all of them, got {distances}")
    panels = figure.subplots(len(decoders), 2, squeeze=False, sharey="row")
    for row, (name, maps) in zip(panels, decoders.items(), strict=True):
        for layer, (map, color) in enumerate(zip(maps, shades(len(maps)), strict=True), start=1):
            text = map[1:, 1:]
            size = earlier(text).std().item() or 1.0
            by_distance = [text.diagonal(-gap).mean().item() for gap in range(1, len(text) - 4)]
            for axes, curve in zip(row, (by_distance, by_place(text, distances).tolist()), strict=True):
                mean = sum(curve) / len(curve)
                drawn = [(value - mean) / size for value in curve]
                style = {"color": color, "marker": "osD^v<>p"[layer - 1], "markersize": 3, "linewidth": 1.2}
                axes.plot(range(1, len(drawn) + 1), drawn, **style, label=f"layer {layer}")
        for axes in row:
            axes.axhline(0, color=PALETTE["line"], linewidth=0.8, zorder=0)
        row[0].set_ylabel(f"{name}\nscore, standardized", fontsize=9.5)
    panels[-1, 0].set_xlabel("distance of the key")
    panels[-1, 1].set_xlabel(f"place of the key, distances 1 to {distances}")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4)


def _map(axes: Axes, map: Map, recency: float, labels: bool) -> None:
    """A map with both ends of its colors below, and its recency probability with the digits that few seeds know."""
    image = score_map(axes, map, labels=labels)
    for end, text in zip(image.get_clim(), axes.child_axes[0].texts, strict=True):
        text.set_text(signed(end, ".3g"))
    axes.text(0.985, 0.97, f"RP {probability(recency, 3)}", transform=axes.transAxes, ha="right", va="top", fontsize=9)


def _visible(map: Map) -> Map:
    """NaN where a query may not look."""
    return map.masked_fill(map.new_ones(map.shape).triu(1).bool(), float("nan"))


def _before(map: Map) -> Map:
    """NaN at the query and after it."""
    return map.masked_fill(map.new_ones(map.shape).triu().bool(), float("nan"))
