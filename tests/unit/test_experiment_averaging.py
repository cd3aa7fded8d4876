"""The averaging experiment: its points, its randomness, what it refuses, and its canary."""

import dataclasses
import itertools

import pytest

from attention_atlas import results
from attention_atlas.experiments import averaging
from attention_atlas.experiments.averaging import BLOCKS, CANARY, SETTINGS, Config, configurations, run
from attention_atlas.profiles import PROFILES


def values(table, quantity):
    return table[table["quantity"] == quantity].set_index(["step", "seed"])["value"]


def test_every_profile_has_the_same_points_and_the_main_setting_comes_first():
    names = {profile: list(configurations(profile)) for profile in PROFILES}
    assert names["smoke"] == names["quick"] == names["paper"] and len(names["paper"]) == BLOCKS * len(SETTINGS)
    assert names["paper"][:BLOCKS] == [f"main-{block}" for block in range(BLOCKS)]
    assert names["paper"][BLOCKS : BLOCKS + len(SETTINGS) - 1] == [f"{name}-0" for name in SETTINGS if name != "main"]
    with pytest.raises(ValueError, match="unknown profile"):
        configurations("huge")


def test_the_main_setting_has_a_hundred_seeds_and_every_other_differs_in_one_thing():
    points = configurations("paper")
    blocks = [points[f"main-{block}"] for block in range(BLOCKS)]
    seeds = [seed for c in blocks for seed in range(c.first_seed, c.first_seed + c.seeds)]
    assert sorted(seeds) == list(range(100))
    for name, change in SETTINGS.items():
        config, main = points[f"{name}-2"], dataclasses.replace(points["main-2"], records=0)
        assert dataclasses.replace(main, **change) == dataclasses.replace(config, records=0)
        assert (len(change) == 1 or name == "wide-range") == (name != "main")


def test_records_are_on_a_logarithmic_scale_and_end_with_the_training():
    recorded = Config(steps=4000, records=16).recorded
    assert recorded[0] == 25 and recorded[-1] == 4000 and len(recorded) == 16
    ratios = [b / a for a, b in itertools.pairwise(recorded)]
    assert max(ratios) / min(ratios) < 1.05
    assert Config(steps=7).recorded == [7] and Config(steps=30, records=4).recorded[-1] == 30


def test_measuring_on_the_way_changes_nothing_and_a_seed_is_its_own(monkeypatch):
    alone = run(dataclasses.replace(CANARY, records=3))
    later = run(dataclasses.replace(CANARY, first_seed=1, seeds=2))
    once = run(CANARY)
    for quantity in ("loss", "attention", "moved"):
        end = values(once, quantity)
        assert values(alone, quantity).loc[[60]].tolist() == end.tolist()
        assert values(later, quantity)[60, 1] == pytest.approx(end[60, 1], rel=1e-3)  # in other company
        assert values(later, quantity)[60, 2] != end[60, 1]


def test_learning_lowers_the_loss_below_a_constant():
    table = run(Config(steps=150, seeds=2, tests=500))
    assert (values(table, "loss") < 0.8 * values(table, "target_variance")).all()
    table = run(Config(steps=150, seeds=2, tests=500, learning_rate=0.0))
    assert (values(table, "loss") > 0.8 * values(table, "target_variance")).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"seeds": 0}, "seeds must be at least 1, got 0"),
        ({"attention": "linear"}, "unknown attention 'linear'; allowed: softmax, relu"),
        ({"low": 2.0}, "numbers need low < high, got 2.0 and 1.0"),
    ],
)
def test_the_impossible_is_refused_in_one_line(change, message):
    with pytest.raises(ValueError) as refusal:
        Config(**change)
    assert str(refusal.value) == message


def test_the_canary_is_quick_and_its_stored_result_still_holds():
    stored = results.Store().get(averaging, CANARY)
    assert stored is not None and results.recompute(stored) == ""


def test_the_tolerance_would_notice_other_data(monkeypatch):
    stored = results.Store().get(averaging, CANARY)
    monkeypatch.setattr(averaging, "TEST_SEED", 1)
    drawn = averaging.draw
    monkeypatch.setattr(averaging, "draw", lambda task, n, g: drawn(dataclasses.replace(task, low=-2.0), n, g))
    assert results.recompute(stored) != ""
