"""`delegate journal`, `why`, `replay`, `feedback`, and what `route` records."""

import contextlib
import json
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shell import COMMAND, SMALL, TIMEOUT, Result, environment

import benchmarks.journal
from delegate_cli import Delegator, Journal, Recorder, load_roster
from delegate_cli.cli import journaling
from delegate_cli.cli.journaling import moment, recorded
from delegate_cli.decision import Decision, Status, uuid7
from delegate_cli.errors import UsageError
from delegate_cli.journal.entries import Entry, Origin, Room
from delegate_cli.journal.figures import Assignments
from delegate_cli.journal.records import decision_of
from delegate_cli.pipeline import Ask
from delegate_cli.policy import Constraints
from delegate_cli.render.schema import decision_schema
from delegate_cli.settings import Settings

Invoke = Callable[..., Result]
TASKS = b"Refund the shoes I sent back\nhelp\nMy payslip is wrong\n"
NASTY = "refund \x1b[31mred\x1b[0m [bold]\u202eme"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """The journal that commands of this test use, too."""
    with Journal(tmp_path / "kept" / "journal.sqlite") as opened:
        yield opened


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


# replay


def test_replay_says_what_a_roster_changes(journal: Journal, invoke: Invoke, small: Path) -> None:
    invoke("route", "--agents", str(small), "--format", "jsonl", "-", stdin=TASKS)
    made = list(journal.entries())
    for each in made:
        invoke("feedback", each.id, "--agent", each.first or "")
    same = invoke("replay", "--agents", str(small), "--format", "json")
    assert (same.code, same.json["summary"]["changed"], same.json["summary"]["mean_shift"]) == (0, 0, 0)
    assert len(journal.rows("SELECT id FROM decisions")) == 3  # nothing is recorded
    other = small.read_text().replace("id: refunds", "id: returns")
    small.write_text(other)
    changed = invoke("replay", "--agents", str(small), "--format", "jsonl", "--changed")
    assert changed.code == 1
    assert {(each["then"]["agent"], each["now"]["agent"]) for each in changed.rows} >= {("refunds", "returns")}
    assert all(each["changed"] for each in changed.rows)
    plain_line = invoke("replay", made[0].id[:18], "--agents", str(small)).out
    assert "refunds" in plain_line
    assert "returns" in plain_line
    assert invoke("replay", "--agents", SMALL, "--format", "jsonl").rows == []  # made with another file
    assert len(invoke("replay", "--agents", SMALL, "--every-roster", "--format", "jsonl").rows) == 3


# feedback


def test_feedback_in_lines(journal: Journal, invoke: Invoke) -> None:
    made = [decision() for _ in range(4)]
    record(journal, *made)
    lines = [
        {"id": made[0].id, "agent": "payroll", "note": "said by Ann"},
        {"id": "0198ffff-0000", "right": True},
        {"id": made[1].id[:23], "right": True, "success": True, "score": 0.9, "cost": 0.2, "seconds": 3},
        {"id": made[2].id, "agent": None},
        {"id": made[3].id, "agent": "payrol"},
        {"id": made[3].id, "sucess": True},
        {"id": made[3].id, "right": True, "wrong": True},
        {"id": made[3].id, "score": 7},
        {"id": made[3].id, "score": True},
        {"id": made[3].id},
        [1],
    ]
    text = "\n\n".join([*map(json.dumps, lines), "{"]).encode()
    result = invoke("feedback", "-", stdin=text)
    assert result.code == 5
    rows = [line.split("\t") for line in result.out.splitlines()]
    assert [row[:4] for row in rows if row[0] == "saved"] == [
        ["saved", made[0].id, "agent", "payroll"],
        ["saved", made[1].id, "right", "refunds"],
        ["saved", made[2].id, "nobody", "-"],
    ]
    errors = [row[4] for row in rows if row[0] == "error"]
    assert [each.partition(":")[0].partition(" is")[0] for each in errors] == [f"line {n}" for n in (3, *range(9, 24, 2))]
    assert "has no decision 0198ffff-0000" in errors[0]
    assert "payrol" in errors[1]
    assert "9 of 12 lines could not be kept" in result.err
    assert journal.get(made[1].id).outcome == {"success": True, "score": 0.9, "cost": 0.2, "seconds": 3.0}
    assert journal.get(made[3].id).feedback == ()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "nothing is said"),
        (("--right", "--nobody"), "right and nobody cannot be said at once"),
        (("--agent", "nobody-knows"), "has no agent 'nobody-knows'"),
        (("--score", "2"), "score must lie between 0 and 1"),
        (("--seconds", "inf"), "seconds must be a number"),
        (("--undo",), "nothing was said"),
        (("--undo", "--right"), "undo takes something back"),
    ],
)
def test_feedback_that_cannot_be_kept(journal: Journal, invoke: Invoke, words: tuple[str, ...], message: str) -> None:
    record(journal, decision())
    result = invoke("feedback", "last", *words)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert only(journal).feedback == ()


def test_an_agent_of_the_roster_that_was_no_candidate(journal: Journal, invoke: Invoke, tmp_path: Path) -> None:
    record(journal, decision())
    assert invoke("feedback", "last", "--agent", "travel-desk").code == 0
    other = tmp_path / "other.yaml"
    other.write_text("agents: [{name: Somebody else}]")
    assert invoke("feedback", "last", "--agent", "somebody-else", "--agents", str(other)).code == 0
    assert invoke("feedback", "last", "--undo").out.split("\t")[3] == "somebody-else"
    answer = only(journal).answer
    assert answer is not None
    assert answer.agent == "travel-desk"


# for capacities and rate limits


def test_what_agents_have_on_their_hands(journal: Journal, invoke: Invoke) -> None:
    load = Assignments(journal)
    assert load.open_assignments() == load.last_minute() == {}
    given = [
        decision(status=Status.DECIDED),
        decision(status=Status.DECIDED),
        decision(),
        decision(),
        decision(status=Status.NONE),
    ]
    record(journal, *given, replace(decision(status=Status.DECIDED), id="00000000-0000-7000-8000-000000000000"))
    assert load.open_assignments() == load.last_minute() == {"refunds": 2}
    invoke("feedback", given[0].id, "--wrong")
    invoke("feedback", given[2].id, "--agent", "payroll")
    invoke("feedback", given[4].id, "--right")
    assert load.open_assignments() == {"refunds": 1, "payroll": 1}
    invoke("feedback", given[2].id, "--success")
    invoke("feedback", given[1].id, "--score", "0")
    assert load.open_assignments() == {}
    invoke("feedback", given[1].id, "--undo")
    assert load.open_assignments() == {"refunds": 1}


def test_capacity_and_rate_are_held_against_the_journal(journal: Journal, invoke: Invoke, small: Path) -> None:
    text = small.read_text()
    small.write_text(text.replace("name: Refunds", "name: Refunds\n    availability: {capacity: 1}", 1))
    route = ("route", "--agents", str(small), "--format", "json", "--min-probability", "0", "Refund the shoes I sent back")
    first = invoke(*route).json
    assert (first["status"], first["agent"]) == ("decided", "refunds")
    second = invoke(*route).json
    assert ("refunds", "capacity") in [(each["agent"], each["rule"]) for each in second["excluded"]]
    assert invoke(*route[:-1], "--no-journal", route[-1]).json["agent"] == "refunds"
    invoke("feedback", first["id"], "--success")
    assert invoke(*route).json["agent"] == "refunds"
    small.write_text(text.replace("name: Refunds", "name: Refunds\n    rate_limit_rpm: 1", 1))
    assert ("refunds", "rate_limit") in [(each["agent"], each["rule"]) for each in invoke(*route).json["excluded"]]
    journal.close()
    for rest in ("-wal", "-shm"):  # a connection that no one has collected yet keeps them, and what is in them counts
        Path(f"{journal.path}{rest}").unlink(missing_ok=True)
    journal.path.write_bytes(b"no database" * 1000)
    result = invoke(*route)
    assert result.json["agent"] == "refunds"
    assert "capacities and rate limits are not held" in result.err


@pytest.mark.usefixtures("kept")
def test_the_last_room_is_given_once(journal: Journal, small: Path) -> None:
    """Whoever decided before another process took it decides again, and then the agent is excluded."""
    small.write_text(small.read_text().replace("name: Refunds", "name: Refunds\n    availability: {capacity: 1}", 1))
    settings = Settings(min_probability=0.0)
    roster = load_roster(str(small))
    delegators = [Delegator(roster, settings, load=Assignments(Journal(journal.path))) for _ in range(2)]
    ask = Ask()
    with contextlib.ExitStack() as stack:
        records = [stack.enter_context(recorded(each, ask, Journal(journal.path), many=True)) for each in delegators]
        made = [each.decide("Refund the shoes I sent back", ask) for each in delegators]
        assert [each.agent for each in made] == ["refunds", "refunds"]  # both saw room
        again = [partial(each.decide, "Refund the shoes I sent back", ask) for each in delegators]
        stood = [journaling.kept(*each) for each in zip(again, records, made, strict=True)]
    assert stood[0] == made[0]
    assert ("refunds", "capacity") in [(each.agent, each.rule) for each in stood[1].excluded]
    assert [entry.agent for entry in journal.entries()] == [each.agent for each in stood]


@pytest.mark.parametrize("command", [("split",), ("route", "--team"), ("route", "--team", "--size", "2")])
def test_a_part_whose_agent_has_no_room_any_more_is_decided_again(
    journal: Journal, invoke: Invoke, small: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """Another process takes the last room between deciding and keeping."""
    claim, others = Journal.claim, []

    def late(self: Journal, entry: Entry, room: Room) -> bool:
        if not others:
            others.append(replace(entry, id=uuid7()))
            assert claim(self, others[0], room)
        return claim(self, entry, room)

    monkeypatch.setattr(Journal, "claim", late)
    small.write_text(small.read_text().replace("name: Refunds", "name: Refunds\n    availability: {capacity: 1}", 1))
    request = "Please refund the second pair of shoes and then book me a train to Hamburg on Thursday morning"
    done = invoke(*command, "--agents", str(small), "--min-probability", "0", "--format", "json", request).json
    kept = {entry.id: entry for entry in journal.entries() if entry.id != others[0].id}
    assert others[0].agent == "refunds"
    assert "refunds" not in [entry.agent for entry in kept.values()]
    left = {(each["agent"], each["rule"]) for entry in kept.values() for each in entry.record["excluded"]}
    assert ("refunds", "capacity") in left
    if command == ("split",):
        assert {each["decision"]: each["agent"] for each in done["subtasks"]} == {each.id: each.agent for each in kept.values()}
    else:
        assert "refunds" not in [each["agent"] for each in done["team"]]


@pytest.mark.parametrize("room", [{"capacity": 3}, {"per_minute": 3.0}])
def test_many_that_claim_at_once_get_no_more_than_there_is(journal: Journal, room: dict[str, float]) -> None:
    def claim(_: int) -> bool:
        with Journal(journal.path) as own:
            made = decision(status=Status.DECIDED)
            return Recorder(own, Settings(), origin=Origin.PIPELINE).claim(made, Room("refunds", **room))

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(claim, range(16)))
    assert sum(got) == 3
    assert Assignments(journal).open_assignments() == {"refunds": 3}
    journal.close()
    journal.path.write_bytes(b"no database" * 1000)
    assert claim(0)  # nobody can know, and no decision is lost


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
