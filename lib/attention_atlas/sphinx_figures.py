"""A Sphinx extension: SVG figures stand in the page itself, so that they follow light and dark mode, with their provenance.

An ``<img>`` of an SVG cannot see the page's CSS variables; an inline ``<svg>`` can. Alt text and provenance come with
the figure (:func:`attention_atlas.figures.svg`), so no page repeats them.
"""

import html
import re
from pathlib import Path

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform


class InlineFigures(SphinxPostTransform):
    """Replace every image that is one of our SVG figures by the SVG itself."""

    default_priority = 5  # before Sphinx chooses image formats and copies the files
    formats = ("html",)

    def run(self, **kwargs) -> None:
        for image in list(self.document.findall(nodes.image)):
            path = Path(self.env.srcdir, image["uri"].lstrip("/"))
            if path.suffix != ".svg" or not path.is_file():
                continue
            text = path.read_text()
            if "data-provenance=" not in text:
                continue
            self.env.images.pop(image["uri"], None)  # nothing to copy
            (image.parent if isinstance(image.parent, nodes.figure) else image).append(nodes.raw("", _line(text), format="html"))
            image.replace_self(nodes.raw("", f'<div class="atlas-figure">{text}</div>', format="html"))


def _line(text: str) -> str:
    """The provenance under a figure."""
    found = re.search(r'data-provenance="([^"]*)"', text).group(1)
    return f'<p class="atlas-provenance">{html.escape(html.unescape(found))}</p>' if found else ""


def setup(app) -> dict:
    """Register the transform."""
    app.add_post_transform(InlineFigures)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
