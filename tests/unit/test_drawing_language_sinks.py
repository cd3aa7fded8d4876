"""What is drawn is what was given: cells, marks, bars, whiskers."""

import pandas as pd
import pytest
from matplotlib.figure import Figure

from attention_atlas.drawing.language_sinks import (
    head_map,
    kind_handles,
    layer_lines,
    paired_bars,
    share_rows,
    tag_plane,
)

NAN = float("nan")


def axes():
    return Figure().subplots()


def test_every_head_has_its_number():
    where = axes()
    head_map(where, pd.DataFrame([[0.0, 0.5, NAN], [1.25, 0.06, 2.0]]), most=2.0, title="sinks")
    assert [text.get_text() for text in where.texts] == ["0", ".50", "–", "1.25", ".06", "2.00"]
    assert [text.get_position() for text in where.texts[:4]] == [(1, 1), (2, 1), (3, 1), (1, 2)]
    assert "sinks" in {where.get_title(), where.get_title(loc="left")}


def test_a_head_map_of_nothing_but_zeros_can_be_drawn():
    where = axes()
    head_map(where, pd.DataFrame([[0.0, 0.0]]), most=0.0)
    assert [text.get_text() for text in where.texts] == ["0", "0"]


def test_rows_of_shares_have_a_mark_for_each_head_and_their_mean():
    where = axes()
    share_rows(
        where, {"tags": ([0.1, NAN, 0.3], "blue", "o"), "none": ([NAN], "muted", "s"), "one": ([0.5], "red", "D")}
    )
    drawn = [line.get_xdata().tolist() for line in where.lines]
    assert drawn[0] == pytest.approx([10, 30]) and drawn[1] == pytest.approx([20, 20])
    assert drawn[2] == [] and drawn[3] == pytest.approx([50]) and drawn[4] == pytest.approx([50, 50])
    assert [label.get_text() for label in where.get_yticklabels()] == ["tags", "none", "one"]


def test_both_kinds_of_token_have_their_own_marks():
    where = axes()
    places = pd.DataFrame({"first": [0.0, 1, 2], "second": [5.0, 6, 7], "tagged": [True, False, True]})
    tag_plane(where, places, "output")
    untagged, tagged = where.lines
    assert tagged.get_xdata().tolist() == [0, 2] and untagged.get_ydata().tolist() == [6]
    assert [tagged.get_marker(), untagged.get_marker()] == [handle.get_marker() for handle in kind_handles()][::-1]


def test_lines_over_layers_have_whiskers_from_the_least_to_the_greatest_seed():
    where = axes()
    table = pd.DataFrame({"mean": [0.5, 0.7], "least": [0.3, 0.7], "most": [0.6, 0.7]})
    layer_lines(where, [(table, "blue", "o-", "tags"), (table, "red", "s--", "rest")])
    assert where.lines[0].get_xdata().tolist() == [1, 2] and where.lines[1].get_xdata()[0] > 1
    ends = where.collections[0].get_segments()
    assert [point[1] for point in ends[0]] == pytest.approx([0.3, 0.6]) and ends[1][0][1] == ends[1][1][1] == 0.7


def test_rows_can_be_shifted_so_that_kinds_stand_beside_each_other():
    where = axes()
    for shift in (-0.2, 0.2):
        share_rows(where, {"rope": ([0.5], "blue", "o")}, shift, height=0.1)
    assert [line.get_ydata()[0] for line in where.lines[::2]] == [-0.2, 0.2]
    assert where.lines[3].get_ydata() == pytest.approx([0.1, 0.3])


@pytest.mark.parametrize("flat", [False, True])
def test_bars_of_a_name_stand_beside_each_other_and_do_not_overlap(flat):
    where = axes()
    paired_bars(where, {"all": ([1.0, 2.0], "blue"), "some": ([0.5, NAN], "orange")}, ["word", "space"], flat)
    drawn = [(bar.get_y(), bar.get_height(), bar.get_width()) for bar in where.patches]
    if not flat:
        drawn = [(bar.get_x(), bar.get_width(), bar.get_height()) for bar in where.patches]
    starts, widths, lengths = zip(*drawn, strict=True)
    assert lengths[:3] == (1, 2, 0.5) and starts[0] + widths[0] == pytest.approx(starts[2])
    names = where.get_yticklabels() if flat else where.get_xticklabels()
    assert [label.get_text() for label in names] == ["word", "space"]
