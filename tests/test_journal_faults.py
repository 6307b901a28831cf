"""A journal that is broken, full, locked or read-only; many processes at once, and kill -9."""

import os
import resource
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_journal import record

from benchmarks.journal import check, decision, kill, writers
from delegate_cli.decision import uuid7
from delegate_cli.errors import JournalError
from delegate_cli.journal.entries import Feedback, Verdict, at_of
from delegate_cli.journal.recorder import Recorder
from delegate_cli.journal.store import Journal
from delegate_cli.settings import Settings


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "kept" / "journal.sqlite", patience=0.2) as opened:
        yield opened


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: path.write_bytes(b"not a database " * 400), "damaged"),
        (lambda path: path.write_bytes(path.read_bytes()[:5000] + bytes(20000)), "damaged"),
        (lambda path: (path.unlink(), path.mkdir()), "cannot use the journal"),
    ],
)
def test_a_broken_file_is_one_line_and_no_error(journal: Journal, damage, words: str) -> None:
    record(journal, *(decision() for _ in range(20)))
    journal.close()
    damage(journal.path)
    said = record(journal, decision(), decision())
    assert len(said) == 1
    assert said[0].startswith("2 decisions were not recorded: ")
    assert words in said[0]
    assert "\n" not in said[0]
    with pytest.raises(JournalError, match=words):
        list(journal.entries())


def test_where_nothing_can_be_made(tmp_path: Path) -> None:
    assert "Not a directory" in record(Journal(Path("/dev/null/x/journal.sqlite")), decision())[0]


def test_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    made = [decision() for _ in range(30)]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (80_000, limits[1]))
        said = record(Journal(path), *made)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(said) == 1
    assert "not recorded" in said[0]
    lost = int(said[0].split()[0])
    kept = {each.id for each in Journal(path).entries()}
    assert kept == {each.id for each in made[: 30 - lost]}
    assert 0 < lost < 30


def test_a_locked_journal_is_waited_for(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    record(journal, decision())
    other = sqlite3.connect(journal.path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    free = threading.Timer(0.5, lambda: other.execute("COMMIT"))
    free.start()
    assert record(journal, decision()) == []
    free.join()
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr("delegate_cli.journal.recorder.PATIENCE", 0.1)
    said: list[str] = []
    recorder = Recorder(journal, Settings(), say=said.append)
    started = time.monotonic()
    for _ in range(50):
        recorder.record(decision())
    assert time.monotonic() - started < 2  # a batch does not wait for each line
    other.execute("COMMIT")
    recorder.close()  # and what was held back is written when it can be
    assert said == []
    assert len(list(journal.entries())) == 52
    other.execute("BEGIN IMMEDIATE")
    assert "another program holds it" in record(journal, decision())[0]
    other.close()


def test_a_journal_that_may_only_be_read(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    made = decision()
    record(journal, made)
    journal.close()
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everything
    assert [each.id for each in journal.entries()] == [made.id]
    with pytest.raises(JournalError, match="readonly"):
        journal.say(Feedback(made.id, Verdict.RIGHT))


# many at once


def test_many_that_make_the_file_at_once(tmp_path: Path) -> None:
    for turn in range(15):
        path, said = tmp_path / str(turn) / "journal.sqlite", []

        def write(path: Path = path, said: list[str] = said) -> None:
            said += record(Journal(path), decision())

        threads = [threading.Thread(target=write) for _ in range(6)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert said == []
        assert len(list(Journal(path).entries())) == 6


def test_many_processes_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    ids = writers(path, 4, 40)
    assert len(ids) == 160
    assert check(path, ids, exactly=True) == ""


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    path, ids = tmp_path / "journal.sqlite", []
    for seconds in (0.0, 0.03, 0.11):
        acknowledged, at_work = kill(path, seconds)
        assert at_work
        ids += acknowledged
        assert check(path, ids, exactly=False) == ""
    assert len(ids) >= 3
    assert "missing" in check(path, [*ids, uuid7()], exactly=False)


def test_the_recorder_loads_no_heavy_module() -> None:
    code = "import delegate_cli.journal.recorder, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert not set(done.stdout.split()) & {"numpy", "rich", "phonenumbers", "faker", "asyncio", "yaml"}


def test_ids_have_their_time() -> None:
    assert at_of("0198abcd-ef01-7000-8000-000000000000") == 0x0198ABCDEF01 / 1000


def test_ids_sort_in_the_order_they_were_made(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = time.time_ns
    ids = [uuid7()]
    monkeypatch.setattr(time, "time_ns", lambda: clock() - 10**9)  # set back
    ids += [uuid7() for _ in range(1000)]
    monkeypatch.undo()
    ids += [uuid7() for _ in range(999)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 2000
    assert abs(at_of(ids[0]) - time.time()) < 60
    assert {each[14] for each in ids} == {"7"}
    assert {each[19] for each in ids} == set("89ab")
