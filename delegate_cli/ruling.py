"""A ranking → what the rules make of it: the verdict, a preference, who stands in, whom to turn to.

Constraints come before the ranking, what is here after it. Probabilities are never changed, only who is first.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from delegate_cli import policy
from delegate_cli.agents import Agent, Roster
from delegate_cli.circumstances import Escalation, Step, Trade
from delegate_cli.decision import Status
from delegate_cli.encoders import Vectors
from delegate_cli.loaded import Ranking
from delegate_cli.policy import Constraints
from delegate_cli.policy.escalation import escalate
from delegate_cli.policy.limits import Limits, Standing
from delegate_cli.policy.load import Load
from delegate_cli.policy.needs import Need
from delegate_cli.policy.outcomes import Outcomes, prefer_proven
from delegate_cli.policy.suspicion import suspicion
from delegate_cli.policy.trade import prefer
from delegate_cli.settings import Settings

if TYPE_CHECKING:
    from delegate_cli.skills.known import Known


@dataclass(frozen=True, slots=True)
class Verdict:
    """A ranking, the probability from which it is handed over, and what follows.

    `fused`: calibrated with a model's answer. `reason`: why the status is not what the probability alone says, or why nobody
    fits.
    """

    ranking: Ranking
    threshold: float
    status: Status
    fused: bool = False
    reason: str | None = None
    traded: Trade | None = None
    escalation: Escalation | None = None

    @property
    def top(self) -> float:
        """Of the first agent."""
        return float(self.ranking.probability[0])

    @property
    def margin(self) -> float:
        """The first agent's lead over the likeliest of the others; negative where that one did not come first."""
        return self.top - float(self.ranking.probability[1:].max(initial=0.0))


class Rules:
    """The rules of one roster under one set of settings."""

    def __init__(self, roster: Roster, settings: Settings, load: Load | None = None) -> None:
        self._roster = roster
        self._settings = settings
        self.limits = Limits(roster, load)
        self.outcomes: Outcomes | None = None  # of earlier work, where there are any
        self.skills: Known | None = None  # inferred profiles, where there are some

    def wanted(self, constraints: Constraints) -> Constraints:
        """The constraints with what the settings demand of every task."""
        return replace(constraints, local_only=True) if self._settings.local_only else constraints

    def judged(self, ranking: Ranking, threshold: float, fused: bool = False) -> Verdict:
        """What probability, lead and threshold say."""
        top, second = float(ranking.probability[0]), float(ranking.probability[1:2].sum())
        status = policy.hand_over(top, top - second, ranking.none, threshold, self._settings.min_margin)
        return Verdict(ranking, threshold, status, fused)

    def ruled(
        self,
        verdict: Verdict,
        standing: Standing,
        wanted: Constraints,
        everybody: Callable[[], Ranking],
        vector: Vectors | None = None,
    ) -> Verdict:
        """The verdict after preferences, and after asking who would get the task if everybody were there.

        Args:
            everybody: ranks those too who only are not there; called only where there are some.
            vector: of the task, where outcomes of earlier ones or skills may matter.
        """
        verdict = self._preferred(verdict, wanted, vector)
        agent, detail = self._agent(verdict.ranking.places[0]), "does not fit"
        if standing.absent is not None:
            missed = everybody()
            if standing.absent[missed.places[0]]:
                agent = self._agent(missed.places[0])
                detail = next(each.detail for each in standing.excluded if each.agent == agent.id)
                if self.judged(missed, verdict.threshold).status is Status.DECIDED:
                    return self._stood_in(verdict, standing, agent, detail)
        if verdict.status is not Status.NONE:
            return verdict
        escalation = self._escalated("none", agent, detail, standing)
        return replace(verdict, escalation=escalation, reason=self._missed(verdict.ranking.missed, standing))

    def _missed(self, place: int | None, standing: Standing) -> str | None:
        """That an excluded agent fits best, and what excludes it."""
        if place is None:
            return None
        agent = self._agent(place)
        return f"{agent.id} fits best and is excluded ({next(e.detail for e in standing.excluded if e.agent == agent.id)})"

    def nobody(self, standing: Standing) -> Escalation | None:
        """Whom to turn to where nobody is left, if those who could do it only are not there."""
        gone = standing.absent
        if gone is None or gone.sum() < len(standing.excluded):
            return None
        first = next(
            (each for each in standing.excluded if self._roster.agents[self._roster.position[each.agent]].escalate_to), None
        )
        agent = None if first is None else self._roster.get(first.agent)
        return self._escalated("no_eligible", agent, "" if first is None else first.detail, standing)

    def handed(self, verdict: Verdict, status: Status) -> Verdict:
        """The last word, which is the card's: whether the first agent gets tasks unasked."""
        after, reason = policy.automatic(status, self._agent(verdict.ranking.places[0]))
        if reason is None or (verdict.escalation is not None and verdict.escalation.to is None):
            return replace(verdict, status=status)
        return replace(verdict, status=after, reason=reason)

    def suspected(self, verdict: Verdict, own: Verdict, task: str, shown: NDArray[np.int64]) -> Verdict:
        """A model's word alone hands nothing over where what it was shown may be meant to steer it.

        Args:
            own: the head's verdict; where it hands over to the same agent by itself, all is well.
            shown: places of the agents whose cards the model saw.
        """
        alike = own.status is Status.DECIDED and own.ranking.places[0] == verdict.ranking.places[0]
        if alike or verdict.status is not Status.DECIDED:
            return verdict
        reason = suspicion(task, self._roster, shown.tolist())
        return verdict if reason is None else replace(verdict, status=Status.ASK, reason=reason)

    def _preferred(self, verdict: Verdict, wanted: Constraints, vector: Vectors | None) -> Verdict:
        """What somebody prefers goes first; where nobody said so, what has been proven."""
        like, ranking, band = self._settings.prefer, verdict.ranking, self._settings.prefer_band
        if verdict.status is Status.NONE:
            return verdict
        if like is None:
            if self.outcomes is None or vector is None:
                return verdict
            order, traded = prefer_proven(
                self._roster, ranking.places, ranking.probability, self.outcomes, vector, band, verdict.threshold
            )
            return verdict if traded is None else replace(verdict, ranking=_in_order(ranking, order), traded=traded)
        skills = [need.name for need in wanted.needs if need.need is Need.SKILL]
        quality = None
        if like.quality and not skills and self.skills is not None and vector is not None:
            about = self.skills.about(vector)
            skills, quality = list(about.weights), about.quality if about.weights else None
        threshold = verdict.threshold
        order, traded = prefer(self._roster, ranking.places, ranking.probability, like, band, threshold, skills, quality)
        return verdict if traded is None else replace(verdict, ranking=_in_order(ranking, order), traded=traded)

    def _stood_in(self, verdict: Verdict, standing: Standing, agent: Agent, detail: str) -> Verdict:
        """An agent would have got the task and is not there: who stands in is asked for, and nobody gets it unasked."""
        found = self._escalated("absent", agent, detail, standing)
        ranking = verdict.ranking
        if found is not None and found.to is not None:
            place = int(np.flatnonzero(ranking.places == self._roster.position[found.to])[0])
            ranking = _in_order(ranking, np.r_[place, np.delete(np.arange(len(ranking.places)), place)])
            reason = f"{agent.id} would get it and is not there ({detail}); {found.to} stands in"
        else:
            reason = f"{agent.id} would get it and is not there ({detail})"
            found = found or Escalation("absent", (Step(agent.id, agent.name, detail, agent.contact),), None)
        nobody = found.to is None and verdict.status is Status.NONE
        status = Status.NONE if nobody else Status.ASK
        return replace(verdict, ranking=ranking, status=status, reason=reason, traded=None, escalation=found)

    def _escalated(self, why: str, agent: Agent | None, detail: str, standing: Standing) -> Escalation | None:
        return escalate(self._roster, why, agent, detail, standing.excluded, self._settings.escalate_to)

    def _agent(self, place: int) -> Agent:
        return self._roster.agents[place]


def _in_order(ranking: Ranking, order: NDArray[np.int64]) -> Ranking:
    return replace(ranking, places=ranking.places[order], probability=ranking.probability[order], share=ranking.share[order])
