"""Inferred profiles as `route` reads them: told figures of each agent and skill, and the skills' vectors. Light."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delegate_cli.agents import Agent, Roster
from delegate_cli.index import bundle, store
from delegate_cli.skills.weighing import weigh

NAME = "SKILLS"
FORMAT = 2  # raise when an array means something else than before
ARRAYS = ("mean", "std", "low", "high", "score", "trials")
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Told:
    """One skill of one agent, and what it has to do with a task: a weight in (0, 1] and a cosine similarity.

    `trials` of None: it was inferred, 0: measured, and nobody counted. `score` is what was measured; in few trials the mean
    may lie elsewhere, since the agent's other scores say something, too.
    """

    skill: str
    weight: float
    similarity: float
    mean: float
    std: float
    score: float
    trials: int | None
    bounded: bool = True

    @property
    def observed(self) -> bool:
        return self.trials is not None

    @property
    def figure(self) -> str:
        """Such as `math 0.87 ± 0.03 (0.91 in 120 trials)`, `math 0.91` where nobody counted, or `code 0.84 ± 0.05`."""
        places = 2 if self.bounded else 0
        number = f"{self.skill} {self.mean:.{places}f}"
        if self.trials == 0:
            return number
        measured = "" if self.trials is None else f" ({self.score:.{places}f} in {self.trials} trials)"
        return f"{number} ± {self.std:.{places}f}{measured}"

    def __str__(self) -> str:
        """The figure, and whether it was observed or inferred."""
        return f"{self.figure} {'observed' if self.observed else 'inferred'}"


@dataclass(frozen=True, slots=True)
class Known:
    """Figures by name, shape (agents, skills); `trials` is -1 for what was inferred; vectors of shape (skills, dimension)."""

    agents: tuple[str, ...]
    skills: tuple[str, ...]
    bounded: tuple[bool, ...]
    figures: Mapping[str, Vectors]
    vectors: Vectors
    encoder: str
    digest: str

    def about(self, task: Vectors) -> "About":
        """What of these profiles has to do with a task, which is a unit vector by the same encoder."""
        similarity = dict(zip(self.skills, (self.vectors @ task).tolist(), strict=True)) if self.skills else {}
        return About(self, weigh(self.skills, self.vectors, task), similarity)

    def told(self, agent: str, weights: Mapping[str, float], similarity: Mapping[str, float]) -> list[Told]:
        """These skills of an agent, the weightiest first; empty for an agent without a profile."""
        if agent not in self.agents:
            return []
        row = self.agents.index(agent)
        mean, std, score, trials = (self.figures[name][row] for name in ("mean", "std", "score", "trials"))
        found = []
        for name, weight in sorted(weights.items(), key=lambda each: (-each[1], each[0])):
            at = self.skills.index(name)
            measured = None if trials[at] < 0 else int(trials[at])
            known = (float(mean[at]), float(std[at]), float(score[at]), measured, self.bounded[at])
            found.append(Told(name, weight, similarity.get(name, 0.0), *known))
        return found

    def packed(self) -> bytes:
        """As a file."""
        words: dict[str, Any] = {name: getattr(self, name) for name in ("agents", "skills", "bounded", "encoder", "digest")}
        return bundle.packed({**{name: self.figures[name] for name in ARRAYS}, "vectors": self.vectors}, FORMAT, words)


@dataclass(frozen=True, slots=True)
class About:
    """Profiles, seen for one task: the weights of the skills it is near to, and the similarity to every skill."""

    known: Known
    weights: Mapping[str, float]
    similarity: Mapping[str, float]

    def told(self, agent: str) -> list[Told]:
        """What the task needs of an agent; empty where it is near to no skill, or nothing is known of the agent."""
        return self.known.told(agent, self.weights, self.similarity)

    def quality(self, agent: Agent) -> float | None:
        """The expected score of an agent in what the task needs, measured or inferred; None without shares to go by."""
        return score(self.told(agent.id))

    def lines(self, agent: str, hidden: Callable[[str], object]) -> list[str]:
        """For a model: what was measured of the agent, and what is inferred of what the task needs.

        Args:
            hidden: whether the name of a skill may not be shown.
        """
        told = self.known.told(agent, dict.fromkeys(self.known.skills, 0.0) | dict(self.weights), self.similarity)
        shown = [each for each in told if not hidden(each.skill) and (each.observed or each.weight)]
        parts = (("measured", True), ("inferred from others", False))
        found = ((how, [each.figure for each in shown if each.observed is observed]) for how, observed in parts)
        return [f"skills, {how}: {', '.join(figures)}" for how, figures in found if figures]


def score(told: Sequence[Told]) -> float | None:
    """The weighted mean of skills that are shares; None where there is none."""
    weight = sum(each.weight for each in told if each.bounded)
    return sum(each.weight * each.mean for each in told if each.bounded) / weight if weight else None


def digest(roster: Roster) -> str:
    """Of all scores on the cards."""
    scores = [(agent.id, sorted((name, asdict(skill)) for name, skill in agent.skills.items())) for agent in roster]
    return hashlib.sha256(json.dumps(scores, sort_keys=True, default=str).encode("utf-8", "surrogatepass")).hexdigest()


def for_route(folder: Path, roster: Roster, encoder: str) -> Known | None:
    """The profiles, if they are of these agents' scores and their skills' vectors are by this encoder.

    Raises:
        Unusable: they are not, or cannot be read.
    """
    found = read(folder)
    if found is not None and found.digest != digest(roster):
        raise store.Unusable("the cards' scores have changed")
    if found is not None and found.encoder != encoder:
        raise store.Unusable("the encoder has changed")
    return found


def read(folder: Path) -> Known | None:
    """The profiles of a roster; None where nothing was inferred.

    Raises:
        Unusable: the file is damaged, or was made by another version.
    """
    return bundle.read(folder / NAME, FORMAT, _known)


def _known(arrays: store.Arrays, words: Mapping[str, Any]) -> Known:
    figures = {name: arrays[name] for name in ARRAYS}
    names = (tuple(words["agents"]), tuple(words["skills"]), tuple(words["bounded"]))
    shape = (len(names[0]), len(names[1]))
    if any(each.shape != shape for each in figures.values()) or len(arrays["vectors"]) != shape[1]:
        raise store.Unusable("it is damaged")
    return Known(*names, figures, arrays["vectors"], words["encoder"], words["digest"])
