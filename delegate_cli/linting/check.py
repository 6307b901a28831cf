"""A roster, checked: every finding of the kinds that were asked for, worst first, with what the roster is worth."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from delegate_cli.errors import UsageError
from delegate_cli.index.build import Progress
from delegate_cli.linting import prospects
from delegate_cli.linting.evidence import Evidence, gather
from delegate_cli.linting.finding import Finding, Level, ordered
from delegate_cli.linting.kinds import KINDS
from delegate_cli.pipeline import Delegator


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, and the evidence for it."""

    evidence: Evidence
    findings: tuple[Finding, ...]

    def at_least(self, level: Level) -> int:
        """How many findings are as bad as this or worse."""
        return sum(each.level.rank <= level.rank for each in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it; scores and prices by agent."""
        counts = {level.value: sum(each.level is level for each in self.findings) for level in Level}
        return {
            "agents": len(self.evidence.roster),
            "findings": [each.as_dict() for each in self.findings],
            "counts": counts,
            "accuracy": prospects.accuracy(self.evidence.requests),
            "accuracy_of_descriptions": prospects.accuracy(self.evidence.said),
            "merged": prospects.merged(self.evidence),
            "health": prospects.health(self.evidence, self.findings),
            "tokens": prospects.price(self.evidence),
        }


def check(delegator: Delegator, progress: Progress, kinds: Collection[str] = tuple(KINDS), today: date | None = None) -> Report:
    """Check the roster of a delegator; its index is made first where it is missing.

    Args:
        kinds: of findings to look for.
        today: to compare dates with; by default the day it is.
    """
    ready = delegator.ready()
    evidence = gather(delegator.roster, ready, progress)
    day = today or date.today()
    return Report(
        evidence, tuple(ordered([each for kind in KINDS if kind in kinds for each in KINDS[kind].find(evidence, day)]))
    )


def chosen(only: Collection[str], skip: Collection[str]) -> list[str]:
    """The kinds that are left.

    Raises:
        UsageError: there is no such kind, or none is left.
    """
    for name in (*only, *skip):
        if name not in KINDS:
            raise UsageError(f"there is no kind of finding {name!r}", f"one of: {', '.join(KINDS)}")
    kinds = [name for name in KINDS if (not only or name in only) and name not in skip]
    if not kinds:
        raise UsageError("--only and --skip leave no kind of finding", "leave one of them out")
    return kinds
