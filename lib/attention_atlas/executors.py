"""Where a sweep computes: processes of this machine, or the workers of a Dask cluster.

Any ``concurrent.futures.Executor`` will do: give a sweep a :class:`Workers` with it.
"""

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from urllib.parse import urlsplit

PATIENCE = 10  # seconds that a Dask scheduler has to answer


@dataclass(frozen=True)
class Workers:
    """What computes, and how much of it there is.

    Parameters
    ----------
    executor : concurrent.futures.Executor
        Takes functions and gives futures.
    slots : callable
        How many jobs it can work on at this moment; asked again and again, since a cluster grows and shrinks.
    """

    executor: Executor
    slots: Callable[[], int]


# Large pages for the workers' memory: glibc reads this as a process starts, other C libraries do not read it at all.
HUGE_PAGES = ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")


@contextlib.contextmanager
def local(jobs: int) -> Iterator[Workers]:
    """Processes of this machine, which end at once when the block is left or this process ends, however it ends.

    Parameters
    ----------
    jobs : int
        How many, at least 1.

    Yields
    ------
    Workers
        A process is started when there is something for it to do.
    """
    os.environ.setdefault(*HUGE_PAGES)
    context = get_context("spawn")
    alive, mine = context.Pipe(duplex=False)  # nothing is ever sent: workers wait for the end of the other end
    pool = ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(alive,))
    try:
        yield Workers(pool, lambda: jobs)
    finally:
        mine.close()
        pool.shutdown(cancel_futures=True)
        alive.close()


def _begin(alive: Connection) -> None:
    """Set a local worker up: no life of its own once the sweep is gone, and Ctrl-C is the sweep's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        alive.poll(None)  # returns when the sweep has closed its end, or is dead
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def dask(address: str, jobs: int | None = None) -> Iterator[Workers]:
    """The workers of a Dask cluster.

    Parameters
    ----------
    address : str
        Of its scheduler, such as ``tcp://10.0.0.1:8786``.
    jobs : int, optional
        How many at a time; by default one for each thread that the cluster has at the moment, and at least one.

    Yields
    ------
    Workers
        What is running when the block is left is cancelled.

    Raises
    ------
    ValueError
        If the package distributed is not installed, or this is not an address.
    OSError
        If no scheduler answers there.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ValueError("--dask needs the package distributed: pip install -c constraints.txt distributed") from None
    _knock(address)
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, TimeoutError):
        raise OSError(f"no Dask scheduler answers at {address}") from None
    # what becomes of the work says in one line that the scheduler is gone; Dask would say it in fifty
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    # pure=False: Dask must not take two questions for one because their words are the same
    executor = client.get_executor(pure=False)

    def slots() -> int:
        try:
            return jobs or max(1, sum(client.nthreads().values()))
        except (Exception, asyncio.CancelledError):
            raise OSError(f"the Dask scheduler at {address} is gone; what is finished is stored") from None

    try:
        yield Workers(executor, slots)
    finally:
        with contextlib.suppress(Exception):  # the scheduler may be gone, which is no reason to say more
            executor.shutdown(wait=False)
            client.close(timeout=PATIENCE)


def _knock(address: str) -> None:
    """Refuse what is no address, and one where nobody listens: a Dask client would try again for a long time."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not (host and port and parts.scheme in ("tcp", "tls")):
        raise ValueError(f"--dask takes an address such as tcp://10.0.0.1:8786, got {address!r}")
    try:
        socket.create_connection((host, port), PATIENCE).close()
    except OSError as error:
        raise OSError(f"no Dask scheduler answers at {address}: {error.strerror or error}") from None


@contextlib.contextmanager
def at_most(seconds: float | None) -> Iterator[None]:
    """Raise TimeoutError in a block that takes longer: a worker of a cluster is not ours to kill.

    Parameters
    ----------
    seconds : float or None
        How long the block may take; None is no limit.

    Examples
    --------
    >>> with at_most(60):
    ...     print("soon done")
    soon done
    """
    if seconds is None:
        yield
        return
    over, lock, thread = False, threading.Lock(), threading.get_ident()

    def stop() -> None:
        with lock:
            if not over:  # the thread may be on to something else
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(TimeoutError))

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:
            over = True
        timer.cancel()


def check_device(device: str, here: bool = True) -> str:
    """Return the device, or refuse one that is misspelt or, if the work is done here, not there.

    Parameters
    ----------
    device : str
        ``cpu``, ``cuda`` or ``cuda:N``.
    here : bool
        Whether it must be a device of this machine.

    Raises
    ------
    ValueError
        If it is none of these, or PyTorch does not find it.

    Examples
    --------
    >>> check_device("cuda:1", here=False)
    'cuda:1'
    """
    kind, _, number = device.partition(":")
    if kind not in ("cpu", "cuda") or (":" in device and not (kind == "cuda" and number.isdigit())):
        raise ValueError(f"--device takes cpu, cuda or cuda:N, got {device!r}")
    if here and kind == "cuda":
        import torch

        if int(number or 0) >= (count := torch.cuda.device_count()):
            raise ValueError(f"--device {device}: PyTorch finds {count} CUDA devices here")
    return device
