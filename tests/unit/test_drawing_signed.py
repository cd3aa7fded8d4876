"""A signed map: sign decides the color, size its strength, and zero can not be seen."""

import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from attention_atlas.drawing.signed import SIGNED, signed_map
from attention_atlas.figures import PALETTE


def test_the_ends_are_the_palette_and_the_middle_is_nothing():
    assert SIGNED(0.0)[:3] == to_rgb(PALETTE["blue"])
    assert SIGNED(1.0)[:3] == to_rgb(PALETTE["orange"])
    assert SIGNED(0.5)[3] < 0.01


def test_strength_grows_with_size_on_both_sides():
    strength = [SIGNED(place / 20)[3] for place in range(21)]
    assert strength[:10] == sorted(strength[:10], reverse=True)
    assert strength[11:] == sorted(strength[11:])


def test_limits_are_symmetric_and_given_ones_are_kept():
    map = torch.tensor([[0.5, -2.0, torch.nan], [0.0, 1.0, 1.5]])
    assert signed_map(Figure().subplots(), map).get_clim() == (-2.0, 2.0)
    assert signed_map(Figure().subplots(), map, limit=5.0).get_clim() == (-5.0, 5.0)


def test_masked_entries_stay_empty_and_corners_are_counted_from_1():
    axes = Figure().subplots()
    image = signed_map(axes, torch.tensor([[1.0, torch.nan, 1.0], [1.0, 1.0, 1.0]]))
    assert image.get_array().mask.sum() == 1
    assert (axes.get_xticks().tolist(), axes.get_yticks().tolist()) == ([1, 3], [1, 2])
    bare = Figure().subplots()
    signed_map(bare, torch.eye(3), corners=False)
    assert not len(bare.get_xticks())


@pytest.mark.parametrize("limit", [0.0, -1.0])
def test_impossible_limits_are_refused(limit):
    with pytest.raises(ValueError, match="above 0, got"):
        signed_map(Figure().subplots(), torch.eye(3), limit=limit)


def test_a_map_of_zeros_has_no_limit():
    with pytest.raises(ValueError, match="above 0, got 0"):
        signed_map(Figure().subplots(), torch.zeros(3, 3))
