"""The constraints of a run held against one roster: worked out once, and again only for what changes between tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from delegate_cli.agents import Roster
from delegate_cli.circumstances import Lift
from delegate_cli.decision import Exclusion
from delegate_cli.policy import constraints
from delegate_cli.policy.constraints import ABSENCE, Constraints
from delegate_cli.policy.load import Load, Unknown

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Standing:
    """Who may get a task now.

    Attributes:
        excluded: in the order of ids.
        eligible: mask of shape (agents,), or None when nobody is excluded.
        absent: mask of those who only are not there, or None when there is none.
        count: how many are eligible.
    """

    excluded: tuple[Exclusion, ...]
    eligible: Mask | None
    absent: Mask | None
    count: int

    def everybody(self) -> "Standing":
        """The same if everybody were there."""
        if self.eligible is None or self.absent is None:
            return self
        return Standing(self.excluded, self.eligible | self.absent, None, self.count + int(self.absent.sum()))

    def place(self, roster: Roster, agent_id: str | None) -> int | None:
        """The place of an agent in the roster, if there is such an eligible one."""
        place = None if agent_id is None else roster.position.get(agent_id)
        return place if place is None or self.eligible is None or self.eligible[place] else None

    @classmethod
    def of(cls, roster: Roster, excluded: Sequence[Exclusion]) -> "Standing":
        """From the exclusions of a roster."""
        places = [roster.position[each.agent] for each in excluded]
        gone = [place for place, each in zip(places, excluded, strict=True) if each.rule in ABSENCE]
        eligible = _mask(len(roster), places)
        return cls(
            tuple(excluded),
            None if eligible is None else ~eligible,
            _mask(len(roster), gone),
            len(roster) - len(excluded),
        )


def _mask(size: int, places: Sequence[int]) -> Mask | None:
    if not places:
        return None
    mask = np.zeros(size, dtype=bool)
    mask[places] = True
    return mask


class Limits:
    """Who of a roster may get a task. `load` is asked once a task; everything else is kept for the minute.

    Args:
        load: what agents have on their hands; by default nothing is known of it.
    """

    def __init__(self, roster: Roster, load: Load | None = None) -> None:
        self.roster = roster
        self.load: Load = load or Unknown()
        self._timed = any(agent.availability is not None and agent.availability.hours for agent in roster)
        self._rated = {agent.id for agent in roster if agent.rate_limit_rpm is not None}
        self._limited = self._rated | {agent.id for agent in roster if agent.availability and agent.availability.capacity}
        self._stopped = {agent.id for agent in roster if agent.rate_limit_rpm == 0}
        self._kept: tuple[tuple[Constraints, int], Standing] | None = None

    def standing(self, wanted: Constraints) -> Standing:
        """Who may get a task now, or at the time that the constraints name."""
        key = wanted, self._minute(wanted)
        kept = self._kept  # read once: other threads may keep what others want
        if kept is None or kept[0] != key:
            kept = self._kept = key, Standing.of(self.roster, constraints.exclude(self.roster, wanted))
        if not wanted.presence or not self._limited:
            return kept[1]
        return self._with_load(kept[1])

    def _minute(self, wanted: Constraints) -> int:
        """What the time of the exclusions is, as far as it matters."""
        if wanted.at is not None or not wanted.presence or not self._timed:
            return 0
        return int(datetime.now(UTC).timestamp()) // 60

    def _with_load(self, kept: Standing) -> Standing:
        held, recent = self.load.open_assignments(), self.load.last_minute()
        busy = (held.keys() | (recent.keys() & self._rated) | self._stopped) & self._limited
        if not busy:
            return kept
        gone = {each.agent: each for each in kept.excluded}
        for agent_id in busy - gone.keys():
            agent = self.roster.agents[self.roster.position[agent_id]]
            broken = next(constraints.loaded(agent, held, recent), None)
            if broken is not None:
                gone[agent_id] = Exclusion(agent_id, broken.rule, broken.detail)
        if len(gone) == len(kept.excluded):
            return kept
        return Standing.of(self.roster, [gone[agent_id] for agent_id in sorted(gone)])

    def lift(self, wanted: Constraints) -> Lift | None:
        """The constraint that would help most where nobody is left."""
        return constraints.lift(self.roster, wanted, self.load)
