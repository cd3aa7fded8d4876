"""Signal propagation by simulation: what it offers, its table, and that a stopped run goes on to the same bits."""

import dataclasses
import json
from collections import Counter

import pandas as pd
import pytest

from attention_atlas import files
from attention_atlas.experiments import localization as experiment
from attention_atlas.experiments.localization import CANARY, Config, configurations, run
from attention_atlas.profiles import PROFILES
from attention_atlas.simulation import running
from attention_atlas.simulation import signal as simulation
from attention_atlas.simulation.signal import SignalSums
from attention_atlas.store import key

SMALL = Config(5, 7, eta=1.0, deviation=0.5, sequences=23, seed=3)


class Interrupted(Exception):
    """Stands for whatever ends a process."""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "ROOT", tmp_path)


def test_every_profile_asks_the_same_of_more_sequences():
    sizes = [configurations(profile) for profile in PROFILES]
    assert list(sizes[0]) == list(sizes[1]) == list(sizes[2])
    for point in sizes[0]:
        same = [dataclasses.replace(size[point], sequences=2) for size in sizes]
        assert same[0] == same[1] == same[2]
        assert sizes[0][point].sequences < sizes[1][point].sequences < sizes[2][point].sequences


def test_the_points_and_their_seeds():
    points = configurations("paper")
    counts = Counter(point.split("-")[0] for point in points)
    assert counts == {"grid": 72, "dimension": 4, "length": 4, "persistence": 5, "shape": 3, "drift": 9}
    assert len({config.seed for config in points.values()}) == len(points)


def test_the_table_has_a_row_for_every_quantity_and_key():
    table = run(SMALL)
    assert table.columns.tolist() == ["quantity", "key", "mean", "standard_error"]
    names = ["propagates", "score", "square", "weight", "sensitivity"]
    expected = [(name, key) for name in names for key in range(1, 6)] + [("entropy", 0)]
    assert list(zip(table["quantity"], table["key"], strict=True)) == expected
    assert not table.isna().any(axis=None) and (table["standard_error"] >= 0).all()
    assert table[table.quantity == "weight"]["mean"].mean() == pytest.approx(1)
    assert table[table.quantity == "score"]["mean"].sum() == pytest.approx(0, abs=1e-12)


def test_seeds_differ_and_repeat():
    pd.testing.assert_frame_equal(run(SMALL), run(SMALL), check_exact=True)
    assert (run(dataclasses.replace(SMALL, seed=4))["mean"] - run(SMALL)["mean"]).abs().max() > 0.01


@pytest.mark.parametrize("numbers", [35, 3 * 35, 7 * 35])
def test_the_chunk_changes_rounding_only(numbers, monkeypatch):
    whole = run(SMALL)
    monkeypatch.setattr(simulation, "NUMBERS", numbers)
    pd.testing.assert_frame_equal(run(SMALL), whole, rtol=1e-10, atol=1e-6)


def interrupted(patched, chunks, config=SMALL):
    draw, calls = SignalSums.draw, []

    def add(self, number):
        if len(calls) == chunks:
            raise Interrupted
        calls.append(number)
        draw(self, number)

    patched.setattr(SignalSums, "draw", add)
    with pytest.raises(Interrupted):
        run(config)


def test_a_stopped_run_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    monkeypatch.setattr(simulation, "NUMBERS", 5 * 35)
    monkeypatch.setattr(running, "EVERY", -1.0)
    expected = run(SMALL)
    with monkeypatch.context() as patched:
        interrupted(patched, 2)
    (checkpoint,) = tmp_path.glob("data/checkpoints/localization-*.json")
    assert json.loads(checkpoint.read_text())["moments"]["sequences"] == 10
    with monkeypatch.context() as patched:
        interrupted(patched, 1)  # after what the first left
    assert json.loads(checkpoint.read_text())["moments"]["sequences"] == 15
    pd.testing.assert_frame_equal(run(SMALL), expected, check_exact=True)
    assert not checkpoint.exists()


def test_a_foreign_checkpoint_is_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(simulation, "NUMBERS", 5 * 35)
    monkeypatch.setattr(running, "EVERY", -1.0)
    with monkeypatch.context() as patched:
        interrupted(patched, 2)
    monkeypatch.setattr(simulation, "NUMBERS", 7 * 35)  # in other chunks it would go on to other bits
    with pytest.raises(ValueError) as refusal:
        run(SMALL)
    (checkpoint,) = tmp_path.glob("data/checkpoints/*.json")
    name = checkpoint.relative_to(tmp_path)
    assert str(refusal.value) == f"{name} is another simulation's checkpoint; move or delete it"


def test_checkpoints_of_other_questions_and_revisions_are_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(simulation, "NUMBERS", 5 * 35)
    monkeypatch.setattr(running, "EVERY", -1.0)
    for revision, config in ((1, SMALL), (2, SMALL), (2, dataclasses.replace(SMALL, seed=4))):
        monkeypatch.setattr(experiment, "REVISION", revision)
        with monkeypatch.context() as patched:
            interrupted(patched, 1, config)
    assert len(list(tmp_path.glob("data/checkpoints/*.json"))) == 3


def test_equal_content_has_one_store_key_and_every_change_another():
    restored = Config(**json.loads(json.dumps(dataclasses.asdict(SMALL))))
    assert restored == SMALL and key(experiment, restored) == key(experiment, SMALL)
    changes = [
        {"tokens": 7},
        {"d_model": 11},
        {"eta": 2.0},
        {"deviation": 0.25},
        {"shape": "spike"},
        {"persistence": 0.5},
        {"increment": 0.5},
        {"sequences": 29},
        {"seed": 4},
    ]
    keys = {key(experiment, dataclasses.replace(SMALL, **change)) for change in [{}, *changes]}
    assert len(keys) == 1 + len(changes)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dataclasses.replace(SMALL, sequences=1), "a standard error needs at least 2 sequences, got 1"),
        (lambda: dataclasses.replace(SMALL, tokens=1), "a sequence needs at least 2 tokens, got 1"),
        (lambda: configurations("huge"), "unknown profile 'huge'; allowed: smoke, quick, paper"),
    ],
)
def test_refused_in_one_line_that_says_what_was_got(call, message):
    with pytest.raises(ValueError) as refusal:
        call()
    assert str(refusal.value) == message


def test_the_canary_is_small():
    assert CANARY.tokens * CANARY.d_model * CANARY.sequences < 100_000
