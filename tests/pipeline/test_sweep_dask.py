"""A sweep on a Dask cluster: a scheduler and two workers that share no folder with it, on this machine's loopback."""

import contextlib
import json
import os
import shutil
import subprocess
import sys

import pytest
from sweeps import PATIENCE, add_experiment, begun, results, stored, until

pytest.importorskip("distributed")
LOOPBACK = ["--host", "127.0.0.1", "--no-dashboard"]


class Cluster:
    """The processes of a cluster; workers have a project of their own, and a PyTorch of another version."""

    def __init__(self, project, folder):
        self.root, self.file, self.processes = folder, folder / "scheduler.json", []
        shutil.copytree(project.root / "lib", folder / "lib")
        (folder / "torch-9.9.9.dist-info").mkdir()
        (folder / "torch-9.9.9.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 9.9.9\n")
        paths = os.pathsep.join([str(folder), str(folder / "lib")])
        self.environment = os.environ | {"PYTHONPATH": paths, "ATTENTION_ATLAS_ROOT": str(folder)}

    def begin(self) -> None:
        self.scheduler = self.start("dask_scheduler", "--port", "0", "--scheduler-file", str(self.file))
        until(self.found, "the scheduler writes its file")
        worker = ("dask_worker", self.address, "--nthreads", "1", "--no-nanny", "--local-directory")
        self.workers = [self.start(*worker, str(self.root / f"worker-{number}")) for number in (1, 2)]

    def found(self) -> bool:
        """Whether the scheduler's file is there, and whole."""
        try:
            self.address = json.loads(self.file.read_text())["address"]
        except (FileNotFoundError, ValueError):
            return False
        return True

    def start(self, what: str, *arguments: str) -> subprocess.Popen:
        command = [sys.executable, "-m", f"distributed.cli.{what}", *arguments, *LOOPBACK]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.processes.append(subprocess.Popen(command, env=self.environment, cwd=self.root, **quiet))
        return self.processes[-1]

    def stop(self) -> None:
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()


@pytest.fixture
def cluster(project, tmp_path_factory):
    add_experiment(project.root, 14, 0.25)
    cluster = Cluster(project, tmp_path_factory.mktemp("cluster"))
    try:
        cluster.begin()
        yield cluster
    finally:
        cluster.stop()


def test_with_a_worker_killed_in_the_middle_the_sweep_completes_with_the_workers_manifests(project, cluster):
    sweep = project.start("sweep", "waiting", "--dask", cluster.address, "--together", 2)
    until(lambda: len(results(project.root)) >= 4, "first results")
    cluster.workers[0].kill()
    out, err = sweep.communicate(timeout=PATIENCE)
    assert (sweep.returncode, err) == (0, ""), out
    found = stored(project.root)
    assert len(found) == 15 and out.splitlines()[-1] == "waiting: computed 15, already there 0"
    assert not begun(project.root) and not (cluster.root / "data").exists()  # all done there, all stored here
    assert {result.manifest["versions"]["torch"] for result in found.values()} == {"9.9.9"}
    assert found["point-013"].table["value"].tolist() == [13 / 3, 13 / 7, 13 / 11]


def test_after_the_time_the_workers_are_free_and_without_its_scheduler_a_sweep_says_one_line(project, cluster):
    add_experiment(cluster.root, 14, 600)
    run = project.run("sweep", "waiting", "--dask", cluster.address, "--time-budget", "3s")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines()[-1].startswith("waiting: out of time: computed ")

    before = len(begun(cluster.root))
    sweep = project.start("sweep", "waiting", "--dask", cluster.address)
    until(lambda: len(begun(cluster.root)) >= before + 2, "both workers begin another point")
    cluster.scheduler.kill()
    _, err = sweep.communicate(timeout=PATIENCE)
    lost = (
        "failed: waiting: the workers are gone (CancelledError: ",
        "error: the Dask scheduler at ",
    )  # by what it sees
    assert sweep.returncode in (1, 2) and err.startswith(lost) and err.count("\n") == 1, err

    run = project.run("sweep", "waiting", "--dask", cluster.address)
    assert run.returncode == 2 and run.stderr.count("\n") == 1
    assert run.stderr.startswith(f"error: no Dask scheduler answers at {cluster.address}: ")
