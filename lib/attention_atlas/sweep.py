"""Compute what the results store lacks of an experiment, on any executor.

Workers send back what they computed, with their own manifest, and the sweep's process stores it at once. So workers
need not share a file system, and a sweep that is killed loses what it is working on and nothing else.
"""

import itertools
import math
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from dataclasses import dataclass
from types import ModuleType

from attention_atlas import executors, files, results
from attention_atlas.estimates import Pace, spell
from attention_atlas.executors import Workers
from attention_atlas.planning import groups, missing
from attention_atlas.reservations import Reservations
from attention_atlas.store import dump, key, parse

GLANCE = 1.0  # seconds after which a sweep looks for new workers, free points and the time
GRACE = 5.0  # seconds that a worker of a cluster gets beyond the budget before it stops by itself


def sweep(
    name: str,
    profile: str,
    only: str | Sequence[str] = "*",
    jobs: int = 1,
    say: Callable[[str], None] = print,
    workers: Workers | None = None,
    device: str = "cpu",
    together: int = 1,
    budget: float = math.inf,
) -> int:
    """Compute and store what is missing; say a line for every result, with the time that the rest will need.

    Parameters
    ----------
    name, profile, only
        See :func:`attention_atlas.planning.missing`.
    jobs : int
        Local processes at a time, one thread each.
    say : callable
        What prints a line.
    workers : Workers, optional
        What computes instead of local processes.
    device : str
        Where the points are computed: ``cpu``, or ``cuda`` for an experiment with ``run_together``.
    together : int
        How many points that are alike are computed as one job, by an experiment with ``run_together``.
    budget : float
        Seconds after which the sweep ends; nothing is started that is not expected to finish by then, unless the
        experiment goes on from a checkpoint: then the most important point is started, however long it takes.

    Returns
    -------
    int
        How many results were computed.

    Raises
    ------
    ValueError
        If a name is unknown, or a number or the device impossible.
    RuntimeError
        If points failed, when all others are done; or if the workers are gone, at once.
    """
    for option, number in (("--jobs", jobs), ("--together", together)):
        if number < 1:
            raise ValueError(f"{option} takes a positive number, got {number}")
    todo, there = missing(name, profile, only)
    experiment = results.load_experiment(name)
    executors.check_device(device, here=workers is None)
    several = hasattr(experiment, "run_together")
    if device != "cpu" and not several:
        raise ValueError(f"{name} is computed on the CPU only, got --device {device}")
    run = _Sweep(experiment, profile, todo, there, say, device, together if several else 1, time.monotonic() + budget)
    if workers is not None:
        return run.run(workers)
    with executors.local(min(jobs, len(todo) or 1)) as workers:
        return run.run(workers)


@dataclass(frozen=True)
class _Job:
    """Points that a worker is computing together, and since when."""

    points: list[str]
    start: float


@dataclass
class _Sweep:
    """One sweep and how far it is."""

    experiment: ModuleType
    profile: str
    todo: list[str]
    there: int
    say: Callable[[str], None]
    device: str
    together: int
    end: float

    def __post_init__(self):
        self.name, self.total, self.store = self.experiment.NAME, len(self.todo), results.Store()
        offered = self.experiment.configurations(self.profile) | {results.CANARY_POINT: self.experiment.CANARY}
        self.configs = {point: offered[point] for point in self.todo}
        self.keys = {point: key(self.experiment, config) for point, config in self.configs.items()}
        alike = self.experiment.alike if self.together > 1 else None
        self.waiting = groups(self.configs, alike, self.together)
        self.running: dict[Future, _Job] = {}
        self.failed: list[str] = []
        self.computed = self.elsewhere = 0
        self.pace = Pace()
        self.resumes = hasattr(self.experiment, "run_resumable")  # a point that is stopped is not lost

    def run(self, workers: Workers) -> int:
        """Go on until nothing is left or no time; returns how many results were computed."""
        files.remove_partials(self.store.root / self.name, older=60)
        with Reservations(self.store.root) as self.reservations:
            try:
                self._work(workers)
            finally:
                for future in self.running:
                    future.cancel()
        counts = f"computed {self.computed}, already there {self.there}"
        counts += f", computed by another sweep {self.elsewhere}" if self.elsewhere else ""
        if left := sum(map(len, self.waiting)) + self._begun():
            rest = f"remaining {left} ({self._begun()} begun){self._rest(workers)}"
            self.say(f"{self.name}: out of time: {counts}, {rest}")
        else:
            self.say(f"{self.name}: {counts}")
        if self.failed:
            raise RuntimeError(f"{self.name}: {len(self.failed)} of {self.total} failed, first {self.failed[0]}")
        return self.computed

    def _work(self, workers: Workers) -> None:
        while (self.waiting or self.running) and time.monotonic() < self.end:
            taken = self._start(workers)
            if self.running:
                glance = min(GLANCE, max(self.end - time.monotonic(), 0))
                self._receive(workers, wait(self.running, glance, FIRST_COMPLETED).done)
            elif taken:
                time.sleep(GLANCE)  # for the other sweep
            elif self.waiting:
                break  # nothing would be ready in time
        self._receive(workers, wait(self.running, 0).done)

    def _start(self, workers: Workers) -> bool:
        """Give the workers what they have room for; says whether another sweep is at work on what else there is."""
        taken = False
        while len(self.running) < workers.slots():
            points, taken = self._next()
            if not points:
                break
            profile, device = self._where(points)
            limit = None if math.isinf(self.end) else self.end - time.monotonic() + GRACE
            future = workers.executor.submit(_answer, self.name, points, profile, device, limit)
            self.running[future] = _Job(points, time.monotonic())
        return taken

    def _next(self) -> tuple[list[str], bool]:
        """The most important points to start now, and whether some may not because another sweep has them."""
        taken = False
        for group in list(self.waiting):
            if not self.resumes and time.monotonic() + self._expected(group) > self.end:
                continue
            reserved = list(itertools.takewhile(lambda point: self.reservations.take(self.keys[point]), group))
            if len(reserved) < len(group):
                self._give(reserved)
                taken = True
                continue
            self.waiting.remove(group)
            there = [point for point in group if self.store.get(self.experiment, self.configs[point])]
            self.elsewhere += len(there)  # another sweep was there first
            self._give(there)
            if left := [point for point in group if point not in there]:
                return left, taken
        return [], taken

    def _give(self, points: list[str]) -> None:
        for point in points:
            self.reservations.give(self.keys[point])

    def _begun(self) -> int:
        return sum(len(job.points) for job in self.running.values())

    def _receive(self, workers: Workers, finished: set[Future]) -> None:
        """Store what came, before anything that went wrong is said."""
        gone = None
        for future in finished:
            job = self.running.pop(future)
            try:
                answers = future.result()
            except (BrokenExecutor, CancelledError) as error:
                gone = error
                continue
            except Exception as error:
                answers = [error] * len(job.points)
            for point, answer in zip(job.points, answers, strict=True):
                said = self._keep(point, answer)
                self._give([point])
                done = self.total - sum(map(len, self.waiting)) - self._begun()
                self.say(f"{self.name} {point}: {said}; {done} of {self.total}{self._rest(workers)}")
            if not any(isinstance(answer, Exception) for answer in answers):
                results.forget(self.experiment, job.points, *self._where(job.points))  # all of them are stored
        if gone:
            raise RuntimeError(
                f"{self.name}: the workers are gone ({type(gone).__name__}: a process was killed, the memory was full, "
                "or the cluster is down); what is finished is stored, the next sweep goes on from there"
            )

    def _keep(self, point: str, answer: str | Exception) -> str:
        """Store what a worker sent; says in a few words what it was."""
        result = answer if isinstance(answer, Exception) else parse(answer)
        if not isinstance(result, Exception) and result.manifest["key"] != self.keys[point]:
            result = ValueError("the worker has another version of the experiment")
        if isinstance(result, Exception):
            said = f"{type(result).__name__}: {' '.join(str(result).split())[:300]}"
            self.failed.append(f"{point}: {said}")
            return f"failed: {said}"
        self.store.keep(result)
        self.computed += 1
        seconds, together = result.manifest["seconds"], result.manifest.get("together", 1)
        if point != results.CANARY_POINT:
            self.pace.add(self._cost(point), seconds)
        return f"{seconds:.1f} s" + (f" ({together} together)" if together > 1 else "")

    def _where(self, points: list[str]) -> tuple[str, str]:
        """Size and device of some points: the canary is small and on the CPU."""
        return ("smoke", "cpu") if points == [results.CANARY_POINT] else (self.profile, self.device)

    def _cost(self, point: str) -> float:
        return self.experiment.cost(self.configs[point]) if hasattr(self.experiment, "cost") else 1.0

    def _expected(self, points: list[str]) -> float:
        """Seconds that points will take as one job; 0 as long as nobody knows, and for the canary."""
        return sum(self.pace.expected(self._cost(p)) or 0.0 for p in points if p != results.CANARY_POINT)

    def _rest(self, workers: Workers) -> str:
        """How long the rest will take, in words; nothing if there is no rest or nobody knows."""
        now = time.monotonic()
        begun = [max(self._expected(job.points) - (now - job.start), 0.0) for job in self.running.values()]
        jobs = begun + [self._expected(group) for group in self.waiting]
        if not any(jobs):
            return ""
        return f", about {spell(max(sum(jobs) / min(len(jobs), workers.slots()), *jobs))} to go"


def _answer(name: str, points: list[str], profile: str, device: str, limit: float | None) -> list[str | Exception]:
    """What a worker does: compute points and send each back as the text of its file, or what is wrong with it."""
    experiment = results.load_experiment(name)
    if torch := sys.modules.get("torch"):  # after the experiment, which has imported it if it needs it
        torch.set_num_threads(1)
    with executors.at_most(limit):
        found = results.answer(experiment, points, profile, device)
    return [_text(result) for result in found]


def _text(result: results.Result) -> str | Exception:
    try:
        return dump(result)
    except ValueError as error:
        return error
