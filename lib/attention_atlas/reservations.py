"""Who works on what: several sweeps on one store share the work instead of doing it twice."""

import contextlib
import errno
from pathlib import Path

try:
    import fcntl
except ImportError:  # not a POSIX system: every sweep works as if it were alone
    fcntl = None


class Reservations:
    """Results that this process is working on, reserved against the other processes that use the same store.

    A reservation is a lock of the operating system on one byte of ``<root>/.lock``, whose place is the result's key. So
    it ends with its process, however that ends; there is nothing to clean up after kill -9.

    Parameters
    ----------
    root : Path
        The store's folder; made if need be.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, Reservations(Path(folder)) as reservations:
    ...     reservations.take("00f3a9c2b1d4e5f6")
    True
    """

    def __init__(self, root: Path):
        root.mkdir(parents=True, exist_ok=True)
        self._file = open(root / ".lock", "ab")  # noqa: SIM115 (closed by __exit__)

    def take(self, key: str) -> bool:
        """Reserve a result; False if another process has it."""
        if not fcntl:
            return True
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _place(key))
        except OSError as error:
            # any other error is a file system without locks, where work that is done twice is still right
            return error.errno not in (errno.EACCES, errno.EAGAIN)
        return True

    def give(self, key: str) -> None:
        """Hand a result back."""
        if fcntl:
            with contextlib.suppress(OSError):
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, _place(key))

    def __enter__(self) -> "Reservations":
        return self

    def __exit__(self, *_) -> None:
        self._file.close()


def _place(key: str) -> int:
    """The byte of a result: 15 of its 16 digits, since an offset into a file is a signed number of 64 bits."""
    return int(key[:15], 16)
