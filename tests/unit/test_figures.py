"""A figure carries its alt text, its provenance and the palette's names; the same drawing gives the same bytes."""

import re

import matplotlib.pyplot as plt
import pytest

from attention_atlas import figures


@pytest.fixture
def figure():
    figures.style()
    figure, axes = plt.subplots()
    axes.plot([0, 1], [0, 1], label="a line", marker="o")
    axes.set(xlabel="distance (tokens)", ylabel="attention weight")
    axes.legend()
    yield figure
    plt.close(figure)


def svg(figure, **changes):
    return figures.svg(figure, **{"name": "demo-line", "alt": "A line that rises", "provenance": "here"} | changes)


def test_alt_text_and_provenance_travel_with_the_figure(figure):
    text = svg(figure, alt='Rises & says "up"', provenance="commit <abc>")
    assert 'role="img"' in text and "Rises &amp; says" in text and 'data-provenance="commit &lt;abc&gt;"' in text


def test_the_same_drawing_gives_the_same_bytes(figure):
    assert svg(figure) == svg(figure)


def test_no_colour_is_fixed_so_that_light_and_dark_mode_both_work(figure):
    bare = re.sub(r"var\(--atlas-[a-z]+, #[0-9a-f]{6}\)", "", svg(figure))
    assert set(re.findall(r"#[0-9a-f]{6}\b", bare)) == set()


def test_negative_control_a_colour_outside_the_palette_is_seen(figure):
    figure.axes[0].plot([0, 1], [1, 0], color="#123456")
    assert "#123456" in re.sub(r"var\(--atlas-[a-z]+, #[0-9a-f]{6}\)", "", svg(figure))


def test_ids_of_two_figures_on_a_page_do_not_clash(figure):
    ids = [set(re.findall(r'\bid="([^"]+)"', svg(figure, name=name))) for name in ("one", "two")]
    assert ids[0] and not ids[0] & ids[1]
    text = svg(figure)
    assert set(re.findall(r'(?:href="|url\()#([^")]+)', text)) <= set(re.findall(r'\bid="([^"]+)"', text))


def test_save_writes_svg_and_png(figure, tmp_path):
    figures.save(figure, tmp_path / "demo-line", "A line that rises")
    assert (tmp_path / "demo-line.svg").read_text().startswith("<svg")
    assert (tmp_path / "demo-line.png").read_bytes().startswith(b"\x89PNG")


def test_the_palette_is_distinct_enough_on_white():
    """Contrast of every series colour against white is at least 3:1, the WCAG bound for graphics."""

    def luminance(code):
        channels = (int(code[i : i + 2], 16) / 255 for i in (1, 3, 5))
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for name in figures.SERIES:
        assert 1.05 / (luminance(figures.PALETTE[name]) + 0.05) >= 3, name


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"name": "Bad Name"}, "lower-case words joined by hyphens"), ({"alt": " "}, "has no alt text")],
)
def test_a_figure_without_a_name_or_alt_text_is_refused(figure, changes, message):
    with pytest.raises(ValueError, match=message):
        svg(figure, **changes)


def test_code_that_was_to_be_filled_in_is_refused(figure):
    with pytest.raises(ValueError, match=r"would print '\{words\(table\[0\]\)\}': an f before the quotes is missing"):
        figures.show(figure, "some-name", "So it is. {words(table[0])} Dotted: this.", "a line")
    figures.show(figure, "some-name", r"Mathematics such as $\frac{f(x)}{g(x)}$ and {numref}`fig-a` stays.", "a line")
