"""Every check holds on random draws, every control fails on every draw, and both say what they varied."""

import pytest
import torch

from attention_atlas.checks import position_bias as checks
from attention_atlas.checks.margins import ROUNDING

CONTROLS = sorted(name for name in checks.__all__ if name.endswith("_control"))
STATEMENTS = [name.removesuffix("_control") for name in CONTROLS]


def margins(name, draws=20, seed=0):
    return getattr(checks, name)(draws, torch.Generator().manual_seed(seed))


def test_all_nine_statements_of_the_paper_are_here_with_their_controls():
    kinds = {"causal_collapse", "window_collapse", "prefix_collapse", "decay_bounds", "decay_rollout"}
    assert kinds | {f"rope_{kind}{end}" for kind in ("bounds", "rollout") for end in ("", "_general")} <= set(
        STATEMENTS
    )
    assert set(checks.__all__) == {"ROUNDING", *STATEMENTS, *CONTROLS}


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


@pytest.mark.parametrize("name", ["causal_collapse", "rope_rollout_general", "atlas_walk_row_control"])
def test_the_generator_decides(name):
    assert margins(name, draws=3).equals(margins(name, draws=3))
    assert not margins(name, draws=3).equals(margins(name, draws=3, seed=1))
