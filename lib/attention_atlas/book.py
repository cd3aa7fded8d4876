"""Builds the static book from prose and executed notebooks; does nothing when nothing has changed."""

import shutil
import subprocess
import sys
from pathlib import Path

from attention_atlas import files

SOURCE = files.ROOT / "book"
HTML = SOURCE / "_build" / "html"
WORK = SOURCE / "_build" / "work"  # where Sphinx keeps its state; readers get a copy that is swapped in whole
_MADE = {"_build", ".records", "__pycache__", "attention_atlas.egg-info"}  # made by builds, not their input
SUMMARY = HTML.parent / "made_from"


class BuildError(RuntimeError):
    """The book did not build; the builder's own warnings and errors stand above."""


def inputs() -> str:
    """Digest of everything the pages are made from."""
    paths = [files.ROOT / name for name in ("_config.yml", "_toc.yml", "requirements.txt", "constraints.txt")]
    for folder in (SOURCE, files.ROOT / "lib"):
        paths += (
            path for path in folder.rglob("*") if path.is_file() and not _MADE & set(path.relative_to(folder).parts)
        )
    lines = [f"{files.relative(path)} {files.digest(path.read_bytes())}" for path in sorted(paths)]
    return files.digest("\n".join(lines).encode())


def build() -> bool:
    """Build the book into ``book/_build/html``; every warning is an error.

    Returns
    -------
    bool
        False if the book was up to date.

    Raises
    ------
    BuildError
        If the builder fails; the book that was there stays.
    """
    made_from = inputs()
    if (HTML / "index.html").exists() and SUMMARY.exists() and SUMMARY.read_text() == made_from:
        return False
    _forget_other_set_ups()
    command = [Path(sys.executable).with_name("jupyter-book"), "build", SOURCE, "--path-output", WORK]
    command += ["--config", files.ROOT / "_config.yml", "--toc", files.ROOT / "_toc.yml"]
    command += ["-W", "-n", "--keep-going", "-q"]
    if subprocess.run(command, cwd=files.ROOT).returncode:
        shutil.rmtree(WORK, ignore_errors=True)  # else the next build would not look at the faulty page again
        raise BuildError("the book did not build; the book that was there stays as it is")
    _swap(WORK / "_build" / "html", HTML)
    files.write(SUMMARY, made_from)
    return True


def _forget_other_set_ups() -> None:
    """Start afresh when anything but the text of pages changed: Sphinx would keep pages and styles of before."""
    names = ("_config.yml", "_toc.yml", "requirements.txt", "lib/attention_atlas/sphinx_extension.py")
    paths = [files.ROOT / name for name in names]
    paths += sorted(path for folder in ("_static", "_extra") for path in (SOURCE / folder).rglob("*") if path.is_file())
    now = files.digest("".join(files.digest(path.read_bytes()) for path in paths).encode())
    note = WORK / "set_up"
    if not note.exists() or note.read_text() != now:
        shutil.rmtree(WORK, ignore_errors=True)
        files.write(note, now)


def _swap(made: Path, public: Path) -> None:
    """Put a finished copy in place of the public folder by two renames."""
    fresh, old = public.with_name("html.new"), public.with_name("html.old")
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    shutil.copytree(made, fresh)
    if public.exists():
        public.rename(old)
    fresh.rename(public)
    shutil.rmtree(old, ignore_errors=True)
