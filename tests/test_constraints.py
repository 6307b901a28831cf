"""Hard constraints, preferences, chains of escalation and the hand-over rule, each by itself."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delegate_cli.agents import Agent, Availability, Cost, Kind, Presence, Roster, Skill
from delegate_cli.errors import UsageError
from delegate_cli.policy import Constraints
from delegate_cli.policy.constraints import exclude
from delegate_cli.policy.limits import Limits
from delegate_cli.policy.needs import parse_needs

MONDAY = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
SUNDAY = datetime(2026, 3, 8, 10, 0, tzinfo=UTC)


class Counted:
    """What agents have on their hands, as a journal would count it."""

    def __init__(self, held: Mapping[str, int] = {}, recent: Mapping[str, int] = {}) -> None:
        self.held, self.recent = held, recent

    def open_assignments(self) -> Mapping[str, int]:
        return self.held

    def last_minute(self) -> Mapping[str, int]:
        return self.recent


LAWYER = Agent(
    id="lawyer",
    name="Lawyer",
    kind=Kind.HUMAN,
    allow=("legal",),
    skills={"law": Skill(0.9)},
    availability=Availability(hours="Mon-Fri 09:00-17:00", timezone="UTC", capacity=2),
    escalate_to="partner",
)
PARTNER = Agent(id="partner", name="Partner", kind=Kind.HUMAN, contact="partner@example.org")
CLERK = Agent(
    id="clerk", name="Clerk", cost=Cost(per_task=0.02), latency_ms=900, tools=("docusign",), tags=("legal",), rate_limit_rpm=2
)
ROBOT = Agent(
    id="robot",
    name="Robot",
    kind=Kind.TOOL,
    cost=Cost(per_task=0.001),
    latency_ms=50,
    skills={"Law": Skill(0.4), "math": Skill(0.95)},
    run={"kind": "http", "url": "https://robots.example/run"},
)
ROSTER = Roster((LAWYER, PARTNER, CLERK, ROBOT))
LEGAL = Constraints(roles=frozenset({"legal"}), at=MONDAY)


def broken(wanted: Constraints, load: Counted | None = None) -> dict[str, tuple[str, str]]:
    return {each.agent: (each.rule, each.detail) for each in exclude(ROSTER, wanted, load)}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, {}),
        ({"roles": frozenset({"sales"})}, {"lawyer": ("allow", "needs role legal")}),
        ({"deny": frozenset({"clerk"})}, {"clerk": ("deny", "denied")}),
        ({"kinds": frozenset({Kind.HUMAN, Kind.TOOL})}, {"clerk": ("kind", "is ai")}),
        (
            {"max_cost": 0.01},
            {
                "clerk": ("max_cost", "costs 0.02 USD"),
                "lawyer": ("max_cost", "cost unknown"),
                "partner": ("max_cost", "cost unknown"),
            },
        ),
        (
            {"max_latency": 100},
            {
                "clerk": ("max_latency", "takes 900 ms"),
                "lawyer": ("max_latency", "latency unknown"),
                "partner": ("max_latency", "latency unknown"),
            },
        ),
        ({"local_only": True}, {"robot": ("local_only", "runs at another host")}),
        ({"at": SUNDAY}, {"lawyer": ("hours", "back Mon 09:00 (UTC)")}),
        ({"at": SUNDAY, "presence": False}, {}),
        (
            {"needs": parse_needs("skill:law>=0.8")},
            {
                "clerk": ("needs", "skill law unknown"),
                "partner": ("needs", "skill law unknown"),
                "robot": ("needs", "skill law is 0.4, below 0.8"),
            },
        ),
        (
            {"needs": parse_needs("tool:DocuSign")},
            dict.fromkeys(("lawyer", "partner", "robot"), ("needs", "has no tool DocuSign")),
        ),
    ],
)
def test_each_rule_leaves_out_whom_it_should(wanted: dict[str, object], expected: dict[str, tuple[str, str]]) -> None:
    assert broken(replace(LEGAL, **wanted)) == expected


def test_only_some_are_allowed() -> None:
    assert set(broken(replace(LEGAL, allow=frozenset({"lawyer", "clerk"})))) == {"partner", "robot"}


@pytest.mark.parametrize("status", list(Presence))
def test_who_is_away_or_busy_gets_nothing(status: Presence) -> None:
    roster = Roster((Agent("a", "A", availability=Availability(status=status)),))
    found = exclude(roster, Constraints())
    assert [(each.rule, each.detail) for each in found] == (
        [] if status is Presence.AVAILABLE else [("availability", status.value)]
    )


def test_capacity_and_rates_are_held_against_the_counts() -> None:
    full = Counted({"lawyer": 2, "robot": 99, "gone": 3}, {"clerk": 2, "robot": 500})
    assert broken(LEGAL, full) == {
        "clerk": ("rate_limit", "2 within a minute, limit 2"),
        "lawyer": ("capacity", "2 of 2 tasks open"),
    }
    assert broken(LEGAL, Counted({"lawyer": 1}, {"clerk": 1})) == {}
    limits = Limits(ROSTER, full)
    assert [each.agent for each in limits.standing(LEGAL).excluded] == ["clerk", "lawyer"]
    limits.load = Counted()
    assert limits.standing(LEGAL).excluded == ()


@pytest.mark.parametrize("capacity", [0, 1])
def test_a_capacity_of_nothing_needs_no_counting(capacity: int) -> None:
    roster = Roster((Agent("a", "A", availability=Availability(capacity=capacity)), Agent("b", "B", rate_limit_rpm=capacity)))
    gone = [each.agent for each in Limits(roster).standing(Constraints()).excluded]
    assert gone == ([] if capacity else ["a", "b"])


def test_where_work_runs() -> None:
    places = {
        "a": {"kind": "openai"},
        "b": {"kind": "openai", "base_url": "http://127.0.0.1:8080/v1"},
        "c": {"kind": "http", "url": "http://[broken"},
        "d": {"kind": "command", "argv": ["true"]},
        "e": None,
    }
    roster = Roster(tuple(Agent(name, name, run=run) for name, run in places.items()))
    assert [each.agent for each in exclude(roster, Constraints(local_only=True))] == ["a", "c"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tool:a,tag:b, skill:math>=0.8", "tool:a tag:b skill:math>=0.8"),
        ("skill:math", "skill:math"),
        ("Tool: a b ", "tool:a b"),
        ("skill: c >= .5", "skill:c>=0.5"),
        ("tag:x>=2", "tag:x>=2"),
        ("skill:math>=80%", "skill:math>=0.8"),
        ("tool:a,tool:a", "tool:a"),
    ],
)
def test_needs(text: str, said: str) -> None:
    assert " ".join(map(str, parse_needs(text))) == said


@pytest.mark.parametrize(
    ("text", "part", "fix"),
    [
        ("", "names nothing", "tool:docusign"),
        ("docusign", "'docusign' does not say what it is", "tool:docusign"),
        ("tols:x", "'tols:x' begins with 'tols'", "tool:x"),
        ("tag:a,tool:", "'tool:' names no tool", "tool:docusign"),
        ("skill:math>=high", "'skill:math>=high' has no number", "0.8"),
        ("skill:math>=80", "outside 0 to 1", "0.8"),
        ("skill:math>=nan", "has no number", "0.8"),
        ("skill:math>=80%x", "has no number", "0.8"),
        ("skill:math>0.8", "has the sign >", ">="),
        ("skill:>=0.8", "names no skill", "skill:math"),
    ],
)
def test_needs_that_cannot_be_read(text: str, part: str, fix: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_needs(text)
    assert part in caught.value.message
    assert fix in caught.value.fix


def test_a_need_on_an_open_scale_is_in_its_own_numbers() -> None:
    rated = [Agent(name, name, skills={"arena": Skill(elo, open=True)}) for name, elo in (("strong", 1250.0), ("weak", 1100.0))]
    agents = (*rated, Agent("share", "S", skills={"Arena": Skill(0.9)}), Agent("none", "N"))
    found = exclude(Roster(agents), Constraints(needs=parse_needs("skill:ARENA>=1200", agents)))
    assert {each.agent: each.detail for each in found} == {
        "none": "skill ARENA unknown",
        "share": "skill ARENA is a share, and 1200 is none",
        "weak": "skill ARENA is 1100, below 1200",
    }
    with pytest.raises(UsageError, match="outside 0 to 1"):
        parse_needs("skill:arena>=1200", agents[2:])
    assert (
        parse_needs("skill:arena>=1234567.5", None)[0]
        == parse_needs(str(parse_needs("skill:arena>=1234567.5", None)[0]), None)[0]
    )


def test_the_constraint_that_would_help_most() -> None:
    wanted = Constraints(kinds=frozenset({Kind.AI}), needs=parse_needs("tag:legal,tool:fax"), at=MONDAY)
    found = Limits(ROSTER).lift(wanted)
    assert found is not None
    assert (found.constraint, found.rule, found.eligible) == ("--needs tool:fax", "needs", 1)
    lifted = replace(wanted, needs=parse_needs("tag:legal"))
    assert Limits(ROSTER).standing(lifted).count == 1
    assert Limits(ROSTER).lift(replace(wanted, max_cost=0.0001, deny=frozenset({"clerk"}))) is None


# ---------------------------------------------------------------- properties

IDS = tuple("abcdefgh")
HOURS = (None, "Mon-Fri 09:00-17:00", "22:00-06:00", "Sat 10:00-14:00; Sun", "24/7")
ZONES = (None, "Europe/Berlin", "America/New_York", "Asia/Tokyo")
availabilities = st.builds(
    Availability, st.sampled_from(Presence), st.sampled_from(HOURS), st.sampled_from(ZONES), st.none() | st.integers(0, 3)
)
agents = st.builds(
    Agent,
    id=st.just("x"),
    name=st.just("X"),
    kind=st.sampled_from(Kind),
    skills=st.dictionaries(st.sampled_from(["law", "math"]), st.builds(Skill, st.floats(0, 1)), max_size=2),
    tools=st.lists(st.sampled_from(["fax", "jira"]), max_size=2).map(tuple),
    tags=st.lists(st.sampled_from(["legal", "sales"]), max_size=2).map(tuple),
    allow=st.none() | st.lists(st.sampled_from(["r", "s"]), max_size=2).map(tuple),
    cost=st.none() | st.builds(Cost, st.none() | st.floats(0, 1)),
    latency_ms=st.none() | st.floats(0, 1000),
    rate_limit_rpm=st.none() | st.integers(0, 3),
    availability=st.none() | availabilities,
    run=st.sampled_from([None, {"kind": "openai"}, {"kind": "command", "argv": ["true"]}]),
)
rosters = st.lists(agents, min_size=1, max_size=8).map(
    lambda found: Roster(tuple(replace(agent, id=name) for agent, name in zip(found, IDS, strict=False)))
)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)).map(lambda when: when.replace(tzinfo=UTC))
needs = st.sampled_from(["tool:fax", "tag:legal", "skill:law>=0.5", "skill:math", "tool:jira,tag:sales"]).map(parse_needs)
subsets = st.frozensets(st.sampled_from(IDS), max_size=8)
counts = st.dictionaries(st.sampled_from(IDS), st.integers(0, 4))
# one more thing that is asked for, as a change of the constraints
FURTHER = {
    "kinds": st.frozensets(st.sampled_from(Kind), min_size=1),
    "needs": needs,
    "max_cost": st.floats(0, 1),
    "max_latency": st.floats(0, 1000),
    "allow": subsets,
    "deny": subsets,
    "local_only": st.just(True),
}
further = st.dictionaries(st.sampled_from(sorted(FURTHER)), st.none(), max_size=4).flatmap(
    lambda keys: st.fixed_dictionaries({key: FURTHER[key] for key in keys})
)


def left(roster: Roster, wanted: Constraints, load: Counted) -> set[str]:
    standing = Limits(roster, load).standing(wanted)
    mask = np.ones(len(roster), bool) if standing.eligible is None else standing.eligible
    names = {agent.id for agent, kept in zip(roster, mask.tolist(), strict=True) if kept}
    assert names == {agent.id for agent in roster} - {each.agent for each in standing.excluded}
    assert standing.count == len(names)
    return names


@given(rosters, further, further, moments, counts, counts)
def test_a_further_constraint_never_adds_anybody(roster, some, more, at, held, recent) -> None:
    base = Constraints(roles=frozenset({"r"}), at=at, **some)
    both = {key: _both(key, getattr(base, key), value) for key, value in more.items()}
    load = Counted(held, recent)
    before, after = left(roster, base, load), left(roster, replace(base, **both), load)
    assert after <= before
    assert left(roster, replace(base, roles=frozenset()), load) <= before
    assert before <= left(roster, replace(base, presence=False), load)


def _both(key: str, old: object, new: object) -> object:
    """The old constraint and the new one together."""
    if old is None or (old == frozenset() and key != "allow") or old is False:  # an empty `allow` allows nobody
        return new
    if key in ("max_cost", "max_latency"):
        return min(old, new)  # type: ignore[type-var]
    if key == "deny":
        return old | new  # type: ignore[operator]
    if key == "needs":
        return (*old, *new)  # type: ignore[misc]
    # two sets of kinds that exclude each other allow nobody; an empty one would mean all
    return (old & new) or old if key == "kinds" else old & new if key == "allow" else new  # type: ignore[operator]


@given(rosters, further, moments, counts, counts)
def test_the_fast_way_agrees_with_the_rules_one_by_one(roster, some, at, held, recent) -> None:
    wanted, load = Constraints(at=at, **some), Counted(held, recent)
    limits = Limits(roster, load)
    for _ in range(2):
        assert {each.agent for each in limits.standing(wanted).excluded} == {
            each.agent for each in exclude(roster, wanted, load)
        }


@given(rosters, further, moments, counts, counts)
def test_what_is_said_to_help_helps(roster, some, at, held, recent) -> None:
    wanted, load = Constraints(roles=frozenset(), at=at, **some), Counted(held, recent)
    found = Limits(roster, load).lift(wanted) if not left(roster, wanted, load) else None
    if found is None:
        return
    without = {
        "kind": {"kinds": frozenset()},
        "only": {"allow": None},
        "max_cost": {"max_cost": None},
        "max_latency": {"max_latency": None},
        "deny": {"deny": frozenset()},
        "local_only": {"local_only": False},
        "allow": {"roles": frozenset({"r", "s"})},
        "needs": {"needs": tuple(need for need in wanted.needs if f"--needs {need}" != found.constraint)},
    }.get(found.rule)
    if without is None or found.rule == "allow":  # who is there is not the requester's to lift; and some are open to no role
        return
    assert len(left(roster, replace(wanted, **without), load)) == found.eligible
