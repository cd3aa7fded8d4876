"""An experiment that takes as long as it is told to, in a small project of its own."""

import os
import time
from pathlib import Path

from attention_atlas.store import Result, read

PATIENCE = 120  # seconds that a busy machine may take for what takes a few
# No PyTorch: a process is ready in a second. What it begins it writes down, so that a test sees work done twice.
EXPERIMENT = '''"""Points that wait."""

import time
from dataclasses import dataclass

import pandas as pd

from attention_atlas import files

NAME, REVISION = "waiting", 1
POINTS, SECONDS = {points}, {seconds}


@dataclass(frozen=True)
class Config:
    number: int


CANARY = Config(-1)


def configurations(profile):
    return {{f"point-{{number:03d}}": Config(number) for number in range(POINTS)}}


def run(config):
    with open(files.ROOT / "begun.txt", "a") as log:
        log.write(f"{{config.number}}\\n")
    end = time.monotonic() + (SECONDS if config != CANARY else 0)
    while time.monotonic() < end:
        time.sleep(0.01)
    return pd.DataFrame({{"number": [config.number] * 3, "value": [config.number / d for d in (3, 7, 11)]}})


def run_together(configs, device):
    yield from (run(config).assign(device=device) for config in configs)


def alike(config):
    return config.number % 2
'''


def add_experiment(root: Path, points: int, seconds: float) -> None:
    """Give a project the experiment ``waiting``."""
    module = root / "lib/attention_atlas/experiments/waiting.py"
    module.write_text(EXPERIMENT.format(points=points, seconds=seconds))


def results(root: Path) -> list[Path]:
    """The files of its results; cheap enough to ask all the time."""
    return list((root / "data/results/waiting").glob("[0-9a-f]*.json"))


def stored(root: Path) -> dict[str, Result]:
    """What is stored, by point; a broken or doubled result is an error."""
    found = [read(path) for path in results(root)]
    by_point = {result.point: result for result in found}
    assert len(by_point) == len(found)
    return by_point


def begun(root: Path) -> list[int]:
    """Numbers of the points that were begun, as often as they were."""
    log = root / "begun.txt"
    return [int(line) for line in log.read_text().splitlines()] if log.exists() else []


def processes(root: Path) -> dict[int, str]:
    """Those that work in a project, by the mark in their environment, and their command lines."""
    mark, found = f"ATTENTION_ATLAS_ROOT={root}".encode(), {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if int(process.name) != os.getpid() and mark in (process / "environ").read_bytes().split(b"\0"):
                found[int(process.name)] = (process / "cmdline").read_text()
        except OSError:  # it ended meanwhile
            continue
    return found


def until(condition, what: str) -> None:
    """Wait until something is so; an error if it takes far longer than on a busy machine."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"not within {PATIENCE} s: {what}"
        time.sleep(0.05)
