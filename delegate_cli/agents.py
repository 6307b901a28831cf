"""Agents and the roster that holds them: what a YAML file says, as frozen values.

Knows nothing of files, vectors or probabilities.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any


class Kind(StrEnum):
    """What sort of agent does the work."""

    AI = "ai"
    TOOL = "tool"
    HUMAN = "human"
    TEAM = "team"


class Presence(StrEnum):
    """Whether an agent takes tasks at all."""

    AVAILABLE = "available"
    BUSY = "busy"
    AWAY = "away"


class Auto(StrEnum):
    """Whether an agent gets tasks unasked."""

    ALWAYS = "always"
    WHEN_SURE = "when_sure"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Skill:
    """A measured score in [0, 1] and, where known, the number of trials behind it, in so many evaluations.

    `open`: the score is on a scale without bounds, such as Elo, and is as it was written.
    """

    score: float
    trials: int | None = None
    runs: int = 1
    open: bool = False


@dataclass(frozen=True, slots=True)
class Cost:
    """Prices in USD."""

    per_task: float | None = None
    per_1k_tokens: float | None = None


@dataclass(frozen=True, slots=True)
class Availability:
    """When an agent works (`hours.parse_hours`; without a timezone, this machine's) and how many tasks it can hold at once."""

    status: Presence = Presence.AVAILABLE
    hours: str | None = None
    timezone: str | None = None
    capacity: int | None = None


# texts of an agent that may be heard otherwise than they are written
HEARD = ("name", "description", "examples", "not_for", "learned")


@dataclass(frozen=True, slots=True)
class Agent:
    """One possible doer of tasks, as its card describes it."""

    id: str
    name: str
    kind: Kind = Kind.AI
    description: str = ""
    examples: tuple[str, ...] = ()
    not_for: tuple[str, ...] = ()
    skills: Mapping[str, Skill] = field(default_factory=dict)
    tools: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    allow: tuple[str, ...] | None = None
    cost: Cost | None = None
    latency_ms: float | None = None
    rate_limit_rpm: float | None = None
    availability: Availability | None = None
    auto: Auto = Auto.WHEN_SURE
    escalate_to: str | None = None  # the id of who is asked where this agent is not there
    contact: str | None = None
    run: Mapping[str, Any] | None = None
    source: Mapping[str, Any] | None = None
    local_only: bool = False  # the card never leaves this machine
    learned: tuple[str, ...] = ()  # sample requests that were learnt from answers; not in the file, and never sent to a model


@dataclass(frozen=True, slots=True)
class Blend:
    """How much learnt sample requests count: the share of what is fitted with them against without, and logits taken off.

    `weight` in [0, 1]; `offset` of at least 0 is taken off the head's logits of agents that have learnt requests, so that they
    do not draw the tasks of agents that have none.
    """

    weight: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True)
class Roster:
    """A set of agents in the order of their ids, so that the order in a file never matters.

    `order` has the ids as they came: only a measurement of whether position matters needs it.
    """

    agents: tuple[Agent, ...]
    path: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    blend: Blend = field(default_factory=Blend)
    order: tuple[str, ...] = field(init=False, compare=False, default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "order", tuple(agent.id for agent in self.agents))
        object.__setattr__(self, "agents", tuple(sorted(self.agents, key=lambda agent: agent.id)))

    def __len__(self) -> int:
        return len(self.agents)

    def __iter__(self) -> Iterator[Agent]:
        return iter(self.agents)

    @cached_property
    def position(self) -> Mapping[str, int]:
        """Agent id → place in `agents`."""
        return {agent.id: place for place, agent in enumerate(self.agents)}

    def get(self, agent_id: str) -> Agent | None:
        """The agent with this id, or None."""
        place = self.position.get(agent_id)
        return None if place is None else self.agents[place]

    @cached_property
    def heard(self) -> "Roster":
        """The roster that tasks are compared with: texts as they look, without wording that is meant to steer the choice.

        The same agents in the same order; itself where there is no such wording.
        """
        from delegate_cli.hearing import heard_agents  # many patterns

        agents = heard_agents(self.agents)
        self.hear(agents)
        found: Roster = self.__dict__["heard"]
        return found

    def hear(self, agents: Sequence["Agent"]) -> None:
        """From now on `heard` has these agents, the same and in the same order; itself where each is the one that it has."""
        if all(new is old for new, old in zip(agents, self.agents, strict=True)):
            self.trust()
            return
        other = Roster(tuple(agents), self.path, self.settings, self.blend)
        other.trust()
        self.__dict__["heard"] = other

    def hear_anew(self) -> None:
        """Forget what was found: the next look at `heard` reads the texts again."""
        self.__dict__.pop("heard", None)

    @property
    def unheard(self) -> dict[str, dict[str, Any]]:
        """Agent id → those of its texts that are heard otherwise than written, as they are heard; plain values."""
        pairs = ((old, new) for old, new in zip(self.agents, self.heard.agents, strict=True) if new is not old)
        return {
            old.id: {name: getattr(new, name) for name in HEARD if getattr(new, name) != getattr(old, name)}
            for old, new in pairs
        }

    def hear_as(self, unheard: Mapping[str, Mapping[str, Any]]) -> None:
        """Take `heard` to be what was found when the index was made (`unheard`): to look costs 20 ms for 70 agents and more."""

        def heard(agent: Agent) -> Agent:
            texts = unheard.get(agent.id, {})
            new: dict[str, Any] = {name: tuple(text) if isinstance(text, list) else text for name, text in texts.items()}
            return replace(agent, **new) if new else agent

        self.hear([heard(agent) for agent in self.agents] if unheard else self.agents)

    def trust(self) -> None:
        """Take `heard` to be the roster itself."""
        self.__dict__["heard"] = self

    @cached_property
    def folder_name(self) -> str:
        """Of what is kept for this roster: by its path, so that an edited roster finds what was made before."""
        path = str(Path(self.path).resolve()) if self.path else self.sha256
        stem = re.sub(r"[^\w.]+", "-", Path(path).stem)[:40] if self.path else "roster"
        return f"{stem}-{hashlib.sha256(path.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"

    @cached_property
    def sha256(self) -> str:
        """Hash of what the agents say, independent of their order, of comments and of layout."""
        return _hash([{**as_plain(agent), "learned": ()} for agent in self.agents])

    @cached_property
    def text_sha256(self) -> str:
        """Hash of the texts alone, learnt ones too, and of how these count: a new price does not make an index stale."""
        texts: list[Any] = [(each.id, each.name, each.description, each.examples + each.learned, each.not_for) for each in self]
        return _hash(texts if self.blend == Blend() else [*texts, (self.blend.weight, self.blend.offset)])


def as_plain(value: Any) -> Any:
    """What JSON has no form for: a dataclass by its fields (`asdict` would copy all there is below them), the rest as text."""
    return {each.name: getattr(value, each.name) for each in fields(value)} if is_dataclass(value) else str(value)


def _hash(facts: Any) -> str:
    text = json.dumps(facts, sort_keys=True, ensure_ascii=False, default=as_plain)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
