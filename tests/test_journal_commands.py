"""`delegate journal`, `why`, and what `route` records."""

import sqlite3
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shell import COMMAND, SMALL, TIMEOUT, Result, environment

import benchmarks.journal
from delegate_cli import Delegator, Journal, Recorder, load_roster
from delegate_cli.cli.journaling import moment
from delegate_cli.decision import Decision, Status
from delegate_cli.errors import UsageError
from delegate_cli.journal.entries import Entry, Origin
from delegate_cli.journal.records import decision_of
from delegate_cli.pipeline import Ask
from delegate_cli.policy import Constraints
from delegate_cli.render.schema import decision_schema
from delegate_cli.settings import Settings

Invoke = Callable[..., Result]
TASKS = b"Refund the shoes I sent back\nhelp\nMy payslip is wrong\n"
NASTY = "refund \x1b[31mred\x1b[0m [bold]\u202eme"


def decision(task: str = "Refund the shoes", status: Status = Status.ASK, agent: str = "refunds") -> Decision:
    return replace(benchmarks.journal.decision(task, status, agent), roster={"path": SMALL, "sha256": "0" * 64})


def record(journal: Journal, *made: Decision) -> None:
    recorder = Recorder(journal, Settings(), origin=Origin.PIPELINE)
    for each in made:
        recorder.record(each)
    recorder.close()


def only(journal: Journal) -> Entry:
    (entry,) = journal.entries()
    return entry


# what route records


def test_route_records_what_it_prints(journal: Journal, invoke: Invoke) -> None:
    result = invoke("route", "--agents", SMALL, "--format", "jsonl", "--as", "legal", "-", stdin=TASKS)
    assert [entry.record for entry in journal.entries()] == result.rows
    entry = next(iter(journal.entries()))
    assert (entry.origin, entry.asked["roles"], entry.roster_path) == (Origin.PIPELINE, ["legal"], SMALL)
    assert {"delegate", "numpy", "faiss", "onnxruntime"} <= set(entry.versions)
    single = invoke("route", "--agents", SMALL, "--format", "json", "My payslip is wrong").json
    jsonschema.validate(single, decision_schema())
    assert journal.get(journal.find("last")).record == single


@pytest.mark.parametrize("off", [("--no-journal",), "environment"])
def test_nothing_is_recorded_when_it_is_not_wanted(journal: Journal, invoke: Invoke, monkeypatch, off) -> None:
    if off == "environment":
        monkeypatch.setenv("DELEGATE_NO_JOURNAL", "1")
    invoke("route", "--agents", SMALL, *(off if off != "environment" else ()), "Refund the shoes")
    assert not journal.path.exists()


def test_the_journal_may_be_named(tmp_path: Path, invoke: Invoke, monkeypatch) -> None:
    monkeypatch.setenv("DELEGATE_JOURNAL", str(tmp_path / "variable.sqlite"))
    invoke("route", "--agents", SMALL, "Refund the shoes")
    invoke("route", "--agents", SMALL, "--journal", str(tmp_path / "option.sqlite"), "Refund the boots")
    assert only(Journal(tmp_path / "variable.sqlite")).task == "Refund the shoes"
    assert only(Journal(tmp_path / "option.sqlite")).task == "Refund the boots"


def test_the_roster_says_what_is_kept_of_a_text(journal: Journal, invoke: Invoke, small: Path, monkeypatch) -> None:
    small.write_text(small.read_text().replace("agents:", "settings: {journal: {text: hash}}\nagents:", 1))
    invoke("route", "--agents", str(small), "Refund the shoes")
    assert only(journal).task is None
    monkeypatch.setenv("DELEGATE_JOURNAL_TEXT", "keep")
    invoke("route", "--agents", str(small), "Refund the boots")
    assert journal.get(journal.find("last")).task == "Refund the boots"
    monkeypatch.setenv("DELEGATE_JOURNAL_TEXT", "some")
    result = invoke("route", "--agents", str(small), "Refund the boots")
    assert (result.code, result.out) == (2, "")
    assert "keep, hash, redact" in result.err


def test_a_decision_is_printed_whatever_the_journal_is(journal: Journal, invoke: Invoke) -> None:
    journal.path.parent.mkdir(exist_ok=True)
    journal.path.write_bytes(b"no database" * 1000)
    before = invoke("route", "--agents", SMALL, "--no-journal", "--format", "plain", "-", stdin=TASKS)
    result = invoke("route", "--agents", SMALL, "--format", "plain", "-", stdin=TASKS)
    assert (result.code, result.out) == (before.code, before.out)
    assert result.err.startswith("3 decisions were not recorded: ")
    assert result.err.count("\n") == 1


def test_a_full_disk_loses_no_printed_decision(kept: Path) -> None:
    limited = f"ulimit -f 20; exec {' '.join(COMMAND)} route --agents {SMALL} --format jsonl -"
    done = subprocess.run(["bash", "-c", limited], input=TASKS, capture_output=True, timeout=TIMEOUT, env=environment())
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 3
    assert done.stderr.decode().count("\n") == 1
    assert b"not recorded" in done.stderr


def test_a_confirmed_decision_has_its_answer(journal: Journal, terminal: Invoke) -> None:
    terminal("route", "--agents", SMALL, "--confirm", "Refund the shoes", typed=b"payroll\n")
    entry = only(journal)
    assert entry.origin is Origin.TERMINAL
    assert entry.agent == "refunds"  # what was decided, not what was answered
    assert entry.answer is not None
    assert (entry.answer.agent, entry.answer.origin) == ("payroll", Origin.CONFIRM)
    assert "confirmed" not in entry.record


def test_a_decision_at_a_terminal_does_not_wait_for_review(journal: Journal, terminal: Invoke) -> None:
    terminal("route", "--agents", SMALL, "help")
    assert only(journal).status in ("ask", "none")
    assert journal.queue() == []
    terminal("route", "--agents", SMALL, "help", pipe_stdout=True)
    assert len(journal.queue()) == 1


def test_the_library_records_too(compiled: Path, tmp_path: Path) -> None:
    delegator = Delegator(load_roster(SMALL), folder=compiled)
    journal = Journal(tmp_path / "own.sqlite")
    Recorder(journal, delegator.settings).record(made := delegator.decide("Refund the shoes"))
    assert decision_of(only(journal)).as_dict() == made.as_dict()


# records come back


@pytest.mark.parametrize(
    "ask", [Ask(), Ask(explain=True, ref=3), Ask(top=None), Ask(top=1, constraints=Constraints(roles=frozenset("ab")))]
)
@pytest.mark.parametrize("task", ["Refund the shoes", "help", NASTY])
def test_a_record_is_a_decision_again(compiled: Path, journal: Journal, ask: Ask, task: str) -> None:
    made = Delegator(load_roster(SMALL), folder=compiled).decide(task, ask)
    record(journal, made)
    again = decision_of(only(journal))
    assert again.as_dict() == made.as_dict()
    assert type(again.status) is Status


def test_keys_of_another_version_are_left_out(journal: Journal) -> None:
    record(journal, decision())
    with sqlite3.connect(journal.path) as connection:
        connection.execute("UPDATE decisions SET record = json_set(record, '$.mood', 'good')")
        connection.execute("UPDATE decisions SET record = json_remove(record, '$.elapsed_ms')")
    connection.close()
    assert decision_of(only(journal)).elapsed_ms == 0.0


# looking


def test_list_and_show(journal: Journal, invoke: Invoke) -> None:
    first, second = decision("Refund the shoes"), decision(NASTY, Status.DECIDED)
    record(journal, first, second)
    rows = [line.split("\t") for line in invoke("journal", "list").out.splitlines()]
    assert [row[0] for row in rows] == [second.id, first.id]
    assert rows[1][2:] == ["ask", "refunds", "0.600", "-", "Refund the shoes"]
    assert "\x1b" not in rows[0][6]
    assert "\u202e" not in rows[0][6]
    assert [each["id"] for each in invoke("journal", "list", "--format", "jsonl", "--status", "ask").rows] == [first.id]
    assert invoke("journal", "list", "--agent", "payroll").out == ""
    assert invoke("journal", "list", "--limit", "1", "--format", "json").json[0]["decision"] == second.as_dict()
    table = invoke("journal", "list", "--format", "table").out
    assert "Refund the shoes" in table
    assert "\x1b[31m" not in table
    assert invoke("journal", "show", first.id[:20], "--format", "json").json["decision"] == first.as_dict()
    result = invoke("journal", "list", "--status", "asked")
    assert (result.code, "no status 'asked'" in result.err) == (2, True)


@pytest.mark.parametrize("chosen", ["table", "plain"])
def test_why_shows_all_evidence(journal: Journal, invoke: Invoke, chosen: str) -> None:
    made = decision(NASTY)
    record(journal, made)
    invoke("feedback", made.id, "--agent", "payroll", "--note", "it is \x1b[5mmoney")
    shown = invoke("why", "last", "--format", chosen).out
    for words in ("separation", "a sample request of the usual length, number 2", "payroll is right", "[bold]", SMALL):
        assert words in " ".join(shown.split())
    assert "\x1b" not in shown


def test_a_hashed_task_can_be_looked_at(journal: Journal, invoke: Invoke, monkeypatch) -> None:
    monkeypatch.setenv("DELEGATE_JOURNAL_TEXT", "hash")
    invoke("route", "--agents", SMALL, "Refund the shoes")
    for command in (("why", "last"), ("journal", "list"), ("why", "last", "--format", "table")):
        result = invoke(*command)
        assert (result.code, "only its hash was kept" in result.out) == (0, True)
    assert invoke("journal", "export", "--labelled").out == ""
    replayed = invoke("replay", "last", "--agents", SMALL)
    assert (replayed.code, replayed.out) == (0, "")
    assert "1 left out" in replayed.err


def test_export_and_labelled_tasks_for_eval(journal: Journal, invoke: Invoke, tmp_path: Path) -> None:
    made = [
        decision("Refund the shoes"),
        decision("My payslip"),
        decision("Who won?", Status.NONE),
        decision("Hm"),
        decision("?"),
    ]
    record(journal, *made)
    for each, words in zip(made, (["--right"], ["--agent", "payroll"], ["--right"], ["--wrong"]), strict=False):
        assert invoke("feedback", each.id, *words).code == 0
    exported = invoke("journal", "export").rows
    schema = invoke("schema", "journal").json
    for each in exported:
        jsonschema.validate(each, schema)
    assert [each["decision"] for each in exported] == [each.as_dict() for each in made]
    assert [(each["answer"] or {}).get("agent", "-") for each in exported] == ["refunds", "payroll", None, None, "-"]
    labelled = invoke("journal", "export", "--labelled")
    assert [(each["task"], each["agent"]) for each in labelled.rows] == [
        *(("Refund the shoes", "refunds"), ("My payslip", "payroll"), ("Who won?", None))
    ]
    path = tmp_path / "labelled.jsonl"
    path.write_text(labelled.out)
    assert invoke("eval", str(path), "--agents", SMALL, "--format", "json").code == 0
    figures = invoke("journal", "stats", "--format", "json").json
    assert figures["statuses"] == {
        "ask": {"decisions": 4, "answered": 3, "right": 1},
        "none": {"decisions": 1, "answered": 1, "right": 1},
    }
    assert (figures["waiting"], figures["feedback"], figures["decisions"]) == (1, 4, 5)
    assert "refunds" in invoke("journal", "stats").out


def test_stats_of_nothing(invoke: Invoke) -> None:
    assert invoke("journal", "stats", "--format", "json").json["decisions"] == 0
    assert "nothing recorded" in invoke("journal", "stats").out


def test_prune_and_vacuum(journal: Journal, invoke: Invoke) -> None:
    made = [decision() for _ in range(3)]
    record(journal, *made)
    invoke("feedback", made[0].id, "--right")
    journal.close()
    assert (
        "2 decisions would be removed" in invoke("journal", "prune", "--older-than", "0s", "--keep-answered", "--dry-run").err
    )
    assert invoke("journal", "prune", "--older-than", "1d").code == 0
    assert len(list(journal.entries())) == 3
    invoke("journal", "prune", "--older-than", "0s", "--keep-answered")
    assert only(journal).id == made[0].id
    assert "MB after" in invoke("journal", "vacuum").err


@given(st.integers(1, 10**6), st.sampled_from("smhdw"))
def test_moments(amount: int, unit: str) -> None:
    seconds = amount * {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}[unit]
    now = moment("0s", "--since")
    assert now is not None
    assert moment(f"{amount}{unit}", "--since") == pytest.approx(now - seconds, abs=5)


def test_moments_of_the_calendar(monkeypatch) -> None:
    assert moment("2026-03-01T09:30+01:00", "--since") == 1772353800
    for odd in ("yesterday", "7 days", "", "2026-13-01"):
        with pytest.raises(UsageError, match="--since cannot be"):
            moment(odd, "--since")


def test_doctor_looks_at_the_journal(journal: Journal, invoke: Invoke) -> None:
    record(journal, decision())

    def line() -> str:
        return next(row for row in invoke("doctor", "--agents", SMALL).out.splitlines() if "\tjournal\t" in row)

    assert line().endswith("journal.sqlite: 1 decisions, 1 wait for review")
    journal.close()
    journal.path.write_bytes(b"no database" * 1000)
    assert line().startswith("FAULT")


def test_the_commands_make_no_journal(invoke: Invoke, journal: Journal) -> None:
    for words in (("journal", "list"), ("journal", "export"), ("why", "last"), ("review",), ("feedback", "last", "--right")):
        invoke(*words)
    assert not journal.path.exists()
