"""Who gets a task that nobody may decide: chains of escalation, and the hand-over rule."""

import pytest

from delegate_cli.agents import Agent, Auto, Availability, Presence, Roster
from delegate_cli.decision import Status
from delegate_cli.policy import Constraints, automatic
from delegate_cli.policy.constraints import exclude
from delegate_cli.policy.escalation import escalate
from delegate_cli.policy.limits import Standing

CHAIN = Roster(
    (
        Agent("a", "A", escalate_to="b"),
        Agent("b", "B", escalate_to="c", availability=Availability(status=Presence.BUSY)),
        Agent("c", "C", contact="c@example.org"),
        Agent("d", "D"),
    )
)


def test_the_chain_goes_on_to_the_first_who_is_eligible() -> None:
    excluded = exclude(CHAIN, Constraints())
    found = escalate(CHAIN, "none", CHAIN.get("a"), "does not fit", excluded, "d")
    assert found is not None
    assert [(step.agent, step.detail) for step in found.chain] == [("a", "does not fit"), ("b", "busy"), ("c", None)]
    assert (found.to, found.chain[-1].contact) == ("c", "c@example.org")


def test_the_last_resort_comes_last() -> None:
    excluded = exclude(CHAIN, Constraints(deny=frozenset("c")))
    found = escalate(CHAIN, "none", CHAIN.get("a"), "does not fit", excluded, "d")
    assert found is not None
    assert ([step.agent for step in found.chain], found.to) == (["a", "b", "c", "d"], "d")


def test_nobody_named_and_nobody_left() -> None:
    assert escalate(CHAIN, "none", CHAIN.get("d"), "does not fit", (), None) is None
    found = escalate(CHAIN, "no_eligible", CHAIN.get("a"), "away", exclude(CHAIN, Constraints(allow=frozenset())), None)
    assert found is not None
    assert ([step.agent for step in found.chain], found.to) == (["a", "b", "c"], None)


def test_a_circle_in_a_roster_from_code_ends() -> None:
    circle = Roster((Agent("a", "A", escalate_to="b"), Agent("b", "B", escalate_to="a")))
    found = escalate(circle, "none", circle.get("a"), "x", exclude(circle, Constraints(allow=frozenset())), "a")
    assert found is not None
    assert ([step.agent for step in found.chain], found.to) == (["a", "b"], None)


@pytest.mark.parametrize(
    ("status", "auto", "after"),
    [
        (Status.DECIDED, Auto.WHEN_SURE, Status.DECIDED),
        (Status.ASK, Auto.WHEN_SURE, Status.ASK),
        (Status.DECIDED, Auto.NEVER, Status.ASK),
        (Status.ASK, Auto.NEVER, Status.ASK),
        (Status.ASK, Auto.ALWAYS, Status.DECIDED),
        (Status.NONE, Auto.ALWAYS, Status.NONE),
        (Status.NONE, Auto.NEVER, Status.NONE),
    ],
)
def test_hand_over_as_the_card_says(status: Status, auto: Auto, after: Status) -> None:
    found, reason = automatic(status, Agent("dark", "Dark", auto=auto))
    assert found is after
    assert (reason is None) == (status is after)


def test_who_is_absent_is_told_apart_from_who_may_not() -> None:
    standing = Standing.of(CHAIN, exclude(CHAIN, Constraints(deny=frozenset("a"))))
    assert standing.absent is not None
    assert standing.absent.tolist() == [False, True, False, False]
    assert standing.eligible is not None
    assert standing.eligible.tolist() == [False, False, True, True]
