"""Pieces made by several processes, on this machine or on the machines of a Dask cluster.

Each process makes one piece at a time with one thread. The bytes of a piece don't depend on the
process that makes it. If a process dies, its current piece is lost, and another process makes it.
"""

import importlib.metadata as meta
import itertools
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

from aalprivacy import runtime
from aalprivacy.errors import InputError, WorkerLost
from aalprivacy.streams import Job, make_piece

AGAIN = "the same command continues where it stopped"
ANSWER = 10.0  # seconds in which a scheduler must answer
ALONE = 60.0  # seconds without a worker, after which the job gives up
_job: Job | None = None  # what a process of `on_processes` works on


def on_processes(job: Job, numbers: Iterable[int], workers: int) -> Iterator[tuple[int, dict]]:
    """Make pieces with several processes of this machine.

    Parameters
    ----------
    job, numbers
        A job, and the numbers of the pieces to make.
    workers
        How many processes.

    Yields
    ------
    A piece's number and what it says about itself, in the order in which pieces are ready.

    Raises
    ------
    InputError
        As `aalprivacy.streams.make_piece`.
    WorkerLost
        If processes die again and again.
    """
    left, before = set(numbers), -1
    while left:
        # Not a fork: the copy of a process with threads may wait for these threads for ever.
        pool = ProcessPoolExecutor(
            workers, multiprocessing.get_context("spawn"), initializer=_begin, initargs=(job,)
        )
        try:
            made = {pool.submit(_make_own, number): number for number in sorted(left)}
            for future in as_completed(made):
                said = future.result()
                left.remove(made[future])
                yield made[future], said
        except BrokenProcessPool:  # one died, such as from a lack of memory; the pool ends them all
            if len(left) == before:
                raise WorkerLost(f"processes die, twice at the same pieces; {AGAIN}") from None
            before = len(left)
        finally:
            pool.shutdown(cancel_futures=True)


def _begin(job: Job) -> None:
    """Prepare a process of `on_processes` for its job."""
    global _job
    _job, runtime.THREADS = job, 1
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent process handles Ctrl-C

    def end_with_parent() -> None:
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


def _make_own(number: int) -> dict:
    return make_piece(_job, number)


def on_dask(job: Job, numbers: Iterable[int], address: str) -> Iterator[tuple[int, dict]]:
    """Make pieces with all workers of a Dask cluster; workers may also join later.

    All must see the files and the folder under the same names, and have the same versions.

    Parameters
    ----------
    job, numbers
        A job, and the numbers of the pieces to make.
    address
        The scheduler's address, such as ``tcp://192.0.2.1:8786``.

    Yields
    ------
    A piece's number and what it says about itself, in the order in which pieces are ready.

    Raises
    ------
    InputError
        If Dask isn't installed or nobody answers, or as `aalprivacy.streams.make_piece`.
    WorkerLost
        If there is no worker for a minute, one piece kills several, or the scheduler is lost.
    """
    try:
        from dask import distributed
    except ImportError:
        raise InputError("--scheduler: needs Dask; pip install 'aalprivacy[cluster]'") from None
    for name in ("distributed", "distributed.client"):  # errors are reported once, below
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        client = distributed.Client(address, timeout=ANSWER)
    except (OSError, ValueError, TypeError):
        raise InputError(
            f"--scheduler {address}: nobody answers; expected such as tcp://192.0.2.1:8786"
        ) from None
    with client:
        try:
            yield from _by_workers(client, distributed, job, list(numbers))
        except TimeoutError:
            raise WorkerLost(
                f"--scheduler {address}: no worker for {ALONE:.0f} seconds; {AGAIN}"
            ) from None
        except distributed.KilledWorker:
            raise WorkerLost(
                f"--scheduler {address}: several workers died of one piece; {AGAIN}"
            ) from None
        except ImportError as error:
            raise InputError(
                f"--scheduler {address}: a worker can't make pieces: {error}"
            ) from None
        except (OSError, distributed.CancelledError):
            raise WorkerLost(f"--scheduler {address}: is lost; {AGAIN}") from None


def _by_workers(client, distributed, job: Job, numbers: list[int]) -> Iterator[tuple[int, dict]]:
    waiting, at_work, everywhere = iter(numbers), {}, None
    while True:
        client.wait_for_workers(1, timeout=ALONE)
        if everywhere is None:
            everywhere = client.scatter(job, broadcast=True, hash=False)
        # Two for each thread: no thread has to wait, and few pieces are lost with a worker.
        room = 2 * sum(client.nthreads().values()) - len(at_work)
        for number in itertools.islice(waiting, max(room, 0)):
            future = client.submit(_make_there, everywhere, number, _versions(), pure=False)
            at_work[future] = number
        if not at_work:
            return
        try:
            done = distributed.wait(list(at_work), ALONE, "FIRST_COMPLETED").done
        except TimeoutError:  # a long piece, or all workers are gone
            continue
        for future in done:
            yield at_work.pop(future), future.result()


def _make_there(job: Job, number: int, versions: dict[str, str]) -> dict:
    if versions != _versions():
        raise InputError(f"a worker has {_versions()}; expected {versions}, as here")
    runtime.THREADS = 1
    return make_piece(job, number)


def _versions() -> dict[str, str]:
    """The versions of the packages that decide the bytes of a piece."""
    return {name: meta.version(name) for name in ("aalprivacy", "numpy", "pandas", "pyarrow")}
