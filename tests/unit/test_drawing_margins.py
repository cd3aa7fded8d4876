"""The margin axis shows every margin where it lies, or refuses."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from attention_atlas.drawing.margins import BINS, margin_axis, margin_ridges


def test_ridges_stand_on_their_sides_of_zero_and_on_their_floor():
    axes = Figure().subplots()
    margin_axis(axes)
    margin_ridges(axes, np.array([0.0, 0.3, 8.0]), np.array([-40.0, -0.02]), floor=2.0)
    check, control = (area.get_datalim(axes.transData) for area in axes.collections)
    assert check.x0 >= -1e-12 and control.x1 <= 1e-12 and check.y0 == control.y0 == 2.0
    assert check.y1 <= 2.72 and control.y1 <= 2.72
    assert 0 in axes.get_xticks() and axes.get_xlim() == (BINS[0], BINS[-1])


@pytest.mark.parametrize("beyond", [-1e4, 1e3])
def test_a_margin_beyond_the_axis_is_refused(beyond):
    with pytest.raises(ValueError, match="the axis shows margins from"):
        margin_ridges(Figure().subplots(), np.array([1.0, beyond]), np.array([-1.0]))
