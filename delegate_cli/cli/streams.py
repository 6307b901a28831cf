"""The edge to the shell: tasks come in from arguments or stdin, text goes out to stdout or stderr.

The only module that writes to either. stdin is read without Python's buffer, so that a reading thread never blocks the end
of the process.
"""

import contextlib
import json
import math
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from delegate_cli.errors import OutputError, TaskError, UsageError

MAX_LINE = 8 * 1024 * 1024  # bytes: a task of 1 MiB whose every character is written as an escape


@dataclass(frozen=True, slots=True)
class TaskLine:
    """A task as it came in; `error` when it could not be read. `read` counts bytes of input so far."""

    task: str | None
    ref: Any = None
    error: TaskError | None = None
    read: int = 0


def write(text: str) -> None:
    """Data to stdout, as UTF-8 whatever the locale."""
    with _told():
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))


def flush() -> None:
    """Send what was written on its way."""
    if sys.stdout is not None:  # else nothing was written, and whoever tried was told
        with _told():
            sys.stdout.buffer.flush()


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """A full disk or a closed stdout is the user's to mend; a reader that went away ends the command quietly."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (OSError, ValueError, AttributeError) as error:  # a closed stdout is None in Python
        reason = getattr(error, "strerror", None) or "it is closed"
        raise OutputError(f"cannot write to stdout: {reason}", "check where the output goes") from None


def note(text: str) -> None:
    """A line for people to stderr."""
    try:
        sys.stderr.buffer.write((text + "\n").encode("utf-8", "backslashreplace"))
        sys.stderr.buffer.flush()
    except (OSError, ValueError, AttributeError):
        pass  # nobody is there to read it


def is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False


def wants_color(no_color: bool, stream: Any) -> bool:
    """NO_COLOR (any value but the empty one), --no-color and TERM=dumb switch colour off."""
    return not (no_color or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb") and is_terminal(stream)


def width() -> int:
    """Columns of the terminal, also where only stderr is one (`… | less`)."""
    columns = 100
    with contextlib.suppress(OSError, ValueError, AttributeError):
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    return max(40, min(shutil.get_terminal_size((columns, 24)).columns, 200))


def from_stdin(arguments: list[str]) -> bool:
    """Whether tasks come from stdin: `-`, or no argument and stdin is not a terminal.

    Raises:
        UsageError: there is no task at all.
    """
    if arguments == ["-"]:
        return True
    if "-" in arguments:
        raise UsageError("- stands for stdin and cannot be mixed with other tasks", "give either - or tasks")
    if arguments:
        return False
    if sys.stdin is None or is_terminal(sys.stdin):
        raise UsageError("there is no task", 'write delegate route "what is to be done", or pipe tasks in')
    return True


def from_arguments(arguments: list[str]) -> Iterator[TaskLine]:
    for argument in arguments:
        try:
            # bytes of an argument that are no UTF-8 arrive as lone surrogates
            yield TaskLine(argument.encode("utf-8", "surrogateescape").decode("utf-8"))
        except UnicodeDecodeError:
            yield TaskLine(None, error=TaskError("the task is not valid UTF-8", "check the encoding of your terminal"))


def from_lines(lines: Iterable[tuple[bytes | None, int]], field: str | None) -> Iterator[TaskLine]:
    """One task a line, or JSON Lines; empty lines are skipped. A line of None was too long."""
    for number, (raw, read) in enumerate(lines, 1):
        if raw is None:
            error = TaskError(f"line {number} is longer than {MAX_LINE // 2**20} MiB", "split it")
            yield TaskLine(None, error=error, read=read)
            continue
        try:
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError as error:
            what = f"line {number} is not UTF-8 (byte 0x{raw[error.start]:02x} at {error.start + 1})"
            yield TaskLine(None, error=TaskError(what, "convert the input to UTF-8"), read=read)
            continue
        if text.startswith("{") or (field is not None and text):
            yield _from_json(text, number, field, read)
        elif text:
            yield TaskLine(text, read=read)


def _from_json(text: str, number: int, field: str | None, read: int) -> TaskLine:
    ref = None
    try:
        row = json.loads(text)
        ref = _scalar(row.get("id")) if isinstance(row, dict) else None
        value = row
        for key in (field or "task").split("."):
            value = value[int(key) if isinstance(value, list) and key.isdecimal() else key]
        if not isinstance(value, str):
            raise TypeError
    except (KeyError, IndexError, TypeError):
        fix = "name the text's field with --field (dots go deeper: message.text)"
        return TaskLine(None, ref, TaskError(f"line {number} has no text in the field {field or 'task'!r}", fix), read)
    except (ValueError, RecursionError) as error:
        reason = str(error).split(":")[0][:60] or "nested too deeply"
        return TaskLine(
            None,
            ref,
            TaskError(
                f"line {number} is not valid JSON ({reason})",
                "write one object a line, or put a text that starts with { into one",
            ),
            read,
        )
    return TaskLine(value, ref, read=read)


def _scalar(value: Any) -> Any:
    """An id that can be echoed: text or a finite number."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float) else None


def stdin_lines() -> Iterator[tuple[bytes | None, int]]:
    """Lines of stdin with the number of bytes read up to their end, in bounded memory."""
    pending, read, skipping = bytearray(), 0, False
    while chunk := os.read(sys.stdin.fileno(), 1 << 16):
        pieces = chunk.split(b"\n")
        for piece in pieces[:-1]:
            pending += piece
            read += len(piece) + 1
            yield (None if skipping or len(pending) > MAX_LINE else bytes(pending)), read
            pending.clear()
            skipping = False
        pending += pieces[-1]
        read += len(pieces[-1])
        if len(pending) > MAX_LINE:
            pending.clear()
            skipping = True
    if pending or skipping:
        yield (None if skipping else bytes(pending)), read
