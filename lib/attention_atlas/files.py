"""Where the project lives, and how it writes: a file is there whole or not at all."""

import contextlib
import hashlib
import os
import time
from pathlib import Path

# Absolute, because other paths are compared with it.
ROOT = Path(os.path.abspath(os.environ.get("ATTENTION_ATLAS_ROOT") or Path(__file__).resolve().parents[2]))
PARTIAL = ".partial-"  # prefix of a file being written; readers never see one; leftovers of a crash are removed


def digest(content: bytes) -> str:
    """SHA-256 of some bytes, as hexadecimal text."""
    return hashlib.sha256(content).hexdigest()


def relative(path: Path) -> str:
    """The path as messages and records print it: from the project's root where it lies inside."""
    path = Path(path).absolute()
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


def write(path: Path, content: bytes | str) -> None:
    """Write a file so that a reader sees the old content or the new one, never a part.

    Parameters
    ----------
    path
        The file; its folder is made if need be.
    content
        What it shall hold; text is written as UTF-8.

    Raises
    ------
    OSError
        If the disk is full or the folder cannot be written, in one line that names the file. The old file, if any,
        is untouched and nothing half-written is left behind.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(Path(folder, "new", "note.txt"), "whole")
    ...     Path(folder, "new", "note.txt").read_text()
    'whole'
    """
    path = Path(path)
    content = content.encode() if isinstance(content, str) else content
    partial = path.with_name(f"{PARTIAL}{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(partial, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OSError(f"could not write {relative(path)}: {error.strerror or error}; nothing was changed") from error


def remove_partials(folder: Path, older: float = 0.0) -> None:
    """Remove what interrupted writers left in a folder and below it; what a living process is writing stays.

    Parameters
    ----------
    folder
        Where to look.
    older : float
        Only what was last written so many seconds ago. Processes of other machines cannot be seen: in a folder that
        they share, leave them the time to finish a file.
    """
    for partial in Path(folder).rglob(f"{PARTIAL}*"):
        with contextlib.suppress(FileNotFoundError):  # its writer has just finished
            if time.time() - partial.stat().st_mtime >= older and not _is_alive(_writer(partial)):
                partial.unlink()


def _writer(partial: Path) -> int:
    return int(partial.name.removeprefix(PARTIAL).split("-")[0])


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)  # signal 0 only asks
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's, and alive
        return True
    try:  # a zombie, killed and not yet buried by its parent, writes no more
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:  # no /proc on this system
        return True
