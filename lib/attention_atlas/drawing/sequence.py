"""A picture of one sequence of the retrieval task: vectors as circles, labels as squares, colored by class."""

from dataclasses import dataclass

import torch
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Rectangle

from attention_atlas.figures import PALETTE, SERIES
from attention_atlas.shapes import Float, Tensor
from attention_atlas.tasks.copying import labels_of
from attention_atlas.tasks.retrieval import World

RADIUS = 0.42  # of a circle, half the side of a square, in units of the distance between tokens
PLACE = 2.2  # from item to item: a vector, its label and some room


@dataclass(frozen=True)
class Parts:
    """What a sequence is made of.

    Parameters
    ----------
    classes : tuple of int
        Class of every item's vector and, last, of the query: 0 is the query's, others in order of appearance.
    labels : tuple of int
        Label of every item.
    target : int
        The right answer.
    """

    classes: tuple[int, ...]
    labels: tuple[int, ...]
    target: int


def parts(tokens: Float[Tensor, "token d_model"], world: World, target: int) -> Parts:
    """Read a sequence that was drawn without noise, where equal vectors mean one class.

    Parameters
    ----------
    tokens : (token, d_model)
        One sequence. The same state of the generator draws the same sequence with and without noise.
    world : World
        Whose label vectors it holds.
    target : int
        The right answer.

    Returns
    -------
    Parts
        Its classes and labels.

    Examples
    --------
    >>> labels = torch.tensor([[-7.0], [-8.0]])
    >>> world = World(torch.zeros(1, 1), labels, torch.zeros(1, dtype=torch.int64), torch.zeros(1))
    >>> parts(torch.tensor([[2.0], [-7.0], [1.0], [-8.0], [1.0]]), world, target=1)
    Parts(classes=(1, 0, 0), labels=(0, 1), target=1)
    """
    seen = [tokens[-1]]
    classes = []
    for vector in tokens[0::2]:
        known = next((number for number, other in enumerate(seen) if torch.equal(vector, other)), len(seen))
        seen += [vector] if known == len(seen) else []
        classes.append(known)
    return Parts(tuple(classes), tuple(labels_of(tokens[None], world)[0].tolist()), target)


def sequence(axes: Axes, shown: Parts, right: int | None = None, other: int | None = None) -> None:
    """Draw one sequence, item by item, with the query and the right answer at the end.

    Parameters
    ----------
    axes : Axes
        Where to draw; its frame is switched off. 7.2 inches hold 8 items.
    shown : Parts
        The sequence.
    right, other : int, optional
        Items, counted from 0, that hold the same vector with two labels: that of `right` is the answer.

    Raises
    ------
    ValueError
        If a place is not in the sequence or the two are one.

    Notes
    -----
    A circle with a letter is a vector and its class, a square with a number its label. The label takes the color of
    the class that it belongs to, so an item of two colors is one whose vector was overwritten.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> sequence(axes, Parts((1, 0, 0), (7, 8), 8))
    >>> [text.get_text() for text in axes.texts]
    ['B', '7', '1', 'A', '8', '2', 'A', '8']
    """
    items = len(shown.labels)
    if not {right, other} - {None} <= set(range(items)) or (right is not None and right == other):
        raise ValueError(f"right and other must be two items in 0 .. {items - 1}, got {right} and {other}")
    colors = {0: SERIES[0]}  # of a class, and of its label
    of_label = {shown.target: SERIES[0]}
    for place, (number, label) in enumerate(zip(shown.classes, shown.labels, strict=False)):
        if place != other:
            color = colors.setdefault(number, SERIES[len(colors) % len(SERIES)])
            of_label.setdefault(label, color)
    for place, label in enumerate(shown.labels):
        _vector(axes, PLACE * place, shown.classes[place], colors[shown.classes[place]])
        _label(axes, PLACE * place + 1, label, of_label.get(label, "muted"))
        axes.text(PLACE * place + 0.5, -0.68, f"{place + 1}", ha="center", va="top", fontsize=9, color=PALETTE["muted"])
    end = PLACE * items
    _vector(axes, end, 0, colors[0], thick=True)
    arrow = FancyArrowPatch((end + 0.52, 0), (end + 1.18, 0), arrowstyle="-|>", mutation_scale=9, linewidth=1,
                            color=PALETTE["muted"])  # fmt: skip
    axes.add_patch(arrow)
    _label(axes, end + 1.7, shown.target, colors[0], answer=True)
    for place, words, line in ((right, "right", "-"), (other, "other", (0, (3, 2)))):
        if place is not None:
            frame = FancyBboxPatch((PLACE * place - 0.47, -0.47), 1.94, 0.94, boxstyle="round,pad=0.05", fill=False,
                                   edgecolor=PALETTE["ink"], linewidth=1.3, linestyle=line)  # fmt: skip
            axes.add_patch(frame)
            axes.text(PLACE * place + 0.5, 0.66, words, ha="center", va="bottom", fontsize=9)
    axes.set(xlim=(-0.7, end + 2.3), ylim=(-1.2, 1.2), aspect="equal")
    axes.set_axis_off()


def _vector(axes: Axes, x: float, number: int, color: str, thick: bool = False) -> None:
    fill = (PALETTE[color], 0.22)
    width = 2.0 if thick else 1.0
    axes.add_patch(Circle((x, 0), RADIUS, facecolor=fill, edgecolor=PALETTE[color], linewidth=width))
    axes.text(x, 0, chr(ord("A") + number), ha="center", va="center_baseline", fontsize=9)


def _label(axes: Axes, x: float, label: int, color: str, answer: bool = False) -> None:
    line = (0, (2, 1.5)) if answer else "-"
    corner, side = (x - RADIUS, -RADIUS), 2 * RADIUS
    square = Rectangle(
        corner, side, side, facecolor=(PALETTE[color], 0.22), edgecolor=PALETTE[color], linewidth=1.0, linestyle=line
    )
    axes.add_patch(square)
    axes.text(x, 0, f"{label}", ha="center", va="center_baseline", fontsize=9)
