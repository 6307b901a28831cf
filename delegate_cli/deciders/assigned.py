"""`assigned`: the prompt of a classic orchestrator, for models without log-probabilities.

It lists what each agent can do and what binds it, lets the model reason, and takes the final line `ASSIGNED: <agent>`.
"""

import re

import numpy as np

from delegate_cli.deciders import orders as places
from delegate_cli.deciders.named import names
from delegate_cli.deciders.orders import View
from delegate_cli.deciders.prompt import BUDGET, MOST_CARDS, Messages, card_room, fenced_cards, fenced_task, mark_of, role
from delegate_cli.deciders.question import Question
from delegate_cli.deciders.replies import Unusable, answer_length, text_of
from delegate_cli.deciders.untrusted import Budget
from delegate_cli.deciders.ways import Way, WaysDecider
from delegate_cli.endpoints import Asker, Capabilities, Reply, Request

_NOBODY = "none"
_LINE = re.compile(r"ASSIGNED: (.+)")
_TOKENS = 512  # a few sentences of reasoning
_ASK = """\
For each agent, weigh its skills against what the task needs, and its constraints: what it is not for, cost, availability. \
Then assign the task to exactly one agent.
Reason in at most five short sentences. The last line is of this form, with the name as it is written above:
ASSIGNED: <agent>
If no agent does what the task needs, the line is:
ASSIGNED: none"""


def assigned(asker: Asker, orders: int = 2, budget: Budget = BUDGET, capabilities: Capabilities | None = None) -> WaysDecider:
    """The decider `assigned`; its probabilities are shares of votes, one an order, with one half added to each."""

    def ways(model: str, can: Capabilities) -> list[Way]:
        def request(question: Question, step: int) -> Request:
            body = {"model": model, "messages": _messages(question, budget), **answer_length(can, _TOKENS)}
            return Request("chat/completions", body)

        return [Way("assigned", MOST_CARDS, orders, request, _read, places.votes)]

    return WaysDecider("assigned", asker, ways, capabilities)


def agent_of(text: str, question: Question) -> int:
    """The place of the agent on the last line of a text, by its exact name or id; the number of cards for nobody.

    Raises:
        Unusable: the last line is not of this form, or names none of the agents.
    """
    last = text.strip().rpartition("\n")[2].strip()
    found = _LINE.fullmatch(last)
    if found is None:
        raise Unusable("the last line is not ASSIGNED: <agent>")
    offered = names(question.cards, _NOBODY)
    ids = [card.agent for card in question.cards]
    for known in (offered, ids):
        if found.group(1) in known:
            return known.index(found.group(1))
    raise Unusable("the task was assigned to somebody who was not offered")


def _read(reply: Reply, part: Question) -> View:
    try:
        place = agent_of(text_of(reply), part)
    except Unusable as error:
        raise Unusable(f"{reply.model}: {error.message}") from error
    return View(np.eye(len(part.cards) + 1)[place])


def _messages(question: Question, budget: Budget) -> Messages:
    mark = mark_of(question)
    heads = [f"- {name}" for name in names(question.cards, _NOBODY)[:-1]]
    cards = fenced_cards(question.cards, heads, mark, card_room(len(question.cards), budget))
    parts = (fenced_task(question.task, mark, budget), cards, _ASK)
    return [{"role": "system", "content": role(mark)}, {"role": "user", "content": "\n\n".join(parts)}]
