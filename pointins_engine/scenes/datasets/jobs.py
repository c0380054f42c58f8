"""The same work on many items in several processes; one that dies takes only its item with it."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from pointins_engine.errors import SceneError

MAX_JOBS = 8  # more wait for the disk
_DIED = "the process that read it died: the file crashed a library, or memory ran out."
_work: Callable[[Any], Any] | None = None  # of this worker process


def default_jobs() -> int:
    """As many processes as this one may use cores, at most eight."""
    return min(MAX_JOBS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2)


def each(
    work: Callable[[Any], Any], items: Sequence[Any], jobs: int
) -> Iterator[tuple[int, Any | Exception]]:
    """Results by the number of their item, in the order in which they are ready.

    An exception is a result too. When a worker dies (a library crashed, or the machine ran out of
    memory), the items that were under way are tried again one at a time, so that the one to blame
    is named and the others are done.

    Args:
        work: Called with one item; sent to each process once, so it must pickle.
        items: What to work on.
        jobs: Number of processes; with 1 everything happens in this one.
    """
    if jobs <= 1:
        for number, item in enumerate(items):
            yield number, _attempt(work, item)
        return
    waiting = deque(range(len(items)))
    while waiting:
        suspects: list[int] = []
        with _pool(work, jobs) as pool:
            yield from _together(pool, items, waiting, 2 * jobs, suspects)
        one_by_one = deque(suspects)
        while one_by_one:
            blamed: list[int] = []
            with _pool(work, 1) as pool:
                yield from _together(pool, items, one_by_one, 1, blamed)
            yield from ((number, SceneError(_DIED)) for number in blamed)


def _together(
    pool: ProcessPoolExecutor,
    items: Sequence[Any],
    waiting: deque[int],
    at_once: int,
    suspects: list[int],
) -> Iterator[tuple[int, Any | Exception]]:
    """Results of the items that wait, until none does or a worker dies.

    Args:
        pool: Fresh processes.
        items: All items.
        waiting: Numbers of those to do; emptied from the left.
        at_once: Items under way at a time.
        suspects: Takes the numbers of the items that were under way when a worker died.
    """
    under_way: dict[Future, int] = {}
    is_broken = False
    try:
        while waiting or under_way:
            while waiting and len(under_way) < at_once and not is_broken:
                try:
                    under_way[pool.submit(_in_worker, items[waiting[0]])] = waiting[0]
                    waiting.popleft()
                except BrokenProcessPool:
                    is_broken = True
            if not under_way:
                return
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                number, error = under_way.pop(future), future.exception()
                if isinstance(error, BrokenProcessPool):
                    is_broken = True
                    suspects.append(number)
                else:
                    yield number, error if isinstance(error, Exception) else future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _pool(work: Callable[[Any], Any], jobs: int) -> ProcessPoolExecutor:
    # Spawned: a forked copy of a process with threads may hang.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(work,))


def _begin(work: Callable[[Any], Any]) -> None:
    global _work
    _work = work
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when its parent is gone: a killed parent closes no queue."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker has a parent"
    parent.join()
    os._exit(1)


def _in_worker(item: Any) -> Any | Exception:
    assert _work is not None, "the worker was not started by _pool"
    return _attempt(_work, item)


def _attempt(work: Callable[[Any], Any], item: Any) -> Any | Exception:
    try:
        return work(item)
    except Exception as error:
        return error
