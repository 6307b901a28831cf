"""Records each decision as it is made, and never stands in its way: whatever is wrong with the file, one line says so."""

import hashlib
import json
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from delegate_cli import __version__
from delegate_cli.decision import Decision
from delegate_cli.errors import JournalError
from delegate_cli.journal.entries import Entry, Feedback, Origin, Room, at_of
from delegate_cli.journal.privacy import Privacy, sha256
from delegate_cli.journal.store import Journal
from delegate_cli.settings import Settings

PATIENCE = 2.0  # seconds that one decision waits for another process's write
_PAUSE = 1.0  # seconds after a failure in which nothing is tried, so that a batch does not wait for every line
_WAITING = 1000  # decisions that are held for another attempt
_ENGINES = ("numpy", "faiss", "onnxruntime", "tokenizers", "openai")


class Recorder:
    """Keeps decisions in a journal. What cannot be written is tried again with the next one, and when it is closed.

    A decision is in the file when `record` returns, unless a line was said.

    Args:
        settings: those of the run; their hash is kept, and they say what is kept of a task's text.
        asked: what was wanted, as `Ask.as_dict` gives it: kept for `replay`.
        say: gets one line when decisions could not be kept.

    Raises:
        UsageError: texts are to be redacted, and the extra `redact` is not installed.
    """

    def __init__(
        self,
        journal: Journal,
        settings: Settings,
        *,
        origin: Origin = Origin.LIBRARY,
        asked: Mapping[str, Any] | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._journal = journal
        self._privacy = Privacy(settings)
        self._settings = settings_hash(settings)
        self._origin = origin
        self._asked = self._privacy.asked(asked or {})
        self._say = say
        self._versions: dict[str, str] = {}
        self._paths: dict[str, str] = {}  # of rosters, as given → absolute: asking for the folder each time takes long
        self._waiting: deque[tuple[Entry, Feedback | None]] = deque()
        self._lost = 0
        self._problem: JournalError | None = None
        self._failed_at = -_PAUSE
        self._lock = threading.Lock()

    def record(self, decision: Decision, said: Feedback | None = None, asked: Mapping[str, Any] | None = None) -> None:
        """Keep a decision, what was said of it already, and what was wanted where that differs; never raises."""
        with self._lock:
            if len(self._waiting) >= _WAITING:
                self._waiting.popleft()
                self._lost += 1
            self._waiting.append((self.entry(decision, asked), said))
            if time.monotonic() - self._failed_at >= _PAUSE:
                self._write(PATIENCE if self._problem is None else 0.0)

    def claim(self, decision: Decision, room: Room, asked: Mapping[str, Any] | None = None) -> bool:
        """Keep a decision that hands a task over, unless another process has taken the last room meanwhile; whether it stands.

        Where the journal cannot be used nobody can know, and it stands.
        """
        with self._lock:
            if not self._waiting and self._problem is None:
                self._journal.patience = PATIENCE
                try:
                    return self._journal.claim(self.entry(decision, asked), room)
                except JournalError:
                    pass
        self.record(decision, asked=asked)
        return True

    def close(self) -> None:
        """Try once more to write what is left, and say what could not be.

        The journal stays open: closing the file would wait for the disk, 20 ms of a `route` that takes 200.
        """
        with self._lock:
            if self._waiting:
                self._write(PATIENCE)
            lost, self._lost = self._lost + len(self._waiting), 0
            self._waiting.clear()
            if lost and self._problem is not None:
                what = "a decision was" if lost == 1 else f"{lost} decisions were"
                self._say(f"{what} not recorded: {self._problem.message} ({self._problem.fix})")

    def entry(self, decision: Decision, asked: Mapping[str, Any] | None = None) -> Entry:
        """What is kept of a decision; `asked` where it is not what the recorder was made with."""
        task, record = self._privacy.keep(decision.task, decision.as_dict())
        self._versions = self._versions or versions()
        path = decision.roster.get("path")
        if path is not None and path not in self._paths:
            self._paths[path] = str(Path(path).absolute())
        return Entry(
            id=decision.id,
            at=at_of(decision.id),
            origin=self._origin,
            status=decision.status.value,
            agent=decision.agent,
            first=decision.candidates[0].agent if decision.candidates else None,
            probability=decision.probability,
            none=decision.none,
            task=task,
            task_sha256=sha256(decision.task),
            roster_path=None if path is None else self._paths[path],
            roster_sha256=decision.roster.get("sha256"),
            settings_sha256=self._settings,
            versions=self._versions,
            asked=self._asked if asked is None else self._privacy.asked(asked),
            record=record,
        )

    def _write(self, patience: float) -> None:
        self._journal.patience = patience
        try:
            self._journal.record(self._waiting)
            self._waiting.clear()
            self._problem = self._problem if self._lost else None
        except JournalError as error:
            self._problem, self._failed_at = error, time.monotonic()


def settings_hash(settings: Settings) -> str:
    """SHA-256 of every setting, whatever source it came from. No key is among the settings."""
    text = json.dumps(asdict(settings), sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def versions() -> dict[str, str]:
    """The versions of this program and of what it has loaded."""
    found = {"delegate": __version__, "python": sys.version.split()[0]}
    for name in _ENGINES:
        version = getattr(sys.modules.get(name), "__version__", None)
        if version is not None:
            found[name] = str(version)
    return found
