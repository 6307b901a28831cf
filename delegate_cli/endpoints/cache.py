"""Answers that were paid for once: SQLite under DELEGATE_HOME, for the user alone, shared by processes.

It holds hashes of requests and the servers' answers, never a request, a task or a key. Whatever is wrong with the file,
work goes on without it, and one line says so.
"""

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = "answers.sqlite"
_PATIENCE = 2.0  # seconds to wait for another process's write
_TOUCH = 60.0  # seconds: how old the time of last use may be before a read renews it
_SCHEMA = """
PRAGMA auto_vacuum = FULL;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS answers (
  key BLOB PRIMARY KEY, model TEXT NOT NULL, body BLOB NOT NULL, used REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_use ON answers (used);
CREATE TABLE IF NOT EXISTS probes (key BLOB PRIMARY KEY, facts TEXT NOT NULL, at REAL NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 1;
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer from the cache, with the model that had given it."""

    model: str
    body: bytes


class AnswerCache:
    """Key → answer, the least recently used being forgotten first. Safe to use from several threads and processes.

    Args:
        path: the file; it is made when something is kept.
        limit_mb: the most that answers may take, in millions of bytes.
        say: gets one line when the cache cannot be used.
    """

    def __init__(self, path: Path, limit_mb: float = 256.0, say: Callable[[str], None] = lambda line: None) -> None:
        self.path = path
        self._limit = limit_mb * 1e6
        self._say = say
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._broken = False
        self._added = float("inf")  # bytes since the size was last looked at: at the first write it is

    def get(self, key: bytes) -> Kept | None:
        """The answer kept under a key."""

        def read(connection: sqlite3.Connection) -> Kept | None:
            row = connection.execute("SELECT model, body, used FROM answers WHERE key = ?", (key,)).fetchone()
            if row is None:
                return None
            if time.time() - row[2] > _TOUCH:
                connection.execute("UPDATE answers SET used = ? WHERE key = ?", (time.time(), key))
            return Kept(str(row[0]), bytes(row[1]))

        found: Kept | None = self._do(read)
        return found

    def put(self, key: bytes, model: str, body: bytes) -> None:
        """Keep an answer; one larger than the whole limit is not kept."""
        if len(body) + 64 > self._limit:
            return

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)", (key, model, body, time.time()))
            self._added += len(body) + 64
            if self._added > self._limit / 16:
                self._prune(connection)
                self._added = 0

        self._do(write)

    def facts(self, key: bytes) -> Mapping[str, Any] | None:
        """What was found out about an endpoint."""
        row = self._do(lambda connection: connection.execute("SELECT facts FROM probes WHERE key = ?", (key,)).fetchone())
        with suppress(ValueError, TypeError):
            found = json.loads(row[0]) if row else None
            return found if isinstance(found, dict) else None
        return None

    def keep_facts(self, key: bytes, facts: Mapping[str, Any] | None) -> None:
        """Remember what was found out about an endpoint; None forgets it."""
        if facts is None:
            self._do(lambda connection: connection.execute("DELETE FROM probes WHERE key = ?", (key,)))
            return
        row = (key, json.dumps(facts), time.time())
        self._do(lambda connection: connection.execute("INSERT OR REPLACE INTO probes VALUES (?, ?, ?)", row))

    def close(self) -> None:
        """Give the file back; a later use opens it again."""
        with self._lock, suppress(sqlite3.Error):
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def _do(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        with self._lock:
            if self._broken:
                return None
            try:
                if self._connection is None:
                    self._connection = _open(self.path)
                return work(self._connection)
            except (sqlite3.Error, OSError) as error:
                self._give_up(error)
                return None

    def _give_up(self, error: Exception) -> None:
        """Called under the lock: from now on there is no cache."""
        self._broken = True
        with suppress(sqlite3.Error):
            if self._connection is not None:
                self._connection.close()
        self._connection = None
        damaged = type(error) is sqlite3.DatabaseError or "malformed" in str(error)
        mend = "remove it to have one again" if damaged else "answers are not kept"
        reason = error.strerror if isinstance(error, OSError) else str(error)
        self._say(f"going on without the answer cache {self.path}: {reason} ({mend})")

    def _prune(self, connection: sqlite3.Connection) -> None:
        size = connection.execute("SELECT coalesce(sum(length(body) + 64), 0) FROM answers").fetchone()[0]
        if size <= self._limit:
            return
        connection.execute(
            "DELETE FROM answers WHERE key IN (SELECT key FROM (SELECT key, sum(length(body) + 64) OVER"
            " (ORDER BY used, key ROWS UNBOUNDED PRECEDING) AS through FROM answers) WHERE through <= ?)",
            (size - self._limit * 0.9 + max(0.0, self._limit * 0.02),),
        )


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    connection = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        if connection.execute("PRAGMA user_version").fetchone()[0] != 1:
            connection.executescript(_SCHEMA)
        else:
            connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection
