"""The results store: one JSON file per configuration, named after its content, with the story of how it was made.

An experiment is a module of ``attention_atlas.experiments`` with ``NAME``, ``REVISION``, a frozen dataclass ``Config``,
``configurations(profile) -> {point: Config}``, ``run(config) -> DataFrame`` and a small ``CANARY`` configuration.
A result's key is a digest of experiment, revision and configuration, so that a changed question is another file,
and two machines that answer the same question write the same name.
"""

import dataclasses
import datetime
import importlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pandas as pd

from attention_atlas import files

PROFILES = ("smoke", "quick", "paper")
CANARY_POINT = "canary"


@dataclass(frozen=True)
class Result:
    """One stored or freshly computed result.

    Parameters
    ----------
    experiment, point
        The experiment's name and the name of the configuration within it.
    config
        The configuration as plain values.
    table
        Tidy: one row per observation.
    manifest
        How it was made: key, revision, profile, commit, versions, device, threads, seconds, date.
    """

    experiment: str
    point: str
    config: dict
    table: pd.DataFrame
    manifest: dict


@dataclass(frozen=True)
class Results:
    """The points of one experiment as one tidy table (columns ``point`` and ``profile`` added) with a provenance line."""

    table: pd.DataFrame
    provenance: str


def check_profile(profile: str) -> str:
    """Return the profile, or refuse an unknown one."""
    if profile not in PROFILES:
        raise ValueError(f"unknown profile {profile!r}; allowed: {', '.join(PROFILES)}")
    return profile


def key(experiment: ModuleType, config: object) -> str:
    """Content address of a result: 16 hexadecimal digits from experiment, revision and configuration."""
    question = {"experiment": experiment.NAME, "revision": experiment.REVISION, "config": dataclasses.asdict(config)}
    return files.digest(json.dumps(question, sort_keys=True).encode())[:16]


class Store:
    """Results in a folder: ``<root>/<experiment>/<key>.json``.

    Parameters
    ----------
    root
        The folder; ``data/results`` of the project by default. Several processes and machines may write to it:
        every file is written whole under a name that only its content decides.
    """

    def __init__(self, root: Path | None = None):
        self.root = Path(root or os.environ.get("ATTENTION_ATLAS_RESULTS") or files.ROOT / "data" / "results")

    def path(self, experiment: ModuleType, config: object) -> Path:
        """Where the result of a configuration lies, or would lie."""
        return self.root / experiment.NAME / f"{key(experiment, config)}.json"

    def get(self, experiment: ModuleType, config: object) -> Result | None:
        """The stored result of a configuration; None if there is none.

        Raises
        ------
        ValueError
            If the file is there but broken.
        """
        try:
            return read(self.path(experiment, config))
        except FileNotFoundError:
            return None

    def put(self, experiment: ModuleType, point: str, config: object, table: pd.DataFrame, profile: str, seconds: float):
        """Store a result; a result of a higher profile stays as it is. Returns what the store now holds."""
        existing = self.get(experiment, config)
        if existing and PROFILES.index(existing.manifest["profile"]) > PROFILES.index(check_profile(profile)):
            return existing
        manifest = {
            "key": key(experiment, config),
            "revision": experiment.REVISION,
            "profile": profile,
            "seconds": round(seconds, 3),
            **_machine(),
        }
        result = Result(experiment.NAME, point, dataclasses.asdict(config), table.reset_index(drop=True), manifest)
        files.write(self.path(experiment, config), _dump(result))
        return result

    def __iter__(self) -> Iterator[Result]:
        """Every stored result, by experiment and key."""
        for path in sorted(self.root.glob("*/*.json")):
            yield read(path)

    def experiments(self) -> list[str]:
        """Names of the experiments with at least one stored result."""
        return sorted(folder.name for folder in self.root.glob("*") if any(folder.glob("*.json")))

    def merge(self, other: "Store") -> tuple[int, int]:
        """Take over what another store has and this one lacks or has at a lower profile, manifests included.

        Returns
        -------
        (taken, kept)
            How many results were taken, and how many stayed as they were.
        """
        taken = kept = 0
        for result in other:
            path = self.root / result.experiment / f"{result.manifest['key']}.json"
            mine = read(path) if path.exists() else None
            if mine and PROFILES.index(mine.manifest["profile"]) >= PROFILES.index(result.manifest["profile"]):
                kept += 1
            else:
                files.write(path, _dump(result))
                taken += 1
        return taken, kept


def obtain(experiment: ModuleType, profile: str, points: list[str] | None = None, store: Store | None = None) -> Results:
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
    store = store or Store()
    offered = {size: experiment.configurations(size) for size in PROFILES}
    wanted = list(offered[check_profile(profile)]) if points is None else points
    if unknown := [point for point in wanted if point not in offered[profile]]:
        raise ValueError(f"{experiment.NAME} has no point {unknown[0]!r}; allowed: {', '.join(offered[profile])}")
    found = []
    for point in wanted:
        stored = (store.get(experiment, offered[size][point]) for size in reversed(PROFILES))
        found.append(next((result for result in stored if result), None) or _run(experiment, point, profile))
    table = pd.concat(
        [r.table.assign(point=r.point, profile=r.manifest["profile"]) for r in found], ignore_index=True
    )
    return Results(table, provenance(found))


def compute(experiment: ModuleType, point: str, profile: str, store: Store | None = None) -> Result:
    """Run one configuration at a profile and store its result."""
    result = _run(experiment, point, profile)
    config = experiment.CANARY if point == CANARY_POINT else experiment.configurations(profile)[point]
    return (store or Store()).put(experiment, point, config, result.table, profile, result.manifest["seconds"])


def recompute(result: Result, tolerance: float = 1e-9) -> str:
    """Run a stored configuration again; say in a few words where it differs, or return an empty string.

    A difference means that code or a package changed what an experiment means: raise its ``REVISION``, or mend the code.

    Parameters
    ----------
    result
        What is stored.
    tolerance
        Largest relative difference that counts as rounding; 1e-9 leaves room for other summation orders in float64.
    """
    experiment = load_experiment(result.experiment)
    if result.manifest["revision"] != experiment.REVISION:
        return f"stored at revision {result.manifest['revision']}, the code is at {experiment.REVISION}"
    config = experiment.Config(**{k: tuple(v) if isinstance(v, list) else v for k, v in result.config.items()})
    again = json.loads(_dump(Result(result.experiment, result.point, {}, experiment.run(config), {})))["table"]
    try:
        pd.testing.assert_frame_equal(
            pd.DataFrame(again), result.table, rtol=tolerance, atol=1e-12, check_dtype=False, check_exact=False
        )
    except AssertionError as error:
        return "differs: " + " ".join(str(error).split())[:200]
    return ""


def stored(name: str, store: Store | None = None) -> pd.DataFrame:
    """What is stored of an experiment as one tidy table, each point at its highest profile; empty if nothing is."""
    store = store or Store()
    best: dict[str, Result] = {}
    for path in sorted((store.root / name).glob("*.json")):
        result = read(path)
        rank = (result.manifest["revision"], PROFILES.index(result.manifest["profile"]))
        held = best.get(result.point)
        if result.point != CANARY_POINT and (
            held is None or rank > (held.manifest["revision"], PROFILES.index(held.manifest["profile"]))
        ):
            best[result.point] = result
    tables = [r.table.assign(point=r.point, profile=r.manifest["profile"]) for r in best.values()]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def load_experiment(name: str) -> ModuleType:
    """The module of an experiment, or a refusal that lists the experiments there are."""
    folder = Path(__file__).parent / "experiments"
    allowed = sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    if name not in allowed:
        raise ValueError(f"unknown experiment {name!r}; allowed: {', '.join(allowed)}")
    return importlib.import_module(f"attention_atlas.experiments.{name}")


def provenance(found: list[Result]) -> str:
    """One line that says where numbers come from: experiment, profile, keys, commit, versions."""
    first = found[0]
    profiles = "/".join(size for size in PROFILES if any(r.manifest["profile"] == size for r in found))
    keys = first.manifest["key"] if len(found) == 1 else f"{len(found)} results, first {first.manifest['key']}"
    made = " · ".join(dict.fromkeys(f"commit {r.manifest['commit']}, torch {r.manifest['versions']['torch']}" for r in found))
    return f"{first.experiment} revision {first.manifest['revision']} · profile {profiles} · {keys} · {made}"


def read(path: Path) -> Result:
    """Read one stored result.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is broken: not JSON, a field missing, or changed since it was written.
    """
    # open() and not path.exists(): the attempt itself is what the executor traces, so a result that appears later counts
    with open(path, "rb") as file:
        content = file.read()
    try:
        body = json.loads(content)
        if body.pop("digest") != _digest(body):
            raise ValueError("content does not match its digest")
        table = pd.DataFrame(body["table"])
        return Result(body["experiment"], body["point"], body["config"], table, body["manifest"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"broken result {files.relative(path)} ({error}); restore it with git or delete it to compute it again"
        ) from None


def _run(experiment: ModuleType, point: str, profile: str) -> Result:
    config = experiment.CANARY if point == CANARY_POINT else experiment.configurations(profile)[point]
    start = time.perf_counter()
    table = experiment.run(config)
    manifest = {
        "key": key(experiment, config),
        "revision": experiment.REVISION,
        "profile": profile,
        "seconds": round(time.perf_counter() - start, 3),
        "commit": "computed live",
        "versions": _versions(),
    }
    return Result(experiment.NAME, point, dataclasses.asdict(config), table, manifest)


def _dump(result: Result) -> str:
    body = {
        "experiment": result.experiment,
        "point": result.point,
        "config": result.config,
        "manifest": result.manifest,
        "table": {str(column): _plain(values) for column, values in result.table.items()},
    }
    return json.dumps({**body, "digest": _digest(body)}, separators=(",", ":"), allow_nan=False) + "\n"


def _plain(values: pd.Series) -> list:
    """A column as JSON can hold it exactly: NaN becomes null; an infinite value has no place in a table."""
    if pd.api.types.is_float_dtype(values) and values.abs().eq(float("inf")).any():
        raise ValueError(f"column {values.name!r} holds an infinite value; allowed: finite numbers and NaN")
    return [None if value != value else value for value in values.tolist()]


def _digest(body: dict) -> str:
    return files.digest(json.dumps(body, sort_keys=True).encode())


def _versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {name: metadata.version(name) for name in ("torch", "numpy", "pandas")}


def _machine() -> dict:
    """Commit, versions, device, threads and date: what a reader needs to judge where a number was made."""
    git = ["git", "-C", str(files.ROOT)]
    try:
        commit = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True).stdout.strip()
        changed = subprocess.run([*git, "status", "--porcelain", "lib"], capture_output=True, text=True).stdout.strip()
    except OSError:  # a bare machine without git
        commit, changed = "", ""
    torch = sys.modules.get("torch")
    device = torch.cuda.get_device_name() if torch and torch.cuda.is_available() else platform.machine()
    return {
        "commit": (commit or "unknown") + ("+changes" if changed else ""),
        "versions": _versions(),
        "device": device,
        "threads": torch.get_num_threads() if torch else 1,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
