"""`Journal`: what is written to the file and read from it. Each method is one short transaction: many processes may write."""

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from delegate_cli.errors import JournalError
from delegate_cli.journal import schema
from delegate_cli.journal.entries import Entry, Feedback, Filter, Origin, Room, Verdict, bound

PATIENCE = 10.0  # seconds to wait for another process's write
_PAGE = 200  # entries read at a time, so that a slow reader of an export holds nothing open
_COLUMNS = (
    *("id", "at", "origin", "status", "agent", "first", "probability", "none", "task", "task_sha256"),
    *("roster_path", "roster_sha256", "settings_sha256", "versions", "asked", "record"),
)
_SAID = ("decision", "at", "origin", "verdict", "agent", "note", "success", "score", "cost", "seconds")
_ADD = f"INSERT OR IGNORE INTO decisions ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
_SAY = f"INSERT INTO feedback ({', '.join(_SAID)}) VALUES ({', '.join('?' * len(_SAID))})"
_LEAST_PREFIX = 4  # characters of an id
LAST = "last"  # instead of an id
OPEN_DAYS = 1.0  # for which a task without an outcome counts as open: not every outcome is reported
MINUTE = 60.0  # seconds


class Journal:
    """Decisions and feedback in one file. Safe to use from several threads and processes; open it after a fork, not before.

    Every method raises JournalError where the file cannot be used.

    Args:
        path: the file; the first write makes it. Reading a missing one finds nothing.
        patience: seconds to wait for another process's write.
    """

    def __init__(self, path: Path | str, patience: float = PATIENCE) -> None:
        self.path = Path(path)
        self.patience = patience
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._waits = patience  # what the connection was told

    def record(self, made: Iterable[tuple[Entry, Feedback | None]]) -> None:
        """Keep decisions, each with what was said of it already, all or none; one that is there stays as it is."""
        rows = [(_row(entry), said) for entry, said in made]
        if len(rows) == 1 and rows[0][1] is None:  # each statement lets other threads run: one instead of three in a batch
            with self._lock, self._told():
                self._open(writable=True).execute(_ADD, rows[0][0])
            return
        with self._writing() as connection:
            for row, said in rows:
                if connection.execute(_ADD, row).rowcount and said is not None:
                    connection.execute(_SAY, _said(said))

    def claim(self, entry: Entry, room: Room) -> bool:
        """Keep a decision that hands a task over, unless its agent has no room left; whether it is kept.

        Counting and keeping are one transaction, so that of two processes only one gets the last place.
        """
        open_since, minute = bound(time.time() - OPEN_DAYS * 86400), bound(time.time() - MINUTE)
        held = "SELECT count(*) FROM assigned WHERE decision >= ? AND agent = ?"
        recent = "SELECT count(*) FROM decisions WHERE id >= ? AND agent = ? AND status = 'decided'"
        with self._writing() as connection:
            for query, since, most in ((held, open_since, room.capacity), (recent, minute, room.per_minute)):
                if most is not None and connection.execute(query, (since, room.agent)).fetchone()[0] >= most:
                    return False
            connection.execute(_ADD, _row(entry))
        return True

    def say(self, feedback: Feedback, unless_answered: bool = False) -> int | None:
        """Add what was said of a decision, and return its number. It is kept when this returns.

        Args:
            unless_answered: add nothing, and return None, where a verdict stands already.

        Raises:
            JournalError: there is no such decision.
        """
        with self._writing() as connection:
            if not connection.execute("SELECT 1 FROM decisions WHERE id = ?", (feedback.decision,)).fetchone():
                raise self._unknown(feedback.decision)
            answered = "SELECT 1 FROM answers WHERE decision = ?"
            if unless_answered and connection.execute(answered, (feedback.decision,)).fetchone():
                return None
            return connection.execute(_SAY, _said(feedback)).lastrowid

    def undo(self, decision: str, number: int | None = None, origin: Origin = Origin.FEEDBACK) -> Feedback:
        """Withdraw one feedback of a decision, by default the last that stands, and return it.

        Raises:
            JournalError: nothing stands that could be withdrawn.
        """
        with self._writing() as connection:
            found = [each for each in _feedback(connection, decision) if not each.undone]
            found = [each for each in found if number in (None, each.number)]
            if not found:
                raise JournalError(f"nothing was said of {decision} that could be undone", f"see delegate why {decision}")
            row = (decision, time.time(), origin.value, found[-1].number)
            connection.execute("INSERT INTO feedback (decision, at, origin, undoes) VALUES (?, ?, ?, ?)", row)
        return found[-1]

    def find(self, text: str) -> str:
        """The whole id for the first characters of one, or for `last`.

        Raises:
            JournalError: none begins so, or several do.
        """
        prefix = text.strip().lower()
        if prefix == LAST:
            rows = self._read("SELECT id FROM decisions ORDER BY id DESC LIMIT 1")
        elif len(prefix) < _LEAST_PREFIX:
            raise JournalError(f"the id {text!r} is too short", f"give at least {_LEAST_PREFIX} characters")
        else:
            rows = self._read("SELECT id FROM decisions WHERE id >= ? AND id < ? LIMIT 2", (prefix, prefix + "~"))
        if not rows:
            raise self._unknown(text)
        if len(rows) > 1:
            raise JournalError(f"several decisions have an id that begins with {text}", "give more of it")
        return str(rows[0][0])

    def get(self, identity: str) -> Entry:
        """One decision with all that was said of it, by its whole id."""
        found = self._read(f"SELECT {', '.join(_COLUMNS)} FROM decisions WHERE id = ?", (identity,))
        if not found:
            raise self._unknown(identity)
        return self._with_feedback(found)[0]

    def entries(self, which: Filter = Filter(), newest_first: bool = False, queued: bool = False) -> Iterator[Entry]:
        """Decisions with their feedback, in the order of time.

        Args:
            queued: only what a pipeline left for a person and nobody answered; `which.agent` is then the first candidate.
        """
        conditions, values = _conditions(which, "first" if queued else "agent")
        left, last = which.limit or -1, ""
        order, beyond = ("DESC", "<") if newest_first else ("ASC", ">")
        while left:
            page = _PAGE if left < 0 else min(left, _PAGE)
            here = [*conditions, f"id {beyond} ?"] if last else conditions
            where = f"WHERE {' AND '.join(here)}" if here else ""
            table = "queue" if queued else "decisions"
            query = f"SELECT {', '.join(_COLUMNS)} FROM {table} {where} ORDER BY id {order} LIMIT ?"
            found = self._read(query, (*values, *([last] if last else []), page))
            yield from self._with_feedback(found)
            if len(found) < page:
                return
            last = found[-1][0]
            left -= len(found) if left > 0 else 0

    def queue(self, which: Filter = Filter()) -> list[str]:
        """The ids of what waits for a person, oldest first."""
        conditions, values = _conditions(which, "first")
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        return [
            str(row[0]) for row in self._read(f"SELECT id FROM queue {where} ORDER BY id LIMIT ?", (*values, which.limit or -1))
        ]

    def drawn(self, which: Filter, count: int) -> list[str]:
        """At most so many ids of tasks that were handed over and that nobody has judged, drawn at random, oldest first."""
        conditions, values = _conditions(replace(which, statuses=("decided",), answered=False), "agent")
        query = f"SELECT id FROM decisions WHERE {' AND '.join(conditions)} ORDER BY random() LIMIT ?"
        return sorted(str(row[0]) for row in self._read(query, (*values, count)))

    def shortest(self, identities: Iterable[str], least: int = 8) -> dict[str, str]:
        """As many first characters of each id as tell it from all others."""
        found = {}
        for each in identities:
            beside = [
                self._read(f"SELECT id FROM decisions WHERE id {sign} ? ORDER BY id {order} LIMIT 1", (each,))
                for sign, order in ((">", "ASC"), ("<", "DESC"))
            ]
            found[each] = each[: max([least, *(_common(each, str(rows[0][0])) + 1 for rows in beside if rows)])]
        return found

    def prune(self, which: Filter, dry_run: bool = False) -> int:
        """Remove decisions and what was said of them, also from the file's free pages; returns how many."""
        conditions, values = _conditions(which, "agent")
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        if dry_run:
            return int(self._read(f"SELECT count(*) FROM decisions {where}", tuple(values))[0][0])
        with self._writing() as connection:
            connection.execute("PRAGMA secure_delete = ON")
            removed = connection.execute(f"DELETE FROM decisions {where}", values).rowcount
        self._do(lambda connection: connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
        return removed

    def vacuum(self) -> tuple[int, int]:
        """Give free space back; bytes of the file before and after."""
        before = self.size
        self._do(lambda connection: connection.execute("VACUUM"))
        self._do(lambda connection: connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
        return before, self.size

    @property
    def size(self) -> int:
        """Bytes on disk, the write-ahead log included."""
        files = (self.path, self.path.with_name(self.path.name + "-wal"))
        return sum(each.stat().st_size for each in files if each.exists())

    def rows(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Rows of a query that only reads, for figures over the whole journal."""
        return self._read(query, values)

    def close(self) -> None:
        """Give the file back; a later use opens it again."""
        with self._lock, suppress(sqlite3.Error):
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._told(), schema.transaction(self._open(writable=True)) as connection:
            yield connection

    def _read(self, query: str, values: tuple[Any, ...] = ()) -> list[Any]:
        if self._connection is None and not self.path.exists():
            return []
        rows: list[Any] = self._do(lambda connection: connection.execute(query, values).fetchall())
        return rows

    def _do(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        with self._lock, self._told():
            return work(self._open(writable=False))

    def _open(self, writable: bool) -> sqlite3.Connection:
        if self._connection is None:
            self._connection, self._waits = schema.connect(self.path, self.patience, writable), self.patience
        if self._waits != self.patience:
            self._connection.execute(f"PRAGMA busy_timeout = {round(self.patience * 1000)}")
            self._waits = self.patience
        return self._connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise problem(self.path, error) from error

    def _with_feedback(self, rows: list[Any]) -> list[Entry]:
        def read(connection: sqlite3.Connection) -> list[Entry]:
            return [_entry(row, _feedback(connection, row[0])) for row in rows]

        found: list[Entry] = self._do(read) if rows else []
        return found

    def _unknown(self, text: str) -> JournalError:
        return JournalError(f"the journal {self.path} has no decision {text}", "see delegate journal list")


def problem(path: Path, error: Exception) -> JournalError:
    """What is wrong with the file, and how to mend it."""
    reason = str(getattr(error, "strerror", None) or error)
    fix = "check its folder, or name another file with --journal"
    if "locked" in reason:
        reason, fix = "another program holds it", "try again when that is done"
    elif "malformed" in reason or "not a database" in reason:
        reason, fix = "it is damaged", f"move it away; `sqlite3 {path} .recover` may save what is in it"
    elif "full" in reason or "I/O" in reason:
        fix = "free some space"
    return JournalError(f"cannot use the journal {path}: {reason}", fix)


def _conditions(which: Filter, agent: str) -> tuple[list[str], list[Any]]:
    answered = "EXISTS (SELECT 1 FROM answers WHERE decision = id)"
    given: list[tuple[str, Any]] = [
        ("id >= ?", which.since is not None and bound(which.since)),
        ("id < ?", which.until is not None and bound(which.until)),
        (f"{agent} = ?", which.agent),
        ("roster_path = ?", which.roster_path),
    ]
    conditions = [condition for condition, value in given if value]
    values = [value for _, value in given if value]
    if which.statuses:
        conditions.append(f"status IN ({', '.join('?' * len(which.statuses))})")
        values += sorted(which.statuses)
    if which.answered is not None:
        conditions.append(answered if which.answered else f"NOT {answered}")
    return conditions, values


def _row(entry: Entry) -> tuple[Any, ...]:
    record = {key: value for key, value in entry.record.items() if key != "task"}
    values = {name: getattr(entry, name) for name in _COLUMNS}
    values |= {"origin": entry.origin.value, "record": _json(record)}
    values |= {name: _json(values[name]) for name in ("versions", "asked")}
    return tuple(values.values())


def _said(said: Feedback) -> tuple[Any, ...]:
    verdict, success = said.verdict, said.success
    return (
        *(said.decision, time.time(), said.origin.value, None if verdict is None else verdict.value, said.agent, said.note),
        *(None if success is None else int(success), said.score, said.cost, said.seconds),
    )


def _entry(row: Any, feedback: tuple[Feedback, ...]) -> Entry:
    values = dict(zip(_COLUMNS, row, strict=True))
    values |= {name: json.loads(values[name]) for name in ("versions", "asked", "record")}
    values["origin"] = Origin(values["origin"])
    record: Mapping[str, Any] = values["record"]
    head = {key: record[key] for key in ("v", "id", "ref") if key in record}
    values["record"] = {**head, "task": values["task"], **record}  # the task where the record has it
    return Entry(**values, feedback=feedback)


def _feedback(connection: sqlite3.Connection, decision: str) -> tuple[Feedback, ...]:
    query = (
        f"SELECT number, {', '.join(_SAID)}, EXISTS (SELECT 1 FROM feedback AS u WHERE u.undoes = f.number)"
        " FROM feedback AS f WHERE decision = ? AND undoes IS NULL ORDER BY number"
    )
    found = []
    for number, identity, at, origin, verdict, agent, note, success, *numbers, undone in connection.execute(query, (decision,)):
        score, cost, seconds = numbers
        said = Verdict(verdict) if verdict is not None else None
        done = None if success is None else bool(success)
        found.append(
            Feedback(identity, said, agent, note, done, score, cost, seconds, Origin(origin), number, at, bool(undone))
        )
    return tuple(found)


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # half a surrogate pair in a roster's text
        text = json.dumps(value, separators=(",", ":"))
    return text


def _common(one: str, other: str) -> int:
    return next((place for place, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), len(one))
