"""An agent's last room is given once: a decision that would take it is made again where another process was first."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from delegate_cli.agents import Roster
    from delegate_cli.decision import Decision
    from delegate_cli.journal.entries import Room

ATTEMPTS = 5  # at a decision whose agent's last room was taken meanwhile


def kept(decide: "Callable[[], Decision]", record: Callable[..., bool], first: "Decision | None" = None) -> "Decision":
    """A recorded decision: made again where another process has taken the last room of its agent meanwhile.

    Args:
        record: takes a decision and `claim`, whether it may be refused; returns whether it stands.
        first: what was decided already.
    """
    decision = decide() if first is None else first
    for left in range(ATTEMPTS, 0, -1):
        if record(decision, claim=left > 1):
            break
        decision = decide()
    return decision


def keeping(record: Callable[..., bool]) -> "Callable[[Callable[[], Decision], Decision], Decision]":
    """`kept` for whoever makes several decisions, such as those of the parts of a request."""
    return lambda decide, first: kept(decide, record, first)


def room_of(roster: "Roster", decision: "Decision") -> "Room | None":
    """What the agent of a decision has room for, where it hands over and that is bounded."""
    agent = roster.get(decision.agent or "") if decision.status.value == "decided" else None
    if agent is None:
        return None
    capacity = None if agent.availability is None else agent.availability.capacity
    if capacity is None and agent.rate_limit_rpm is None:
        return None
    from delegate_cli.journal.entries import Room

    return Room(agent.id, capacity, agent.rate_limit_rpm)
