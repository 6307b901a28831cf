"""The journal's file: its tables, their versions, and how it is opened.

A file of an older version is brought up to date in one transaction; one of a newer version, or of another program, is refused.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from delegate_cli.errors import JournalError

FILE = "journal.sqlite"
APPLICATION = 0x44454C47  # "DELG": marks the file as ours
_VERSION_1 = (
    """CREATE TABLE decisions (
      id TEXT PRIMARY KEY,             -- UUIDv7: its order is that of time
      at REAL NOT NULL,                -- seconds since 1970
      origin TEXT NOT NULL,            -- terminal | pipeline | library
      status TEXT NOT NULL,
      agent TEXT,
      first TEXT,                      -- the first candidate, also where nobody was named
      probability REAL NOT NULL,
      none REAL NOT NULL,
      task TEXT,                       -- NULL where only the hash is kept
      task_sha256 TEXT NOT NULL,
      roster_path TEXT, roster_sha256 TEXT,
      settings_sha256 TEXT NOT NULL,
      versions TEXT NOT NULL,          -- JSON
      asked TEXT NOT NULL,             -- JSON: what was wanted, such as the requester's roles
      record TEXT NOT NULL             -- JSON: the decision record without the task
    )""",
    """CREATE TABLE feedback (           -- only ever added to
      number INTEGER PRIMARY KEY AUTOINCREMENT,
      decision TEXT NOT NULL REFERENCES decisions (id) ON DELETE CASCADE,
      at REAL NOT NULL,
      origin TEXT NOT NULL,            -- feedback | review | confirm | library
      verdict TEXT,                    -- agent | right | wrong | nobody; NULL for outcomes alone
      agent TEXT,                      -- who was right, where that is known
      note TEXT,
      success INTEGER, score REAL, cost REAL, seconds REAL,
      undoes INTEGER REFERENCES feedback (number) ON DELETE CASCADE
    )""",
    "CREATE INDEX feedback_of ON feedback (decision)",
    "CREATE UNIQUE INDEX undone ON feedback (undoes) WHERE undoes IS NOT NULL",
    "CREATE INDEX waiting ON decisions (id) WHERE origin = 'pipeline' AND status IN ('ask', 'none')",
    """CREATE VIEW standing AS
      SELECT * FROM feedback AS f
      WHERE undoes IS NULL AND NOT EXISTS (SELECT 1 FROM feedback AS u WHERE u.undoes = f.number)""",
    """CREATE VIEW answers AS  -- the last one counts
      SELECT * FROM standing AS s WHERE verdict IS NOT NULL AND number =
        (SELECT max(number) FROM standing AS t WHERE t.decision = s.decision AND t.verdict IS NOT NULL)""",
    """CREATE VIEW queue AS    -- what a pipeline left for a person
      SELECT * FROM decisions AS d WHERE origin = 'pipeline' AND status IN ('ask', 'none')
        AND NOT EXISTS (SELECT 1 FROM standing AS s WHERE s.decision = d.id AND s.verdict IS NOT NULL)""",
)
_VERSION_2 = (
    # counting what agents have on their hands reads this instead of every record: 17 ms instead of 80 at 30,000 decisions a day
    "CREATE INDEX handed_over ON decisions (id, agent) WHERE status = 'decided'",
    """CREATE VIEW assigned AS  -- handed over, or given to somebody by a person, and no outcome yet
      SELECT d.id AS decision, d.agent FROM decisions AS d WHERE d.status = 'decided' AND d.agent IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM standing AS s WHERE s.decision = d.id
          AND (s.verdict IS NOT NULL OR coalesce(s.success, s.score, s.cost, s.seconds) IS NOT NULL))
      UNION ALL
      SELECT a.decision, a.agent FROM answers AS a WHERE a.agent IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM standing AS s WHERE s.decision = a.decision
          AND coalesce(s.success, s.score, s.cost, s.seconds) IS NOT NULL)""",
)
MIGRATIONS: list[tuple[str, ...]] = [
    _VERSION_1,
    _VERSION_2,
]  # statements that lead from each version to the next, from an empty file on


def connect(path: Path, patience: float, writable: bool = True) -> sqlite3.Connection:
    """The open file, of the present version; made for the user alone where it is missing and `writable`.

    Args:
        patience: seconds to wait for another process's write.

    Raises:
        sqlite3.Error, OSError: it cannot be opened.
        JournalError: it is not a journal, or one of a newer version.
    """
    writable = writable or os.access(path, os.W_OK)
    if writable:
        _make(path)
    where = path.absolute().as_uri() + ("?mode=rw" if writable else _read_only(path))
    connection = sqlite3.connect(where, timeout=patience, isolation_level=None, check_same_thread=False, uri=True)
    try:
        _check(connection, path, writable, patience)
        connection.execute("PRAGMA synchronous = NORMAL")  # in WAL a commit survives kill -9, not always a power cut
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection, writing: bool = True) -> Iterator[sqlite3.Connection]:
    """All or nothing, with the right to write from the start; or several reads of one moment."""
    connection.execute("BEGIN IMMEDIATE" if writing else "BEGIN")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite may have rolled back itself, such as on a full disk
            connection.execute("ROLLBACK")
        raise


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)


def _read_only(path: Path) -> str:
    # without a log beside it the file is whole by itself, and SQLite needs no file of its own in a folder it may not write
    alone = not path.with_name(path.name + "-wal").exists()
    return "?mode=ro" + ("&immutable=1" if alone else "")


def _check(connection: sqlite3.Connection, path: Path, writable: bool, patience: float) -> None:
    with transaction(connection, writing=False):
        version = _version(connection, path)
    if version == len(MIGRATIONS):
        return
    if not writable:
        raise JournalError(f"the journal {path} is of an older version and may not be written", "allow writing to it once")
    _use_log(connection, patience)
    with transaction(connection):
        for statements in MIGRATIONS[_version(connection, path) :]:  # another process may have been first
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """To be called in a transaction: another process may be making the tables."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    mark = connection.execute("PRAGMA application_id").fetchone()[0]
    if mark != APPLICATION and (version or connection.execute("SELECT 1 FROM sqlite_master").fetchone()):
        raise JournalError(f"{path} is a database of another program", "name another file with --journal")
    if version > len(MIGRATIONS):
        raise JournalError(
            f"the journal {path} is of version {version}; this program knows {len(MIGRATIONS)}",
            "update delegate, or name another file with --journal",
        )
    return version


def _use_log(connection: sqlite3.Connection, patience: float) -> None:
    """Switch to write-ahead logging. SQLite does not wait by itself where another process does so too."""
    end = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.01)
