"""The built book in a real browser: nothing fetched from elsewhere, nothing broken, readable for everyone."""

import functools
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

from attention_atlas import book, files

PAGES = sorted(
    path.relative_to(book.HTML).as_posix()
    for path in book.HTML.rglob("*.html")
    if path.name not in ("genindex.html", "search.html", "py-modindex.html") and "_static" not in path.parts
)
pytestmark = pytest.mark.browser


class Page(HTMLParser):
    """Links and ids of one built page."""

    def __init__(self, path: Path):
        super().__init__()
        self.links, self.ids = set(), set()
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids |= {found[name] for name in ("id", "name") if found.get(name)}
        if tag == "a" and found.get("href"):
            self.links.add(found["href"])


def test_there_is_a_book(html):
    assert len(PAGES) >= 15, PAGES


READ = functools.cache(Page)  # a page is asked for once for every link that leads to it


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("over", ["file", "http"])
def test_no_request_leaves_the_book_and_nothing_fails(visit, name, over):
    assert visit(name, over).trouble == []


@pytest.mark.parametrize("name", PAGES)
def test_mathematics_is_typeset_without_errors(visit, name):
    page = visit(name)
    if not page.locator(".math").count():
        pytest.skip("no mathematics on this page")
    assert page.locator(".math").count() == page.locator(".math mjx-container").count()
    assert page.locator("mjx-merror, [data-mjx-error]").count() == 0


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_no_serious_accessibility_finding(visit, name, mode):
    from axe_playwright_python.sync_playwright import Axe

    page = visit(name, mode=mode)
    assert page.evaluate("document.documentElement.dataset.theme") == mode
    page.add_style_tag(content="* { transition: none !important }")  # else a color half-way between modes is measured
    # the two modes differ in nothing but colors, and all rules on every page twice would take minutes
    rules = {"runOnly": ["color-contrast"]} if mode == "dark" else {}
    found = Axe().run(page, options={"resultTypes": ["violations"]} | rules).response["violations"]
    serious = {v["id"]: v["nodes"][0]["html"][:200] for v in found if v["impact"] in ("serious", "critical")}
    assert serious == {}


@pytest.mark.parametrize("name", PAGES)
def test_every_picture_has_alt_text(visit, name):
    page = visit(name)
    assert page.locator("article img:not([alt]), article img[alt='']").count() == 0
    for label in page.locator("article .atlas-figure svg").evaluate_all(
        "all => all.map(s => s.getAttribute('aria-label'))"
    ):
        assert label and len(label) > 40, f"too short to tell what the picture shows: {label!r}"


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(html, name):
    """Every link within the book meets a file, and its anchor an element; links out of it are plain https."""
    page = READ(html / name)
    for link in page.links:
        target, anchor = urldefrag(unquote(link))
        if re.match(r"[a-z]+:", target):
            assert target.startswith(("https://", "mailto:")), link
            continue
        path = (html / name).parent / target if target else html / name
        assert path.exists(), f"dead link {link}"
        if anchor and path.suffix == ".html" and "=" not in anchor:  # the playground keeps its setting after the #
            assert anchor in READ(path).ids, f"dead anchor {link}"


@pytest.mark.parametrize("name", PAGES)
def test_every_page_can_be_downloaded_as_a_notebook(html, name):
    if name == "index.html" and not (html / "_sources/index.md").exists():
        pytest.skip("a redirect")
    links = [link for link in READ(html / name).links if link.endswith(".ipynb") and "_sources" in link]
    assert links, "no notebook to download"
    notebook = json.loads(((html / name).parent / links[0]).read_text())
    assert notebook["nbformat"] == 4 and notebook["metadata"]["kernelspec"]["name"] == "python3"
    if name.startswith("_executed/") and name != "_executed/execution_statistics.html":
        assert any("parameters" in cell["metadata"].get("tags", []) for cell in notebook["cells"])


def test_no_launch_button_leads_nowhere(html):
    """Without a repository address there is none."""
    assert 'repository_url: ""' in (files.ROOT / "_config.yml").read_text()
    assert not any("mybinder" in link or "colab" in link for name in PAGES for link in READ(html / name).links)


@pytest.mark.parametrize("over", ["file", "http"])
def test_search_finds_the_sliding_window(visit, over):
    page = visit("search.html?q=sliding+window", over)
    page.wait_for_selector("#search-results li a")
    assert any(
        "sliding_window" in link
        for link in page.locator("#search-results li a").evaluate_all("a => a.map(x => x.href)")
    )
    assert page.trouble == []


def test_the_first_page_is_light(visit):
    page = visit("index.html", over="http")
    assert sum(page.bytes.values()) <= 2_500_000, page.bytes


def test_every_icon_is_drawn(visit):
    page = visit("_executed/position_bias/causal_mask.html")
    drawn = page.locator("[class*='fa-']").evaluate_all("all => all.map(i => getComputedStyle(i, '::before').content)")
    assert drawn and not {"none", "normal"} & set(drawn)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_figures_follow_the_mode(visit, mode):
    """The ink of a figure contrasts with the page behind it, as WCAG measures contrast."""
    page = visit("index.html", mode=mode)
    ink, paper = page.evaluate(
        """() => {
          const figure = document.querySelector('.atlas-figure');
          const probe = figure.appendChild(document.createElement('i'));
          probe.style.color = 'var(--atlas-ink)';
          return [getComputedStyle(probe).color, getComputedStyle(document.body).backgroundColor];
        }"""
    )

    def luminance(color):
        channels = [int(c) / 255 for c in re.findall(r"\d+", color)[:3]]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(ink), luminance(paper)))
    assert (high + 0.05) / (low + 0.05) >= 7
    assert (luminance(paper) < 0.1) == (mode == "dark")


@pytest.mark.parametrize("name", PAGES)
def test_pages_fit_a_narrow_screen(visit, name):
    page = visit(name, width=390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_statements_figures_equations_and_exercises_are_numbered(html):
    text = "".join((html / name).read_text() for name in PAGES)
    for pattern in (r"Theorem \d", r"Fig\. \d", r"Exercise \d", r"Solution to"):
        assert re.search(pattern, text), pattern
    assert "??" not in re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
