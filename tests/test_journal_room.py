"""What agents have on their hands by the journal: capacities and rate limits, and the last room, which is given once."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from test_journal_commands import Invoke, decision, record

from delegate_cli import Delegator, Journal, Recorder, load_roster
from delegate_cli.cli import journaling
from delegate_cli.cli.journaling import recorded
from delegate_cli.decision import Status, uuid7
from delegate_cli.journal.entries import Entry, Origin, Room
from delegate_cli.journal.figures import Assignments
from delegate_cli.pipeline import Ask
from delegate_cli.settings import Settings


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
