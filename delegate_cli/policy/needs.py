"""`--needs tool:docusign,tag:legal,skill:math>=0.8` → what an agent must have. Knows nothing of rosters as a whole."""

import math
import re
from collections.abc import Iterable
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
_SHARES = "scores are shares such as 0.8 or 80%, or on an open scale numbers such as an Elo of 1200"
EXAMPLE = "write it as tool:docusign, tag:legal or skill:math>=0.8"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that an agent must have: a tool, a tag, or a skill with a measured score of at least `least`.

    `least` is a share, or for a skill on an open scale, such as Elo, a score as it is written.
    """

    need: Need
    name: str
    least: float | None = None

    def __str__(self) -> str:
        bound = "" if self.least is None else f">={self.least:.12g}"
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
        if self.least is not None and not skill.open and not 0 <= self.least <= 1:
            return f"skill {self.name} is a share, and {self.least:g} is none"
        if self.least is not None and skill.score < self.least:
            return f"skill {self.name} is {skill.score:g}, below {self.least:g}"
        return None


def parse_needs(text: str, agents: Iterable[Agent] | None = ()) -> tuple[Requirement, ...]:
    """The requirements of one option, separated by commas; all of them must hold.

    Args:
        agents: whose skills say which scores are on open scales; None leaves that unchecked.

    Raises:
        UsageError: naming the part that cannot be read, or that asks for a score that nobody could have.
    """
    found = [_requirement(part.strip()) for part in text.split(",") if part.strip()]
    if not found:
        raise UsageError("--needs names nothing", EXAMPLE)
    for each in found:
        if agents is not None and each.least is not None and not 0 <= each.least <= 1 and not _open(each.name, agents):
            raise UsageError(f"--needs: {str(each)!r} asks for a score outside 0 to 1", _SHARES)
    return tuple(dict.fromkeys(found))


def _open(skill: str, agents: Iterable[Agent]) -> bool:
    """Whether any agent has this skill on a scale without bounds."""
    wanted = skill.casefold()
    return any(each.open and name.casefold() == wanted for agent in agents for name, each in agent.skills.items())


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
    number, percent, rest = text.partition("%")
    try:
        least = float(number) / (100 if percent else 1)
    except ValueError:
        least = math.nan
    if not math.isfinite(least) or rest.strip():
        raise UsageError(f"--needs: {part!r} has no number after >=", _SHARES)
    return least
