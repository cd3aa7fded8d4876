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
        How it was made: key, revision, profile, commit, versions, device, threads, seconds, date; and how many points
        were computed ``together``, each with its share of the seconds, where that was more than one.
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


def made(
    experiment: ModuleType,
    point: str,
    config: object,
    table: pd.DataFrame,
    profile: str,
    seconds: float,
    machine: dict,
) -> Result:
    """A fresh result with its manifest.

    Parameters
    ----------
    experiment, point, config, profile
        What was asked.
    table
        What came out.
    seconds
        How long it took.
    machine
        Where: what :func:`machine` says.
    """
    manifest = {
        "key": key(experiment, config),
        "revision": experiment.REVISION,
        "profile": profile,
        "seconds": round(seconds, 3),
        **machine,
    }
    return Result(experiment.NAME, point, dataclasses.asdict(config), table.reset_index(drop=True), manifest)


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
        """Store what was computed here; a result of a higher profile stays as it is. Returns what the store holds."""
        return self.keep(made(experiment, point, config, table, profile, seconds, machine()))

    def keep(self, result: Result) -> Result:
        """Store a result with the manifest it has, wherever it was made; a result of a higher profile stays as it is.

        Returns
        -------
        Result
            What the store now holds.
        """
        existing = self._held(result)
        if existing and rank(existing.manifest["profile"]) > rank(result.manifest["profile"]):
            return existing
        files.write(self._place(result), dump(result))
        return result

    def of(self, name: str) -> list[Result]:
        """Every stored result of one experiment, by key."""
        return [read(path) for path in self._paths(name)]

    def __iter__(self) -> Iterator[Result]:
        """Every stored result, by experiment and key."""
        for name in self.experiments():
            yield from self.of(name)

    def experiments(self) -> list[str]:
        """Names of the experiments with at least one stored result."""
        return sorted(folder.name for folder in self.root.glob("*") if self._paths(folder.name))

    def _paths(self, name: str) -> list[Path]:
        """The files of one experiment; what a killed writer left half-written is none of them."""
        found = (self.root / name).glob("*.json")
        return sorted(path for path in found if not path.name.startswith(files.PARTIAL))

    def _place(self, result: Result) -> Path:
        return self.root / result.experiment / f"{result.manifest['key']}.json"

    def _held(self, result: Result) -> Result | None:
        """What the store has in the place of a result."""
        path = self._place(result)
        return read(path) if path.exists() else None

    def merge(self, other: "Store") -> tuple[int, int]:
        """Take over what another store has and this one lacks or has at a lower profile, manifests included.

        Returns
        -------
        (taken, kept)
            How many results were taken, and how many stayed as they were.
        """
        taken = kept = 0
        for result in other:
            mine = self._held(result)
            if mine and rank(mine.manifest["profile"]) >= rank(result.manifest["profile"]):
                kept += 1
            else:
                self.keep(result)
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
        result = parse(content)
        if result.manifest["key"] != Path(path).stem:
            raise ValueError(f"it is the result {result.manifest['key']}")
        return result
    except ValueError as error:
        raise ValueError(
            f"broken result {files.relative(path)} ({error}); restore it with git or delete it to compute it again"
        ) from None


def parse(content: bytes | str) -> Result:
    """The result that :func:`dump` wrote.

    Raises
    ------
    ValueError
        If the text is not JSON, a field is missing, or it was changed since it was written.

    Examples
    --------
    >>> result = Result("demo", "a", {"size": 1}, pd.DataFrame({"value": [1 / 3]}), {"key": "0"})
    >>> float(parse(dump(result)).table["value"][0]) == 1 / 3
    True
    """
    try:
        body = json.loads(content)
        if body.pop("digest") != _digest(body):
            raise ValueError("content does not match its digest")
        body["manifest"]["key"]  # every result has one
        table = pd.DataFrame(body["table"])
        return Result(body["experiment"], body["point"], body["config"], table, body["manifest"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(str(error)) from None


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


def machine(device: str = "cpu") -> dict:
    """Commit, versions, device, threads and date: what a reader needs to judge where a number was made.

    Parameters
    ----------
    device : str
        What the numbers were computed on, as PyTorch names it: ``cpu``, ``cuda``, ``cuda:1``.
    """
    torch = sys.modules.get("torch")
    on_gpu = device != "cpu" and torch and torch.cuda.is_available()
    return {
        "commit": (_git("rev-parse", "--short=12", "HEAD") or "unknown")
        + ("+changes" if _git("status", "--porcelain", "lib") else ""),
        "versions": versions(),
        "device": torch.cuda.get_device_name(device) if on_gpu else platform.machine(),
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
