"""A sweep computes what the store lacks, once, in several processes; mistakes are one line."""

import contextlib
import dataclasses
import os
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from attention_atlas import cli, results, sweep
from attention_atlas.store import Store, read


@dataclasses.dataclass(frozen=True)
class Config:
    size: int


@pytest.fixture
def demo(monkeypatch):
    """An experiment with three points, under a name of its own."""
    module = ModuleType("demo")
    module.NAME, module.REVISION, module.Config, module.CANARY = "demo", 1, Config, Config(0)
    module.run = lambda config: pd.DataFrame({"value": [config.size]})
    module.configurations = lambda profile: {"maps-a": Config(1), "maps-b": Config(2), "alpha-a": Config(3)}
    monkeypatch.setattr(results, "load_experiment", lambda name: module)
    return module


def test_what_is_missing_comes_in_order_and_the_canary_first(tmp_path, demo):
    store = Store(tmp_path)
    assert sweep.missing("demo", "quick", store=store) == (["canary", "maps-a", "maps-b", "alpha-a"], 0)
    results.compute(demo, "maps-b", "quick", store)
    results.compute(demo, "canary", "smoke", store)
    assert sweep.missing("demo", "quick", store=store) == (["maps-a", "alpha-a"], 1)
    assert sweep.missing("demo", "quick", "maps-*", store) == (["maps-a"], 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("recency", "--jobs", "0"), "--jobs takes a positive number, got 0"),
        (("recency", "--only", "mapz-*"), "recency has no point like 'mapz-*'; allowed: maps-d16-plain, "),
        (("recency", "--profile", "huge"), "unknown profile 'huge'; allowed: smoke, quick, paper"),
        (("recencies",), "unknown experiment 'recencies'; allowed: "),
    ],
)
def test_mistakes_are_refused_in_one_line(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.setenv("ATTENTION_ATLAS_RESULTS", str(tmp_path))
    assert cli.main(["sweep", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {message}") and said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_two_processes_compute_what_is_missing_and_nothing_twice(tmp_path, monkeypatch):
    monkeypatch.setenv("ATTENTION_ATLAS_RESULTS", str(tmp_path))
    experiment, said = results.load_experiment("recency"), []
    assert sweep.sweep("recency", "smoke", "control-*", jobs=2, say=said.append) == 3
    assert len(said) == 4 and said[-1] == "recency: computed 3, already there 0"
    assert "; 3 of 3, about 0 min to go" in said[-2]
    points = experiment.configurations("smoke")
    for config in (experiment.CANARY, points["control-full-none"], points["control-full-layernorm"]):
        stored = results.Store().get(experiment, config)
        pd.testing.assert_frame_equal(stored.table, experiment.run(config))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")}
    assert sweep.sweep("recency", "smoke", "control-*", jobs=2, say=said.append) == 0
    assert said[-1] == "recency: computed 0, already there 2"
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")} == before


def test_a_point_that_another_sweep_finished_meanwhile_is_not_computed_again(tmp_path, demo, monkeypatch):
    monkeypatch.setenv("ATTENTION_ATLAS_RESULTS", str(tmp_path))
    assert sweep._compute("demo", "maps-a", "quick").startswith("maps-a: 0.")
    assert sweep._compute("demo", "maps-a", "quick") == "maps-a: another sweep was there first"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks for processes where Linux keeps them")
def test_a_killed_sweep_leaves_whole_results_and_no_process_and_the_next_one_goes_on(tmp_path):
    command = [sys.executable, "-m", "attention_atlas", "sweep", "recency", "--profile", "quick"]
    command += ["--only", "norm-*", "--jobs", "2"]
    environment = os.environ | {"ATTENTION_ATLAS_RESULTS": str(tmp_path), "OMP_NUM_THREADS": "1"}

    def stored() -> list[Path]:
        return sorted(tmp_path.glob("recency/*.json"))

    def workers() -> list[Path]:
        """Processes that work for this store."""
        marked = f"ATTENTION_ATLAS_RESULTS={tmp_path}".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it ended meanwhile
                if marked in (process / "environ").read_bytes().split(b"\0"):
                    found.append(process)
        return found

    def within(seconds: float, condition) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not condition():
            time.sleep(0.05)
        return condition()

    run = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    assert within(120, lambda: len(stored()) >= 2)
    run.kill()
    run.wait()
    assert within(60, lambda: not workers())
    before = stored()
    assert 2 <= len(before) < 17 and all(read(path).experiment == "recency" for path in before)
    again = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert again.stdout.splitlines()[-1].startswith(f"recency: computed {17 - len(before)}, already there"), again
    assert len(stored()) == 17
