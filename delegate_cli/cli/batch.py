"""A stream of tasks: encoded by threads a little ahead, decided one by one in order, with bounded memory."""

import os
import queue
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from delegate_cli.cli import streams
from delegate_cli.cli.streams import TaskLine
from delegate_cli.errors import DelegateError

if TYPE_CHECKING:
    from delegate_cli.cli.served import Served
    from delegate_cli.decision import Decision
    from delegate_cli.pending import Pending
    from delegate_cli.pipeline import Ask, Delegator

AHEAD = 64  # lines that may be read before they are answered
_END, _ANSWERED = "end", "answered"
_BAR_EVERY = 20


@dataclass(frozen=True, slots=True)
class Answered:
    """A line of input with what became of it; `last` when no further line was waiting."""

    task: str | None
    ref: Any
    read: int
    last: bool


@dataclass(frozen=True, slots=True)
class _Refused:
    """What stands in place of a decision where a line could not be read."""

    error: DelegateError

    def ready(self) -> bool:
        return True

    def result(self) -> DelegateError:
        return self.error


Begun = deque[tuple[TaskLine, "Pending | _Refused"]]


def answered_lines(
    delegator: "Delegator | Served", lines: Iterator[TaskLine], ask: "Ask"
) -> Iterator[tuple[Answered, "Decision | DelegateError"]]:
    """`decide_lines`, or what a server makes of them."""
    if delegator.remote:
        return delegator.decide_lines(lines, ask)
    return decide_lines(delegator, lines, ask)


def decide_lines(
    delegator: "Delegator", lines: Iterable[TaskLine], ask: "Ask"
) -> Iterator[tuple[Answered, "Decision | DelegateError"]]:
    """One result a line, in order, each as soon as those before it are there.

    Encoding releases Python's lock, so that reading, encoding and deciding overlap. While a model is asked about one line the
    next ones are begun, as many as its endpoint may be asked at once.
    """
    ready = delegator.ready()
    most = delegator.settings.llm.concurrency
    events: queue.SimpleQueue[Any] = queue.SimpleQueue()  # lines, their end, and word that an answer is there
    room = threading.Semaphore(max(AHEAD, 2 * most))  # for lines that were read and not answered
    pool = ThreadPoolExecutor(min(4, os.cpu_count() or 1))
    threading.Thread(target=_read, args=(lines, events, room, pool, ready), daemon=True).start()
    unbegun: deque[_Read] = deque()
    begun: Begun = deque()
    more = True
    while more or unbegun or begun:
        event = events.get()
        if isinstance(event, BaseException):
            raise event
        more = more and event is not _END
        if isinstance(event, _Read):
            unbegun.append(event)
        while unbegun and sum(not pending.ready() for _, pending in begun) < most:
            read = unbegun.popleft()
            begun.append((read.line, _begin(delegator, read, ask, events)))
            yield from _finished(begun, events, room)
        yield from _finished(begun, events, room)
    pool.shutdown()


def _begin(delegator: "Delegator", read: "_Read", ask: "Ask", events: "queue.SimpleQueue[Any]") -> "Pending | _Refused":
    from dataclasses import replace

    if isinstance(read.checked, DelegateError) or read.vector is None:
        assert isinstance(read.checked, DelegateError)
        return _Refused(read.checked)
    try:
        vector = read.vector.result()
    except DelegateError as error:  # an encoder that is an endpoint, and gives no answer
        return _Refused(error)
    ask = replace(ask, ref=read.line.ref)
    return delegator.begin(read.checked, vector, ask, lambda: events.put(_ANSWERED))


def _finished(
    begun: Begun, events: "queue.SimpleQueue[Any]", room: threading.Semaphore
) -> Iterator[tuple[Answered, "Decision | DelegateError"]]:
    """Take what is done from the front."""
    while begun and begun[0][1].ready():
        line, pending = begun.popleft()
        room.release()
        last = events.empty() and not (begun and begun[0][1].ready())
        yield Answered(line.task, line.ref, line.read, last), pending.result()


@dataclass(frozen=True, slots=True)
class _Read:
    """A line of input, its task where it has a good one, and the vector that is being made."""

    line: TaskLine
    checked: str | DelegateError
    vector: "Future[Any] | None"


def _read(
    lines: Iterable[TaskLine],
    events: "queue.SimpleQueue[Any]",
    room: threading.Semaphore,
    pool: ThreadPoolExecutor,
    ready: Any,
) -> None:
    from delegate_cli.ask import check_task

    try:
        for line in lines:
            checked: str | DelegateError
            vector: Future[Any] | None = None
            try:
                if line.error is not None:
                    raise line.error
                checked = check_task(line.task or "")
                vector = pool.submit(ready.vector, checked)
            except DelegateError as error:
                checked = error
            room.acquire()
            events.put(_Read(line, checked, vector))
        events.put(_END)
    except BaseException as error:  # handed to the deciding thread, which raises it
        events.put(error)


def watched(results: Iterator[Any], quiet: bool) -> Iterator[Any]:
    """The same results, with a progress bar on stderr when that is a terminal."""
    if quiet or not streams.is_terminal(sys.stderr) or os.environ.get("TERM") == "dumb":
        yield from results
        return
    from delegate_cli.render.progress import batch_bar

    total = _stdin_size()
    bar = batch_bar()
    task = bar.add_task("deciding", total=total, tasks=0)
    shown = not streams.is_terminal(sys.stdout)  # a bar among the results would spoil both
    if shown:
        bar.start()
    try:
        for count, (line, result) in enumerate(results, 1):
            yield line, result
            if count % _BAR_EVERY == 0:
                bar.update(task, completed=line.read, tasks=count)
    finally:
        bar.stop()


def _stdin_size() -> int | None:
    """Bytes of stdin where that is a file, else None."""
    import stat

    try:
        facts = os.fstat(sys.stdin.fileno())
    except (OSError, ValueError):
        return None
    return facts.st_size if stat.S_ISREG(facts.st_mode) else None
