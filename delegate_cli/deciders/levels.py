"""A rubric by the model: how well each of the best candidates fits, from 1 to 5, with the reason before the level.

It stands beside the computed rubric. Candidates are asked about one by one, so that neither order nor company matters.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from delegate_cli.deciders.prompt import BUDGET, Messages, card_name, card_room, fenced_cards, fenced_task, role, schema
from delegate_cli.deciders.question import Card, Question
from delegate_cli.deciders.replies import answer_length, json_object, text_of
from delegate_cli.deciders.rounds import Meter
from delegate_cli.deciders.untrusted import Budget, fence, shortened
from delegate_cli.endpoints import Asker, Capabilities, Reply, Request
from delegate_cli.errors import EndpointError, SettingsError

TOP = 3
ANCHORS = (
    "not for this agent: its card says so, or says nothing near the task",
    "the same field, but the agent does something else",
    "the agent does part of the task, or something much like it",
    "the agent does this kind of task; a detail is not covered by its card",
    "exactly what the agent is for: its description or a sample request covers the whole task",
)
_ROLE = "You judge how well an agent fits a task. You read the task and the agent's card."
_GAP, _LOW = 2, 2
_TOKENS = 200  # the reason, the level and the marks of JSON
_REASON = 60  # tokens of a reason that is shown


@dataclass(frozen=True, slots=True)
class Level:
    """What the model says of one candidate: a level from 1 to 5 and why. The reason is untrusted text in one line."""

    level: int
    reason: str


@dataclass(frozen=True, slots=True)
class Rated:
    """Levels by agent id, of those candidates with a readable answer, and what they cost."""

    levels: Mapping[str, Level]
    calls: int = 0
    cached: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None


async def rate(
    asker: Asker, question: Question, anchors: Sequence[str] = ANCHORS, top: int = TOP, budget: Budget = BUDGET
) -> Rated:
    """The levels of the first `top` cards. A candidate whose answer cannot be read has none.

    Raises:
        EndpointError: the endpoint failed for every candidate.
        SettingsError: there are not five anchors.
    """
    meter, can = Meter(asker), await asker.capabilities()
    asked = level_requests(asker.model, question, can, anchors, top, budget)
    replies = await asyncio.gather(*(meter.ask(request) for request in asked), return_exceptions=True)
    found: dict[str, Level] = {}
    for card, reply in zip(question.cards, replies, strict=False):
        if isinstance(reply, Reply):
            if (level := _level(reply)) is not None:
                found[card.agent] = level
        elif not isinstance(reply, EndpointError):
            raise reply
    errors = [reply for reply in replies if isinstance(reply, EndpointError)]
    if errors and len(errors) == len(replies):
        raise errors[0]
    return Rated(found, *meter.cost())


def level_requests(
    model: str,
    question: Question,
    can: Capabilities | None = None,
    anchors: Sequence[str] = ANCHORS,
    top: int = TOP,
    budget: Budget = BUDGET,
) -> list[Request]:
    """One request for each of the first `top` cards; nothing is sent."""
    can = can or Capabilities()
    if len(anchors) != len(ANCHORS):
        raise SettingsError(f"the rubric has {len(anchors)} levels", f"write {len(ANCHORS)}, the worst first")
    requests = []
    for card in question.cards[:top]:
        body: dict[str, Any] = {"model": model, "messages": _messages(question.task, card, anchors, budget)}
        body |= answer_length(can, _TOKENS)
        if can.json_schema:
            levels = {"type": "integer", "enum": list(range(1, len(anchors) + 1))}
            body["response_format"] = schema("rubric", {"reason": {"type": "string"}, "level": levels})
        requests.append(Request("chat/completions", body))
    return requests


def disagrees(model_level: int | None, computed_level: int, gap: int = _GAP, low: int = _LOW) -> bool:
    """Whether the model doubts strongly what was computed: it says `low` or less, and `gap` or more below the computed level.

    Then `decided` becomes `ask`. A model that thinks better of a candidate changes nothing: that is not a risk.
    """
    return model_level is not None and model_level <= low and computed_level - model_level >= gap


def _level(reply: Reply) -> Level | None:
    try:
        found = json_object(text_of(reply))
    except EndpointError:
        return None
    if found is None:
        return None
    level, reason = found.get("level"), found.get("reason")
    if type(level) is not int or not 1 <= level <= len(ANCHORS) or not isinstance(reason, str):
        return None
    return Level(level, shortened(reason, _REASON))


def _messages(task: str, card: Card, anchors: Sequence[str], budget: Budget) -> Messages:
    mark = fence([task, card.name, card.description, *card.examples, *card.not_for, *card.facts])
    scale = [f"{level}: {shortened(anchor, _REASON)}" for level, anchor in enumerate(anchors, start=1)]
    parts = (
        fenced_task(task, mark, budget),
        fenced_cards([card], [f"Agent: {card_name(card)}"], mark, card_room(1, budget)),
        "\n".join(["How well does this agent fit the task? The levels are:", *scale]),
        'Answer with JSON only, in two fields: "reason", one sentence that compares what the task needs with what the agent '
        'does, and then "level", a whole number from 1 to 5.',
    )
    return [{"role": "system", "content": role(mark, _ROLE)}, {"role": "user", "content": "\n\n".join(parts)}]
