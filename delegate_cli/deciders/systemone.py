"""`systemone`: the /v1/systemone wire of decision models, asked a choice question with one option for nobody.

The format is TypeSafe's System One API (https://docs.typesafe.ai/api), which llama.cpp's server speaks for decision models
(tools/server/server-decision.cpp), and so do laya-serve and others: `state`, `model` and a map of `questions`, each with
`type`, `instructions` and `criteria`; back comes a map of `answers` with `choice`, `probabilities` by option and `confidence`.
"""

from collections.abc import Mapping

from delegate_cli.deciders.named import INSTRUCTIONS, NONE_MEANS, names, shares
from delegate_cli.deciders.orders import View
from delegate_cli.deciders.prompt import BUDGET, card_room, card_text
from delegate_cli.deciders.question import Question
from delegate_cli.deciders.replies import Unusable
from delegate_cli.deciders.untrusted import Budget, shortened_lines
from delegate_cli.deciders.ways import Way, WaysDecider
from delegate_cli.endpoints import Asker, Reply, Request

MOST = 15  # options but nobody's: the hosted API takes 255, but some servers no more than 16
_NAME = "agent"


def systemone(asker: Asker, orders: int = 1, budget: Budget = BUDGET) -> WaysDecider:
    """The decider `systemone`."""

    def request(question: Question, step: int) -> Request:
        *offered, nobody = names(question.cards)
        room = card_room(len(question.cards), budget)
        criteria = {name: card_text(card, room) or None for name, card in zip(offered, question.cards, strict=True)} | {
            nobody: NONE_MEANS
        }
        body = {
            "state": "\n".join(shortened_lines(question.task, budget.task)),
            "model": asker.model,
            "questions": {_NAME: {"type": "choice", "instructions": INSTRUCTIONS, "criteria": criteria}},
        }
        return Request("systemone", body)

    way = Way("systemone", MOST, orders, request, _read)
    return WaysDecider("systemone", asker, lambda model, can: [way], probe=False)


def _read(reply: Reply, part: Question) -> View:
    answers = reply.body.get("answers")
    answer = answers.get(_NAME) if isinstance(answers, Mapping) else None
    if not isinstance(answer, Mapping) or answer.get("type", "choice") != "choice":
        raise Unusable(f"{reply.model} gave no answer to the choice")
    said = answer.get("probabilities")
    if not isinstance(said, Mapping):
        raise Unusable(f"{reply.model} gave a choice without probabilities")
    return shares(said, names(part.cards), reply.model)
