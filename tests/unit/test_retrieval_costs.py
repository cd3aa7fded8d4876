"""What is left costs what the stored trainings took: in proportion, and nothing where nothing is left."""

import dataclasses
from pathlib import Path

import pandas as pd
import pytest

from attention_atlas.experiments import retrieval
from attention_atlas.outcomes.retrieval_costs import costs
from attention_atlas.store import Store, made

PLAN = retrieval.configurations("paper")
X86 = {"device": "x86_64", "commit": "", "versions": {}}


def kept(folder, points, seconds, steps, **machine) -> Store:
    store = Store(folder)
    for point in points:
        table = pd.DataFrame({"step": [0, steps], "quantity": "loss", "value": 1.0})
        store.keep(made(retrieval, point, PLAN[point], table, "paper", seconds, X86 | machine))
    return store


def test_every_training_is_in_the_plan_once():
    table = costs(Store(Path("/nowhere")))
    assert table["trainings"].sum() == len(PLAN) and not table.duplicated(["vocabulary", "depth", "encoding"]).any()
    deep = table[(table["depth"] == 10) & (table["encoding"] == "RoPE") & (table["vocabulary"] == "gaussian mixture")]
    assert deep["trainings"].tolist() == [5]


@pytest.mark.parametrize(("steps", "seconds"), [(300_000, 3600), (100_000, 1200)])
def test_hours_by_hand(tmp_path, steps, seconds):
    """A network of two layers takes an hour for its longest training, whether that or a third of it is stored."""
    point = "unbiased-causal-none-2-residual-seed0"
    table = costs(kept(tmp_path, [point], seconds, steps)).set_index(["vocabulary", "depth", "encoding"])
    mine = table.loc[("gaussian mixture", 2, "other")]
    assert mine["hours_each"] == pytest.approx(1.0) and mine["stored"] == 1
    assert mine["hours_left"] == pytest.approx(mine["trainings"] - 1)
    six = retrieval.cost(dataclasses.replace(PLAN[point], depth=6)) / retrieval.cost(PLAN[point])
    assert table.loc[("gaussian mixture", 6, "other"), "hours_each"] == pytest.approx(six)


@pytest.mark.parametrize("machine", [{"device": "NVIDIA H200"}, {"together": 20}])
def test_other_machines_and_groups_say_nothing_of_core_hours(tmp_path, machine):
    point = "unbiased-causal-none-2-residual-seed0"
    table = costs(kept(tmp_path, [point], 3600, 300_000, **machine))
    assert table["stored"].sum() == 1 and table["hours_each"].isna().all()
