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
_SOURCES = ("data", "lib", "notebooks", "book", "tests")
_MADE = ("book/_executed", "book/_build", "data/corpora/", "data/checkpoints/")  # made by the build itself


def load_ipython_extension(shell) -> None:
    """Start recording; the record is written after every cell."""
    read: set[str] = set()
    listed: set[str] = set()

    def hook(event: str, arguments: tuple) -> None:
        if event not in ("open", "os.listdir", "os.scandir") or not isinstance(arguments[0], str | bytes | os.PathLike):
            return
        writes = event == "open" and bool(set(arguments[1] or "") & set("wax+"))
        name = None if writes else _inside(arguments[0])
        if name and event == "open":
            read.add(name)
        elif name and not name.startswith("lib"):  # imports list the library's folders; its modules are recorded below
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
    return name if name.split("/")[0] in _SOURCES and not name.startswith(_MADE) else None
