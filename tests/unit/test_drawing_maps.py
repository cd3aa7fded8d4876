"""One color bar for all maps, a frame where a map is missing, and a row of the query by kind of token."""

import pytest
import torch
from matplotlib.figure import Figure

from attention_atlas.drawing.maps import FLOOR, map_grid, mark_tokens, query_row
from attention_atlas.drawing.sinks import NOT_YET
from attention_atlas.theory.position_bias.kernels import flat_map


@pytest.fixture
def axes():
    return Figure().subplots()


def test_all_maps_share_logarithmic_colors():
    figure = Figure()
    panels = map_grid(figure, [[flat_map(5), flat_map(7)], [flat_map(3), None]], ["a", "b"], ["layer 1", "layer 2"])
    images = [axes.images[0] for line in panels for axes in line if axes.images]
    assert len(images) == 3 and {image.get_clim() for image in images} == {(FLOOR, 1.0)}
    assert len({id(image.norm) for image in images}) == 1
    assert len(figure.axes) == 5  # with one color bar


def test_missing_map_is_a_frame_that_says_so():
    panels = map_grid(Figure(), [[None, flat_map(3)]], ["a", "b"], ["layer 1"])
    assert next(text.get_text() for text in panels[0][0].texts).split() == NOT_YET.split()
    assert not panels[0][0].images
    assert not panels[0][1].texts


def test_marks_stand_over_their_columns_outside_of_the_map(axes):
    ((axes,),) = map_grid(axes.figure.figure, [[flat_map(5)]], ["a"], ["layer 1"])
    mark_tokens(axes, torch.tensor([False, True, False, False, True]))
    (marks,) = axes.lines
    assert marks.get_xdata().tolist() == [2, 5] and not marks.get_clip_on()
    assert all(y > 1 for y in marks.get_ydata())  # in heights of the panel
    assert axes.get_xlim() == (0.5, 5.5) and axes.get_ylim() == (5.5, 0.5)  # and the map keeps its place


def test_nothing_known_has_no_color_bar():
    figure = Figure()
    map_grid(figure, [[None]], ["a"], ["layer 1"])
    assert len(figure.axes) == 1


@pytest.mark.parametrize(("columns", "rows"), [(["a"], ["x"]), (["a", "b"], ["x", "y"])])
def test_titles_as_many_as_maps(columns, rows):
    with pytest.raises(ValueError, match="maps are titled"):
        map_grid(Figure(), [[None, None]], columns, rows)


def test_kinds_of_token_have_their_own_marks(axes):
    row = torch.arange(1.0, 8.0) / 28
    query_row(axes, row, torch.full((7,), 1 / 7))
    found = {line.get_marker(): list(line.get_xdata()) for line in axes.lines if line.get_marker() in "osD"}
    assert found == {"o": [1, 3, 5], "s": [2, 4, 6], "D": [7]}
    vectors = next(line for line in axes.lines if line.get_marker() == "o")
    assert vectors.get_ydata().tolist() == pytest.approx([1 / 28, 3 / 28, 5 / 28])


def test_before_training_stays_where_there_is_no_network(axes):
    query_row(axes, None, torch.full((7,), 1 / 7))
    assert [text.get_text() for text in axes.texts] == [NOT_YET] and len(axes.lines) == 1


def test_seeds_are_a_band(axes):
    seeds = torch.tensor([[0.1, 0.4, 0.5], [0.3, 0.2, 0.5]])
    query_row(axes, seeds.mean(0), torch.full((3,), 1 / 3), seeds)
    band = axes.collections[0].get_paths()[0].vertices
    assert {round(float(y), 3) for y in band[:, 1]} == {0.1, 0.3, 0.2, 0.4, 0.5}
