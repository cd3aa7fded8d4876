"""Every check holds on random draws, every control fails on every draw, and each belongs to a card."""

import pytest
import torch

from attention_atlas.checks.margins import ROUNDING
from attention_atlas.experiments import theorem_margins

CONTROLS = [
    f"{module}:{name}"
    for module, checks in theorem_margins.MODULES.items()
    for name in sorted(checks.__all__)
    if name.endswith("_control")
]
STATEMENTS = [name.removesuffix("_control") for name in CONTROLS]


def margins(name, draws=20, seed=0):
    module, function = name.split(":")
    return getattr(theorem_margins.MODULES[module], function)(draws, torch.Generator().manual_seed(seed))


def test_every_check_has_its_control_and_its_card():
    public = {
        f"{module}:{name}"
        for module, checks in theorem_margins.MODULES.items()
        for name in checks.__all__
        if name != "ROUNDING"
    }
    assert public == {*STATEMENTS, *CONTROLS} and set(theorem_margins.CHECKS.values()) == set(STATEMENTS)


@pytest.mark.parametrize("name", STATEMENTS)
def test_statement_holds_in_every_draw(name):
    table = margins(name)
    assert set(table.side) <= {"upper", "lower", "holds"} and table.draw.nunique() == 20
    assert (table.margin >= -ROUNDING).all(), table.sort_values("margin").head(1).T


@pytest.mark.parametrize("name", CONTROLS)
def test_control_fails_in_every_draw(name):
    table = margins(name)
    assert table.draw.nunique() == 20
    assert table.margin.abs().max() < float("inf")
    assert (table.margin < -ROUNDING).all(), table.sort_values("margin").tail(1).T


@pytest.mark.parametrize(
    "name",
    [
        *(f"position_bias:{name}" for name in ("causal_collapse", "rope_rollout_general", "atlas_walk_row_control")),
        *(f"recency:{name}" for name in ("falling_norm", "gram_reduction", "deep_recency_control")),
        *(f"localization:{name}" for name in ("exact_law", "entropy_floor", "localized_control")),
        "retrieval:set_without_places",
    ],
)
def test_the_generator_decides(name):
    assert margins(name, draws=3).equals(margins(name, draws=3))
    assert not margins(name, draws=3).equals(margins(name, draws=3, seed=1))
