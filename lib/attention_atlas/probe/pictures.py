"""The figures of a report: heads as a map, sinks, tags and the stream by layer, tokens that receive."""

from typing import NamedTuple

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from attention_atlas import figures
from attention_atlas.figures import COLORMAP, DIVERGING, PALETTE
from attention_atlas.probe.measuring import Probed
from attention_atlas.probe.summary import by_layer, whole

WIDTH = 7.2  # inches


class Picture(NamedTuple):
    """A figure with what a reader needs beside it."""

    name: str
    figure: Figure
    caption: str
    alt: str


def pictures(measured: Probed) -> list[Picture]:
    """All figures of a report, in the book's style, which is left as it was.

    Parameters
    ----------
    measured : Probed
        Of one text.
    """
    with matplotlib.rc_context():
        figures.style()
        return [draw(measured) for draw in (of_heads, of_sinks, of_tags, of_tokens, of_stream)]


def of_heads(measured: Probed) -> Picture:
    """Every head as a cell, by layer."""
    panels = {
        "received_first": ("received by the first token", COLORMAP, (0, 1)),
        "normalised_entropy": ("entropy, share of the largest", COLORMAP, (0, 1)),
        "recency": ("recency", DIVERGING, (0, 1)),
        "explained": ("explained by tags", COLORMAP, (0, 1)),
    }
    table = measured.layers.pivot_table(index=["quantity", "layer"], columns="head", values="value", dropna=False)
    figure = _figure(5.4)
    for axes, (quantity, (title, colors, limits)) in zip(figure.subplots(2, 2).flat, panels.items(), strict=True):
        values = table.loc[quantity].drop(columns=-1).to_numpy()
        image = _image(axes, values, colors, Normalize(*limits), table.loc[quantity].index)
        axes.set(title=title, xlabel="head", ylabel="layer")
        figure.colorbar(image, ax=axes, fraction=0.05)
    layers, heads = values.shape
    return Picture(
        "probe-heads",
        figure,
        "Every head of every layer. Recency is about 0.5 (pale) where a head has no preference; an empty cell has no "
        "value. All scales run from 0 to 1.",
        f"Four maps of {layers} layers by {heads} heads: attention received by the first token, entropy, recency and "
        "the share explained by tags.",
    )


def of_sinks(measured: Probed) -> Picture:
    """The three conventions for the first token, and the number of sinks of a head."""
    means, even = by_layer(measured), measured.uniform.pivot(index="layer", columns="quantity", values="value")
    figure = _figure(3.1)
    left, right = figure.subplots(1, 2)
    first = {
        "received_first": ("mean attention", "blue", "o"),
        "sink_first_gu": ("Gu: received > 0.3, share of heads", "orange", "s"),
        "sink_first_wu": ("Wu: entries > 0.2, share", "purple", "^"),
    }
    for quantity, (label, color, marker) in first.items():
        _line(left, means[quantity], color, label, marker)
        _line(left, even[quantity], color, None, "", ":")
    left.set(title="the first token", ylim=(-0.03, 1.03))
    number = {
        "sinks": ("Zhang: all", "green", "D"),
        "lasting_sinks": ("seen by half of the queries", "brown", "v"),
        "sinks_elsewhere": ("not the first token", "red", "x"),
    }
    for quantity, (label, color, marker) in number.items():
        _line(right, means[quantity], color, label, marker)
        _line(right, even[quantity], color, None, "", ":")
    right.set(title="sinks of a head (Zhang)", ylim=(0, None))
    for axes in (left, right):
        _by_layer(axes, means.index)
        _legend_below(axes)
    return Picture(
        "probe-sinks",
        figure,
        "Sinks, mean over heads. Dotted: the same of attention that is even over all tokens that a query sees.",
        f"Attention received by the first token by layer, mean {means['received_first'].mean():.2f}, beside two other "
        f"conventions, and the number of sinks of a head, mean {means['sinks'].mean():.2f}; dotted even attention.",
    )


def of_tags(measured: Probed) -> Picture:
    """What tags explain, beside the control, for every head."""
    means, heads = by_layer(measured), measured.layers[measured.layers["head"] >= 0]
    figure = _figure(3.3)
    axes = figure.subplots()
    drawn = {
        "explained": ("tags of sinks", "blue", "o", -0.1),
        "explained_by_others": ("as many other tokens", "orange", "s", 0.1),
    }
    for quantity, (label, color, marker, aside) in drawn.items():
        rows = heads[heads["quantity"] == quantity]
        axes.plot(rows["layer"] + aside, rows["value"], marker, color=PALETTE[color], markersize=3, alpha=0.4)
        _line(axes, means[quantity], color, label, marker)
    _line(axes, means["explained_by_lasting"], "brown", "tags of sinks that half of the queries see", "v", "--")
    axes.set(ylim=(-0.03, 1.03), ylabel="share of what a head writes")
    _by_layer(axes, means.index)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=3, columnspacing=1.2)
    return Picture(
        "probe-tags",
        figure,
        "What the value vectors of a head's sinks, its tags, explain of what it writes. Lines: mean over heads, a head "
        "without sink counting as 0; dots: heads.",
        f"Share explained by tags by layer, mean {means['explained'].mean():.2f} over layers, beside a control of as "
        f"many other tokens, mean {means['explained_by_others'].mean():.2f}.",
    )


def of_tokens(measured: Probed) -> Picture:
    """What every token receives in every layer, in units of even attention."""
    times = (measured.received.double() / measured.even).clamp(min=1e-3).numpy()
    figure = _figure(1.3 + 0.16 * min(len(times), 24))
    axes = figure.subplots()
    numbers = measured.layers["layer"].unique()
    image = _image(axes, times, DIVERGING, LogNorm(1 / 30, 30), numbers)
    axes.set(xlabel="token", ylabel="layer")
    bar = figure.colorbar(image, ax=axes, fraction=0.03, ticks=[0.1, 1, 10], label="times even attention")
    bar.ax.set_yticklabels(["1/10", "1", "10"])
    layer, token = np.unravel_index(times.argmax(), times.shape)
    return Picture(
        "probe-tokens",
        figure,
        "Attention that each token receives, mean over heads, over what it would receive if attention were even. Red: "
        "more; a token that many layers look at makes a red column, not a single red cell.",
        f"A map of {times.shape[0]} layers by {times.shape[1]} tokens; the largest value, {times.max():.1f} times even "
        f"attention, is at token {token} in layer {numbers[layer]}.",
    )


def of_stream(measured: Probed) -> Picture:
    """Entropy and recency of the layers, and how large the residual stream is."""
    means, even = by_layer(measured), measured.uniform.pivot(index="layer", columns="quantity", values="value")
    figure = _figure(3.1)
    left, middle, right = figure.subplots(1, 3)
    _line(left, means["entropy"], "blue", "mean over heads")
    _line(left, even["entropy"], "blue", "even attention", "", ":")
    left.set(title="entropy (nats)", ylim=(0, None))
    _line(middle, means["recency"], "green", "mean over heads")
    _line(middle, means["recency"] * 0 + 0.5, "green", "no preference", "", ":")
    middle.set(title="recency", ylim=(-0.03, 1.03))
    series = {"stream_norm_first": ("first token", "red", "s"), "stream_norm_rest": ("others", "blue", "o")}
    for quantity, (label, color, marker) in series.items():
        _line(right, whole(measured, quantity), color, f"length, {label}", marker)
    _line(right, whole(measured, "outlier_ratio"), "purple", "largest / median", "^", "--")
    right.set(title="residual stream", yscale="log")
    for axes in (left, middle, right):
        _by_layer(axes, means.index)
        _legend_below(axes)
    return Picture(
        "probe-stream",
        figure,
        "Entropy of attention and recency of its scores by layer, and the residual stream that enters a layer: length "
        "of the first token's vector and of the others', and the largest coordinate over the median one.",
        f"Three panels by layer: entropy, mean {means['entropy'].mean():.2f} nats; recency, mean "
        f"{means['recency'].mean():.2f}; lengths and outlier ratio of the stream, at most "
        f"{whole(measured, 'outlier_ratio').max():,.0f}.",
    )


def _figure(height: float) -> Figure:
    return Figure(figsize=(WIDTH, height), layout="constrained")


def _line(axes: Axes, series: pd.Series, color: str, label: str | None, marker: str = "o", style: str = "-") -> None:
    axes.plot(series.index, series, linestyle=style, color=PALETTE[color], label=label, marker=marker, markersize=4)


def _by_layer(axes: Axes, layers: pd.Index) -> None:
    axes.set_xlabel("layer")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_xlim(layers.min() - 0.4, layers.max() + 0.4)


def _legend_below(axes: Axes) -> None:
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), fontsize=9)


def _image(axes: Axes, values: np.ndarray, colors: str, norm: Normalize, layers):
    """Cells in rows of layers, the first one on top; an unknown value leaves its cell empty."""
    image = axes.imshow(np.ma.masked_invalid(values), cmap=colors, norm=norm, aspect="auto", interpolation="nearest")
    axes.grid(False)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(6, integer=True))
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda row, _: f"{layers[int(row)]}" if 0 <= row < len(layers) else "")
    )
    return image
