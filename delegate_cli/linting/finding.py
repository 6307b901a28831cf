"""One thing that is wrong with a roster, and how bad it is. Values only."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

# words that any card may have and that tell no task from another
_EMPTY = """
a able about agent agents all and any anything are assist assistance assistant assists best can developer does engineer
everything expert experts for from general good great handle handles has help helpful helper helping helps into its kind
kinds like many more need needs not other others people pro perform performs provide provides question questions request
requests service senior services specialist stuff support supports task tasks that the their them these they thing
things this tool tools use used useful user users using various when who will with work works you your
"""
EMPTY = frozenset(_EMPTY.split())


class Level(StrEnum):
    """How bad a finding is; what costs right decisions is an error or a warning, what could be better is info."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 is worst."""
        return list(Level).index(self)


@dataclass(frozen=True, slots=True)
class Removal:
    """Entries of one list of a card that can be taken out without loss."""

    agent: str
    field: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with which agents, the sentences that show it, and what to do.

    `weight` in [0, 1] orders findings of a level, the worst first. `agents` are ids; what each is to the finding, the message
    says. `sentences` are quoted from cards.
    """

    kind: str
    level: Level
    agents: tuple[str, ...]
    message: str
    suggestion: str
    sentences: tuple[str, ...] = ()
    weight: float = 0.0
    removals: tuple[Removal, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "kind": self.kind,
            "level": self.level.value,
            "agents": list(self.agents),
            "message": self.message,
            "sentences": list(self.sentences),
            "suggestion": self.suggestion,
            "weight": round(self.weight, 4),
            "fixable": bool(self.removals),
        }


def ordered(findings: Sequence[Finding]) -> list[Finding]:
    """Worst first; what is as bad by kind and ids, so that the order of a file never matters."""
    return sorted(findings, key=lambda each: (each.level.rank, -round(each.weight, 4), each.kind, each.agents, each.sentences))


def counted(number: int, what: str) -> str:
    """`1 agent`, `2 agents`."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")
