"""The kinds of findings, each with what it means and what finds it."""

from collections.abc import Callable
from datetime import date
from typing import NamedTuple

from delegate_cli.linting import alike, standing, taken, wording
from delegate_cli.linting.evidence import Evidence
from delegate_cli.linting.finding import Finding


class Check(NamedTuple):
    """What finds one kind, and what the kind means in a few words."""

    means: str
    find: Callable[[Evidence, date], list[Finding]]


def _undated(find: Callable[[Evidence], list[Finding]]) -> Callable[[Evidence, date], list[Finding]]:
    return lambda evidence, _: find(evidence)


KINDS: dict[str, Check] = {
    "taken": Check("agents that take each other's requests", _undated(taken.pairs)),
    "misplaced": Check("a sample request that fits another agent better", _undated(taken.misplaced)),
    "unreachable": Check("an agent that is first for none of its own requests", _undated(taken.unreachable)),
    "duplicate": Check("cards that say the same or nearly the same", _undated(alike.duplicates)),
    "shared": Check("one request on two cards, or for and against", _undated(alike.shared)),
    "injected": Check("wording that is meant to steer the choice", _undated(wording.injected)),
    "vague": Check("a card that says too little", _undated(wording.vague)),
    "long": Check("a card that is longer than what is read of it", _undated(wording.long)),
    "examples": Check("too few sample requests", _undated(wording.examples)),
    "not_for": Check("an agent that takes others' requests and has no not_for", _undated(taken.without_not_for)),
    "repeated": Check("a request that stands twice on one card", _undated(wording.repeated)),
    "ids": Check("ids that differ only by case or signs", _undated(standing.ids)),
    "escalation": Check("an escalate_to that leads nowhere", _undated(standing.escalation)),
    "availability": Check("agents that are away for good", standing.availability),
}
