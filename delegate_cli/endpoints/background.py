"""An event loop in a thread of its own, for callers that have none: they hand it a coroutine and wait for its result."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar
from weakref import finalize

Result = TypeVar("Result")


class Background:
    """A loop that runs from the first use until its owner is gone or the program ends; safe to use from several threads.

    Args:
        last: awaited at the end, to close what belongs to the loop.
    """

    def __init__(self, last: Callable[[], Awaitable[None]]) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="delegate-endpoint", daemon=True)
        self._thread.start()
        self.close = finalize(self, _end, self._loop, self._thread, last)

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """The result of a coroutine, waited for; an interrupt gives it up."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise


def _end(loop: asyncio.AbstractEventLoop, thread: threading.Thread, last: Callable[[], Awaitable[None]]) -> None:
    async def finish() -> None:
        await last()

    if threading.current_thread() is thread:  # the owner was forgotten by a collection that ran here: nobody can wait
        loop.create_task(finish()).add_done_callback(lambda done: loop.stop())
        return
    asyncio.run_coroutine_threadsafe(finish(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()
