"""A sweep computes what the store lacks, once, on any executor; mistakes are one line."""

import dataclasses
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

import pandas as pd
import pytest

from attention_atlas import cli, results, sweep
from attention_atlas.executors import Workers
from attention_atlas.planning import missing
from attention_atlas.store import Store, dump


@dataclasses.dataclass(frozen=True)
class Config:
    size: int


@pytest.fixture
def demo(monkeypatch, tmp_path):
    """An experiment with three points, under a name of its own, and a store for it."""
    module = ModuleType("demo")
    module.NAME, module.REVISION, module.Config, module.CANARY = "demo", 1, Config, Config(0)
    module.run = lambda config: pd.DataFrame({"value": [config.size]})
    module.configurations = lambda profile: {"maps-a": Config(1), "maps-b": Config(2), "alpha-a": Config(3)}
    monkeypatch.setattr(results, "load_experiment", lambda name: module)
    monkeypatch.setenv("ATTENTION_ATLAS_RESULTS", str(tmp_path))
    return module


@pytest.fixture
def threads():
    """Two threads of this process: a sweep takes any executor."""
    with ThreadPoolExecutor(2) as pool:
        yield Workers(pool, lambda: 2)


def swept(*arguments, **options) -> list[str]:
    """What a sweep of the demonstration says."""
    said = []
    sweep.sweep("demo", "quick", *arguments, say=said.append, **options)
    return said


def test_what_is_missing_comes_in_order_and_the_canary_first(demo):
    assert missing("demo", "quick") == (["canary", "maps-a", "maps-b", "alpha-a"], 0)
    results.compute(demo, "maps-b", "quick")
    results.compute(demo, "canary", "smoke")
    assert missing("demo", "quick") == (["maps-a", "alpha-a"], 1)
    assert missing("demo", "quick", "maps-*") == (["maps-a"], 1)


@pytest.mark.parametrize("only", ["alpha-*,*-a", "alpha-* , maps-a", ["alpha-a", "maps-a"]])
def test_several_patterns_keep_the_order_of_the_experiment(demo, only):
    assert missing("demo", "quick", only) == (["canary", "maps-a", "alpha-a"], 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("recency", "--jobs", "0"), "--jobs takes a positive number, got 0"),
        (("recency", "--together", "0"), "--together takes a positive number, got 0"),
        (("recency", "--only", "mapz-*"), "recency has no point like 'mapz-*'; allowed: maps-d16-plain, "),
        (("recency", "--only", "maps-*", "--only", "mapz"), "recency has no point like 'mapz'; allowed: "),
        (("recency", "--only", "maps-*,"), "recency has no point like ''; allowed: "),
        (("recency", "--profile", "huge"), "unknown profile 'huge'; allowed: smoke, quick, paper"),
        (("recencies",), "unknown experiment 'recencies'; allowed: "),
        (("recency", "--time-budget", "90"), "a time is a number above 0 with a unit, such as 300s, 90m or 1.5h; "),
        (("recency", "--device", "gpu"), "--device takes cpu, cuda or cuda:N, got 'gpu'"),
        (("recency", "--device", "cuda:99"), "--device cuda:99: PyTorch finds "),
        (("recency", "--dask", "10.0.0.1:8786"), "--dask takes an address such as tcp://10.0.0.1:8786, got '10.0.0.1:"),
        (("recency", "--dask", "tcp://127.0.0.1:1"), "no Dask scheduler answers at tcp://127.0.0.1:1: "),
    ],
)
def test_mistakes_are_refused_in_one_line(tmp_path, monkeypatch, capsys, arguments, message):
    pytest.importorskip("distributed")
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
    assert said[-2].endswith("; 3 of 3")
    points = experiment.configurations("smoke")
    for config in (experiment.CANARY, points["control-full-none"], points["control-full-layernorm"]):
        stored = results.Store().get(experiment, config)
        pd.testing.assert_frame_equal(stored.table, experiment.run(config))
        assert stored.manifest["threads"] == 1
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")}
    assert sweep.sweep("recency", "smoke", "control-*", jobs=2, say=said.append) == 0
    assert said[-1] == "recency: computed 0, already there 2"
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")} == before


def test_a_point_that_another_sweep_finished_meanwhile_is_not_computed_again(demo):
    todo, _ = missing("demo", "quick")

    def other_sweep(config):  # finishes maps-b while this one is at maps-a
        results.compute(demo, "maps-b", "quick")
        return pd.DataFrame({"value": [config.size]})

    first = demo.run
    demo.run = lambda config: other_sweep(config) if config.size == 1 else first(config)
    with ThreadPoolExecutor(1) as pool:
        said = swept(workers=Workers(pool, lambda: 1))
    assert todo == ["canary", "maps-a", "maps-b", "alpha-a"]
    assert said[-1] == "demo: computed 3, already there 0, computed by another sweep 1"
    assert said[-2].endswith("; 4 of 4")


def test_a_point_that_fails_stops_no_other_and_is_said_at_the_end(demo, threads):
    demo.run = lambda config: pd.DataFrame({"value": [1 / (2 - config.size), float("inf") if config.size == 3 else 0]})
    said = []
    with pytest.raises(RuntimeError, match=r"^demo: 2 of 4 failed, first (maps-b: Zero|alpha-a: ValueError: column)"):
        sweep.sweep("demo", "quick", say=said.append, workers=threads)
    assert said[-1] == "demo: computed 2, already there 0"
    assert missing("demo", "quick") == (["maps-b", "alpha-a"], 1)


def test_what_a_worker_with_another_version_answers_is_not_stored(demo, threads, monkeypatch):
    def other(*arguments):
        found = results.answer(demo, ["maps-b"], "quick")
        return [dump(dataclasses.replace(r, manifest=r.manifest | {"key": "0" * 16})) for r in found]

    monkeypatch.setattr(sweep, "_answer", other)
    with pytest.raises(RuntimeError, match=r"4 of 4 failed, first .*: ValueError: the worker has another version"):
        sweep.sweep("demo", "quick", say=lambda line: None, workers=threads)
    assert not list(Store())


def together(demo, given: list):
    """Give the demonstration a way to compute even and odd points together."""

    def run_together(configs, device):
        given.append(([config.size for config in configs], device))
        yield from map(demo.run, configs)

    demo.run_together, demo.alike = run_together, lambda config: config.size % 2


def test_points_that_are_alike_form_groups_on_their_device_and_the_canary_runs_alone_on_the_cpu(demo, threads):
    together(demo, given := [])
    said = swept(workers=threads, device="cuda:1", together=5)
    assert sorted(given) == [([1, 3], "cuda:1"), ([2], "cuda:1")]
    assert said[-1] == "demo: computed 4, already there 0"
    assert sum("(2 together); " in line for line in said) == 2
    assert {r.point: r.manifest.get("together") for r in Store()} == {
        "canary": None,
        "maps-a": 2,
        "maps-b": None,
        "alpha-a": 2,
    }


def test_an_experiment_without_run_together_computes_one_by_one_and_on_the_cpu_only(demo, threads):
    assert swept(workers=threads, together=5)[-1] == "demo: computed 4, already there 0"
    with pytest.raises(ValueError, match=r"^demo is computed on the CPU only, got --device cuda$"):
        swept(workers=threads, device="cuda")


def test_an_experiment_that_forgets_a_point_is_refused(demo, threads):
    together(demo, [])
    demo.run_together = lambda configs, device: [demo.run(configs[0])]
    with pytest.raises(RuntimeError, match=r"2 of 4 failed, .*run_together was given 2 points, got 1 tables"):
        swept(workers=threads, together=2)


def test_nothing_is_started_that_would_not_be_ready_in_time(demo):
    def run(config):
        time.sleep(0.02 * config.size)
        return pd.DataFrame({"value": [config.size]})

    sizes = {"a": 1, "long": 10_000, "b": 2, "longer": 20_000, "c": 3}
    demo.run, demo.cost = run, lambda config: float(config.size)
    demo.configurations = lambda profile: {name: Config(size) for name, size in sizes.items()}
    demo.CANARY = Config(4)
    start = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        said = swept(workers=Workers(pool, lambda: 1), budget=60)
    assert time.monotonic() - start < 50  # it does not sit the time out
    assert [line.split(":")[0] for line in said[:-1]] == ["demo canary", "demo a", "demo b", "demo c"]
    rest = re.fullmatch(
        r"demo: out of time: computed 4, already there 0, remaining 2 \(0 begun\), about (\d+) min to go", said[-1]
    )
    assert rest and 8 <= int(rest[1]) <= 60  # 600 s, more on a busy machine; as if all were alike: 0.1 s


def test_a_long_point_that_goes_on_from_a_checkpoint_is_not_passed_over(demo):
    """Each sweep has time for a part of it only; without its turn it would never be done."""
    begun, forgotten, gate = [], [], threading.Event()

    def run_resumable(configs, device):
        (config,) = configs
        begun.append(config.size)
        if config.size == 150 and not gate.is_set():
            gate.wait(60)
        return [pd.DataFrame({"value": [config.size]})]

    sizes = {"a": 1, "long": 150, "b": 2}
    demo.run_resumable, demo.cost = run_resumable, lambda config: 1e9 * config.size  # nothing would be ready in time
    demo.forget = lambda configs, device: forgotten.extend(config.size for config in configs)
    demo.configurations = lambda profile: {name: Config(size) for name, size in sizes.items()}
    with ThreadPoolExecutor(1) as pool:
        said = swept(workers=Workers(pool, lambda: 1), budget=3)
        assert begun == [0, 1, 150] and forgotten == [0, 1]  # it has its turn, in the order of importance
        assert "out of time: computed 2, already there 0, remaining 2 (1 begun)" in said[-1]
        gate.set()
        said = swept(workers=Workers(pool, lambda: 1), budget=60)
    assert said[-1] == "demo: computed 2, already there 1" and forgotten == [0, 1, 150, 2]


def test_a_group_with_a_point_that_could_not_be_stored_is_not_forgotten(demo, threads):
    forgotten = []
    demo.run_resumable = lambda configs, device: [pd.DataFrame({"value": [1 / config.size]}) for config in configs]
    demo.forget = lambda configs, device: forgotten.extend(config.size for config in configs)
    demo.configurations = lambda profile: {"a": Config(1), "b": Config(2)}
    demo.CANARY = Config(4)
    keep = Store.keep

    def full(store, result):
        if result.point == "b":
            raise OSError("could not write: No space left on device")
        return keep(store, result)

    with pytest.MonkeyPatch.context() as patched, pytest.raises(OSError, match="No space"):
        patched.setattr(Store, "keep", full)
        swept(workers=threads)
    assert 2 not in forgotten


def test_what_runs_at_the_end_of_the_time_is_given_up(demo, monkeypatch):
    def run(config):
        end = time.monotonic() + 60 * (config.size > 0)
        while time.monotonic() < end:
            time.sleep(0.01)
        return pd.DataFrame({"value": [config.size]})

    demo.run = run
    monkeypatch.setattr(sweep, "GRACE", 0.1)
    start = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        said = swept(workers=Workers(pool, lambda: 2), budget=1)
    assert time.monotonic() - start < 40  # the threads have ended too
    assert said[-1] == "demo: out of time: computed 1, already there 0, remaining 3 (2 begun)"
