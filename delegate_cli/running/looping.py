"""Asynchronous work begun from threads that are not asynchronous, several at once, all of which Ctrl-C stops.

Python interrupts the main thread alone, and cancels the loop that runs there; loops of other threads are cancelled here.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")
_PATIENCE = 15.0  # seconds that threads have to end their calls and write down what is done; then they end with the process
_LOOK = 0.2
_lock = threading.Lock()
_running: dict["asyncio.Task[Any]", asyncio.AbstractEventLoop] = {}
_stopped = threading.Event()


def run(work: Coroutine[Any, Any, T]) -> T:
    """What comes of some work, in a loop of its own.

    Raises:
        KeyboardInterrupt: it was cancelled, or everything was stopped.
    """
    try:
        return asyncio.run(_stoppable(work))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def _stoppable(work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.current_task()
    assert task is not None
    with _lock:
        if _stopped.is_set():
            work.close()
            raise asyncio.CancelledError
        _running[task] = asyncio.get_running_loop()
    try:
        return await work
    finally:
        with _lock:
            del _running[task]


def side_by_side(jobs: Iterable[Callable[[], None]], most: int) -> None:
    """Do jobs in their order, so many at a time, each in a thread.

    Raises:
        KeyboardInterrupt: it was interrupted; what the jobs had under way by `run` has been cancelled.
        Exception: what the first job raised that failed; those under way are done, no other is begun.
    """
    left, failed = deque(jobs), list[BaseException]()
    threads = [threading.Thread(target=_work, args=(left, failed), daemon=True) for _ in range(min(most, len(left)))]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(_LOOK)
    except KeyboardInterrupt:
        left.clear()
        _stop(threads)
        raise
    if failed:
        raise failed[0]


def _work(left: deque[Callable[[], None]], failed: list[BaseException]) -> None:
    while not failed:
        try:
            job = left.popleft()
        except IndexError:
            return
        try:
            job()
        except BaseException as error:  # raised again by the thread that waits
            failed.append(error)


def _stop(threads: Iterable[threading.Thread]) -> None:
    _stopped.set()
    try:
        with _lock:
            for task, loop in _running.items():
                loop.call_soon_threadsafe(task.cancel)
        for thread in threads:
            thread.join(_PATIENCE)
    finally:
        _stopped.clear()
