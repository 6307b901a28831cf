"""OpenAI's /v1/decisions and the System One wire, answered by the head: which of the choices fits, with probabilities.

Choices that are agents of the roster, by name or id, are decided with all that is known of them. Others become a roster of
their own for the moment, of cards alone. Only choices can be answered: nothing here could judge a statement or give a grade.
"""

import tempfile
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from delegate_cli.agents import Agent, Roster
from delegate_cli.ask import Ask, check_task
from delegate_cli.deciders.named import NONE
from delegate_cli.deciders.prompt import card_name
from delegate_cli.deciders.question import Card
from delegate_cli.decision import PLACES, Decision
from delegate_cli.pipeline import Delegator
from delegate_cli.policy import Constraints
from delegate_cli.serving.engine import Loaded
from delegate_cli.serving.shapes import VISIBLE, check
from delegate_cli.settings import Settings

KEPT = 16  # sets of choices whose index stays in memory
MOST_CHOICES = 255
_LONGEST = 4000  # characters of a choice's description that are read
_SPOKEN = {"type": "string", "minLength": 1, "maxLength": 2000, "pattern": VISIBLE}
_ANY: dict[str, Any] = {}
Choice = tuple[str, str]  # how it is called, and what it means

DECISIONS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["input", "model", "questions"],
    "properties": {
        "input": {
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}, "minItems": 1}],
            "description": "A text, or messages, of which the texts are read.",
        },
        "model": {"type": "string", "description": "Any: the head answers."},
        "questions": {
            "type": "array",
            "minItems": 1,
            "maxItems": 400,
            "items": {
                "anyOf": [
                    {
                        "type": "object",
                        "required": ["type", "choices", "instructions"],
                        "properties": {
                            "type": {"type": "string", "enum": ["choice"]},
                            "name": {"type": "string"},
                            "instructions": _ANY,
                            "choices": {
                                "type": "array",
                                "minItems": 2,
                                "maxItems": MOST_CHOICES,
                                "items": {
                                    "type": "object",
                                    "required": ["value"],
                                    "properties": {
                                        "value": {"anyOf": [_SPOKEN, {"type": "boolean"}]},
                                        "description": {"type": "string"},
                                    },
                                },
                            },
                        },
                    },
                    {
                        "type": "object",
                        "required": ["type"],
                        "properties": {
                            "type": {"type": "string", "enum": ["predicate", "score"]},
                            "name": {"type": "string"},
                        },
                    },
                ]
            },
        },
    },
}
SYSTEMONE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["state", "model", "questions"],
    "properties": {
        "state": {"anyOf": [_SPOKEN | {"maxLength": 1 << 20}, {"type": "object"}, {"type": "array"}]},
        "model": {"type": "string", "description": "Any: the head answers."},
        "questions": {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 400,
            "additionalProperties": {
                "type": "object",
                "required": ["type", "criteria"],
                "properties": {
                    "type": {"type": "string", "enum": ["choice"]},
                    "instructions": _ANY,
                    "criteria": {
                        "type": "object",
                        "minProperties": 1,
                        "maxProperties": MOST_CHOICES,
                        "additionalProperties": {"type": ["string", "null"]},
                        "propertyNames": _SPOKEN,
                    },
                },
            },
        },
    },
}


class Chooser:
    """Decides between choices with the head of one loaded roster; safe to use from several threads."""

    def __init__(self, loaded: Loaded) -> None:
        own = loaded.delegator
        self._encoder = own.ready().encoder
        self.model = f"delegate/{self._encoder.name}"
        self._roster = own.roster
        self._own = own
        self._head: Delegator | None = own if own.adviser is None else None
        self._names = _names(self._roster)
        self._made: OrderedDict[tuple[Choice, ...], Delegator] = OrderedDict()
        self._lock = threading.Lock()

    def shares(self, task: str, choices: Sequence[Choice]) -> list[float]:
        """A probability for each choice; they sum to 1. One called `none of these` stands for nobody."""
        nobody = [place for place, (name, _) in enumerate(choices) if name.strip().casefold() == NONE]
        others = tuple(choice for place, choice in enumerate(choices) if place not in nobody)
        agents = [self._names.get(name.strip().casefold()) for name, _ in others]
        if not others:
            return [1.0 / len(choices)] * len(choices)
        if None not in agents and len(set(agents)) == len(agents):
            decision, ids = self._among(task, [str(agent) for agent in agents]), agents
        else:
            decision, ids = self._made_for(others).decide(task, Ask(top=None)), [_id(place) for place in range(len(others))]
        found = {each.agent: each.probability for each in decision.candidates}
        given = iter([found.get(str(each), 0.0) for each in ids])
        mass = [decision.none / len(nobody) if place in nobody else next(given) for place in range(len(choices))]
        total = sum(mass)
        return [round(each / total, PLACES) for each in mass]

    def _among(self, task: str, agents: Sequence[str]) -> Decision:
        """Whoever is there, and whoever asks: that was settled by offering them."""
        roles = frozenset(role for agent in agents for role in (self._roster.agents[self._roster.position[agent]].allow or ()))
        return self._own_head().decide(task, Ask(None, False, Constraints(roles, allow=frozenset(agents), presence=False)))

    def _own_head(self) -> Delegator:
        with self._lock:
            if self._head is None:
                own = self._own
                settings = replace(own.settings, decider="head")
                self._head = Delegator(own.roster, settings, folder=own.folder, encoder=self._encoder)
            return self._head

    def _made_for(self, choices: tuple[Choice, ...]) -> Delegator:
        with self._lock:
            found = self._made.get(choices)
            if found is None:
                found = self._make(choices)
                while len(self._made) >= KEPT:
                    self._made.popitem(last=False)
            self._made[choices] = found
            self._made.move_to_end(choices)
            return found

    def _make(self, choices: tuple[Choice, ...]) -> Delegator:
        """A roster of the choices; its index is read into memory, so that nothing of it has to stay on disk."""
        agents = tuple(
            Agent(id=_id(place), name=name, description=meaning[:_LONGEST]) for place, (name, meaning) in enumerate(choices)
        )
        with tempfile.TemporaryDirectory(prefix="delegate-") as folder:
            made = Delegator(Roster(agents), Settings(decider="head"), folder=Path(folder), encoder=self._encoder)
            made.ready()
        return made


def decisions(chooser: Chooser, body: Any) -> dict[str, Any]:
    """The answer of /v1/decisions; what is no choice is refused, question by question, as that wire provides.

    Raises:
        Malformed: the body is not of that wire.
    """
    check(body, DECISIONS_SCHEMA)
    text = "\n".join(_texts(body["input"])).strip()
    answers = [_answer(chooser, text, question) for question in body["questions"]]
    usage = {
        **dict.fromkeys(("input_tokens", "output_tokens", "total_tokens"), 0),
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    return {"answers": answers, "model": chooser.model, "usage": usage}


def _answer(chooser: Chooser, text: str, question: Mapping[str, Any]) -> dict[str, Any]:
    name = question.get("name")
    if question["type"] != "choice" or not text:
        return {"type": "refusal", "name": name}
    offered = {(type(each["value"]), each["value"]): str(each.get("description") or "") for each in question["choices"]}
    values = [value for _, value in offered]
    shares = chooser.shares(check_task(text), [(_spoken(value), offered[type(value), value]) for value in values])
    best = max(range(len(values)), key=shares.__getitem__)
    listed = [{"value": value, "probability": share} for value, share in zip(values, shares, strict=True)]
    return {"type": "choice", "name": name, "choice": values[best], "confidence": shares[best], "probabilities": listed}


def systemone(chooser: Chooser, body: Any) -> dict[str, Any]:
    """The answer of /v1/systemone.

    Raises:
        Malformed: the body is not of that wire, or asks something that is no choice.
    """
    check(body, SYSTEMONE_SCHEMA)
    from delegate_cli.render.jsonl import dumps

    state = body["state"] if isinstance(body["state"], str) else dumps(body["state"])
    answers = {}
    for name, question in body["questions"].items():
        criteria = question["criteria"]
        for each in criteria:
            check(each, _SPOKEN, f"a choice of {name[:40]}")
        shares = dict(
            zip(criteria, chooser.shares(check_task(state), [(each, criteria[each] or "") for each in criteria]), strict=True)
        )
        best = max(shares, key=shares.__getitem__)
        answers[name] = {"type": "choice", "choice": best, "probabilities": shares, "confidence": shares[best]}
    return {"model": chooser.model, "answers": answers, "usage": {"input_tokens": 0, "output_tokens": 0}}


def _names(roster: Roster) -> dict[str, str]:
    """How an agent may be called, without regard to case → its id; a name that several have stands for none of them."""
    found: dict[str, str] = {}
    shared = set()
    for agent in roster:
        name = card_name(Card(agent.id, agent.name)).casefold()
        shared |= {name} & found.keys()
        found[name] = agent.id
        found[f"{name} ({card_name(Card('', agent.id)).casefold()})"] = agent.id
    for name in shared:
        del found[name]
    return found | {agent.id.casefold(): agent.id for agent in roster}


def _texts(value: Any) -> list[str]:
    """What is said in messages, in order: the texts of their contents, calls and outputs."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    if isinstance(value, dict):
        return [
            text for key in ("content", "text", "refusal", "arguments", "input", "output") for text in _texts(value.get(key))
        ]
    return []


def _spoken(value: str | bool) -> str:
    return value if isinstance(value, str) else str(value).lower()


def _id(place: int) -> str:
    return f"choice-{place:03}"
