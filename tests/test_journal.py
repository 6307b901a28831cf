"""The journal's file: what is kept, what was said of it, its versions, and what happens when something is wrong with it."""

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.journal import decision
from delegate_cli.decision import Decision, Status, uuid7
from delegate_cli.errors import JournalError, UsageError
from delegate_cli.journal import schema
from delegate_cli.journal.entries import Feedback, Filter, Origin, Verdict
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
