"""`delegate replay` and `feedback`."""

import json
from pathlib import Path

import pytest
from shell import SMALL
from test_journal_commands import TASKS, Invoke, decision, only, record

from delegate_cli import Journal


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
