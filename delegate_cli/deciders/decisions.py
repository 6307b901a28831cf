"""`decisions`: OpenAI's /v1/decisions, asked a choice question over the candidates with one choice for nobody.

The bodies are those of `client.decisions.create` in openai 3.54 (openai/types/decision_create_params.py and decision.py).
"""

from collections.abc import Mapping
from typing import Any

from delegate_cli.deciders.named import INSTRUCTIONS, NONE_MEANS, names, shares
from delegate_cli.deciders.orders import View
from delegate_cli.deciders.prompt import BUDGET, card_room, card_text
from delegate_cli.deciders.question import Question
from delegate_cli.deciders.replies import Unusable
from delegate_cli.deciders.untrusted import Budget, shortened_lines
from delegate_cli.deciders.ways import Way, WaysDecider
from delegate_cli.endpoints import Asker, Reply, Request
from delegate_cli.errors import EndpointError

MOST = 254  # choices but nobody's: a question takes 255
_NAME = "agent"


def decisions(asker: Asker, orders: int = 1, budget: Budget = BUDGET) -> WaysDecider:
    """The decider `decisions`."""

    def request(question: Question, step: int) -> Request:
        return Request("decisions", {"model": asker.model, **_asked(question, budget)})

    way = Way("decisions", MOST, orders, request, _read)
    return WaysDecider("decisions", asker, lambda model, can: [way], probe=False)


def _asked(question: Question, budget: Budget) -> dict[str, Any]:
    *offered, nobody = names(question.cards)
    room = card_room(len(question.cards), budget)
    choices = [
        {"value": name, "description": card_text(card, room)} for name, card in zip(offered, question.cards, strict=True)
    ]
    choice = {
        "type": "choice",
        "name": _NAME,
        "instructions": INSTRUCTIONS,
        "choices": [*choices, {"value": nobody, "description": NONE_MEANS}],
    }
    return {"input": "\n".join(shortened_lines(question.task, budget.task)), "questions": [choice]}


def _read(reply: Reply, part: Question) -> View:
    answers = reply.body.get("answers")
    answer = answers[0] if isinstance(answers, list) and answers else None
    if not isinstance(answer, Mapping):
        raise Unusable(f"{reply.model} gave no answer")
    if answer.get("type") == "refusal":
        raise EndpointError(f"{reply.model} refused to answer", "decide with --decider head")
    listed = answer.get("probabilities")
    if answer.get("type") != "choice" or not isinstance(listed, list):
        raise Unusable(f"{reply.model} gave an answer that is no choice with probabilities")
    said = {
        entry["value"]: entry.get("probability")
        for entry in listed
        if isinstance(entry, Mapping) and isinstance(entry.get("value"), str)
    }
    return shares(said, names(part.cards), reply.model)
