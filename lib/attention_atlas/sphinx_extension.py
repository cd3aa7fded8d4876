"""What the book needs from Sphinx beyond its themes: figures in the page, figures and numbers of other pages, pages as
notebooks.

An ``<img>`` of an SVG cannot see the page's CSS variables; an inline ``<svg>`` can, and so follows light and dark mode.
Alt text and provenance come with the figure (:func:`attention_atlas.figures.svg`), so no page repeats them.
"""

import html
import json
import re
from pathlib import Path

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective


class InlineFigures(SphinxPostTransform):
    """Put our SVG figures into the page in place of links to them, each with its provenance line."""

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
            if isinstance(image.parent, nodes.figure):
                image.parent.append(nodes.raw("", provenance_line(text), format="html"))
            image.replace_self(nodes.raw("", inline(text), format="html"))


class FigureOf(SphinxDirective):
    """``{figure-of} chapter/page figure-name``: a figure of an executed page; the body is its caption."""

    required_arguments = 2
    has_content = True

    def run(self) -> list[nodes.Node]:
        page, name = self.arguments
        path = Path(self.env.srcdir, "_executed", f"{page}.ipynb")
        self.env.note_dependency(str(path))
        outputs = (o for cell in json.loads(path.read_text())["cells"] for o in cell.get("outputs", []))
        for output in outputs:
            if output.get("metadata", {}).get("attention_atlas", {}).get("name") == name:
                svg = "".join(output["data"]["image/svg+xml"])
                break
        else:
            raise self.error(f"{path.name} has no figure {name!r}")
        caption = nodes.caption("", "", *self.parse_inline("\n".join(self.content))[0])
        parts = [nodes.raw("", inline(svg), format="html"), caption, nodes.raw("", provenance_line(svg), format="html")]
        return [nodes.figure("", *parts)]


def inline(svg: str) -> str:
    """A figure as the page holds it; wide ones scroll in their own box on a narrow screen."""
    return f'<div class="atlas-figure">{svg}</div>'


def provenance_line(svg: str) -> str:
    """The line under a figure that says where its numbers come from, as HTML; empty if the figure says nothing."""
    found = re.search(r'data-provenance="([^"]*)"', svg)
    return f'<p class="atlas-provenance">{html.escape(html.unescape(found[1]))}</p>' if found and found[1] else ""


def offer_notebook(app, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Let a page of prose be downloaded as a notebook too; executed pages are notebooks already."""
    if context.get("page_source_suffix") != ".md":
        return
    import jupytext

    page = Path(app.outdir, "_sources", f"{pagename}.ipynb")
    page.parent.mkdir(parents=True, exist_ok=True)
    notebook = jupytext.read(app.env.doc2path(pagename), fmt="md:myst")
    notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    jupytext.write(notebook, page, fmt="ipynb")
    context["ipynb_source"] = f"{pagename}.ipynb"


def mend_bibliography(app, pagename: str, templatename: str, context: dict, doctree) -> None:
    """The writer calls the bibliography a list whose entries are not list items, which no screen reader can follow."""
    if "body" in context:
        context["body"] = context["body"].replace('role="list" class="citation-list"', 'class="citation-list"')


def drop_idle_mathjax(app, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Sphinx loads MathJax on the first page because other pages have mathematics; it need not."""
    if doctree is not None and not any(doctree.findall(lambda node: isinstance(node, nodes.math | nodes.math_block))):
        scripts = context["script_files"]
        context["script_files"] = [s for s in scripts if "mathjax" not in str(getattr(s, "filename", ""))]


def depend_on_glue(app, docname: str, source: list[str]) -> None:
    """Let a page be made again when a page whose numbers it shows has changed."""
    for page in re.findall(r"\{glue:\w+\}`([\w/.]+)::", source[0]):
        app.env.note_dependency(str(Path(app.srcdir, Path(docname).parent, page).resolve()))


def escape_docstring(app, what, name, obj, options, lines: list[str]) -> None:
    """Shapes such as ``(*batch, key)`` and moduli such as ``|x|`` are plain text to us, not markup."""
    for number, line in enumerate(lines):
        line = re.sub(r"(?<=[(\s])\*(?=\w+[,)])", r"\*", line)
        lines[number] = re.sub(r"\|(\w+)\|", r"\|\1\|", line)


def drop_launch_buttons(app, config) -> None:
    """Without a repository address there is nothing to launch (and the theme would fail)."""
    if not config.html_theme_options.get("repository_url"):
        config.html_theme_options.pop("launch_buttons", None)


def lighten(app, error: Exception | None) -> None:
    """Drop what no page needs: 1.5 MB of icons as JavaScript (atlas.css takes them from the font) and source maps."""
    if error is None and app.builder.format == "html":
        static = Path(app.outdir, "_static")
        for script in static.glob("scripts/fontawesome.js"):
            script.write_text("/* icons come from the web font, see atlas.css */\n")
        for waste in static.glob("s*/*.map"):
            waste.unlink()


# Over file:// a browser refuses to fetch pages for the summaries of a search; the results themselves need no fetch.
NO_SUMMARIES_FROM_FILES = 'if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;'


def setup(app) -> dict:
    """Register all of it."""
    app.connect("config-inited", drop_launch_buttons)
    app.add_post_transform(InlineFigures)
    app.add_directive("figure-of", FigureOf)
    app.add_js_file(None, body=NO_SUMMARIES_FROM_FILES)
    app.connect("build-finished", lighten)
    app.connect("html-page-context", drop_idle_mathjax, priority=600)  # after Sphinx has added it
    app.connect("html-page-context", mend_bibliography)
    app.connect("source-read", depend_on_glue)
    app.connect("autodoc-process-docstring", escape_docstring, priority=400)  # before napoleon reads it
    app.connect("html-page-context", offer_notebook, priority=400)  # before the theme makes its download button
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
