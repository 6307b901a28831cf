"""Constraints, preferences, hand-over and escalation on the path of a task: the real encoder, index and command."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import shell
from hypothesis import given, settings
from hypothesis import strategies as st
from test_constraints import Counted, further, moments

from delegate_cli.agents import Auto, Availability, Cost, Kind, Presence, Roster, Skill
from delegate_cli.ask import Ask
from delegate_cli.pipeline import Delegator
from delegate_cli.policy import ANYBODY_THERE, Constraints
from delegate_cli.policy.needs import parse_needs
from delegate_cli.preference import Preference
from delegate_cli.render.rules import rule_lines
from delegate_cli.render.schema import decision_schema
from delegate_cli.render.table import decision_table
from delegate_cli.roster.load import load_roster
from delegate_cli.settings import Settings

TASKS = (
    "Please refund the second pair of shoes",
    "Check this NDA for unusual liability terms",
    "My payslip is wrong",
    "bake me a cake",
)
LEGAL = frozenset({"legal"})
SUNDAY = datetime(2026, 3, 8, 10, tzinfo=UTC)


def changed(changes: Mapping[str, Mapping[str, Any]]) -> Roster:
    """The small roster with other facts, but the same texts: its index holds."""
    roster = load_roster(shell.SMALL)
    return Roster(tuple(replace(agent, **changes.get(agent.id, {})) for agent in roster), roster.path)


@pytest.fixture(scope="module")
def opened(compiled: Path) -> Callable[..., Delegator]:
    """A delegator over a changed small roster; encoder and index are opened once for all."""
    first = Delegator(load_roster(shell.SMALL), Settings(), folder=compiled, rebuild=False)
    ready = first.ready()

    def make(changes: Mapping[str, Mapping[str, Any]] = {}, load: Any = None, **set_to: Any) -> Delegator:
        made = Delegator(changed(changes), Settings(**set_to), folder=compiled, rebuild=False, load=load)
        made._ready = ready
        return made

    return make


# ---------------------------------------------------------------- properties

PEOPLE = {
    "refunds": {"cost": Cost(0.02), "latency_ms": 300, "rate_limit_rpm": 2, "tools": ("fax",), "escalate_to": "payroll"},
    "payroll": {
        "availability": Availability(hours="Mon-Fri 09:00-17:00", timezone="Europe/Berlin", capacity=2),
        "escalate_to": "garden",
    },
    "travel-desk": {"availability": Availability(status=Presence.BUSY), "escalate_to": "payroll"},
    "contract-review": {"escalate_to": "translate-german", "skills": {"law": Skill(0.7)}, "auto": Auto.NEVER},
    "garden": {"availability": Availability(hours="22:00-06:00", timezone="America/New_York"), "auto": Auto.ALWAYS},
    "bug-triage": {"cost": Cost(0.5), "run": {"kind": "openai"}, "tags": ("legal",)},
    "translate-german": {"cost": Cost(0.01), "latency_ms": 20, "skills": {"law": Skill(0.2), "math": Skill(1)}},
}
ids = st.sampled_from(sorted(agent.id for agent in load_roster(shell.SMALL)))
likes = st.none() | st.builds(Preference, st.floats(0.1, 1), st.floats(0, 1), st.floats(0, 1))
chosen = further.flatmap(
    lambda found: st.fixed_dictionaries(
        {key: st.frozensets(ids, max_size=8) if key in ("allow", "deny") else st.just(value) for key, value in found.items()}
    )
)


@settings(max_examples=150, deadline=None)
@given(
    chosen,
    moments,
    st.sampled_from(TASKS),
    likes,
    st.floats(0, 1),
    st.none() | ids,
    st.none() | ids,
    st.dictionaries(ids, st.integers(0, 3)),
)
def test_nobody_who_is_excluded_is_ever_returned(opened, vectors, found, at, task, like, cut, last, previous, counts) -> None:
    delegator = opened(PEOPLE, Counted(counts, counts), prefer=like, prefer_band=1.0, min_probability=cut, escalate_to=last)
    wanted = Constraints(roles=LEGAL, at=at, **found)
    ask = Ask(top=None, constraints=wanted, previous=previous)
    decision = delegator.begin(task, vectors[task], ask).result()
    gone = {each.agent for each in decision.excluded}
    left = {each.agent for each in decision.candidates}
    assert not gone & left
    assert gone | left == set(delegator.roster.position)
    assert decision.agent is None or decision.agent in left
    assert decision.escalation is None or decision.escalation.to is None or decision.escalation.to in left
    assert (decision.status.value == "no_eligible") is not left
    if left:
        assert sum(each.probability for each in decision.candidates) + decision.none == pytest.approx(1)
        assert decision.agent in (None, decision.candidates[0].agent)
    if decision.agent == "contract-review":
        assert decision.status.value == "ask"
    jsonschema.validate(json.loads(json.dumps(decision.as_dict())), decision_schema())
    assert decision_table(decision, True, False, 80)
    more = replace(wanted, deny=wanted.deny | subsets_of(left))
    after = delegator.begin(task, vectors[task], replace(ask, constraints=more)).result()
    assert {each.agent for each in after.candidates} <= left


def subsets_of(names: set[str]) -> frozenset[str]:
    """Every other one."""
    return frozenset(sorted(names)[::2])


@pytest.fixture(scope="module")
def vectors(opened: Callable[..., Delegator]) -> dict[str, Any]:
    encoder = opened().ready().encoder
    return {task: encoder.encode(task) for task in TASKS}


def test_what_was_wanted_survives_as_plain_values() -> None:
    wanted = Constraints(
        LEGAL,
        frozenset({Kind.AI}),
        parse_needs("tool:fax,skill:law>=0.5"),
        0.5,
        10.0,
        frozenset({"a"}),
        frozenset({"b"}),
        True,
        SUNDAY,
        False,
    )
    ask = Ask(None, constraints=wanted, context="before", previous="a")
    assert Ask.of(json.loads(json.dumps(ask.as_dict()))) == ask
    assert Ask.of({}) == Ask()
    assert Ask().as_dict() == {"top": 3}


# ---------------------------------------------------------------- who is there


def test_hours_are_held_against_now_unless_anybody_counts(opened: Callable[..., Delegator]) -> None:
    delegator = opened({"refunds": {"availability": Availability(hours="Mon-Fri 09:00-17:00", timezone="UTC")}})
    closed = delegator.decide(TASKS[0], Ask(constraints=Constraints(at=SUNDAY)))
    assert {each.agent: each.rule for each in closed.excluded} == {"contract-review": "allow", "refunds": "hours"}
    anyway = delegator.decide(TASKS[0], Ask(constraints=ANYBODY_THERE))
    assert anyway.agent == "refunds"
    now = delegator.decide(TASKS[0])
    weekday = datetime.now(UTC)
    at_work = weekday.weekday() < 5 and 9 <= weekday.hour < 17
    assert (now.agent == "refunds") is at_work


def test_nobody_gets_unasked_what_is_for_somebody_who_is_away(opened: Callable[..., Delegator]) -> None:
    away = {"availability": Availability(status=Presence.AWAY)}
    decided = opened({}, min_probability=0.3).decide(TASKS[0])
    assert (decided.status.value, decided.agent) == ("decided", "refunds")
    missed = opened({"refunds": away}, min_probability=0.01).decide(TASKS[0])
    assert (missed.status.value, missed.agent, missed.missed) == ("none", None, "refunds")
    assert missed.reason == "refunds would get it and is not there (away)"
    assert missed.escalation is not None
    assert (missed.escalation.reason, missed.escalation.to) == ("absent", None)


@pytest.mark.parametrize(("auto", "status"), [(Auto.WHEN_SURE, "ask"), (Auto.ALWAYS, "decided"), (Auto.NEVER, "ask")])
def test_who_stands_in_is_proposed(opened: Callable[..., Delegator], auto: Auto, status: str) -> None:
    people = {
        "refunds": {"availability": Availability(status=Presence.BUSY), "escalate_to": "travel-desk"},
        "travel-desk": {"availability": Availability(capacity=0), "escalate_to": "payroll"},
        "payroll": {"auto": auto, "contact": "pay@example.org"},
    }
    decision = opened(people, min_probability=0.3).decide(TASKS[0])
    assert (decision.status.value, decision.agent, decision.candidates[0].agent) == (status, "payroll", "payroll")
    assert decision.escalation is not None
    assert [(step.agent, step.detail) for step in decision.escalation.chain] == [
        ("refunds", "busy"),
        ("travel-desk", "takes no tasks"),
        ("payroll", None),
    ]
    assert decision.probability == decision.candidates[0].probability
    assert decision.margin < 0
    shown = "\n".join(rule_lines(decision))
    assert "escalation: refunds (busy) → travel-desk (takes no tasks) → payroll, pay@example.org" in shown
    assert "stands in" in decision_table(decision, False, False, 200) or status == "decided"


def test_who_would_not_have_got_it_either_holds_nothing_back(opened: Callable[..., Delegator]) -> None:
    decision = opened({"refunds": {"availability": Availability(status=Presence.AWAY)}}, min_probability=1.0).decide(TASKS[0])
    assert (decision.status.value, decision.reason) == ("none", "refunds fits best and is excluded (away)")
    assert decision.escalation is None


def test_what_nobody_fits_goes_up(opened: Callable[..., Delegator]) -> None:
    ask = Ask(constraints=Constraints(allow=frozenset({"garden"})))
    nobody = opened({}).decide(TASKS[2], ask)
    assert (nobody.status.value, nobody.escalation) == ("none", None)
    lead = opened({"garden": {"escalate_to": "payroll"}}, escalate_to="garden").decide(TASKS[2], ask)
    assert (lead.status.value, lead.agent) == ("none", None)
    assert lead.escalation is not None
    assert (lead.escalation.reason, lead.escalation.to) == ("none", None)
    assert [(step.agent, step.detail) for step in lead.escalation.chain] == [
        ("garden", "does not fit"),
        ("payroll", "not among those allowed"),
    ]
    pair = Ask(constraints=Constraints(allow=frozenset({"garden", "translate-german"})))
    up = opened({}, escalate_to="garden").decide(TASKS[2], pair)
    assert up.escalation is not None
    assert (up.status.value, up.agent, up.escalation.to) == ("none", None, "garden")


def test_all_are_away(opened: Callable[..., Delegator]) -> None:
    away = Availability(status=Presence.AWAY)
    people: dict[str, dict[str, Any]] = {agent.id: {"availability": away} for agent in load_roster(shell.SMALL)}
    people["bug-triage"]["escalate_to"] = "payroll"
    decision = opened(people).decide(TASKS[0], Ask(constraints=Constraints(roles=LEGAL)))
    assert decision.status.value == "no_eligible"
    assert decision.escalation is not None
    assert ([step.agent for step in decision.escalation.chain], decision.escalation.to) == (["bug-triage", "payroll"], None)
    assert decision.lift is not None
    assert (decision.lift.rule, decision.lift.eligible) == ("availability", 8)


# ---------------------------------------------------------------- hand-over and preferences


@pytest.mark.parametrize(
    ("auto", "cut", "status", "reason"),
    [
        (Auto.NEVER, 0.1, "ask", "refunds never gets a task unasked"),
        (Auto.NEVER, 1.0, "ask", None),
        (Auto.ALWAYS, 1.0, "decided", "refunds gets a task whenever it is the first"),
        (Auto.ALWAYS, 0.1, "decided", None),
        (Auto.WHEN_SURE, 1.0, "ask", None),
    ],
)
def test_the_card_has_the_last_word(opened, auto: Auto, cut: float, status: str, reason: str | None) -> None:
    decision = opened({"refunds": {"auto": auto}}, min_probability=cut).decide(TASKS[0])
    assert (decision.status.value, decision.reason, decision.agent) == (status, reason, "refunds")
    assert decision.as_dict().get("reason") == reason
    if reason is not None:
        assert reason in decision_table(decision, False, False, 120)


def test_a_preference_is_told_and_changes_no_probability(opened: Callable[..., Delegator]) -> None:
    prices = {name: {"cost": Cost(price)} for name, price in (("refunds", 0.05), ("travel-desk", 0.01), ("payroll", 0.02))}
    plain = opened(prices, min_probability=0.99999).decide(TASKS[0], Ask(top=None))
    cheap = opened(prices, min_probability=0.99999, prefer=Preference(cheap=1), prefer_band=1.0).decide(TASKS[0], Ask(top=None))
    assert {each.agent: each.probability for each in plain.candidates} == {
        each.agent: each.probability for each in cheap.candidates
    }
    assert (plain.agent, cheap.agent) == ("refunds", "travel-desk")
    assert cheap.traded is not None
    assert (cheap.traded.over, cheap.traded.cost_usd) == ("refunds", pytest.approx(-0.04))
    assert cheap.margin == pytest.approx(cheap.probability - plain.probability)
    assert "preferred over refunds (cheap): 0.04 USD cheaper; probability -" in "\n".join(rule_lines(cheap))
    kept = opened(prices, min_probability=0.3, prefer=Preference(cheap=1), prefer_band=1.0).decide(TASKS[0])
    assert (kept.status.value, kept.agent, kept.traded) == ("decided", "refunds", None)


# ---------------------------------------------------------------- the command


def test_the_command_has_every_constraint(invoke) -> None:
    base = ("route", "--agents", shell.SMALL, "--format", "json", "--all")
    for options, gone in [
        (("--as", "legal"), set()),
        (("--kind", "human,team"), {"refunds", "bug-triage", "release-notes", "contract-review", "translate-german"}),
        (("--as", "legal", "--max-cost", "0.04"), "all but contract-review"),
        (("--as", "legal", "--needs", "skill:writing>=0.8"), "all but release-notes"),
        (("--as", "legal", "--allow", "refunds"), "all but refunds"),
        (("--as", "legal", "--deny", "refunds, payroll"), {"refunds", "payroll"}),
    ]:
        found = {each["agent"] for each in invoke(*base, *options, TASKS[0]).json["excluded"]}
        everybody = {agent.id for agent in load_roster(shell.SMALL)}
        assert found == (everybody - {gone.removeprefix("all but ")} if isinstance(gone, str) else gone), options


def test_nobody_left_says_what_would_help(invoke, terminal) -> None:
    options = ("route", "--agents", shell.SMALL, "--max-cost", "0.01", "--kind", "ai", "--as", "legal", TASKS[0])
    as_json = invoke(*options, "--format", "json")
    assert as_json.code == 6
    assert as_json.json["lift"] == {"constraint": "--max-cost 0.01", "rule": "max_cost", "eligible": 4}
    plain = invoke(*options)
    assert plain.out.startswith("no_eligible\t-\t")
    assert plain.err == "no eligible agent: all 8 were excluded; without --max-cost 0.01 there would be 4 agents\n"
    assert invoke(*options, "--quiet").err == ""
    shown = terminal(*options).out
    assert "without --max-cost 0.01 there would be 4 agents" in shown
    assert "4 by kind: garden, payroll, release-notes and 1 more" in shown


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--deny", "refnds"), "--deny: there is no agent 'refnds' (did you mean refunds?)"),
        (("--allow", "refunds,zzz"), "--allow: there is no agent 'zzz' (see: delegate agents list)"),
        (("--allow", ","), "--allow names nobody"),
        (("--previous", "pyroll"), "--previous: there is no agent 'pyroll' (did you mean payroll"),
        (("--kind", "robot"), "--kind: there is no kind 'robot' (use ai, tool, human, team"),
        (("--needs", "skill:math>=x"), "--needs: 'skill:math>=x' has no number after >="),
        (("--at", "Mon 25:00"), "--at 'Mon 25:00': '25:00' is no time of day"),
        (("--prefer", "nice"), "--prefer cannot be 'nice'"),
    ],
)
def test_options_that_make_no_sense(invoke, options: tuple[str, ...], message: str) -> None:
    result = invoke("route", "--agents", shell.SMALL, *options, TASKS[0])
    assert result.code == 2
    assert message in result.err
    assert result.err.count("\n") == 1


def test_settings_of_the_environment(invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELEGATE_ESCALATE_TO", "nobody-here")
    wrong = invoke("route", "--agents", shell.SMALL, TASKS[0])
    assert (wrong.code, wrong.err) == (2, "error: escalate_to: there is no agent 'nobody-here' (see: delegate agents list)\n")
    monkeypatch.setenv("DELEGATE_ESCALATE_TO", "payroll")
    monkeypatch.setenv("DELEGATE_PREFER", "cheap=2,fast=x")
    wrong = invoke("route", "--agents", shell.SMALL, TASKS[0])
    assert (wrong.code, wrong.out) == (2, "")
    assert "DELEGATE_PREFER: fast has no number after =" in wrong.err
    monkeypatch.setenv("DELEGATE_PREFER", "cheap")
    monkeypatch.setenv("DELEGATE_AS", "legal")
    assert invoke("route", "--agents", shell.SMALL, "--format", "json", TASKS[1]).json["excluded"] == []


def test_times_and_conversations_reach_the_path(invoke, tmp_path: Path) -> None:
    file = tmp_path / "chat.txt"
    file.write_text("User: I sent the shoes back\nAgent: to the card or as credit?\n")
    base = ("route", "--agents", shell.SMALL, "--format", "json", "--at", "2026-03-08T10:00Z")
    alone = invoke(*base, "to the card please").json
    assert "followup" not in alone
    for context in (str(file), file.read_text()):
        found = invoke(*base, "--context", context, "to the card please").json
        assert found["agent"] == "refunds"
        assert found["followup"]["context"] is True
        assert found["followup"]["weight"] > 0.5
    both = invoke(*base, "--context", str(file), "--previous", "payroll", "yes").json
    assert (both["agent"], both["followup"]["previous"]) == ("payroll", "payroll")
    elsewhere = invoke(*base, "--previous", "payroll", "Please book me a train to Hamburg on Thursday morning").json
    assert elsewhere["agent"] == "travel-desk"
    assert "followup" not in invoke(*base, "--context", "", "--previous", "", "to the card please").json
    denied = invoke(*base, "--previous", "payroll", "--deny", "payroll", "to the card please").json
    assert "followup" not in denied
    np.testing.assert_allclose(denied["none"], invoke(*base, "--deny", "payroll", "to the card please").json["none"])
