"""The line is the median of each place, the band leaves out a tenth on either side."""

import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from attention_atlas.drawing.bands import median_band


def drawn(values, **look):
    axes = Figure().subplots()
    rows = pd.DataFrame(
        [(place, value) for place, some in values.items() for value in some], columns=["place", "value"]
    )
    median_band(axes, rows.sample(frac=1, random_state=0), "place", "value", "#0000ff", **look)
    (line,), (band,) = axes.lines, axes.collections
    edges = {}
    for x, y in band.get_paths()[0].vertices.tolist():
        edges.setdefault(x, []).append(y)
    return line, band, {x: (min(ys), max(ys)) for x, ys in edges.items()}


def test_line_and_band_of_eleven_models():
    """Of 0, 1, ..., 10 the tenths are 1 and 9, and one model far off moves neither."""
    line, band, edges = drawn({2: range(11), 1: [*range(10), 1000]})
    assert line.get_xydata().tolist() == [[1, 5], [2, 5]]
    assert edges[2] == pytest.approx((1, 9)) == edges[1]
    assert to_hex(band.get_facecolor()[0]) == line.get_color() == "#0000ff" and band.get_alpha() == 0.15


def test_one_model_is_a_line():
    line, _, edges = drawn({0: [3.0], 4: [7.0]}, marker="s", label="few", linestyle="--")
    assert line.get_ydata().tolist() == [3, 7] and edges == {0: (3, 3), 4: (7, 7)}
    assert (line.get_marker(), line.get_label(), line.get_linestyle()) == ("s", "few", "--")
