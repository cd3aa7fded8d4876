"""Kinds of token by color and mark in every drawing, stems at their tokens, what cannot be drawn refused."""

import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from attention_atlas.drawing.tags import (
    CONVENTIONS,
    KINDS,
    catch_and_retrieve,
    convention_handles,
    convention_stems,
    kind_legend,
    kind_of,
    token_plane,
    token_strip,
)
from attention_atlas.figures import PALETTE
from attention_atlas.theory.position_bias.kernels import flat_map


@pytest.fixture
def axes():
    return Figure().subplots()


def marks(axes):
    """Marker to places and heights of what is drawn with it."""
    return {line.get_marker(): line.get_xydata().tolist() for line in axes.lines if line.get_marker() != "None"}


def test_kinds_and_conventions_have_colors_and_marks_of_their_own():
    for looks in (KINDS, CONVENTIONS):
        colors, markers, *_ = zip(*looks.values(), strict=True)
        assert len(set(colors)) == len(set(markers)) == 3 and set(colors) <= set(PALETTE)


@given(tokens=st.integers(2, 9), separator=st.data())
def test_there_is_one_separator(tokens, separator):
    place = separator.draw(st.integers(0, tokens - 2))
    kinds = [kind_of(token, place) for token in range(tokens)]
    assert kinds == ["before"] * place + ["[SEP]"] + ["after"] * (tokens - place - 1)


def test_a_strip_has_every_number_at_its_token(axes):
    token_strip(axes, torch.tensor([0.1, -0.2, 1.0, 0.9, 0.8]), separator=2)
    expected = {"o": [[1, 0.1], [2, -0.2]], "D": [[3, 1.0]], "s": [[4, 0.9], [5, 0.8]]}
    found = marks(axes)
    assert set(found) == set(expected)
    for marker, points in expected.items():
        assert [x for point in found[marker] for x in point] == pytest.approx([x for point in points for x in point])
    assert axes.get_xticks().tolist() == [1, 3, 5]
    colors = {line.get_marker(): to_hex(line.get_color()) for line in axes.lines}
    assert {marker: colors[marker] for _, marker in KINDS.values()} == {m: PALETTE[c] for c, m in KINDS.values()}


def test_a_strip_without_numbers_before(axes):
    token_strip(axes, torch.tensor([1.0, 0.5]), separator=0)
    assert marks(axes) == {"o": [], "D": [[1, 1.0]], "s": [[2, 0.5]]}


def test_both_maps_share_colors_and_the_row_is_the_last_one():
    panels = list(Figure().subplots(2, 2).flat)
    tag = torch.tensor([0.0, 1.0, 0.5, 0.25])
    image = catch_and_retrieve(panels, (torch.eye(4), flat_map(4)), tag, separator=1)
    assert [axes.images[0].get_clim() for axes in panels[:2]] == [(0, 1)] * 2 and image is panels[1].images[0]
    assert marks(panels[2])["s"] == [[3, 0.5], [4, 0.25]]
    assert marks(panels[3])["s"] == [[3, 0.25], [4, 0.25]]
    assert panels[0].get_xlabel() == "key" and panels[1].get_xlabel() == ""


def test_four_panels_are_needed():
    with pytest.raises(ValueError, match="four panels are drawn, got 3"):
        catch_and_retrieve(list(Figure().subplots(1, 3)), (torch.eye(2), torch.eye(2)), torch.ones(2), 0)


def test_tokens_lie_where_they_are_by_kind(axes):
    places = torch.arange(18.0).reshape(2, 3, 3)
    token_plane(axes, places, torch.tensor([1, 0]))
    expected = {"o": [[0, 1]], "s": [[6, 7], [12, 13], [15, 16]], "D": [[3, 4], [9, 10]]}
    assert marks(axes) == expected


def test_a_line_is_no_plane(axes):
    with pytest.raises(ValueError, match="at least 2 directions, got 1"):
        token_plane(axes, torch.zeros(2, 3, 1), torch.tensor([0, 1]))


def test_conventions_stand_beside_each_other_in_percent(axes):
    shares = pd.DataFrame({"zhang2025": [1.0, 0.0], "gu2025": [0.0, 0.5], "wu2025": [0.25, 0.1]})
    convention_stems(axes, shares)
    for name, (_, marker, aside) in CONVENTIONS.items():
        expected = [x for token, share in enumerate(shares[name], 1) for x in (token + aside, 100 * share)]
        assert [x for point in marks(axes)[marker] for x in point] == pytest.approx(expected)
    assert len({aside for *_, aside in CONVENTIONS.values()}) == 3


def test_a_missing_convention_is_named(axes):
    with pytest.raises(ValueError, match="missing gu2025, wu2025"):
        convention_stems(axes, pd.DataFrame({"zhang2025": [1.0]}))


def test_legends_name_what_is_drawn():
    figure = Figure()
    kind_legend(figure)
    handles = figure.legends[0].legend_handles
    assert [handle.get_marker() for handle in handles] == [marker for _, marker in KINDS.values()]
    assert [handle.get_marker() for handle in convention_handles()] == [look[1] for look in CONVENTIONS.values()]
