"""Distance of sinks from the paper's over training: a line for every group of masks, a ring where it is least."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from attention_atlas.drawing.trajectories import handle, steps_axis
from attention_atlas.figures import PALETTE
from attention_atlas.outcomes.sink_formation import ALL

LOOKS = {  # group and count: color, line
    ("causal", "sink_gu2025"): ("blue", (0, (4, 1.5))),
    ("windows", "sink_gu2025"): ("orange", (0, (1, 1))),
    ("prefixes", "sink_gu2025"): ("green", (0, (6, 1.5, 1, 1.5))),
    (ALL, "sink_gu2025"): ("ink", "-"),
    (ALL, "sink_wu2025"): ("purple", "-"),
}


def distance_paths(axes: Axes, found: pd.DataFrame) -> None:
    """Draw the distances of one kind of network over its training.

    Parameters
    ----------
    axes : Axes
        Where.
    found : DataFrame
        Rows of :func:`attention_atlas.outcomes.sink_formation.distances_over_training` of one kind.

    Examples
    --------
    >>> axes = Figure().subplots()
    >>> distance_paths(axes, pd.DataFrame(columns=["label", "quantity", "step", "distance"]))
    >>> len(axes.lines)
    0
    """
    steps_axis(axes)
    for (label, quantity), (color, line) in LOOKS.items():
        rows = found[(found["label"] == label) & (found["quantity"] == quantity) & (found["step"] > 0)]
        if rows.empty:
            continue
        path = 100 * rows.set_index("step")["distance"].sort_index()
        width = 1.4 if quantity == "sink_gu2025" else 0.8
        axes.plot(path.index, path, color=PALETTE[color], linestyle=line, linewidth=width)
        ring = {"markersize": 6, "markerfacecolor": "none", "markeredgecolor": PALETTE[color]}
        axes.plot(path.idxmin(), path.min(), "o", **ring)
    axes.set_ylim(bottom=0)


def distance_legend(figure: Figure) -> None:
    """One legend for every panel, above them."""
    names = [f"{label}{', printed formula' if count == 'sink_wu2025' else ''}" for label, count in LOOKS]
    handles = [handle(name, *look) for name, look in zip(names, LOOKS.values(), strict=True)]
    figure.legend(handles=handles, loc="outside upper center", ncols=5, fontsize=9)
