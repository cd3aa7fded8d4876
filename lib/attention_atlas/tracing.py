"""An IPython extension that records what a notebook really used: library modules, files read, folders listed.

The executor loads it into every kernel and compares the record's digests before the next build: a page is made again
if, and only if, something that it used has changed. It runs in the kernel, so it records what happened, not what an
analysis of the source would guess. A file that was looked for and missing is recorded too: its arrival is a change.
"""

import json
import os
import sys
from pathlib import Path

from attention_atlas import files

WHERE = "ATTENTION_ATLAS_TRACE"  # environment variable: the file to write the record to
_OUTSIDE = (".venv", ".git", "book/_executed", "book/_build")  # made by the build itself, or not ours


def load_ipython_extension(shell) -> None:
    """Start recording; the record is written after every cell."""
    read: set[str] = set()
    listed: set[str] = set()

    def hook(event: str, arguments: tuple) -> None:
        if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            mode = arguments[1]
            if (mode is None or not set(mode) & set("wax+")) and (name := _inside(arguments[0])):
                read.add(name)
        elif event in ("os.listdir", "os.scandir") and isinstance(arguments[0], str | bytes | os.PathLike):
            if name := _inside(arguments[0]):
                listed.add(name)

    def record(*_) -> None:
        modules = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
        used = read | {name for path in modules if path and (name := _inside(path))}
        Path(os.environ[WHERE]).write_text(json.dumps({"files": sorted(used), "folders": sorted(listed)}))

    sys.addaudithook(hook)
    shell.events.register("post_run_cell", record)


def _inside(path) -> str | None:
    """The path from the project's root, if it is one of the project's own sources or data."""
    path = Path(os.path.abspath(os.fsdecode(path)))
    if not path.is_relative_to(files.ROOT) or "__pycache__" in path.parts:
        return None
    name = path.relative_to(files.ROOT).as_posix()
    return None if any(name == out or name.startswith(out + "/") for out in _OUTSIDE) else name
