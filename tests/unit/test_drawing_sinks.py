"""Stems stand where the numbers are: the paper left of a token, ours right of it, the baseline behind both."""

import math

import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from attention_atlas.drawing.sinks import ASIDE, NOT_YET, THIN, excess_stems, sink_stems, stem_legend
from attention_atlas.figures import PALETTE


@pytest.fixture
def axes():
    return Figure().subplots()


def table(**columns):
    usual = {
        "token": [2, 1, 3], "paper": [0.2, 0.4, 0.1], "mean": [0.5, 0.7, 0.3], "least_seed": [0.4, 0.6, 0.2],
        "most_seed": [0.6, 0.8, 0.4], "uniform_least": [0.0, 1.0, 0.25], "uniform_most": [1.0, 1.0, 0.5],
    }  # fmt: skip
    return pd.DataFrame(usual | columns)


def markers(axes, color):
    lines = [line for line in axes.lines if to_hex(line.get_color()) == PALETTE[color]]
    return [pytest.approx(pair) for line in lines for pair in zip(line.get_xdata(), line.get_ydata(), strict=True)]


def test_both_stand_beside_their_token_in_percent(axes):
    sink_stems(axes, table())
    assert markers(axes, "orange") == [(1 - ASIDE, 40), (2 - ASIDE, 20), (3 - ASIDE, 10)]
    assert markers(axes, "blue") == [(1 + ASIDE, 70), (2 + ASIDE, 50), (3 + ASIDE, 30)]


def test_whiskers_reach_from_the_least_to_the_largest_seed(axes):
    sink_stems(axes, table(), "purple")
    whiskers = axes.collections[-1].get_segments()
    assert [segment[:, 1].tolist() for segment in whiskers] == [
        pytest.approx(e) for e in ([60, 80], [40, 60], [20, 40])
    ]


def test_baseline_is_a_box_over_all_that_a_tie_allows(axes):
    sink_stems(axes, table())
    boxes = [path.get_extents() for path in axes.collections[0].get_paths()]
    assert [(box.y0, box.y1) for box in boxes] == [
        pytest.approx(e) for e in ((100 - THIN / 2, 100 + THIN / 2), (0, 100), (25, 50))
    ]


def test_untrained_networks_are_marked_where_they_are_known(axes):
    sink_stems(axes, table())
    assert not [line for line in axes.lines if line.get_marker() == "x"]
    sink_stems(axes, table(untrained=[0.1, 0.2, 0.3]))
    crosses = next(line for line in axes.lines if line.get_marker() == "x")
    assert crosses.get_ydata().tolist() == pytest.approx([20, 10, 30])


def test_missing_models_leave_the_paper_and_say_so(axes):
    nothing = [math.nan] * 3
    sink_stems(axes, table(mean=nothing, least_seed=nothing, most_seed=nothing))
    assert [text.get_text() for text in axes.texts] == [NOT_YET]
    assert len(markers(axes, "orange")) == 3 and markers(axes, "blue") == []


def test_negative_control_known_models_say_nothing(axes):
    sink_stems(axes, table())
    assert not axes.texts


def test_excess_is_measured_from_the_uniform_value(axes):
    excess_stems(axes, table(uniform_least=[0.4, 0.5, 0.4], uniform_most=[0.4, 0.5, 0.4]), highlight=2)
    assert markers(axes, "green") == [(1, 20), (2, 10), (3, -10)]
    assert axes.patches[0].get_extents().transformed(axes.transData.inverted()).x1 == pytest.approx(2.5)


def test_an_empty_axis_has_its_zero_in_the_middle(axes):
    nothing = [math.nan] * 3
    excess_stems(axes, table(mean=nothing, least_seed=nothing, most_seed=nothing))
    low, high = axes.get_ylim()
    assert low == pytest.approx(-high) and high >= 5
    assert [text.get_text() for text in axes.texts] == [NOT_YET]


@pytest.mark.parametrize("draw", [sink_stems, excess_stems])
def test_two_rows_of_a_token_are_refused(axes, draw):
    with pytest.raises(ValueError, match="3 rows for 2 tokens"):
        draw(axes, table(token=[1, 1, 2]))


def test_legend_names_all_five():
    figure = Figure()
    figure.subplots()
    stem_legend(figure)
    assert len(figure.legends[0].get_texts()) == 5
