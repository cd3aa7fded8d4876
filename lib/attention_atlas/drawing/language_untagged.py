"""Pictures of a tag at the first token: its share by query, and what is lost without it."""

import pandas as pd
from matplotlib.axes import Axes

from attention_atlas.decoders.first_token_share import shares
from attention_atlas.figures import PALETTE

LOOKS = {
    "as it is": ("ink", "o"),
    "none": ("blue", "s"),
    "constant": ("orange", "^"),
    "other direction": ("muted", "x"),
    "other direction, constant": ("muted", "+"),
}
WORDS = {
    "as it is": "as it is",
    "none": "no tag",
    "constant": "a constant tag",
    "other direction": "control of no tag",
    "other direction, constant": "control of a constant tag",
}


def share_by_query(axes: Axes, found: dict[str, pd.DataFrame], odds: float, tokens: int) -> None:
    """Measured shares of some heads, and the curve of constant odds.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    found : dict of str to DataFrame
        Label to what :meth:`attention_atlas.outcomes.untagged.Untagged.strongest` gives.
    odds : float
        Of the curve.
    tokens : int
        How far it goes.
    """
    queries = range(1, tokens + 1)
    axes.plot(queries, shares(odds, tokens), "-", color=PALETTE["muted"], label=f"ω = {odds:.0f}")
    for (label, rows), color, marker in zip(found.items(), ("blue", "orange", "green", "purple"), "os^D", strict=False):
        axes.errorbar(
            rows.index, rows["value"], 2 * rows["standard_error"], fmt=marker, color=PALETTE[color], markersize=4,
            label=label,
        )  # fmt: skip
    axes.set(xscale="log", xlabel="query i", ylabel="share given to the first token", ylim=(0, 1.03))
    axes.set_xticks([1, 4, 16, 64], ["1", "4", "16", "64"])
    axes.minorticks_off()


def by_way(axes: Axes, table: pd.DataFrame, names: dict[str, str], xlabel: str) -> None:
    """One row for each decoder, one mark for each way.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    table : DataFrame
        Index: decoders; columns: ways, of :data:`LOOKS`.
    names : dict of str to str
        What a decoder is called.
    xlabel : str
        Of the numbers.
    """
    for way in table.columns:
        color, marker = LOOKS[way]
        axes.plot(table[way], range(len(table)), marker, color=PALETTE[color], markersize=6, label=WORDS[way])
    axes.set_yticks(range(len(table)), [names[name] for name in table.index])
    axes.set(xlabel=xlabel, ylim=(len(table) - 0.5, -0.5))
    axes.grid(axis="y", visible=False)
