"""The check of the retrieval networks holds on random draws, its control fails on every draw."""

import torch

from attention_atlas.checks import retrieval as checks
from attention_atlas.checks.margins import ROUNDING
from attention_atlas.experiments import theorem_margins


def margins(name, draws=60, seed=0):
    return getattr(checks, name)(draws, torch.Generator().manual_seed(seed))


def test_the_check_has_its_control_and_its_card():
    assert set(checks.__all__) == {"set_without_places", "set_without_places_control"}
    assert theorem_margins.CHECKS["atlas-set-without-places"] == "retrieval:set_without_places"


def test_statement_holds_in_every_draw():
    table = margins("set_without_places")
    assert set(table.side) == {"upper"} and table.draw.nunique() == 60 and set(table.residual) == {True, False}
    assert (table.margin >= -ROUNDING).all(), table.sort_values("margin").head(1).T


def test_control_fails_in_every_draw():
    table = margins("set_without_places_control")
    assert table.draw.nunique() == 60 and table.margin.abs().max() < float("inf")
    assert (table.margin < -3).all(), table.sort_values("margin").tail(1).T  # by decades, not by rounding


def test_the_generator_decides():
    assert margins("set_without_places", 3).equals(margins("set_without_places", 3))
    assert not margins("set_without_places", 3).equals(margins("set_without_places", 3, seed=1))
