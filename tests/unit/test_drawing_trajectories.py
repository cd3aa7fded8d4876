"""One line per seed, nothing where nothing is trained, and the paper's values at the length that the paper prints."""

import pandas as pd
import pytest
from matplotlib.figure import Figure

from attention_atlas.drawing.trajectories import LOOKS, ROWS, emergence, handle, levels, lines, not_yet, steps_axis
from attention_atlas.figures import PALETTE


@pytest.fixture
def axes():
    return Figure().subplots()


def curve(*values, steps=(0, 100, 1_000, 100_000)):
    return pd.Series(values, steps[: len(values)])


def known(seeds):
    return {quantity: [curve(0.0, 0.1 + seed, 0.2, 0.3) for seed in range(seeds)] for quantity in LOOKS}


def at_mark(axes, mark):
    """Open circles: value by color."""
    return {
        line.get_markeredgecolor(): line.get_ydata()[0]
        for line in axes.lines
        if line.get_markerfacecolor() == "none" and list(line.get_xdata()) == [mark]
    }


def test_every_seed_has_its_line_without_step_zero_and_a_dot_at_its_end(axes):
    lines(axes, [curve(9.0, 0.1, 0.2), curve(9.0, 0.3, 0.4, 0.5)], "blue")
    drawn = [(list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines]
    assert drawn == [
        ([100, 1_000], [0.1, 0.2]),
        ([1_000], [0.2]),
        ([100, 1_000, 100_000], [0.3, 0.4, 0.5]),
        ([100_000], [0.5]),
    ]
    assert {line.get_color() for line in axes.lines} == {PALETTE["blue"]}


def test_no_seed_no_line(axes):
    lines(axes, [], "blue")
    assert not axes.lines


def test_a_handle_looks_like_the_curve():
    look = handle("gap", "green", "--")
    assert (look.get_label(), look.get_color(), look.get_linestyle()) == ("gap", PALETTE["green"], "--")


def test_the_axis_is_the_same_whatever_is_trained(axes):
    steps_axis(axes, mark=100_000)
    assert axes.get_xlim() == (80, 390_000) and list(axes.lines[0].get_xdata()) == [100_000, 100_000]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["100", "1k", "10k", "100k"]


def test_levels_are_lines_with_names(axes):
    levels(axes, {"one of two": 0.5, "": 0.1})
    assert [line.get_ydata()[0] for line in axes.lines] == [0.5, 0.1]
    assert [text.get_text() for text in axes.texts] == ["one of two"]


def test_missing_says_so(axes):
    not_yet(axes)
    assert axes.texts[0].get_text() == "not trained yet"


def test_rows_are_gaps_accuracies_and_loss_and_columns_keep_their_order():
    figure = Figure()
    panels = emergence(figure, {"RoPE": known(2), "none": known(1)}, mark=100_000)
    assert [axes.get_title() for axes in panels[0]] == ["RoPE", "none"]
    assert [row[0].get_ylabel() for row in panels] == list(ROWS)
    for row, quantities in zip(panels, ROWS.values(), strict=True):
        for axes, seeds in zip(row, (2, 1), strict=True):
            trained = [line for line in axes.lines if len(line.get_xdata()) == 3]
            assert len(trained) == seeds * len(quantities)
            assert {line.get_color() for line in trained} == {PALETTE[LOOKS[quantity][1]] for quantity in quantities}
    assert not any(axes.get_legend() for row in panels for axes in row) and len(figure.legends) == 1  # on no curve


def test_a_column_without_models_says_so_in_every_row_and_the_legend_stays():
    figure = Figure()
    panels = emergence(figure, {"none": {}, "RoPE": known(1)}, mark=100_000)
    assert [["not trained yet" in [t.get_text() for t in axes.texts] for axes in row] for row in panels] == [
        [True, False]
    ] * 3
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [name for name, *_ in LOOKS.values()]


def test_the_papers_gaps_stand_at_the_mark_even_where_nothing_is_trained():
    paper = {"none": {"first_vs_last": 0.266, "middle_vs_last": -0.004}}
    panels = emergence(Figure(), {"none": {}, "RoPE": known(1)}, mark=100_000, paper=paper)
    assert at_mark(panels[0][0], 100_000) == {PALETTE["orange"]: 0.266, PALETTE["green"]: -0.004}
    assert not at_mark(panels[0][1], 100_000) and not at_mark(panels[1][0], 100_000)


def test_guesses_stand_at_their_accuracy_and_their_loss_named_once():
    panels = emergence(Figure(), {"none": known(1), "RoPE": known(1)}, 100_000, guesses={"blind": (0.03, 3.5)})
    for axes, height in ((panels[1][1], 0.03), (panels[2][1], 3.5)):
        assert height in [line.get_ydata()[0] for line in axes.lines]
    assert [sum(text.get_text() == "blind" for axes in row for text in axes.texts) for row in panels] == [0, 1, 1]


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="at least one column to draw, got none"):
        emergence(Figure(), {}, 100_000)
    with pytest.raises(ValueError, match="values for 'sin' have no column; allowed: none"):
        emergence(Figure(), {"none": {}}, 100_000, paper={"sin": {}})
