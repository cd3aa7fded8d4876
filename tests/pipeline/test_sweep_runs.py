"""Sweeps as a user runs them: killed at random moments, two at once, out of time, interrupted."""

import os
import random
import re
import signal
import sys
import time

import pytest
from sweeps import PATIENCE, add_experiment, begun, processes, results, stored, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes where Linux keeps them")


def answers(project) -> dict:
    """What is stored, without when it was and how long it took."""
    return {
        point: (r.config, r.table.to_dict(), {k: v for k, v in r.manifest.items() if k not in ("date", "seconds")})
        for point, r in stored(project.root).items()
    }


def test_killed_twenty_times_nothing_is_lost_doubled_or_broken(project, tmp_path_factory):
    """Two sweeps at a time on one store, each killed at a random moment of its own, ten times over."""
    points, chance = 100, random.Random(20)
    add_experiment(project.root, points, 0.1)
    late = 0
    for _ in range(10):
        before = len(results(project.root))
        sweeps = [project.start("sweep", "waiting") for _ in range(2)]
        if chance.random() < 0.7:  # else somewhere while they start
            until(lambda: len(results(project.root)) > before, "a first result")  # noqa: B023
        for sweep in chance.sample(sweeps, 2):
            time.sleep(chance.uniform(0, 0.2))
            late += sweep.poll() is None and len(results(project.root)) > before
            sweep.kill()
            sweep.communicate()
    assert late >= 6  # of 20: the others were killed before anything was there
    until(lambda: not processes(project.root), "the workers end with their sweep")
    kept = answers(project)
    assert points > len(kept) > 0  # there is something left to do
    lost = len(begun(project.root)) - len(kept)
    assert lost <= 20  # at most what was running: a point for each sweep

    last = project.run("sweep", "waiting", "--jobs", 2)
    assert last.stdout.splitlines()[-1] == f"waiting: computed {points + 1 - len(kept)}, already there {len(kept) - 1}"

    undisturbed = type(project)(tmp_path_factory.mktemp("undisturbed"))
    add_experiment(undisturbed.root, points, 0.0)
    assert undisturbed.run("sweep", "waiting", "--jobs", 2).returncode == 0
    found = answers(project)
    assert len(found) == points + 1 and found == answers(undisturbed)
    assert kept.items() <= found.items()


def test_two_sweeps_at_once_share_the_work(project):
    add_experiment(project.root, 24, 0.1)
    sweeps = [project.start("sweep", "waiting", "--jobs", 1) for _ in range(2)]
    said = [sweep.communicate(timeout=PATIENCE)[0].splitlines()[-1] for sweep in sweeps]
    assert [sweep.returncode for sweep in sweeps] == [0, 0]
    assert sorted(begun(project.root)) == list(range(-1, 24))  # each once, the canary too
    assert len(stored(project.root)) == 25
    assert sum(int(line.split()[2].strip(",")) for line in said) == 25  # waiting: computed N, already there M


def test_at_the_end_of_the_time_what_runs_is_stopped_and_what_remains_is_said(project):
    add_experiment(project.root, 3, 600)
    run = project.run("sweep", "waiting", "--jobs", 2, "--time-budget", "3s")
    assert (run.returncode, run.stderr) == (0, "")
    said = r"waiting: out of time: computed (\d), already there 0, remaining (\d) \((\d) begun\)"
    computed, remaining, running = map(int, re.fullmatch(said, run.stdout.splitlines()[-1]).groups())
    assert computed + remaining == 4 and computed == len(stored(project.root)) <= 1 and running <= 2
    until(lambda: not processes(project.root), "what runs is stopped")


@pytest.fixture
def listening():
    """What is started now hears SIGINT, even where a shell started the tests in the background and had it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupted_sweep_stops_at_once_and_says_one_line(project, listening):
    add_experiment(project.root, 3, 600)
    sweep = project.start("sweep", "waiting", "--jobs", 2, start_new_session=True)
    until(lambda: len(begun(project.root)) == 3, "the canary and two points are begun")
    os.killpg(sweep.pid, signal.SIGINT)  # as Ctrl-C does: the workers get it too
    _, err = sweep.communicate(timeout=PATIENCE)
    assert (sweep.returncode, err) == (130, "interrupted; every finished page and result is kept\n")
    until(lambda: not processes(project.root), "what runs is stopped")


def test_a_killed_worker_ends_the_sweep_in_one_line_and_what_is_there_stays(project):
    add_experiment(project.root, 3, 600)
    sweep = project.start("sweep", "waiting")
    until(lambda: len(begun(project.root)) == 2, "the canary and a point are begun")
    (worker,) = (process for process, command in processes(project.root).items() if "spawn_main" in command)
    os.kill(worker, signal.SIGKILL)
    _, err = sweep.communicate(timeout=PATIENCE)
    assert sweep.returncode == 1 and err.startswith("failed: waiting: the workers are gone (BrokenProcessPool: ")
    assert err.count("\n") == 1 and list(stored(project.root)) == ["canary"]


def test_points_that_are_alike_are_computed_together_and_stored_one_by_one(project):
    add_experiment(project.root, 7, 0.0)
    run = project.run("sweep", "waiting", "--together", 3)
    assert run.returncode == 0, run.stderr
    assert begun(project.root) == [-1, 0, 2, 4, 1, 3, 5, 6]  # alike: even, odd; the canary and what is left alone
    found = stored(project.root)
    assert [found[f"point-{n:03d}"].manifest.get("together") for n in range(7)] == [3] * 6 + [None]
    assert all(result.table["number"].tolist() == [result.config["number"]] * 3 for result in found.values())
    assert found["point-003"].table["device"].tolist() == ["cpu"] * 3
