"""Results of experiments: stored ones where there are any, computed ones where there are none.

An experiment is a module of ``attention_atlas.experiments`` with ``NAME``, ``REVISION``, a frozen dataclass ``Config``,
``configurations(profile) -> {point: Config}`` in the order of importance, ``run(config) -> DataFrame`` and a small
``CANARY`` configuration whose stored result every run of the tests must reproduce. It may have more:

- ``report(config, table)``, where a paper tabulates less than is kept (:func:`report`);
- ``TOLERANCE``, how far another machine may be from a stored number, where that is more than rounding in float64;
- ``cost(config) -> float``, what a configuration costs beside others, for the time that a sweep will need;
- ``run_together(configs, device) -> DataFrames`` and ``alike(config)``, where configurations with equal
  ``alike`` cost less at once than one after the other, or a GPU helps (:func:`answer`);
- ``run_resumable(configs, device)`` and ``forget(configs, device)`` beside these, where a training keeps a checkpoint:
  the first goes on from it and leaves it, the second removes it once the results are stored (:func:`forget`).
"""

import dataclasses
import importlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pandas as pd

from attention_atlas.profiles import PROFILES, check_profile, rank
from attention_atlas.store import Result, Store, dump, key, machine, made, versions

CANARY_POINT = "canary"
ELSEWHERE = "could not be run here"  # as :func:`recompute` says of a text that this machine does not have


@dataclass(frozen=True)
class Results:
    """Points of one experiment as one tidy table (columns ``point`` and ``profile`` added) with a provenance line."""

    table: pd.DataFrame
    provenance: str


def obtain(
    experiment: ModuleType, profile: str, points: list[str] | None = None, store: Store | None = None
) -> Results:
    """The results of an experiment: stored ones at the highest profile there is, the others computed now.

    Parameters
    ----------
    experiment
        The experiment's module.
    profile
        Size at which missing points are computed; what is computed here is not stored (:func:`compute` stores).
    points
        Names of the points wanted; all of them by default.

    Raises
    ------
    ValueError
        If a point or the profile does not exist, or a stored file is broken.
    """
    store, profile = store or Store(), check_profile(profile)
    offered = {size: experiment.configurations(size) for size in PROFILES}
    wanted = list(offered[profile]) if points is None else points
    if unknown := [point for point in wanted if point not in offered[profile]]:
        raise ValueError(f"{experiment.NAME} has no point {unknown[0]!r}; allowed: {', '.join(offered[profile])}")
    found = []
    for point in wanted:
        stored = (store.get(experiment, offered[size][point]) for size in reversed(PROFILES))
        found.append(next((result for result in stored if result), None) or _run(experiment, point, profile))
    table = pd.concat([r.table.assign(point=r.point, profile=r.manifest["profile"]) for r in found], ignore_index=True)
    return Results(table, provenance(found))


def compute(experiment: ModuleType, point: str, profile: str, store: Store | None = None) -> Result:
    """Run one configuration at a profile and store its result."""
    kept = (store or Store()).keep(answer(experiment, [point], profile)[0])
    forget(experiment, [point], profile)
    return kept


def answer(experiment: ModuleType, points: list[str], profile: str, device: str = "cpu") -> list[Result]:
    """Compute points here and now, several of them together; nothing is stored.

    Parameters
    ----------
    experiment
        The experiment's module; it must have ``run_together`` for more than one point or another device than the CPU.
    points
        Names of points that are ``alike``.
    profile
        Size at which they are computed.
    device
        Where, as PyTorch names it.

    Returns
    -------
    list of Result
        One a point, in their order, each with the manifest of this machine and its share of the seconds. Whoever has
        stored them calls :func:`forget`.

    Raises
    ------
    ValueError
        If the experiment returned another number of tables than it was given points.
    """
    configs = [_config(experiment, point, profile) for point in points]
    start = time.perf_counter()
    if hasattr(experiment, "run_resumable"):
        tables = list(experiment.run_resumable(configs, device))
    elif len(points) == 1 and device == "cpu":
        tables = [experiment.run(configs[0])]
    else:
        tables = list(experiment.run_together(configs, device))
    if len(tables) != len(points):
        raise ValueError(f"{experiment.NAME}.run_together was given {len(points)} points, got {len(tables)} tables")
    seconds = (time.perf_counter() - start) / len(points)
    here = machine(device) | ({"together": len(points)} if len(points) > 1 else {})
    asked = zip(points, configs, tables, strict=True)
    return [made(experiment, point, config, table, profile, seconds, here) for point, config, table in asked]


def forget(experiment: ModuleType, points: list[str], profile: str, device: str = "cpu") -> None:
    """Remove what an experiment has kept to go on from, after its results are stored; on this machine only.

    Parameters
    ----------
    experiment, points, profile, device
        As of :func:`answer`, with the same points in the same order.
    """
    if hasattr(experiment, "forget"):
        experiment.forget([_config(experiment, point, profile) for point in points], device)


def recompute(result: Result) -> str:
    """Run a stored configuration again; say in a few words where it differs, or return an empty string.

    A difference means that code or a package changed what an experiment means: raise its ``REVISION`` or mend the code.

    Parameters
    ----------
    result
        What is stored.

    Notes
    -----
    A relative difference of 1e-9 counts as rounding; it leaves room for other summation orders in float64. An
    experiment in float32 gives its own ``TOLERANCE``, an absolute difference.
    """
    experiment = load_experiment(result.experiment)
    if result.manifest["revision"] != experiment.REVISION:
        return f"stored at revision {result.manifest['revision']}, the code is at {experiment.REVISION}"
    try:
        config = _restored(experiment, result)
    except (TypeError, ValueError) as error:  # its fields have changed and the revision has not
        return f"differs: the stored configuration is refused: {error}"
    try:
        table = experiment.run(config)
    except ValueError as error:  # what it needs is not here, such as the text of another version of Python
        return f"{ELSEWHERE}: {error}"
    again = json.loads(dump(Result(result.experiment, result.point, {}, table, {})))["table"]
    try:
        pd.testing.assert_frame_equal(
            pd.DataFrame(again),
            result.table,
            rtol=1e-9,
            atol=getattr(experiment, "TOLERANCE", 1e-12),
            check_dtype=False,
            check_exact=False,
        )
    except AssertionError as error:
        return "differs: " + " ".join(str(error).split())[:200]
    return ""


def stored(name: str, store: Store | None = None) -> pd.DataFrame:
    """What is stored of an experiment as one tidy table, each point at its highest profile; empty if nothing is.

    Only results of the latest stored revision count: a sweep half-way through a new revision mixes no two meanings.
    """
    tables = [r.table.assign(point=r.point, profile=r.manifest["profile"]) for r in best(name, store)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def report(name: str, store: Store | None = None) -> pd.DataFrame:
    """What is stored of an experiment as the paper tabulates it, with a column ``profile``; empty if nothing is.

    An experiment that keeps more than the paper prints says how to read the paper's numbers off a result by a function
    ``report(config, table) -> DataFrame``; of any other experiment this is what is :func:`stored`.
    """
    found = best(name, store)
    experiment = load_experiment(name) if found and name in _experiments() else None
    if not hasattr(experiment, "report"):
        return stored(name, store)
    tables = [experiment.report(_restored(experiment, r), r.table).assign(profile=r.manifest["profile"]) for r in found]
    return pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)


def load_experiment(name: str) -> ModuleType:
    """The module of an experiment, or a refusal that lists the experiments there are."""
    if name not in _experiments():
        raise ValueError(f"unknown experiment {name!r}; allowed: {', '.join(_experiments())}")
    return importlib.import_module(f"attention_atlas.experiments.{name}")


def _experiments() -> list[str]:
    return sorted(path.stem for path in (Path(__file__).parent / "experiments").glob("*.py") if path.stem != "__init__")


def best(name: str, store: Store | None) -> list[Result]:
    """The results of an experiment's latest stored revision, each point at its highest profile, by name."""
    store = store or Store()
    found = store.of(name)
    latest = max((result.manifest["revision"] for result in found), default=0)
    found = [r for r in found if r.manifest["revision"] == latest and r.point != CANARY_POINT]
    best = {r.point: r for r in sorted(found, key=lambda r: rank(r.manifest["profile"]))}
    return [best[point] for point in sorted(best)]


def _restored(experiment: ModuleType, result: Result) -> object:
    """The configuration of a stored result."""
    return experiment.Config(**{k: tuple(v) if isinstance(v, list) else v for k, v in result.config.items()})


def provenance(found: list[Result]) -> str:
    """One line that says where numbers come from: experiment, profile, keys, commit, versions."""
    first = found[0]
    profiles = "/".join(size for size in PROFILES if any(r.manifest["profile"] == size for r in found))
    keys = first.manifest["key"] if len(found) == 1 else f"{len(found)} results, first {first.manifest['key']}"
    made = " · ".join(
        dict.fromkeys(f"commit {r.manifest['commit']}, torch {r.manifest['versions']['torch']}" for r in found)
    )
    return f"{first.experiment} revision {first.manifest['revision']} · profile {profiles} · {keys} · {made}"


def _config(experiment: ModuleType, point: str, profile: str) -> object:
    return experiment.CANARY if point == CANARY_POINT else experiment.configurations(profile)[point]


def _run(experiment: ModuleType, point: str, profile: str) -> Result:
    config = _config(experiment, point, profile)
    start = time.perf_counter()
    table = experiment.run(config)
    manifest = {
        "key": key(experiment, config),
        "revision": experiment.REVISION,
        "profile": profile,
        "seconds": round(time.perf_counter() - start, 3),
        "commit": "computed live",
        "versions": versions(),
    }
    return Result(experiment.NAME, point, dataclasses.asdict(config), table, manifest)
