"""The folder of a run: what was planned, decided, called and answered, as JSON and JSON Lines for its owner alone.

Every file is written beside its place, forced to the disk and renamed, so that whoever reads it finds it whole, whenever the
run was killed. They are small: a plan has at most eight subtasks.
"""

import json
import math
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from delegate_cli.errors import RunError
from delegate_cli.running.records import Call, CallStatus, Result, totals
from delegate_cli.settings import home

PLAN, RUN, ANSWER = "plan.json", "run.json", "answer.json"
DECISIONS, CALLS, ANSWERS = "decisions.jsonl", "calls.jsonl", "answers.jsonl"
ASKED, JUDGEMENT, SINGLE = "asked.jsonl", "judgement.json", "single"  # what models were asked; the run of one agent alone
LAST = "last"  # instead of an id
_FACTS = {"id", "status", "request", "started", "ended", "roster", "asked", "caps", "chosen", "calls", "cost_usd"}
_ID = re.compile(r"[0-9a-f-]{4,36}")


class RunFolder:
    """One run on the disk. Whoever changes it holds its lock.

    `calls` are in the order of their start; `results` by subtask.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.id = path.name
        self.calls: dict[str, Call] = {}
        self.results: dict[str, Result] = {}

    @classmethod
    def create(cls, run: str) -> "RunFolder":
        """A new, empty folder.

        Raises:
            RunError: it cannot be made.
        """
        return cls._made(cls(runs_home() / run))

    def create_within(self, name: str) -> "RunFolder":
        """A new, empty folder of a run that belongs to this one.

        Raises:
            RunError: it cannot be made.
        """
        return self._made(self._within(name), again=True)  # one that was killed here left it empty

    def within(self, name: str) -> "RunFolder | None":
        """The folder of a run that belongs to this one; None where there is none.

        Raises:
            RunError: it cannot be read.
        """
        found = self._within(name)
        return found._loaded() if found.path.is_dir() else None

    def _within(self, name: str) -> "RunFolder":
        found = RunFolder(self.path / name)
        found.id = f"{self.id}-{name}"  # what is started for it bears this mark
        return found

    @staticmethod
    def _made(found: "RunFolder", again: bool = False) -> "RunFolder":
        found._make(again)
        found.write_lines(CALLS, ())
        found.write_lines(ANSWERS, ())
        return found

    def _make(self, again: bool = False) -> None:
        with _told(self.path):
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.mkdir(mode=0o700, exist_ok=again)

    @classmethod
    def open(cls, run: str) -> "RunFolder":
        """The folder of a run, by its id, its first characters, or `last`.

        Raises:
            RunError: there is none, several, or one that cannot be read.
        """
        return cls(_find(run))._loaded()

    def _loaded(self) -> "RunFolder":
        try:
            self.calls = {row["call"]: Call.of(row) for row in self.lines(CALLS)}
            self.results = {row["subtask"]: Result.of(row) for row in self.lines(ANSWERS)}
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(self.path, f"{type(error).__name__} {error}") from None
        return self

    @property
    def to_be_judged(self) -> bool:
        """Whether its answer was to be compared with that of one agent."""
        return (self.path / JUDGEMENT).exists() or (self.path / SINGLE).exists()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run.

        Raises:
            RunError: another process does.
        """
        lock = FileLock(self.path / ".lock", timeout=0, mode=0o600)
        try:
            lock.acquire()
        except Timeout:
            raise RunError(f"the run {self.id} is under way in another process", "wait for it, or stop it") from None
        try:
            yield
        finally:
            lock.release()

    def under_way(self) -> bool:
        """Whether a process holds it."""
        try:
            with self.locked():
                return False
        except RunError:
            return True

    def start(self, call: Call) -> None:
        """Write a call down before it is made; it is on the disk when this returns."""
        self.calls[call.call] = replace(call, started=time.time())
        self._write_calls()

    def end(self, call: str, status: CallStatus, **facts: Any) -> Call:
        """Write down how a call ended."""
        self.calls[call] = replace(self.calls[call], status=status, ended=time.time(), **facts)
        self._write_calls()
        return self.calls[call]

    def keep(self, result: Result) -> None:
        """Write down what became of a subtask."""
        self.results[result.subtask] = result
        self.write_lines(ANSWERS, [each.as_dict() for each in self.results.values()])

    def _write_calls(self) -> None:
        self.write_lines(CALLS, [each.as_dict() for each in self.calls.values()])

    @property
    def asked_usd(self) -> float:
        """What models came to that were asked about the run as a whole: to split, to put together, to judge."""
        return math.fsum(row["cost_usd"] or 0.0 for row in self.lines(ASKED))

    @property
    def decided_usd(self) -> float:
        """What deciding who gets the parts came to."""
        return math.fsum(row["decision"]["decider"].get("cost_usd") or 0.0 for row in self.lines(DECISIONS))

    def facts(self) -> dict[str, Any]:
        """`run.json`, with what its calls have come to by now; one that says it is under way, and that no process holds, was
        stopped.

        Raises:
            RunError: it is damaged.
        """
        found = self.read(RUN)
        if not isinstance(found, dict) or not found.keys() >= _FACTS:
            raise _damaged(self.path / RUN, "it lacks what every run has")
        if found["status"] == "running":  # its sums are written at its end
            found |= totals(self.calls.values()) | {"status": "running" if self.under_way() else "stopped"}
        return found

    def read(self, name: str) -> Any:
        """A JSON file; None where it is missing.

        Raises:
            RunError: it is damaged.
        """
        try:
            return json.loads((self.path / name).read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise _damaged(self.path / name, str(error)) from None

    def lines(self, name: str) -> list[Any]:
        """The rows of a JSON Lines file; none where it is missing.

        Raises:
            RunError: it is damaged.
        """
        try:
            text = (self.path / name).read_text("utf-8")
            return [json.loads(line) for line in text.split("\n") if line]
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            raise _damaged(self.path / name, str(error)) from None

    def write(self, name: str, value: Any) -> None:
        """Put a JSON file in its place."""
        self._put(name, json.dumps(value, ensure_ascii=False, indent=2) + "\n")

    def write_lines(self, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Put a JSON Lines file in its place."""
        self._put(name, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))

    def _put(self, name: str, text: str) -> None:
        draft = self.path / f".{name}.tmp"
        with _told(self.path):
            with open(draft, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as stream:
                stream.write(text.encode("utf-8", "backslashreplace"))
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(self.path / name)
            _settle(self.path)

    def remove(self) -> None:
        """Take the folder away: nothing was done."""
        shutil.rmtree(self.path, ignore_errors=True)


def runs_home() -> Path:
    """Where runs are kept."""
    return home() / "runs"


def run_ids() -> list[str]:
    """The ids of all runs, oldest first."""
    with suppress(OSError):
        return sorted(each.name for each in runs_home().iterdir() if (each / RUN).exists())
    return []


def _find(text: str) -> Path:
    wanted, known = text.strip().lower(), run_ids()
    if wanted == LAST and known:
        return runs_home() / known[-1]
    found = [each for each in known if each.startswith(wanted)] if _ID.fullmatch(wanted) else []
    if len(found) != 1:
        many = f"several runs have an id that begins with {text}"
        raise RunError(many if found else f"there is no run {text[:40]!r}", "see: delegate runs list")
    return runs_home() / found[0]


def _settle(folder: Path) -> None:
    """Force the renaming itself to the disk, where the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror or error}", "free some space, or set DELEGATE_HOME") from None


def _damaged(path: Path, reason: str) -> RunError:
    return RunError(f"{path} is damaged: {reason[:100]}", "what it holds is text; mend it or remove the folder")
