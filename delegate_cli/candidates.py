"""A ranking → the candidates of the record, with evidence and rubric, and what set the runner-up apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from delegate_cli.agents import Roster
from delegate_cli.confidence import rubric
from delegate_cli.deciders.head import VIEWS
from delegate_cli.decision import Candidate, Criterion, DeciderInfo, Evidence, EvidenceKind, ModelLevel, Status
from delegate_cli.evidence import Quotable, content_words
from delegate_cli.index.parts import agent_parts
from delegate_cli.injection import suspicious
from delegate_cli.loaded import Loaded, Ranking
from delegate_cli.opinion import Opinion, masses
from delegate_cli.retrievers.fused import Query

if TYPE_CHECKING:
    from delegate_cli.skills.known import About

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Heard:
    """By agent: what the head gave the agents that a model was shown, what the model gave them, and its levels."""

    head: Mapping[str, float]
    model: Mapping[str, float]
    levels: Mapping[str, ModelLevel]

    @classmethod
    def of(cls, roster: Roster, alone: Ranking, opinion: Opinion) -> "Heard":
        """From the head's ranking and what the model said."""
        advice = opinion.advice
        if advice is None:
            return cls({}, {}, opinion.levels)
        agents = [roster.agents[place].id for place in advice.places.tolist()]
        head = dict(zip(agents, masses(alone, advice.places)[:-1].tolist(), strict=True))
        return cls(head, dict(zip(agents, advice.answer.probability[:-1].tolist(), strict=True)), opinion.levels)

    def beside(self, candidate: Candidate) -> Candidate:
        """The candidate with both."""
        agent = candidate.agent
        if agent not in self.model and agent not in self.levels:
            return candidate
        level = self.levels.get(agent)
        return replace(candidate, head=self.head.get(agent), model=self.model.get(agent), model_level=level)


def doubted(status: Status, candidates: Sequence[Candidate]) -> Status:
    """`decided` becomes `ask` where the model's level of the first candidate contradicts it strongly."""
    first = candidates[0] if candidates else None
    if status is not Status.DECIDED or first is None or first.model_level is None or first.rubric is None:
        return status
    from delegate_cli.deciders.levels import disagrees

    return Status.ASK if disagrees(first.model_level.level, first.rubric.level) else status


def decider_info(ready: Loaded, opinion: Opinion, fused: bool) -> DeciderInfo:
    """Who spoke and what it cost; `fused`: with a model's answer whose weight was fitted."""
    alone = DeciderInfo("head", ready.encoder.name, ready.calibrated, **opinion.cost._asdict())
    if opinion.advice is None:
        return alone
    answer = opinion.advice.answer
    return replace(
        alone,
        kind=answer.kind,
        model=answer.model,
        calibrated=fused,
        orders=answer.orders,
        missing_mass=answer.missing_mass,
        flips=answer.flips,
    )


class Candidates:
    """Makes candidates of a roster's agents; remembers what of each card may be quoted."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._quotable: dict[int, Quotable] = {}

    def of(self, ready: Loaded, query: Query, ranking: Ranking, top: int | None, heard: Heard) -> tuple[Candidate, ...]:
        """The best `top` of a ranking, or all; with what head and model each said of them, where a model was asked."""
        return tuple(map(heard.beside, self._alone(ready, query, ranking, top)))

    def _alone(self, ready: Loaded, query: Query, ranking: Ranking, top: int | None) -> tuple[Candidate, ...]:
        spread = float(np.exp(-(ranking.share * np.log(np.maximum(ranking.share, 1e-12))).sum()))
        about = None if ready.skills is None else ready.skills.about(query.vector)
        found = []
        for rank, place in enumerate(ranking.places[:top].tolist()):
            agent = self._roster.agents[place]
            probability = float(ranking.probability[rank])
            if rank >= 3 and probability < 1e-3:  # with --all: a rubric for the hopeless says nothing
                found.append(Candidate(agent.id, agent.name, agent.kind.value, probability))
                continue
            other = 1 if rank == 0 else 0
            evidence = self._parts(place).nearest(ready.decider.similarities(query.vector, place))
            alone = len(ranking.places) == 1
            standing = rubric.Standing(
                probability=probability,
                share=float(ranking.share[rank]),
                rival=0.0 if alone else float(ranking.probability[other]),
                rival_name="" if alone else self._roster.agents[ranking.places[other]].name,
                first=rank == 0,
                agents=len(ranking.places),
                spread=spread,
                none=ranking.none,
                evidence=evidence,
            )
            candidate = Candidate(agent.id, agent.name, agent.kind.value, probability, rubric.assess(standing), (evidence,))
            found.append(candidate if about is None else _with_skills(candidate, about))
        return tuple(found)

    def _parts(self, place: int) -> Quotable:
        if place not in self._quotable:
            self._quotable[place] = Quotable(agent_parts(self._roster.heard.agents[place]))
        return self._quotable[place]


def _with_skills(candidate: Candidate, about: "About") -> Candidate:
    """The candidate with what is measured and inferred of the skills that the task needs; its probability stays."""
    from delegate_cli.skills.known import score

    told = [each for each in about.told(candidate.agent) if not suspicious(each.skill)]
    if not told or candidate.rubric is None:
        return candidate
    shown = tuple(Evidence(EvidenceKind.SKILL, str(each), each.similarity) for each in told)
    share = score(told)
    if share is not None:
        criterion = Criterion("skills", share, ", ".join(map(str, told)))
        candidate = replace(candidate, rubric=replace(candidate.rubric, criteria=(*candidate.rubric.criteria, criterion)))
    return replace(candidate, evidence=(*candidate.evidence, *shown))


def contrast(roster: Roster, query: Query, ranking: Ranking, weights: Floats) -> dict[str, Any] | None:
    """What set the runner-up apart: the weighted difference of each view, and the words only one card has."""
    places = ranking.views.places.tolist()
    if len(ranking.places) < 2 or not {int(place) for place in ranking.places[:2]} <= set(places):
        return None
    first, second = (places.index(int(place)) for place in ranking.places[:2])
    gap = (ranking.views.standard[first] - ranking.views.standard[second]) * weights
    agents = [roster.agents[place] for place in ranking.places[:2]]
    spoken = set(content_words(query.text))
    said = [spoken & set(content_words(" ".join((agent.description, *agent.examples)))) for agent in agents]
    return {
        "runner_up": agents[1].id,
        "views": {name: round(float(value), 3) for name, value in zip(VIEWS, gap, strict=True)},
        "not_for": round(float(ranking.views.penalty[second] - ranking.views.penalty[first]), 3),
        "words_of_first": sorted(said[0] - said[1]),
        "words_of_runner_up": sorted(said[1] - said[0]),
    }
