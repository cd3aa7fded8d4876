"""One look for every figure, and one way to publish it.

A figure is drawn once, in the light palette, and travels as SVG that carries its own alt text and provenance. Its
colours are CSS variables with the light palette as fall-back, so the same file follows the book's light and dark mode
when it is inlined, and looks right on its own.
"""

import io
import os
import re
from importlib import metadata
from pathlib import Path
from xml.sax.saxutils import quoteattr

import matplotlib
import seaborn
from IPython.display import Markdown, display
from matplotlib.figure import Figure

from attention_atlas import files

# Distinct for the common kinds of colour blindness and at least 3:1 against white; each name is also a CSS variable
# (--atlas-blue, ...) that book/_static/atlas.css sets again for dark mode. Pair a colour with a marker or a line style.
PALETTE = {
    "blue": "#0b6fb3",
    "orange": "#c77700",
    "green": "#00866b",
    "red": "#c43c39",
    "purple": "#8f5aa8",
    "brown": "#7d5a3c",
    "ink": "#22262b",
    "muted": "#6b7280",
    "line": "#c9ced6",
    "paper": "#fefefe",
}
# Eight steps for lines in an order (layers, say): more is further from the page's background in either mode.
_RAMP = "#3f9e8f #359095 #2b839b #2175a1 #1c6299 #1c4a84 #1b336f #1b1b5a"
PALETTE |= {f"step{number}": code for number, code in enumerate(_RAMP.split(), start=1)}
SERIES = ("blue", "orange", "green", "purple", "red", "brown")  # the order in which lines take colours
COLORMAP = "cividis"
DIVERGING = "RdBu_r"
KEY = "attention_atlas"  # the output metadata under which the executor finds a figure


def style() -> None:
    """Set the house style; call once per notebook, after the imports."""
    seaborn.set_theme(
        context="notebook",
        style="ticks",
        palette=[PALETTE[name] for name in SERIES],
        rc={
            "figure.figsize": (7.2, 3.6),
            "figure.dpi": 110,
            "figure.facecolor": PALETTE["paper"],
            "figure.constrained_layout.use": True,
            "axes.facecolor": "none",
            "axes.edgecolor": PALETTE["muted"],
            "axes.labelcolor": PALETTE["ink"],
            "axes.titlecolor": PALETTE["ink"],
            "axes.titlesize": 11,
            "axes.titlelocation": "left",
            "axes.labelsize": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": PALETTE["line"],
            "grid.linewidth": 0.6,
            "xtick.color": PALETTE["muted"],
            "ytick.color": PALETTE["muted"],
            "xtick.labelcolor": PALETTE["ink"],
            "ytick.labelcolor": PALETTE["ink"],
            "xtick.labelsize": 9.5,
            "ytick.labelsize": 9.5,
            "legend.fontsize": 9.5,
            "legend.frameon": False,
            "legend.labelcolor": PALETTE["ink"],
            "text.color": PALETTE["ink"],
            "lines.linewidth": 1.8,
            "lines.markersize": 5,
            "patch.linewidth": 0,  # white bar edges would stand out in dark mode
            "image.cmap": COLORMAP,
            "image.interpolation": "nearest",
            "font.family": "DejaVu Sans",  # ships with matplotlib: the same outlines on every machine
            "svg.fonttype": "path",
        },
    )


def shades(count: int) -> list[str]:
    """Colors for up to eight lines that stand in an order, from the faintest to the strongest.

    Examples
    --------
    >>> len(shades(3))
    3
    """
    ramp = _RAMP.split()
    if not 1 <= count <= len(ramp):
        raise ValueError(f"shades are for 1 to {len(ramp)} lines, got {count}")
    return [ramp[round(place * (len(ramp) - 1) / max(count - 1, 1))] for place in range(count)]


def svg(figure: Figure, name: str, alt: str, provenance: str = "") -> str:
    """The figure as one SVG element that can stand in a page beside others.

    Parameters
    ----------
    figure
        What was drawn.
    name
        Lower-case words joined by hyphens, unique in the book; prefixes every id inside, so that figures do not clash.
    alt
        What the picture shows, for someone who cannot see it.
    provenance
        Where its numbers come from; kept in the element's ``data-provenance``.

    Raises
    ------
    ValueError
        If the name is not made of lower-case words and hyphens, or the alt text is missing.
    """
    _check(name, alt)
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, count=1, flags=re.DOTALL)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'((?:xlink:)?href="#|url\(#)', rf"\1{name}-", text)
    for color, code in PALETTE.items():
        text = text.replace(code, f"var(--atlas-{color}, {code})")
    label = f'<svg role="img" aria-label={quoteattr(alt)} data-provenance={quoteattr(provenance)}'
    return text.replace("<svg", label, 1)


def save(figure: Figure, path: Path, alt: str, provenance: str = "") -> None:
    """Write a figure as ``<path>.svg`` and ``<path>.png`` (200 dots per inch), each whole or not at all."""
    path = Path(path)
    files.write(path.with_suffix(".svg"), svg(figure, path.stem, alt, provenance))
    files.write(path.with_suffix(".png"), _png(figure, 200, {"Description": alt, "Comment": provenance}))


def show(figure: Figure, name: str, caption: str, alt: str, provenance: str | None = None) -> None:
    """Publish the one figure of a notebook cell.

    Parameters
    ----------
    figure
        What was drawn; it is closed.
    name
        Lower-case words joined by hyphens, unique in the book; pages refer to it as ``{numref}`fig-<name>```.
    caption
        MyST text, mathematics and computed numbers included.
    alt
        What the picture shows, for someone who cannot see it.
    provenance
        The line under the figure; a result's own line if it shows stored results, else written here.

    Raises
    ------
    ValueError
        If the name is unfit, the alt text empty, or code stands in a text that should have been filled in.

    Notes
    -----
    In Jupyter the figure and its caption appear in place; in the book the cell becomes a numbered figure.
    """
    for text in (caption, alt):
        if unfilled := re.search(r"\{[a-z_]{3,}[(\[].*?\}", text):
            raise ValueError(f"figure {name!r} would print {unfilled[0]!r}: an f before the quotes is missing")
    provenance = provenance or live_provenance()
    data = {"image/svg+xml": svg(figure, name, alt, provenance), "image/png": _png(figure, 110, {"Description": alt})}
    if os.environ.get("ATTENTION_ATLAS_NOTEBOOK"):
        del data["image/png"]  # the book inlines the SVG
    matplotlib.pyplot.close(figure)
    display({**data, "text/plain": alt}, raw=True, metadata={KEY: {"name": name, "caption": caption, "alt": alt}})
    if not os.environ.get("ATTENTION_ATLAS_NOTEBOOK"):
        display(Markdown(f"{caption}\n\n<small>{provenance}</small>"))


def live_provenance() -> str:
    """The provenance line of what a notebook computed itself."""
    where = os.environ.get("ATTENTION_ATLAS_NOTEBOOK", "a notebook run by hand")
    profile = os.environ.get("ATTENTION_ATLAS_PROFILE", "own parameters")
    return f"computed live by {where} · profile {profile} · torch {metadata.version('torch')}, one thread"


def _png(figure: Figure, dots_per_inch: int, about: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dots_per_inch, metadata={"Software": None, **about})
    return buffer.getvalue()


def _check(name: str, alt: str) -> None:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise ValueError(f"figure name {name!r} must be lower-case words joined by hyphens, such as 'decay-peak'")
    if not alt.strip():
        raise ValueError(f"figure {name!r} has no alt text: say what the picture shows")
