"""The results store: one JSON file per configuration, named after its content, with the story of how it was made.

A result's key is a digest of experiment, revision and configuration, so that a changed question is another file, and
two machines that answer the same question write the same name.
"""

import dataclasses
import datetime
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pandas as pd

from attention_atlas import files
from attention_atlas.profiles import rank


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

    def put(
        self, experiment: ModuleType, point: str, config: object, table: pd.DataFrame, profile: str, seconds: float
    ) -> Result:
        """Store a result; a result of a higher profile stays as it is. Returns what the store now holds."""
        existing = self.get(experiment, config)
        if existing and rank(existing.manifest["profile"]) > rank(profile):
            return existing
        manifest = {
            "key": key(experiment, config),
            "revision": experiment.REVISION,
            "profile": profile,
            "seconds": round(seconds, 3),
            **_machine(),
        }
        result = Result(experiment.NAME, point, dataclasses.asdict(config), table.reset_index(drop=True), manifest)
        files.write(self.path(experiment, config), dump(result))
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
            if mine and rank(mine.manifest["profile"]) >= rank(result.manifest["profile"]):
                kept += 1
            else:
                files.write(path, dump(result))
                taken += 1
        return taken, kept


def read(path: Path) -> Result:
    """Read one stored result.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is broken: not JSON, a field missing, changed since it was written, or under another result's name.
    """
    # open() and not path.exists(): the executor traces the attempt, so that a result that appears later is a change
    with open(path, "rb") as file:
        content = file.read()
    try:
        body = json.loads(content)
        if body.pop("digest") != _digest(body):
            raise ValueError("content does not match its digest")
        if body["manifest"]["key"] != Path(path).stem:
            raise ValueError(f"it is the result {body['manifest']['key']}")
        table = pd.DataFrame(body["table"])
        return Result(body["experiment"], body["point"], body["config"], table, body["manifest"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"broken result {files.relative(path)} ({error}); restore it with git or delete it to compute it again"
        ) from None


def dump(result: Result) -> str:
    """The text of a result's file, which :func:`read` reads back to the last bit."""
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


def versions() -> dict[str, str]:
    """Of Python and of the packages that decide what a number is."""
    return {"python": platform.python_version()} | {
        name: metadata.version(name) for name in ("torch", "numpy", "pandas")
    }


def _machine() -> dict:
    """Commit, versions, device, threads and date: what a reader needs to judge where a number was made."""
    torch = sys.modules.get("torch")
    device = torch.cuda.get_device_name() if torch and torch.cuda.is_available() else platform.machine()
    return {
        "commit": (_git("rev-parse", "--short=12", "HEAD") or "unknown")
        + ("+changes" if _git("status", "--porcelain", "lib") else ""),
        "versions": versions(),
        "device": device,
        "threads": torch.get_num_threads() if torch else 1,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


def _git(*arguments: str) -> str:
    """What git says of the project; empty on a machine without git."""
    try:
        command = ["git", "-C", str(files.ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""
