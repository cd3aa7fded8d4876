"""Steps and gaps are read off trajectories by the stated rules, and no model means no number."""

import math

import pandas as pd
import pytest

from attention_atlas.drawing.trajectories import curves
from attention_atlas.experiments import retrieval
from attention_atlas.outcomes.emergence import first_step, stages
from attention_atlas.outcomes.retrieval_names import GAPS, sides
from attention_atlas.outcomes.retrieval_points import Models
from attention_atlas.store import Store, machine, made

STEPS = (0, 100, 10_000, 100_000, 200_000)


def table(accuracies, gaps):
    """A trajectory with these accuracies on novel classes, and the same values of all three gaps."""
    rows = [(step, "in_context", value) for step, value in zip(STEPS, accuracies, strict=False)]
    for gap in GAPS:
        rows += [(step, gap, value) for step, value in zip(STEPS, gaps, strict=False)]
        for side, sign in zip(sides(gap), (1, -1), strict=True):
            rows += [(s, side, 0.5 + sign * v / 2) for s, v in zip(STEPS, gaps, strict=False)]
    found = pd.DataFrame(rows, columns=["step", "quantity", "value"]).assign(layer=-1, query=-1, key=-1)
    return found[["step", "quantity", "layer", "query", "key", "value"]]


def stored(folder, tables):
    store, here = Store(folder), machine("cpu")
    configs = retrieval.configurations("paper")
    for name, kept in tables.items():
        store.keep(made(retrieval, name, configs[name], kept, "paper", 1.0, here))
    return Models(list(tables), "smoke", store=store)


NONE, DECAY = "unbiased-causal-none-2-residual-seed0", "unbiased-causal-decay-2-residual-seed0"


def test_first_step_is_the_first_and_never_is_not_a_number():
    curve = pd.Series([0.1, 0.8, 0.7, 0.9], [0, 100, 200, 500])
    assert first_step(curve, 0.8) == 100 and first_step(curve, 0.81) == 500
    assert math.isnan(first_step(curve, 0.95)) and math.isnan(first_step(pd.Series([], dtype=float), 0.5))


def test_stages_of_a_model_that_turns(tmp_path):
    models = stored(tmp_path, {NONE: table((0.03, 0.4, 0.5, 0.8, 0.96), (0.0, -0.05, 0.03, 0.2, 0.25))})
    (row,) = stages(models, "first_vs_last", 0.75).itertuples()
    assert (row.emerged, row.accuracy_printed, row.accuracy_end, row.steps) == (100_000, 0.8, 0.96, 200_000)
    assert (row.least_before, row.most_before, row.printed, row.end) == (-0.05, 0.03, 0.2, 0.25)
    assert row.turned and row.residual and row.position_encoding == "none" and row.profile == "paper"
    assert row.noise == pytest.approx(4 * math.sqrt(0.25 / 10_000 + 0.25 / 10_000))


@pytest.mark.parametrize(
    ("gaps", "turned"),
    [
        ((0.0, -0.02, 0.0, 0.2, 0.25), False),  # below zero, but not by more than the tests leave open
        ((0.0, 0.05, 0.0, -0.2, -0.25), True),
        ((0.0, 0.05, 0.0, 0.2, 0.01), False),  # an end without a sign
        ((0.0, 0.05, 0.1, 0.2, 0.25), False),
        ((0.0, 0.05, 0.1, -0.2, 0.25), False),  # the other side, but after
    ],
)
def test_a_turn_is_before_and_larger_than_the_noise(tmp_path, gaps, turned):
    models = stored(tmp_path, {NONE: table((0.03, 0.4, 0.5, 0.8, 0.96), gaps)})
    assert stages(models, "middle_vs_last", 0.75)["turned"].tolist() == [turned]


def test_a_model_that_never_gets_there_has_all_its_training_before(tmp_path):
    models = stored(tmp_path, {NONE: table((0.03, 0.4, 0.5), (0.0, -0.1, 0.3))})
    (row,) = stages(models, "first_vs_last", 0.75).itertuples()
    assert math.isnan(row.emerged) and math.isnan(row.printed) and math.isnan(row.accuracy_printed)
    assert (row.least_before, row.most_before, row.end, row.steps) == (-0.1, 0.3, 0.3, 10_000) and row.turned


def test_curves_of_some_models_in_the_order_asked_for(tmp_path):
    tables = {NONE: table((0.03, 0.4), (0.0, 0.1)), DECAY: table((0.02, 0.3), (0.0, 0.2))}
    models = stored(tmp_path, tables)
    assert [curve.tolist() for curve in curves(models)["in_context"]] == [[0.03, 0.4], [0.02, 0.3]]
    chosen = curves(models, [DECAY, NONE.replace("seed0", "seed1")])
    assert [curve.to_dict() for curve in chosen["first_vs_last"]] == [{0: 0.0, 100: 0.2}] and chosen["loss"][0].empty


def test_nothing_stored_nothing_said(tmp_path):
    assert stages(Models([NONE, DECAY], "smoke", store=Store(tmp_path)), "first_vs_last", 0.75).empty


def test_an_unknown_gap_is_refused(tmp_path):
    with pytest.raises(ValueError, match="unknown gap 'last_vs_first'; allowed: first_vs_middle"):
        stages(Models([NONE], "smoke", store=Store(tmp_path)), "last_vs_first", 0.75)
