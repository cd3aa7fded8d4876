"""How tokens are caught, tagged and retrieved: maps with the tag under them, tokens in a plane, sinks by convention.

Three kinds of token have a color and a mark of their own in every drawing: numbers before the separator (circles),
the separator (a diamond) and numbers after it (squares). Tokens are numbered from 1.
"""

from collections.abc import Iterable

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import FigureBase
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D

from attention_atlas.drawing.attention import attention_map
from attention_atlas.figures import PALETTE
from attention_atlas.shapes import Float, Int, Tensor

KINDS = {  # color and marker
    "before": ("muted", "o"),
    "[SEP]": ("orange", "D"),
    "after": ("blue", "s"),
}
CONVENTIONS = {"zhang2025": ("blue", "s", -0.22), "gu2025": ("purple", "^", 0.0), "wu2025": ("green", "o", 0.22)}


def kind_of(token: int, separator: int) -> str:
    """Which kind of token stands at a place, both counted from 0.

    Examples
    --------
    >>> [kind_of(token, separator=1) for token in range(3)]
    ['before', '[SEP]', 'after']
    """
    return "before" if token < separator else "after" if token > separator else "[SEP]"


def token_strip(axes: Axes, values: Float[Tensor, "token"], separator: int) -> None:
    """Draw one number per token as a stem.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    values : (token,)
        The numbers.
    separator : int
        Place of the separator, from 0 on.

    Examples
    --------
    >>> import torch
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> token_strip(axes, torch.tensor([0.0, 1.0, 1.0, 0.9]), separator=1)
    >>> [len(line.get_xdata()) for line in axes.lines[1:]]
    [1, 1, 2]
    """
    numbers = values.detach().tolist()
    axes.axhline(0, color=PALETTE["muted"], linewidth=0.8)
    for kind, (color, marker) in KINDS.items():
        chosen = [token for token in range(len(numbers)) if kind_of(token, separator) == kind]
        heights, places = [numbers[token] for token in chosen], [token + 1 for token in chosen]
        axes.vlines(places, 0, heights, color=PALETTE[color], linewidth=1.1)
        axes.plot(places, heights, marker, color=PALETTE[color], markersize=3.5)
    axes.set(xlim=(0.5, len(numbers) + 0.5), xticks=[1, separator + 1, len(numbers)])
    axes.grid(False, axis="x")
    axes.tick_params(length=0, labelsize=9)


def catch_and_retrieve(
    panels: Iterable[Axes],
    weights: tuple[Float[Tensor, "query key"], Float[Tensor, "query key"]],
    tag: Float[Tensor, "token"],
    separator: int,
    labels: bool = True,
) -> AxesImage:
    """Draw one network's two maps, the tag that tokens get from the first, and the last token's row of the second.

    Parameters
    ----------
    panels : four of Axes
        For both maps, and for what stands under them.
    weights : two of (query, key)
        Attention of both layers.
    tag : (token,)
        How much of the separator's tag the first layer wrote into every token.
    separator : int
        Place of the separator, from 0 on.
    labels : bool
        Whether to name the axes of the maps.

    Returns
    -------
    AxesImage
        For a color bar from 0 to 1.

    Raises
    ------
    ValueError
        If there are not four panels.

    Examples
    --------
    >>> import torch
    >>> from matplotlib.figure import Figure
    >>> panels = list(Figure().subplots(2, 2).flat)
    >>> image = catch_and_retrieve(panels, (torch.eye(5), torch.eye(5)), torch.ones(5), separator=2)
    >>> [axes.get_title() for axes in panels]
    ['catch: layer 1', 'retrieve: layer 2', 'tag', 'last token']
    """
    if len(panels := list(panels)) != 4:
        raise ValueError(f"four panels are drawn, got {len(panels)}")
    first, second, under, row = panels
    for axes, map in ((first, weights[0]), (second, weights[1])):
        image = attention_map(axes, map, Normalize(0, 1), labels=labels and axes is first)
    token_strip(under, tag, separator)
    token_strip(row, weights[1][-1], separator)
    for axes, title in zip(panels, ("catch: layer 1", "retrieve: layer 2", "tag", "last token"), strict=True):
        axes.set_title(title, fontsize=10)
    for axes in (under, row):
        axes.set_xlabel("token", labelpad=1)
    return image


def token_plane(
    axes: Axes, places: Float[Tensor, "sequence token direction"], separator: Int[Tensor, "sequence"]
) -> None:
    """Draw tokens of many sequences in the plane of two directions, by kind.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    places : (sequence, token, direction)
        Coordinates; the first two directions are drawn.
    separator : (sequence,)
        Place of each separator, from 0 on.

    Raises
    ------
    ValueError
        If there is only one direction.

    Examples
    --------
    >>> import torch
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> token_plane(axes, torch.randn(5, 7, 3), torch.tensor([0, 1, 2, 3, 4]))
    >>> [len(line.get_xdata()) for line in axes.lines]
    [10, 20, 5]
    """
    if places.shape[-1] < 2:
        raise ValueError(f"a plane needs at least 2 directions, got {places.shape[-1]}")
    tokens = range(places.shape[1])
    for kind in ("before", "after", "[SEP]"):  # the fewest on top
        color, marker = KINDS[kind]
        chosen = [(i, t) for i, where in enumerate(separator.tolist()) for t in tokens if kind_of(t, where) == kind]
        x, y = zip(*(places[i, t, :2].tolist() for i, t in chosen), strict=True) if chosen else ((), ())
        hollow = kind == "before"  # so that both kinds show where they coincide
        axes.plot(
            x, y, marker, color=PALETTE[color], markersize={"before": 6, "after": 2.5, "[SEP]": 4.5}[kind],
            markerfacecolor="none" if hollow else PALETTE[color], markeredgewidth=0.8 if hollow else 0,
        )  # fmt: skip
    axes.tick_params(labelsize=9)


def kind_legend(figure: FigureBase) -> None:
    """Name the kinds of token under the panels.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> figure = Figure()
    >>> kind_legend(figure)
    >>> [text.get_text() for text in figure.legends[0].get_texts()]
    ['numbers before [SEP]', '[SEP]', 'numbers after [SEP]']
    """
    names = {"before": "numbers before [SEP]", "[SEP]": "[SEP]", "after": "numbers after [SEP]"}
    handles = [
        Line2D([], [], linestyle="", marker=marker, markersize=5, color=PALETTE[color], label=names[kind])
        for kind, (color, marker) in KINDS.items()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)


def convention_stems(axes: Axes, shares: pd.DataFrame) -> None:
    """Draw how much of a sink every token is by each convention, in percent.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    shares : DataFrame
        One row per token, in order; columns ``zhang2025``, ``gu2025`` and ``wu2025`` in [0, 1].

    Raises
    ------
    ValueError
        If a convention is missing.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> convention_stems(axes, pd.DataFrame({"zhang2025": [1.0, 0.0], "gu2025": [0.0, 0.0], "wu2025": [0.5, 0.1]}))
    >>> axes.lines[2].get_ydata().tolist()
    [50.0, 10.0]
    """
    if missing := set(CONVENTIONS) - set(shares.columns):
        raise ValueError(f"three conventions are drawn, missing {', '.join(sorted(missing))}")
    for name, (color, marker, aside) in CONVENTIONS.items():
        place = [token + 1 + aside for token in range(len(shares))]
        heights = (100 * shares[name]).to_numpy()
        axes.vlines(place, 0, heights, color=PALETTE[color], linewidth=1.1)
        axes.plot(place, heights, marker, color=PALETTE[color], markersize=3.5)
    axes.set(xlim=(0.3, len(shares) + 0.7), ylim=(-5, 107), yticks=[0, 50, 100])
    axes.grid(False, axis="x")
    axes.tick_params(labelsize=9)


def convention_handles() -> list[Line2D]:
    """What :func:`convention_stems` draws, for a legend.

    Examples
    --------
    >>> [handle.get_label() for handle in convention_handles()]
    ['Zhang 2025: mean > 0.2', 'Gu 2025: mean > 0.3', 'Wu 2025: entries > 0.2']
    """
    names = {"zhang2025": "Zhang 2025: mean > 0.2", "gu2025": "Gu 2025: mean > 0.3", "wu2025": "Wu 2025: entries > 0.2"}
    return [
        Line2D([], [], color=PALETTE[color], marker=marker, markersize=5, label=names[name])
        for name, (color, marker, _) in CONVENTIONS.items()
    ]
