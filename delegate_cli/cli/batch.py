"""A stream of tasks: encoded by threads a little ahead, decided one by one in order, with bounded memory."""

import os
import queue
import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from delegate_cli.cli import streams
from delegate_cli.cli.streams import TaskLine
from delegate_cli.errors import DelegateError

if TYPE_CHECKING:
    from delegate_cli.decision import Decision
    from delegate_cli.pipeline import Ask, Delegator

AHEAD = 64  # lines that may be read before they are answered
_BAR_EVERY = 20


@dataclass(frozen=True, slots=True)
class Answered:
    """A line of input with what became of it; `last` when no further line was waiting."""

    task: str | None
    ref: Any
    read: int
    last: bool


def decide_lines(
    delegator: "Delegator", lines: Iterable[TaskLine], ask: "Ask"
) -> Iterator[tuple[Answered, "Decision | DelegateError"]]:
    """One result a line, in order. Encoding releases Python's lock, so that reading, encoding and deciding overlap."""
    from dataclasses import replace

    ready = delegator.ready()
    waiting: queue.Queue[Any] = queue.Queue(AHEAD)
    pool = ThreadPoolExecutor(min(4, os.cpu_count() or 1))
    reader = threading.Thread(target=_read, args=(lines, waiting, pool, ready.encoder), daemon=True)
    reader.start()
    while (item := waiting.get()) is not None:
        if isinstance(item, BaseException):
            raise item
        line, checked, vector = item
        result: Decision | DelegateError = checked
        if isinstance(checked, str):
            result = delegator.decide_vector(checked, vector.result(), replace(ask, ref=line.ref))
        yield Answered(line.task, line.ref, line.read, waiting.empty()), result
    pool.shutdown()


def _read(lines: Iterable[TaskLine], waiting: "queue.Queue[Any]", pool: ThreadPoolExecutor, encoder: Any) -> None:
    from delegate_cli.pipeline import check_task

    try:
        for line in lines:
            checked: str | DelegateError
            vector: Future[Any] | None = None
            try:
                if line.error is not None:
                    raise line.error
                checked = check_task(line.task or "")
                vector = pool.submit(encoder.encode, checked)
            except DelegateError as error:
                checked = error
            waiting.put((line, checked, vector))
        waiting.put(None)
    except BaseException as error:  # handed to the deciding thread, which raises it
        waiting.put(error)


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
