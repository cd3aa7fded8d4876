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


def untypeset(page) -> list[str]:
    """What is wrong with the mathematics of a page."""
    wrong = page.locator("mjx-merror, [data-mjx-error]").evaluate_all("all => all.map(e => e.outerHTML.slice(0, 200))")
    formulas, set_ = (page.locator(which).count() for which in (".math", ".math mjx-container"))
    return wrong + ([] if formulas == set_ else [f"{formulas} formulas, {set_} of them typeset"])


def untold(page) -> list[str]:
    """Pictures of which nothing, or next to nothing, is told in words."""
    silent = page.locator("article img:not([alt]), article img[alt='']").evaluate_all(
        "all => all.map(e => e.outerHTML)"
    )
    labels = page.locator("article .atlas-figure svg").evaluate_all("all => all.map(s => s.getAttribute('aria-label'))")
    return silent + [f"too short to tell what is shown: {label!r}" for label in labels if len(label or "") <= 40]


# Marks what has text, three elements of every look: tags, classes and inline styles all the way up are the same. The
# pages of the library have thousands of a look, and axe takes a minute for their colors one by one.
LOOKS = """() => {
  const looks = new Map(), met = new Map(), written = node => node.nodeType === Node.TEXT_NODE && node.data.trim();
  const look = e => {
    if (!e) return '';
    const own = () => ['class', 'style'].map(name => e.getAttribute(name));
    if (!looks.has(e)) looks.set(e, [look(e.parentElement), e.tagName, ...own()].join('|'));
    return looks.get(e);
  };
  for (const e of document.body.querySelectorAll('*')) {
    if (!e.matches('input, select, textarea') && ![...e.childNodes].some(written)) continue;
    met.set(look(e), (met.get(look(e)) || 0) + 1);
    e.toggleAttribute('data-look', met.get(look(e)) <= 3);
  }
}"""


def inaccessible(page, **chosen) -> dict[str, str]:
    """Serious findings of axe, each with the first element that it names."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, **chosen).response["violations"]
    return {v["id"]: v["nodes"][0]["html"][:200] for v in found if v["impact"] in ("serious", "critical")}


def complaints(page) -> dict[str, object]:
    """All that can be wrong with a page that has been loaded in light mode, by what was looked at; it ends up dark."""
    found = {"trouble": list(page.trouble), "mathematics": untypeset(page), "pictures": untold(page)}
    page.add_style_tag(content="* { transition: none !important }")  # else a color half-way between modes is measured
    page.evaluate(LOOKS)
    quick = {"resultTypes": ["violations"], "selectors": False}
    found["rules"] = inaccessible(page, options=quick | {"rules": {"color-contrast": {"enabled": False}}})
    for mode in ("light", "dark"):  # they differ in nothing but colors
        page.emulate_media(color_scheme=mode)
        page.wait_for_function("mode => document.documentElement.dataset.theme === mode", arg=mode)
        colors = {"context": {"include": [["[data-look]"]]}, "options": quick | {"runOnly": ["color-contrast"]}}
        found[mode] = inaccessible(page, **colors)
    return {what: wrong for what, wrong in found.items() if wrong}


@pytest.mark.parametrize("name", PAGES)
def test_from_a_file_nothing_fails_and_everyone_can_read_it(visit, name):
    """One load for all that a page at its full width must be."""
    page = visit(name)
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    assert complaints(page) == {}


@pytest.mark.parametrize("name", PAGES)
def test_from_a_server_nothing_fails_and_it_fits_a_narrow_screen(visit, name):
    page = visit(name, over="http", width=390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.trouble == []


WRONG = {  # a fault, put into a page that has none
    "trouble": "<img src='http://127.0.0.1:9/pixel.png' alt='a picture that comes from another place'>",
    "mathematics": "<span class='math'>E</span><mjx-merror>no such macro</mjx-merror>",
    "pictures": "<div class='atlas-figure'><svg role='img' aria-label='a line'></svg></div>",
    "rules": "<button></button>",
    "light": "<p style='color: #ccc; background: var(--pst-color-background)'>light on light, fine on black</p>",
    "dark": "<p style='color: #333; background: var(--pst-color-background)'>dark on dark, fine on white</p>",
}


@pytest.mark.parametrize("kind", WRONG)
def test_negative_control_every_kind_of_fault_is_noticed(visit, kind):
    page = visit("how_to_use.html")
    page.evaluate("html => document.querySelector('article').insertAdjacentHTML('beforeend', html)", WRONG[kind])
    if kind == "trouble":
        page.wait_for_load_state("networkidle")
    assert set(complaints(page)) == {kind}


def test_negative_control_a_wide_page_does_not_fit(visit):
    page = visit("how_to_use.html", width=390)
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<div style=\"width: 600px\">wide</div>')")
    assert page.evaluate("document.documentElement.scrollWidth") > 390


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


def test_statements_figures_equations_and_exercises_are_numbered(html):
    text = "".join((html / name).read_text() for name in PAGES)
    for pattern in (r"Theorem \d", r"Fig\. \d", r"Exercise \d", r"Solution to"):
        assert re.search(pattern, text), pattern
    assert "??" not in re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
