"""The check of the retrieval networks, on more draws than tests/theory/test_checks.py gives it, fails by decades."""

import torch

from attention_atlas.checks import retrieval as checks
from attention_atlas.checks.margins import ROUNDING


def margins(name, draws=60, seed=0):
    return getattr(checks, name)(draws, torch.Generator().manual_seed(seed))


def test_it_holds_with_and_without_residual():
    table = margins("set_without_places")
    assert set(table.side) == {"upper"} and table.draw.nunique() == 60 and set(table.residual) == {True, False}
    assert (table.margin >= -ROUNDING).all(), table.sort_values("margin").head(1).T


def test_its_control_fails_by_decades():
    table = margins("set_without_places_control")
    assert table.draw.nunique() == 60 and table.margin.abs().max() < float("inf")
    assert (table.margin < -3).all(), table.sort_values("margin").tail(1).T  # by decades, not by rounding
