"""The results store: what goes in comes out, nothing half-written, nothing lost, nothing broken accepted."""

import dataclasses
import errno
import os
import subprocess
import sys
import time
from types import ModuleType

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attention_atlas import cli, files, results
from attention_atlas.profiles import PROFILES, check_profile
from attention_atlas.store import Store, dump, key, parse, read


@dataclasses.dataclass(frozen=True)
class Config:
    tokens: int = 5


def run(config):
    return pd.DataFrame({"token": range(config.tokens), "value": [index / 3 for index in range(config.tokens)]})


SIZES = {"smoke": 3, "quick": 5, "paper": 7}


def experiment(**changes):
    """An experiment module made by hand."""
    module = ModuleType("demo")
    contents = {"NAME": "demo", "REVISION": 1, "Config": Config, "run": run, "CANARY": Config(2)}
    vars(module).update(contents | {"configurations": lambda size: {"only": Config(SIZES[size])}} | changes)
    return module


EXPERIMENT = experiment()


def put(store, profile="quick", config=None):
    config = config or EXPERIMENT.configurations(profile)["only"]
    return store.put(EXPERIMENT, "only", config, run(config), profile, seconds=0.5)


def test_what_goes_in_comes_out_to_the_last_bit(tmp_path):
    store = Store(tmp_path)
    put(store)
    result = store.get(EXPERIMENT, Config(5))
    pd.testing.assert_frame_equal(result.table, run(Config(5)), check_exact=True)
    assert result.manifest["profile"] == "quick" and result.manifest["versions"]["torch"]
    assert store.get(EXPERIMENT, Config(6)) is None
    upside_down = store.put(EXPERIMENT, "only", Config(5), run(Config(5))[::-1], "quick", seconds=0.5)
    pd.testing.assert_frame_equal(store.get(EXPERIMENT, Config(5)).table, upside_down.table)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=False), min_size=1, max_size=7))
def test_any_finite_number_and_nan_survive(tmp_path_factory, numbers):
    store = Store(tmp_path_factory.mktemp("store"))
    table = pd.DataFrame({"value": numbers}, dtype=float)
    store.put(EXPERIMENT, "only", Config(), table, "quick", seconds=0.0)
    pd.testing.assert_frame_equal(store.get(EXPERIMENT, Config()).table.astype(float), table, check_exact=True)


def test_the_key_changes_with_configuration_and_revision_and_with_nothing_else():
    later = experiment(REVISION=2)
    assert key(EXPERIMENT, Config(5)) == key(EXPERIMENT, Config(5))
    assert len({key(EXPERIMENT, Config(5)), key(EXPERIMENT, Config(6)), key(later, Config(5))}) == 3


def test_a_lower_profile_never_replaces_a_higher_one(tmp_path):
    store = Store(tmp_path)
    put(store, "paper", Config(5))
    assert put(store, "smoke", Config(5)).manifest["profile"] == "paper"
    again = store.put(EXPERIMENT, "only", Config(5), run(Config(5)) * 2, "paper", seconds=0.0)  # an equal one does
    pd.testing.assert_frame_equal(store.get(EXPERIMENT, Config(5)).table, again.table)
    assert again.table["token"].tolist() == [0, 2, 4, 6, 8]
    assert put(Store(tmp_path / "other"), "smoke", Config(5)).manifest["profile"] == "smoke"  # the rule, not a constant


def test_obtain_prefers_the_highest_stored_profile_and_computes_what_is_missing(tmp_path):
    store = Store(tmp_path)
    live = results.obtain(EXPERIMENT, "smoke", store=store)
    assert len(live.table) == SIZES["smoke"] and "computed live" in live.provenance
    assert not list(tmp_path.rglob("*.json"))  # looking stores nothing
    results.compute(EXPERIMENT, "only", "paper", store)
    stored = results.obtain(EXPERIMENT, "smoke", store=store)
    assert len(stored.table) == SIZES["paper"] and "profile paper" in stored.provenance
    assert set(stored.table["profile"]) == {"paper"}
    results.compute(EXPERIMENT, "only", "quick", store)
    assert set(results.obtain(EXPERIMENT, "smoke", store=store).table["profile"]) == {"paper"}


def test_stored_skips_canaries_and_keeps_one_result_for_each_point(tmp_path):
    store = Store(tmp_path)
    for profile in PROFILES:
        put(store, profile)
    store.put(EXPERIMENT, results.CANARY_POINT, Config(2), run(Config(2)), "smoke", seconds=0.0)
    assert results.stored("demo", store)["profile"].tolist() == ["paper"] * SIZES["paper"]
    assert results.stored("nothing-of-that-name", store).empty


def test_stored_never_mixes_two_revisions(tmp_path):
    store, later = Store(tmp_path), experiment(REVISION=2)
    for point in ("one", "two"):
        store.put(EXPERIMENT, point, Config(len(point)), run(Config(3)), "paper", 0.0)
    store.put(EXPERIMENT, "two", Config(4), run(Config(3)), "paper", 0.0)
    store.put(later, "two", Config(4), run(Config(3)), "smoke", 0.0)  # the first point of a new sweep
    assert results.stored("demo", store)[["point", "profile"]].drop_duplicates().values.tolist() == [["two", "smoke"]]


def test_merging_takes_what_is_missing_or_better_and_keeps_where_it_was_made(tmp_path):
    here, there = Store(tmp_path / "here"), Store(tmp_path / "there")
    put(here, "paper", Config(5))
    put(there, "smoke", Config(5))
    put(there, "paper", Config(7))
    path = there.path(EXPERIMENT, Config(7))
    assert here.merge(there) == (1, 1)
    assert here.merge(there) == (0, 2)  # what is as good is kept
    assert here.path(EXPERIMENT, Config(7)).read_bytes() == path.read_bytes()
    assert here.get(EXPERIMENT, Config(5)).manifest["profile"] == "paper"


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda text: text[: len(text) // 2], id="cut off"),
        pytest.param(lambda text: text.replace("0.3333333333333333", "0.3333333333333334"), id="one digit changed"),
        pytest.param(lambda text: "", id="empty"),
        pytest.param(lambda text: "[]", id="another JSON"),
        pytest.param(lambda text: text.replace('"table"', '"tabel"'), id="a field renamed"),
    ],
)
def test_a_broken_file_is_refused_by_name_with_what_to_do(tmp_path, damage):
    store = Store(tmp_path)
    put(store)
    path = store.path(EXPERIMENT, Config(5))
    path.write_text(damage(path.read_text()))
    with pytest.raises(ValueError, match=rf"broken result .*{path.name}.*delete it"):
        read(path)
    with pytest.raises(ValueError, match="broken result"):
        results.stored("demo", store)


def test_an_infinite_value_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="column 'value' holds an infinite value"):
        Store(tmp_path).put(EXPERIMENT, "only", Config(), pd.DataFrame({"value": [float("inf")]}), "quick", 0.0)
    assert not list(tmp_path.rglob("*.*"))


def test_a_full_disk_leaves_the_old_file_and_no_part_of_the_new_one(tmp_path, monkeypatch):
    path = tmp_path / "page.txt"
    files.write(path, "old")

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"could not write .*page\.txt: No space left on device; nothing was changed"):
        files.write(path, "new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["page.txt"] and path.read_text() == "old"


def test_a_real_refusal_of_the_operating_system_leaves_nothing_behind(tmp_path):
    """Not a simulation: the process may write 1,000 bytes to a file and tries 100,000."""
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))\n"
        "from attention_atlas import files; files.write(sys.argv[1], b'x' * 100_000)"
    )
    run = subprocess.run([sys.executable, "-c", code, tmp_path / "big"], capture_output=True, text=True)
    assert "could not write" in run.stderr and not list(tmp_path.iterdir())


def test_what_a_killed_writer_left_half_written_is_no_result(tmp_path):
    store = Store(tmp_path)
    put(store)
    whole = store.path(EXPERIMENT, Config(5))
    whole.with_name(f"{files.PARTIAL}1-{whole.name}").write_text(whole.read_text()[:30])
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / f"{files.PARTIAL}1-0.json").touch()
    assert [result.point for result in store] == [result.point for result in store.of("demo")] == ["only"]
    assert store.experiments() == ["demo"] and len(results.stored("demo", store)) == 5
    assert Store(tmp_path / "new").merge(store) == (1, 0)


def test_a_result_made_elsewhere_is_kept_with_its_own_manifest(tmp_path):
    there = results.answer(EXPERIMENT, ["only"], "quick")[0]
    there = dataclasses.replace(there, manifest=there.manifest | {"commit": "elsewhere", "threads": 17})
    store = Store(tmp_path)
    assert store.keep(parse(dump(there))).manifest == there.manifest
    assert store.get(EXPERIMENT, Config(5)).manifest == there.manifest
    put(store, "paper", Config(5))
    assert store.keep(there).manifest["profile"] == "paper"  # a lower profile never replaces a higher one


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"digest": 1}', "nothing"])
def test_what_no_worker_can_have_sent_is_refused(text):
    with pytest.raises(ValueError):
        parse(text)


def test_leftovers_on_a_folder_that_machines_share_have_a_minute(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    leftover = tmp_path / f"{files.PARTIAL}{ended.pid}-result.json"
    leftover.touch()
    files.remove_partials(tmp_path, older=60)
    assert leftover.exists()
    os.utime(leftover, (time.time() - 61,) * 2)
    files.remove_partials(tmp_path, older=60)
    assert not leftover.exists()


def test_only_the_leftovers_of_dead_writers_are_removed(tmp_path):
    buried, zombie = (subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) for _ in range(2))
    buried.wait()
    zombie.stdout.read()  # its end has come; nobody has waited for it
    time.sleep(0.2)
    for process in (buried.pid, zombie.pid, os.getpid()):
        (tmp_path / f"{files.PARTIAL}{process}-page.ipynb").touch()
    files.remove_partials(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [f"{files.PARTIAL}{os.getpid()}-page.ipynb"]


def test_unknown_names_are_refused_with_the_allowed_ones(tmp_path):
    with pytest.raises(ValueError, match="unknown profile 'huge'; allowed: smoke, quick, paper"):
        check_profile("huge")
    with pytest.raises(ValueError, match="demo has no point 'other'; allowed: only"):
        results.obtain(EXPERIMENT, "quick", ["other"], Store(tmp_path))
    with pytest.raises(ValueError, match=r"unknown experiment 'demo'; allowed: "):
        results.load_experiment("demo")


def test_every_shipped_result_is_whole_and_of_an_experiment_that_exists():
    shipped = list(Store())  # reading refuses whatever is broken
    assert shipped
    for name in {result.experiment for result in shipped}:
        assert name == results.load_experiment(name).NAME


def test_a_result_under_the_name_of_another_is_refused(tmp_path):
    store = Store(tmp_path)
    put(store)
    store.path(EXPERIMENT, Config(5)).rename(store.path(EXPERIMENT, Config(6)))
    with pytest.raises(ValueError, match=f"broken result .*it is the result {key(EXPERIMENT, Config(5))}"):
        store.get(EXPERIMENT, Config(6))


def test_two_processes_that_write_one_result_leave_one_whole_file(tmp_path):
    code = (
        "import sys; from attention_atlas import files\n"
        "for _ in range(200): files.write(sys.argv[1], sys.argv[2] * 50_000)"
    )
    path = tmp_path / "result.json"
    writers = [subprocess.Popen([sys.executable, "-c", code, path, letter]) for letter in "ab"]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        seen |= {path.read_text()} if path.exists() else set()
    assert [writer.returncode for writer in writers] == [0, 0]
    assert seen | {path.read_text()} <= {"a" * 50_000, "b" * 50_000}
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.json"]


def test_a_result_of_a_later_revision_is_not_taken_for_an_answer_and_not_lost(tmp_path, monkeypatch):
    store, later = Store(tmp_path), experiment(REVISION=2)
    put(store, "paper")
    newer = store.put(later, "only", Config(5), run(Config(5)) * 2, "quick", seconds=0.0)
    assert "revision 1" in results.obtain(EXPERIMENT, "quick", store=store).provenance
    assert results.stored("demo", store)["profile"].unique().tolist() == ["quick"]  # the later one, though smaller
    monkeypatch.setattr(results, "load_experiment", lambda name: EXPERIMENT)
    assert results.recompute(newer) == "stored at revision 2, the code is at 1"


def test_a_configuration_that_the_code_no_longer_takes_does_not_reproduce(tmp_path, monkeypatch):
    result = put(Store(tmp_path))
    monkeypatch.setattr(
        results, "load_experiment", lambda name: experiment(Config=dataclasses.make_dataclass("Config", []))
    )
    assert results.recompute(result).startswith("differs: the stored configuration is refused: ")


@pytest.mark.parametrize("name", [p.stem for p in (files.ROOT / "lib/attention_atlas/experiments").glob("[a-z]*.py")])
def test_canaries_are_reproduced(name):
    """Fails when code changed what an experiment means and its revision stayed."""
    module = results.load_experiment(name)
    stored = Store().get(module, module.CANARY)
    assert stored, f"no canary stored for {name}: run python -m attention_atlas sweep {name} and look at what changed"
    assert results.recompute(stored) == ""


def test_negative_control_a_changed_experiment_does_not_reproduce(tmp_path, monkeypatch):
    store = Store(tmp_path)
    result = put(store)
    changed = experiment(run=lambda config: run(config) * (1 + 1e-8))
    monkeypatch.setattr(results, "load_experiment", lambda name: changed)
    assert results.recompute(result).startswith("differs")
    monkeypatch.setattr(results, "load_experiment", lambda name: EXPERIMENT)
    assert results.recompute(result) == ""


def test_what_cannot_be_recomputed_here_is_said_and_is_no_difference(tmp_path, monkeypatch, capsys):
    result = put(Store(tmp_path))

    def elsewhere(config):
        raise ValueError("the corpus here is another one")

    monkeypatch.setattr(results, "Store", lambda: [result])
    for changed, code, said in (
        (experiment(run=elsewhere), 0, "could not be run here: the corpus here is another one"),
        (experiment(run=lambda config: run(config) * 2), 1, "differs"),
    ):
        monkeypatch.setattr(results, "load_experiment", lambda name, module=changed: module)
        assert cli.main(["verify"]) == code
        assert said in capsys.readouterr().out
