"""Bars are as high as their numbers, ours beside the paper's, and what is not there says so."""

import math

import pandas as pd
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from attention_atlas.claim_boxes import printed_report
from attention_atlas.drawing.gaps import COLORS, gap_bars, gap_grid, gap_legend, gap_scatter, place_profile
from attention_atlas.figures import PALETTE
from attention_atlas.outcomes.retrieval_gaps import beside
from attention_atlas.outcomes.retrieval_names import GAPS

NUMBERS = {"paper": 0.25, "mean": 0.2, "standard_error": 0.01, "least": 0.19, "most": 0.22, "seeds": 3.0}
NUMBERS |= {"gap": "first_vs_last", "steps": 200_000.0, "printed_length": 0.11, "printed_length_error": 0.02}


def one(**other):
    return pd.Series(NUMBERS | other)


@pytest.fixture
def axes():
    return Figure().subplots()


def diamonds(axes):
    return [line.get_ydata()[0] for line in axes.lines if line.get_marker() == "D"]


def whiskers(axes):
    """Lower and upper end of every error bar."""
    return [tuple(segment[:, 1]) for bar in axes.collections for segment in bar.get_segments()]


def test_the_papers_bar_is_hollow_and_ours_has_the_gaps_color(axes):
    gap_bars(axes, [one(), one(paper=-0.5, mean=-0.4)])
    paper, ours, *rest = axes.patches
    assert [bar.get_height() for bar in (paper, ours, *rest)] == [0.25, 0.2, -0.5, -0.4]
    assert paper.get_facecolor()[3] == 0 and ours.get_facecolor()[:3] == to_rgba(PALETTE["orange"])[:3]
    assert paper.get_x() + paper.get_width() <= ours.get_x()  # they stand beside each other


def test_whiskers_are_two_standard_errors_and_dots_the_extreme_seeds(axes):
    gap_bars(axes, [one()])
    assert whiskers(axes) == [pytest.approx((0.18, 0.22))]
    dots = [list(line.get_ydata()) for line in axes.lines if line.get_marker() == "."]
    assert dots == [[0.19, 0.22]]


def test_one_seed_has_no_whisker(axes):
    gap_bars(axes, [one(standard_error=math.nan, seeds=1.0)])
    assert len(axes.patches) == 2 and whiskers(axes) == []


@pytest.mark.parametrize(("steps", "drawn"), [(200_000.0, [0.11]), (100_000.0, []), (150_000.0, [0.11])])
def test_a_diamond_stands_where_training_went_on(axes, steps, drawn):
    gap_bars(axes, [one(steps=steps)])
    assert diamonds(axes) == drawn


def test_what_is_not_there_yet_is_an_empty_place(axes):
    missing = one(mean=math.nan, printed_length=math.nan, standard_error=math.nan)
    gap_bars(axes, [missing, one()])
    assert [bar.get_height() for bar in axes.patches] == [0.25, 0.25, 0.2]
    assert len(diamonds(axes)) == len(whiskers(axes)) == 1
    assert [text.get_text().strip() for text in axes.texts] == ["not yet"]


def test_a_panel_without_any_of_ours_says_so_once(axes):
    missing = one(mean=math.nan, printed_length=math.nan, standard_error=math.nan)
    gap_bars(axes, [missing] * 5)
    assert len(axes.patches) == 5 and [text.get_text() for text in axes.texts] == ["ours: not yet"]


def test_the_legend_names_what_is_drawn_and_nothing_else():
    nothing = beside(pd.DataFrame())
    assert gap_legend(nothing)[1] == ["paper"]
    ours = nothing.assign(mean=0.1, printed_length=0.2, steps=100_000.0)
    assert gap_legend(ours)[1] == ["paper", "ours, at the end"]
    assert gap_legend(ours.assign(steps=200_000.0))[1] == ["paper", "ours, at the end", "ours after 100,000 steps"]
    assert len(gap_legend(ours)[0]) == 2


def test_nothing_is_missing_where_all_is_there(axes):
    gap_bars(axes, [one()])
    assert not axes.texts


def test_the_left_bar_may_be_another_column(axes):
    gap_bars(axes, [one(mixture=0.4), one(mixture=math.nan)], hollow="mixture")
    assert [bar.get_height() for bar in axes.patches] == [0.4, 0.2, 0.2]
    assert len(axes.texts) == 1
    table = pd.DataFrame([one(mixture=0.4)])
    assert not set(gap_legend(table, "mixture")[1]) & set(gap_legend(table)[1])


LINES = {"causal": {"mask": "causal"}, "no mask": {"mask": "none"}}
COLUMNS = {gap: {"gap": gap} for gap in GAPS}
BARS = {name: {"position_encoding": name, "train_bias": "last"} for name in ("none", "sin", "rope")}


def test_a_grid_shows_each_bar_in_its_panel():
    table = beside(printed_report())
    panels = gap_grid(Figure(), table, LINES, COLUMNS, BARS)
    assert [[axes.get_title() for axes in line] for line in panels] == [list(GAPS), [""] * 3]
    assert [line[0].get_ylabel() for line in panels] == list(LINES)
    assert [label.get_text() for label in panels[1][0].get_xticklabels()] == list(BARS)
    for across, line in zip(panels, LINES.values(), strict=True):
        for axes, gap in zip(across, GAPS, strict=True):
            mine = table[(table["mask"] == line["mask"]) & (table["gap"] == gap) & (table["train_bias"] == "last")]
            values = mine.set_index("position_encoding")["paper"]
            heights = [bar.get_height() for bar in axes.patches]
            assert heights == [values[name] for name in BARS for _ in range(2)]  # the paper's numbers on both sides


def test_the_ceiling_is_drawn_on_both_sides_or_not_at_all():
    table = beside(pd.DataFrame())

    def dotted(axes):
        return sorted(line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == ":")

    (first, *_), _ = gap_grid(Figure(), table, LINES, COLUMNS, BARS, ceiling=0.55)
    assert dotted(first) == [-0.55, 0.55]
    (first, *_), _ = gap_grid(Figure(), table, LINES, COLUMNS, BARS)
    assert dotted(first) == []


def test_a_pair_of_bars_that_is_not_one_row_is_refused():
    with pytest.raises(ValueError, match="a setting has one row, got 0"):
        gap_grid(Figure(), beside(pd.DataFrame()), {"": {"mask": "window"}}, COLUMNS, BARS)


def test_a_scatter_has_a_mark_for_every_known_pair(axes):
    table = pd.DataFrame({"gap": ["first_vs_last"] * 3 + ["middle_vs_last"], "paper": [0.1, 0.2, math.nan, -0.3]})
    table = table.assign(mean=[0.15, math.nan, 0.1, -0.2], standard_error=[0.01, math.nan, 0.01, math.nan])
    gap_scatter(axes, table, ("paper", ""), ("mean", "standard_error"))
    marks = {line.get_label(): line.get_xydata().tolist() for line in axes.lines if " vs " in line.get_label()}
    assert marks == {"first vs middle": [], "first vs last": [[0.1, 0.15]], "middle vs last": [[-0.3, -0.2]]}
    assert pytest.approx((0.13, 0.17)) in whiskers(axes)


def test_a_scatter_hides_nothing(axes):
    table = pd.DataFrame({"gap": ["first_vs_last"], "paper": [0.1], "mean": [-0.4]})
    with pytest.raises(ValueError, match=r"a gap of 0\.4 does not fit into axes that reach to 0\.3"):
        gap_scatter(axes, table, ("paper", ""), ("mean", ""), reach=0.3)


def profile(axes, name):
    return next(line for line in axes.lines if line.get_label() == name).get_ydata().tolist()


def test_a_u_has_both_ends_above_the_middle(axes):
    table = beside(printed_report(), train_bias="first_and_last", mask="none")
    place_profile(axes, table, position_encoding="sin")
    assert profile(axes, "paper") == [0.293, 0.0, 0.264]
    ours = next(c for c in axes.containers if c.get_label() == "ours")
    assert ours.lines[0].get_ydata().tolist() == [0.293, 0.0, 0.264]


def test_a_profile_that_is_not_there_yet_says_so(axes):
    place_profile(axes, beside(pd.DataFrame(), train_bias="first_and_last", mask="none"), position_encoding="sin")
    assert [text.get_text() for text in axes.texts] == ["ours: not yet"] and not axes.containers


def test_every_gap_has_a_color_of_its_own():
    assert set(COLORS) == set(GAPS) and len(set(COLORS.values())) == 3
