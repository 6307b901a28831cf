"""The journal's file: what is kept, what was said of it, its versions, and what happens when something is wrong with it."""

import json
import os
import resource
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.journal import check, decision, kill, writers
from delegate_cli.decision import Decision, Status, uuid7
from delegate_cli.errors import JournalError, UsageError
from delegate_cli.journal import schema
from delegate_cli.journal.entries import Feedback, Filter, Origin, Verdict, at_of
from delegate_cli.journal.figures import Assignments
from delegate_cli.journal.recorder import Recorder, settings_hash
from delegate_cli.journal.store import Journal
from delegate_cli.settings import Journaling, KeptText, Llm, Settings


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "kept" / "journal.sqlite", patience=0.2) as opened:
        yield opened


def record(journal: Journal, *made: Decision, origin: Origin = Origin.PIPELINE, settings: Settings = Settings()) -> list[str]:
    """Record decisions; what the recorder had to say."""
    said: list[str] = []
    recorder = Recorder(journal, settings, origin=origin, asked={"roles": ["legal"]}, say=said.append)
    for each in made:
        recorder.record(each)
    recorder.close()
    return said


def bytes_of(journal: Journal) -> bytes:
    """Everything on disk."""
    return b"".join(path.read_bytes() for path in journal.path.parent.iterdir())


def at(seconds: float) -> Decision:
    """A decision of a moment."""
    text = f"{round(seconds * 1000):012x}"
    return replace(decision(), id=f"{text[:8]}-{text[8:12]}{uuid7()[13:]}")


# what is kept


def test_a_decision_comes_back_as_it_was(journal: Journal) -> None:
    made = replace(decision("Zahle 😀 zurück"), contrast={"words_of_first": ["zahle"]}, ref={"a": 1})
    assert record(journal, made) == []
    entry = journal.get(made.id)
    assert json.dumps(entry.record) == json.dumps(made.as_dict())  # the order of the keys too
    assert (entry.task, entry.first, entry.asked) == (made.task, "refunds", {"roles": ["legal"]})
    assert entry.roster_path == str(Path("agents.yaml").absolute())
    assert entry.versions["delegate"]
    assert abs(entry.at - time.time()) < 60


def test_a_decision_is_kept_once(journal: Journal) -> None:
    made = decision()
    record(journal, made, made)
    record(journal, made)
    assert [each.id for each in journal.entries()] == [made.id]


def test_half_a_surrogate_pair_is_kept(journal: Journal) -> None:
    odd = replace(decision().candidates[0], name="half \ud800 pair")
    made = replace(decision(), candidates=(odd,))
    assert record(journal, made) == []
    assert journal.get(made.id).record == made.as_dict()


def test_the_settings_have_a_hash() -> None:
    assert settings_hash(Settings()) == settings_hash(Settings()) != settings_hash(Settings(llm=Llm(orders=3)))


SECRET = "Zweibrücken"


@pytest.mark.parametrize("kept", [KeptText.HASH, KeptText.REDACT])
def test_what_is_private_is_nowhere_in_the_files(journal: Journal, kept: KeptText) -> None:
    made = replace(decision(f"Refund {SECRET}"), contrast={"words_of_first": [SECRET]}, ref=7)
    kept_settings = Settings(journal=Journaling(kept), llm=Llm(redact_patterns={"TOWN": SECRET}))
    assert record(journal, made, settings=kept_settings) == []
    assert SECRET.encode() not in bytes_of(journal)
    entry = journal.get(made.id)
    assert entry.task == (None if kept is KeptText.HASH else "Refund <TOWN_1>")
    assert entry.record["candidates"] == made.as_dict()["candidates"]
    assert (entry.record["task"], entry.record["ref"]) == (entry.task, 7)
    record(journal, replace(made, id=uuid7()))
    assert {each.task_sha256 for each in journal.entries()} == {entry.task_sha256}  # the same task is found again
    assert SECRET.encode() in bytes_of(journal)  # so the first assertion can fail


def test_the_file_is_for_the_user_alone(journal: Journal) -> None:
    before = os.umask(0)
    try:
        record(journal, decision())
        assert {path.stat().st_mode & 0o777 for path in journal.path.parent.iterdir()} == {0o600}
        journal.close()
        journal.path.chmod(0o644)
        record(journal, decision())
        assert journal.path.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


def test_reading_a_missing_journal_makes_none(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "none.sqlite")
    assert list(journal.entries()) == journal.queue() == []
    with pytest.raises(JournalError, match="has no decision 0198"):
        journal.find("0198")
    assert not journal.path.exists()


# what is said of a decision


def test_the_last_word_counts_and_can_be_undone(journal: Journal) -> None:
    made = decision()
    record(journal, made)

    def answer() -> tuple[str, str | None] | None:
        said = journal.get(made.id).answer
        return said and (said.verdict.value, said.agent)  # type: ignore[union-attr,return-value]

    journal.say(Feedback(made.id, Verdict.WRONG))
    journal.say(Feedback(made.id, Verdict.AGENT, "billing", note="it is about money"))
    journal.say(Feedback(made.id, success=True))  # an outcome is no verdict
    assert answer() == ("agent", "billing")
    journal.undo(made.id)
    assert journal.get(made.id).outcome == {}
    assert answer() == ("agent", "billing")
    journal.undo(made.id)
    assert answer() == ("wrong", None)
    journal.undo(made.id)
    assert answer() is None
    with pytest.raises(JournalError, match="nothing was said"):
        journal.undo(made.id)
    assert len(journal.rows("SELECT * FROM feedback")) == 6  # nothing was removed


def test_outcomes_add_up(journal: Journal) -> None:
    made = decision()
    record(journal, made)
    journal.say(Feedback(made.id, success=False, score=0.25))
    journal.say(Feedback(made.id, success=True, cost=0.5, seconds=12))
    assert journal.get(made.id).outcome == {"success": True, "score": 0.25, "cost": 0.5, "seconds": 12.0}


@pytest.mark.parametrize("outcome", [{"score": 1.1}, {"score": float("nan")}, {"cost": -1.0}, {"seconds": float("inf")}])
def test_outcomes_that_make_no_sense(outcome: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        Feedback("id", **outcome)  # type: ignore[arg-type]


def test_feedback_for_an_unknown_decision_is_refused(journal: Journal) -> None:
    record(journal, decision())
    with pytest.raises(JournalError, match="has no decision"):
        journal.say(Feedback(uuid7(), Verdict.RIGHT))
    assert journal.rows("SELECT * FROM feedback") == []


def test_the_queue_is_what_a_pipeline_left_open(journal: Journal) -> None:
    ask, none, decided, seen = (decision(status=each) for each in (Status.ASK, Status.NONE, Status.DECIDED, Status.ASK))
    record(journal, ask, none, decided)
    record(journal, seen, origin=Origin.TERMINAL)
    assert journal.queue() == [ask.id, none.id]
    number = journal.say(Feedback(ask.id, Verdict.NOBODY), unless_answered=True)
    journal.say(Feedback(none.id, score=0.5))  # says nothing of who
    assert journal.queue() == [none.id]
    assert journal.say(Feedback(ask.id, Verdict.RIGHT), unless_answered=True) is None
    journal.undo(ask.id, number)
    assert journal.queue() == [ask.id, none.id]
    assert journal.queue(Filter(limit=1)) == [ask.id]
    assert journal.queue(Filter(agent="payroll")) == []
    assert [each.id for each in journal.entries(Filter(agent="refunds"), queued=True)] == [ask.id, none.id]


# finding


def test_ids_are_found_by_their_first_characters(journal: Journal) -> None:
    ids = [
        "019abcde-0000-7000-8000-000000000000",
        "019abcde-0000-7001-8000-000000000000",
        "019abcdf-0000-7000-8000-000000000000",
    ]
    record(journal, *(replace(decision(), id=each) for each in ids))
    short = journal.shortest(ids)
    assert short == {ids[0]: ids[0][:18], ids[1]: ids[1][:18], ids[2]: ids[2][:8]}
    assert [journal.find(short[each]) for each in ids] == ids
    assert journal.find("last") == journal.find(" 019ABCDF ") == ids[2]
    for text, words in (("019a", "several decisions"), ("019", "too short"), ("zzzz", "has no decision")):
        with pytest.raises(JournalError, match=words):
            journal.find(text)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 5000), max_size=12), st.integers(0, 5000), st.integers(1, 7))
def test_every_entry_is_before_or_after_a_moment(tmp_path_factory, moments: list[int], cut: int, limit: int) -> None:
    with Journal(tmp_path_factory.mktemp("journal") / "journal.sqlite") as journal:
        record(journal, *(at(1e6 + moment / 1000) for moment in moments))
        instant = 1e6 + cut / 1000
        after, before = list(journal.entries(Filter(since=instant))), list(journal.entries(Filter(until=instant)))
        assert [each.id for each in before + after] == [each.id for each in journal.entries()]
        assert [round(each.at * 1000) - 10**9 for each in before + after] == sorted(moments)
        assert all(each.at >= instant - 1e-9 for each in after)
        newest = list(journal.entries(Filter(limit=limit), newest_first=True))
        assert newest == list(journal.entries())[::-1][:limit]


def test_many_entries_are_read_in_pages(journal: Journal) -> None:
    made = [decision(agent=("a", "b")[place % 2]) for place in range(450)]
    record(journal, *made)
    assert [each.id for each in journal.entries()] == sorted(each.id for each in made)
    assert len(list(journal.entries(Filter(agent="a")))) == 225
    assert len(list(journal.entries(Filter(limit=300)))) == 300


# keeping less


def test_pruned_texts_are_gone_from_the_files(journal: Journal) -> None:
    old, new = replace(at(1e9), task=f"Refund {SECRET}"), decision()
    record(journal, old, new)
    journal.say(Feedback(old.id, Verdict.NOBODY, note=f"ask {SECRET}"))
    assert SECRET.encode() in bytes_of(journal)
    which = Filter(until=1.5e9)
    assert (journal.prune(which, dry_run=True), len(list(journal.entries()))) == (1, 2)
    assert journal.prune(replace(which, answered=False)) == 0
    assert journal.prune(which) == 1
    assert SECRET.encode() not in bytes_of(journal)
    assert [each.id for each in journal.entries()] == [new.id]
    assert journal.rows("SELECT * FROM feedback") == []


def test_vacuum_gives_space_back(journal: Journal) -> None:
    record(journal, *(decision() for _ in range(200)))
    journal.prune(Filter())
    before, after = journal.vacuum()
    assert after < before / 5


# versions


def test_an_older_file_is_brought_up_to_date(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    made = decision()
    record(journal, made)
    journal.close()
    monkeypatch.setattr(schema, "MIGRATIONS", [*schema.MIGRATIONS, ("ALTER TABLE decisions ADD COLUMN team TEXT DEFAULT 'x'",)])
    assert journal.get(made.id).record == made.as_dict()
    assert journal.rows("SELECT team FROM decisions") == [("x",)]
    assert journal.rows("PRAGMA user_version") == [(len(schema.MIGRATIONS),)]
    monkeypatch.undo()
    journal.close()
    with pytest.raises(JournalError, match="of version 3; this program knows 2"):
        list(journal.entries())
    assert "of version 3" in record(journal, decision())[0]


def test_a_file_of_the_first_version_is_counted_like_any(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as old:
        old.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
        record(journal, replace(decision(), status=Status.DECIDED))
        journal.close()
    assert Assignments(journal).open_assignments() == Assignments(journal).last_minute() == {"refunds": 1}
    assert journal.rows("PRAGMA user_version") == [(len(schema.MIGRATIONS),)]


def test_a_failed_migration_changes_nothing(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    made = decision()
    record(journal, made)
    journal.close()
    broken = ("ALTER TABLE decisions ADD COLUMN team TEXT", "INSERT INTO no_such_table VALUES (1)")
    monkeypatch.setattr(schema, "MIGRATIONS", [*schema.MIGRATIONS, broken])
    with pytest.raises(JournalError, match="no such table"):
        list(journal.entries())
    monkeypatch.undo()
    assert [each.id for each in journal.entries()] == [made.id]
    assert "team" not in {row[1] for row in journal.rows("PRAGMA table_info(decisions)")}


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (a)")
    connection.close()
    before = path.read_bytes()
    assert "another program" in record(Journal(path), decision())[0]
    assert path.read_bytes() == before


# what goes wrong


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
