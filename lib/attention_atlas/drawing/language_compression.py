"""Compressed decoders, drawn: what is left of them against the numbers stored, and against the rank of their keys."""

from collections.abc import Hashable, Mapping

import pandas as pd
from matplotlib.axes import Axes

from attention_atlas.drawing.language import seed_band
from attention_atlas.figures import PALETTE

Looks = Mapping[Hashable, tuple[str, str, str, str]]  # the label, and color, marker and line

KINDS: Looks = {  # of all matrices
    "entries": ("few entries", "blue", "o", "-"),
    "sum": ("low rank + entries", "green", "^", ":"),
    "low_rank": ("low rank", "orange", "s", "--"),
}
KEYS: Looks = {  # of keys, and by which method
    ("kept", "weighted"): ("kept, weighted", "orange", "s", "-"),
    ("kept", "plain"): ("kept, plain", "blue", "o", "--"),
    ("removed", "weighted"): ("removed, weighted", "red", "v", ":"),
    ("second", "weighted"): ("second removed", "purple", "D", "none"),
}


def compressed_lines(
    axes: Axes, courses: Mapping[Hashable, pd.DataFrame], looks: Looks, level: float, ranks: bool = False
) -> None:
    """Draw a quantity against how much is stored, one line for each way, and its level if all is stored.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    courses : mapping
        Name of each way to a table with one row for each place and one column for each seed, as of
        :meth:`attention_atlas.outcomes.decoder_compression.CompressedDecoders.course`.
    looks : mapping
        Name of each way to its label, color, marker and line, such as :data:`KINDS` and :data:`KEYS`.
    level : float
        Of the decoders as they are.
    ranks : bool
        Whether places are ranks, drawn evenly spaced, and not shares of the numbers.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> kept, gone = pd.DataFrame({0: [0.2, 0.9]}, index=[0, 4]), pd.DataFrame({0: [0.4]}, index=[4])
    >>> courses = {("kept", "plain"): kept, ("removed", "weighted"): gone}
    >>> compressed_lines(axes, courses, KEYS, 1.0, ranks=True)
    >>> [(line.get_label(), line.get_xdata().tolist()) for line in axes.lines[:2]]
    [('kept, plain', [0, 1]), ('removed, weighted', [1])]
    """
    places = sorted({place for course in courses.values() for place in course.index})
    for name, course in courses.items():
        label, color, marker, line = looks[name]
        drawn = course.set_axis([places.index(place) for place in course.index]) if ranks else course
        look = {"label": label, "marker": marker, "linestyle": line, "markersize": 4, "linewidth": 1.5}
        seed_band(axes, drawn, PALETTE[color], **look)
    axes.axhline(level, color=PALETTE["muted"], linewidth=1.2, linestyle=(0, (1, 1)), label="uncompressed")
    if ranks:
        axes.set_xticks(range(len(places)), [f"{place:.0f}" for place in places])
    else:
        axes.set(xlim=(0.08, 0.92), xticks=[0.25, 0.5, 0.75])
