"""Decisions under way: the path of a task stops where a model is asked, and goes on when its answer is there.

The questions themselves are asked by a thread of their own, so that any number of paths can wait at once, and callers with or
without an event loop are served alike. It is started, and asyncio loaded, only when something is asked.
"""

import threading
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from delegate_cli.decision import Decision

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from delegate_cli.deciders.question import Question

Start = Callable[[], Coroutine[Any, Any, Any]]


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A question that the path of a task waits for; `start` is called in the thread that asks. `rating`: it asks for levels."""

    question: "Question"
    start: Start
    rating: bool = False


Steps = Generator[Inquiry, Any, Decision]


class Asking:
    """The thread that asks."""

    def __init__(self) -> None:
        self._loop: AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def submit(self, start: Start) -> "Future[Any]":
        """Start to ask, now."""
        import asyncio  # 60 ms

        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="delegate-asking", daemon=True)
                self._thread.start()
            loop = self._loop
        return asyncio.run_coroutine_threadsafe(start(), loop)

    def close(self, last: Start) -> None:
        """End the thread; what is still being asked is given up, then `last` is run."""
        if self._loop is None or self._thread is None:
            return
        import asyncio

        async def give_up() -> None:
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await last()

        asyncio.run_coroutine_threadsafe(give_up(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._loop = self._thread = None


class Pending:
    """A decision that may wait for a model. Only one thread at a time may use it.

    Args:
        answered: called in another thread when there is an answer to go on with.
    """

    def __init__(self, path: Steps, asking: Asking, answered: Callable[[], None] | None = None) -> None:
        self._path = path
        self._asking = asking
        self._answered = answered
        self._decision: Decision | None = None
        self.waits_for: Future[Any] | None = None
        self._advance(None)

    def ready(self) -> bool:
        """Whether the decision is there; goes on as far as answers allow."""
        while self._decision is None and self.waits_for is not None and self.waits_for.done():
            self._advance(self.waits_for.result())
        return self._decision is not None

    def result(self) -> Decision:
        """The decision; waits for it."""
        while not self.ready():
            if self.waits_for is not None:
                self.waits_for.exception()  # waits, and leaves raising to `ready`
        assert self._decision is not None
        return self._decision

    async def wait(self) -> Decision:
        """The decision, for callers with an event loop."""
        import asyncio

        while not self.ready():
            assert self.waits_for is not None
            await asyncio.wait([asyncio.wrap_future(self.waits_for)])
        return self.result()

    def _advance(self, heard: Any) -> None:
        try:
            self.waits_for = self._asking.submit(self._path.send(heard).start)
        except StopIteration as done:
            self._decision = done.value
            return
        if self._answered is not None:
            answered = self._answered
            self.waits_for.add_done_callback(lambda future: answered())
