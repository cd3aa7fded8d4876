"""Compute what the results store lacks of an experiment, several configurations at a time.

A result is stored as soon as it is there, so a sweep that is killed loses what it is working on and nothing else.
"""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from fnmatch import fnmatch
from multiprocessing import get_context

from attention_atlas import results
from attention_atlas.profiles import check_profile


def missing(name: str, profile: str, only: str = "*", store: results.Store | None = None) -> tuple[list[str], int]:
    """Points that the store lacks, in the experiment's order (the canary first), and how many it has.

    Parameters
    ----------
    name, profile : str
        Of the experiment, and the size.
    only : str
        A pattern for the names of points, such as ``maps-*``.
    store
        The project's own by default.

    Raises
    ------
    ValueError
        If the experiment or the profile is unknown, or no point has a name like that.
    """
    experiment, store = results.load_experiment(name), store or results.Store()
    points = experiment.configurations(check_profile(profile))
    wanted = {point: config for point, config in points.items() if fnmatch(point, only)}
    if not wanted:
        raise ValueError(f"{name} has no point like {only!r}; allowed: {', '.join(points)}")
    todo = [point for point, config in wanted.items() if store.get(experiment, config) is None]
    canary = [] if store.get(experiment, experiment.CANARY) else [results.CANARY_POINT]
    return canary + todo, len(wanted) - len(todo)


def sweep(name: str, profile: str, only: str = "*", jobs: int = 1, say: Callable[[str], None] = print) -> int:
    """Compute and store what is missing; say a line for every result, with the time that the rest will need.

    Parameters
    ----------
    name, profile, only
        See :func:`missing`.
    jobs : int
        Processes at a time, one thread each.
    say : callable
        What prints a line.

    Returns
    -------
    int
        How many results were computed.

    Raises
    ------
    ValueError
        If a name is unknown or `jobs` is not positive.
    """
    if jobs < 1:
        raise ValueError(f"--jobs takes a positive number, got {jobs}")
    todo, there = missing(name, profile, only)
    start, done = time.monotonic(), 0
    workers = min(jobs, len(todo) or 1)
    pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer=_begin, initargs=(os.getpid(),))
    try:
        running = {pool.submit(_compute, name, point, profile) for point in todo}
        while running:
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                done += 1
                rest = (time.monotonic() - start) / done * (len(todo) - done)
                say(f"{name} {future.result()}; {done} of {len(todo)}, about {rest / 60:.0f} min to go")
    finally:
        pool.shutdown(cancel_futures=True)
    say(f"{name}: computed {done}, already there {there}")
    return done


def _begin(parent: int) -> None:
    """Set a worker up: one thread, and no life of its own once the sweep is killed."""
    import torch

    torch.set_num_threads(1)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _compute(name: str, point: str, profile: str) -> str:
    experiment, store = results.load_experiment(name), results.Store()
    canary = point == results.CANARY_POINT
    config = experiment.CANARY if canary else experiment.configurations(profile)[point]
    if store.get(experiment, config):
        return f"{point}: another sweep was there first"
    result = results.compute(experiment, point, "smoke" if canary else profile, store)
    return f"{point}: {result.manifest['seconds']:.1f} s"
