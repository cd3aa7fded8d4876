"""Outcomes are read setting by setting and seed by seed; what counts as learned."""

import pandas as pd
import pytest

from attention_atlas.experiments import averaging
from attention_atlas.intervals import wilson
from attention_atlas.outcomes.averaging import Outcomes
from attention_atlas.store import Store, machine, made


def stored(folder, losses, profile="paper"):
    """Blocks with these losses at the end, one model each, after a first step where all were 1."""
    store, here = Store(folder), machine("cpu")
    configs = averaging.configurations(profile)
    for name, some in losses.items():
        config, rows = configs[name], []
        for seed, loss in enumerate(some, config.first_seed):
            for step, value in ((25, 1.0), (config.steps, loss)):
                rows += [(seed, step, "loss", value), (seed, step, "target_variance", 2.0)]
        table = pd.DataFrame(rows, columns=["seed", "step", "quantity", "value"])
        store.keep(made(averaging, name, config, table, profile, 1.0, here))
    return store


def test_all_stored_blocks_of_a_setting_are_read_in_the_order_asked_for(tmp_path):
    store = stored(tmp_path, {"main-1": [0.5, 0.001], "fast-0": [0.03], "main-0": [0.0199, 0.0201]})
    outcomes = Outcomes(["fast", "main"], "smoke", store)
    end = outcomes.end
    assert end["setting"].tolist() == ["fast"] + ["main"] * 4 and end["seed"].tolist() == [0, 0, 1, 20, 21]
    assert end["loss"].tolist() == [0.03, 0.0199, 0.0201, 0.5, 0.001] and (end["step"] == 4000).all()
    assert end["learned"].tolist() == [False, True, False, False, True]  # 1 % of a variance of 2
    assert len(outcomes.table) == 2 * len(end)
    assert outcomes.config["fast"].learning_rate == 1e-2 and outcomes.config["fast"].steps == 4000
    rates = outcomes.rates()
    assert rates.index.tolist() == ["fast", "main"] and rates["models"].tolist() == [1, 4]
    assert rates.loc["main", ["learned", "share", "low", "high"]].tolist() == [2, 0.5, *wilson(2, 4)]


def test_a_setting_of_which_nothing_is_stored_is_trained_small(tmp_path):
    outcomes = Outcomes(["main", "one-layer"], "smoke", stored(tmp_path, {"main-0": [0.5]}))
    assert outcomes.end["step"].tolist() == [4000, 40, 40]
    assert outcomes.end["mass"].notna().tolist() == [False, True, True]
    assert outcomes.config["one-layer"].steps == 40 and "smoke/paper" in outcomes.provenance


def test_an_unknown_setting_is_refused_in_one_line(tmp_path):
    with pytest.raises(ValueError, match="unknown setting 'wide'; allowed: main, width-4"):
        Outcomes(["wide"], "smoke", Store(tmp_path))
