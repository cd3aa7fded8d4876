"""Colours say what happens beside the diagonal, corners carry the numbers, and nothing else is drawn."""

import math
import re

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from attention_atlas.drawing.recency import probability, score_map, score_maps


def lower(tokens, diagonal=9.0):
    """Scores that name their place, 10 i + j off the diagonal, and a diagonal far above."""
    index = torch.arange(1.0, tokens + 1)
    scores = 10 * index[:, None] + index
    return scores.fill_diagonal_(diagonal * 1e6).masked_fill(torch.ones(tokens, tokens).triu(1).bool(), math.nan)


@pytest.fixture
def axes():
    return Figure().subplots()


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_only_scores_below_the_diagonal_are_colored_and_set_the_range(axes):
    image = score_map(axes, lower(5))
    shown = ~np.ma.getmaskarray(image.get_array())
    assert shown.tolist() == [[j < i for j in range(5)] for i in range(5)]
    assert image.get_clim() == (21.0, 54.0)
    assert np.asarray(image.get_array())[4, 3] == 54.0  # query 5 on key 4: rows are queries
    assert image.get_extent() == [0.5, 5.5, 5.5, 0.5]


def test_negative_control_a_range_with_the_diagonal_would_be_another(axes):
    scores = lower(5)
    assert score_map(axes, scores).get_clim()[1] < scores[~scores.isnan()].max()


def test_panels_that_are_compared_share_their_limits(axes):
    assert score_map(axes, lower(5), limits=(20.0, 60.0)).get_clim() == (20.0, 60.0)
    assert [text.get_text() for text in axes.child_axes[0].texts] == ["20", "+40"]


@pytest.mark.parametrize("limits", [(22.0, 60.0), (20.0, 53.0)])
def test_limits_that_would_hide_a_score_are_refused(axes, limits):
    with pytest.raises(ValueError, match="from 21 to 54 do not fit into the limits"):
        score_map(axes, lower(5), limits=limits)


def test_the_diagonal_is_hollow(axes):
    score_map(axes, lower(7))
    cells = axes.collections[0]
    assert len(cells.get_paths()) == 7 and len(cells.get_facecolor()) == 0


def test_the_given_map_is_not_changed(axes):
    scores = lower(3)
    before = scores.clone()
    score_map(axes, scores)
    assert torch.equal(scores.nan_to_num(), before.nan_to_num())


def test_both_probabilities_stand_in_the_blank_corner(axes):
    score_map(axes, lower(5), recency=0.63818, paper=0.6382)
    assert texts(axes) == ["RP .6382\npaper .6382"]
    assert axes.texts[0].get_position()[1] < 1


def test_without_the_papers_value_only_ours_and_without_ours_nothing(axes):
    score_map(axes, lower(5), recency=0.5)
    assert texts(axes) == ["RP .5000"]
    assert texts(score_map(Figure().subplots(), lower(5)).axes) == []


def test_a_full_map_has_its_probability_above(axes):
    image = score_map(axes, torch.arange(25.0).reshape(5, 5), recency=0.5, paper=0.25)
    assert texts(axes) == ["RP .5000, paper .2500"] and axes.texts[0].get_position()[1] > 1
    assert image.get_clim() == (1.0, 23.0)  # 0 and 24 are on the diagonal
    assert np.ma.getmaskarray(image.get_array()).sum() == 5


@pytest.mark.parametrize(("least", "limits"), [(0.0, (1.0, 1.5)), (0.4, (1.0, 1.5)), (2.5, (0.0, 2.5))])
def test_noise_gets_a_range_as_wide_as_asked(axes, least, limits):
    scores = torch.tensor([[4.0, math.nan, math.nan], [1.0, 4.0, math.nan], [1.2, 1.5, 4.0]])
    assert score_map(axes, scores, least_range=least).get_clim() == pytest.approx(limits)


@pytest.mark.parametrize(("step", "label"), [(0.0, "+0"), (3e-5, "+3.0e−5"), (0.04, "+0.04"), (12.0, "+12")])
def test_the_bar_says_the_smallest_score_and_the_distance_to_the_largest(axes, step, label):
    scores = torch.tensor([[4.0, math.nan, math.nan], [1.0, 4.0, math.nan], [1.0, 1.0 + step, 4.0]]).double()
    score_map(axes, scores)
    assert texts(axes.child_axes[0]) == ["1", label]


def test_the_grid_has_titles_above_names_at_the_left_and_every_map_in_its_place():
    maps = [[lower(3) + 100 * row + 1000 * column for column in range(2)] for row in range(3)]
    panels = score_maps(Figure(), maps, ["a", "b"], ["x", "y", "z"], recency=[[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])
    assert [[axes.get_title() for axes in line] for line in panels] == [["a", "b"], ["", ""], ["", ""]]
    assert [[axes.images[0].get_clim()[0] for axes in line] for line in panels] == [
        [21 + 100 * row + 1000 * column for column in range(2)] for row in range(3)
    ]
    assert [[text.get_text() for text in line[0].texts] for line in panels] == [
        ["RP .1000", "x"],
        ["RP .3000", "y"],
        ["RP .5000", "z"],
    ]
    assert [[bool(axes.get_xlabel()) for axes in line] for line in panels] == [[False] * 2, [False] * 2, [True, False]]


def test_a_papers_value_may_be_missing_in_places():
    (line,) = score_maps(Figure(), [[lower(3), lower(3)]], ["a", "b"], recency=[[0.5, 0.5]], paper=[[0.5, None]])
    assert [texts(axes) for axes in line] == [["RP .5000\npaper .5000"], ["RP .5000"]]


def test_what_does_not_fit_is_refused(axes):
    with pytest.raises(ValueError, match="as many queries as keys, got 3 and 5"):
        score_map(axes, torch.zeros(3, 5))
    with pytest.raises(ValueError, match="a map of 2 tokens without a score beside the diagonal"):
        score_map(axes, torch.tensor([[1.0, math.nan], [math.nan, 1.0]]))
    with pytest.raises(ValueError, match=re.escape("recency must have 1 rows of 2, as maps and columns say, got rows")):
        score_maps(Figure(), [[lower(3), lower(3)]], ["a", "b"], recency=[[0.5]])
    with pytest.raises(ValueError, match="maps must have 1 rows of 1"):
        score_maps(Figure(), [[lower(3), lower(3)]], ["a"])
    with pytest.raises(ValueError, match="1 rows of maps need as many names, got 2"):
        score_maps(Figure(), [[lower(3)]], ["a"], ["x", "y"])


def test_probabilities_are_printed_as_in_the_papers():
    assert [probability(value) for value in (0.0, 0.12346, 0.99996)] == [".0000", ".1235", "1.0000"]
