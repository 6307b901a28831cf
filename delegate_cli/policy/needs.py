"""`--needs tool:docusign,tag:legal,skill:math>=0.8` → what an agent must have. Knows nothing of rosters as a whole."""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from delegate_cli.agents import Agent
from delegate_cli.errors import UsageError


class Need(StrEnum):
    """What sort of thing is needed."""

    TOOL = "tool"
    TAG = "tag"
    SKILL = "skill"


_BOUND = re.compile(r"(?P<name>.*?)\s*(?P<sign>>=|<=|==|=|>|<)\s*(?P<least>.*)", re.DOTALL)
EXAMPLE = "write it as tool:docusign, tag:legal or skill:math>=0.8"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that an agent must have: a tool, a tag, or a skill with a measured score of at least `least`."""

    need: Need
    name: str
    least: float | None = None

    def __str__(self) -> str:
        bound = "" if self.least is None else f">={self.least:g}"
        return f"{self.need.value}:{self.name}{bound}"

    def missing(self, agent: Agent) -> str | None:
        """What this agent lacks, in words, or None. Names count without regard to case."""
        wanted = self.name.casefold()
        if self.need is not Need.SKILL:
            has = agent.tools if self.need is Need.TOOL else agent.tags
            return None if any(each.casefold() == wanted for each in has) else f"has no {self.need.value} {self.name}"
        skill = next((skill for name, skill in agent.skills.items() if name.casefold() == wanted), None)
        if skill is None:
            return f"skill {self.name} unknown"  # not measured is not shown, so it does not count as able
        if self.least is not None and skill.open:
            return f"skill {self.name} is on a scale without bounds"
        if self.least is not None and skill.score < self.least:
            return f"skill {self.name} is {skill.score:g}, below {self.least:g}"
        return None


def parse_needs(text: str) -> tuple[Requirement, ...]:
    """The requirements of one option, separated by commas; all of them must hold.

    Raises:
        UsageError: naming the part that cannot be read.
    """
    found = [_requirement(part.strip()) for part in text.split(",") if part.strip()]
    if not found:
        raise UsageError("--needs names nothing", EXAMPLE)
    return tuple(dict.fromkeys(found))


def _requirement(part: str) -> Requirement:
    word, colon, rest = (piece.strip() for piece in part.partition(":"))
    known = [need.value for need in Need]
    if not colon:
        raise UsageError(f"--needs: {part!r} does not say what it is", EXAMPLE)
    if word.lower() not in known:
        near = get_close_matches(word.lower(), known, n=1, cutoff=0.5)
        raise UsageError(f"--needs: {part!r} begins with {word!r}", f"did you mean {near[0]}:{rest}?" if near else EXAMPLE)
    need = Need(word.lower())
    bound = _BOUND.fullmatch(rest) if need is Need.SKILL else None
    name = bound["name"].strip() if bound else rest
    if not name:
        raise UsageError(f"--needs: {part!r} names no {need.value}", EXAMPLE)
    if bound is None:
        return Requirement(need, name)
    if bound["sign"] != ">=":
        raise UsageError(f"--needs: {part!r} has the sign {bound['sign']}", "a skill needs at least a score: use >=")
    return Requirement(need, name, _least(bound["least"], part))


def _least(text: str, part: str) -> float:
    try:
        least = float(text)
    except ValueError:
        raise UsageError(f"--needs: {part!r} has no number after >=", "scores are shares such as 0.8") from None
    if not 0 <= least <= 1:
        raise UsageError(f"--needs: {part!r} asks for a score outside 0 to 1", "scores are shares such as 0.8")
    return least
