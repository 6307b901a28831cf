"""A model asked to split a request: the prompt, and its answer as a plan. Request and cards are fenced as data."""

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from delegate_cli.deciders.prompt import Messages, card_name, card_room, fenced_cards, fenced_task, mark_of, role
from delegate_cli.deciders.question import Question
from delegate_cli.deciders.replies import answer_length, text_of
from delegate_cli.deciders.untrusted import Budget, tokens
from delegate_cli.endpoints import Asker, Capabilities, Reply, Request
from delegate_cli.pipeline import Delegator
from delegate_cli.splitting import drafts
from delegate_cli.splitting.joint import most_likely
from delegate_cli.splitting.plan import MOST, Mode, Plan
from delegate_cli.splitting.reading import Reader

if TYPE_CHECKING:
    from delegate_cli.advising import Adviser

BUDGET = Budget(task=2400, card=120, prompt=6000)
_TOKENS = 2400  # of an answer: eight parts may together be longer than the request
_JOB = """\
You read one request and the cards of some agents, and say whether it is one task or several that different agents should do."""
_RULES = """\
Rules:
- Most requests are one task. Split only where parts are for different agents; steps that one agent does together are one part.
- At most {most} parts. Together they ask for what the request asks for, and for nothing else.
- Each part can be understood by itself: keep its names, numbers and conditions, and say what "it" stands for.
- Write in the language of the request.
- "after" names the parts whose results a part needs; it is empty where a part can start at once.
- "mode" is "one" for one part, "parallel" where no part waits for another, "sequence" where one does."""
_ANSWER = """\
Answer with JSON only: {"reasoning": "why it is one or several", "mode": "parallel", "subtasks": [{"id": "t1", \
"task": "what to do", "reason": "why it is a part of its own", "after": []}]}"""


@dataclass(slots=True)
class Heard:
    """What came of asking a model to split.

    Attributes:
        plan: not routed; or code and reason of why there is none, which stderr has been told.
        record: what was asked and answered; None where no answer came.
    """

    plan: Plan | dict[str, str]
    record: dict[str, Any] | None = None


def ask_model(delegator: Delegator, reader: Reader) -> Heard:
    """What a model makes of a request.

    Raises:
        EndpointError: there is none, and the manner of asking is strict.
    """
    adviser = delegator.adviser
    assert adviser is not None
    if tokens(reader.request) > BUDGET.task:
        reason = f"the request is longer than the {BUDGET.task:,} tokens a model is shown"
        return Heard({"code": "too_long", "reason": reason})
    record: dict[str, Any] = {}
    question = _question(delegator, adviser, reader)

    async def ask(sent: Question, asker: Asker) -> tuple[drafts.Draft, str]:
        started, wanted = time.time(), request(asker.model, sent, await asker.capabilities())
        reply = await asker.ask(wanted)
        record.update(_record(reply, wanted, started))
        draft = drafts.parse(text_of(reply))
        drafts.plan(draft, sent.task, reply.model)  # an answer that is no plan counts as none
        return draft, reply.model

    heard = delegator.wait_for(lambda: adviser.put(question, ask, "the request is split by rules"))
    if isinstance(heard, dict):
        return Heard(heard, record or None)
    (draft, model), restorer = heard
    if restorer is not None:
        parts = tuple(replace(each, task=restorer.restore(each.task)) for each in draft.parts)
        draft = drafts.Draft(restorer.restore(draft.reasoning), parts)
        record["raw"] = restorer.restore(record["raw"])
    record["valid"] = True
    return Heard(drafts.plan(draft, reader.request, model), record)


def preview(delegator: Delegator, reader: Reader) -> list[Request]:
    """What a model would be sent, as far as is known what its endpoint can do; empty where it would not be asked. Nothing is
    sent.
    """
    adviser = delegator.adviser
    if adviser is None or tokens(reader.request) > BUDGET.task:
        return []
    return adviser.preview_of(_question(delegator, adviser, reader), request)


def _record(reply: Reply, wanted: Request, started: float) -> dict[str, Any]:
    """What was asked and answered, as plain values; not valid until it was read."""
    return {
        "model": reply.model,
        "messages": wanted.body["messages"],
        "raw": text_of(reply),
        "valid": False,
        "input_tokens": reply.input_tokens,
        "output_tokens": reply.output_tokens,
        "cost_usd": reply.cost_usd,
        "cached": reply.cached,
        "started": started,
        "seconds": round(time.time() - started, 3),
    }


def request(model: str, question: Question, can: Capabilities) -> Request:
    """What is sent."""
    body: dict[str, Any] = {"model": model, "messages": messages(question), **answer_length(can, _TOKENS)}
    if can.json_schema:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "split", "strict": True, "schema": _schema()},
        }
    return Request("chat/completions", body)


def messages(question: Question) -> Messages:
    """The prompt."""
    mark = mark_of(question)
    heads = [f"Agent: {card_name(card)}" for card in question.cards]
    parts = (
        fenced_task(question.task, mark, BUDGET),
        fenced_cards(question.cards, heads, mark, card_room(len(question.cards), BUDGET)),
        _RULES.format(most=MOST),
        f"Is the request one task, or which parts does it have? {_ANSWER}",
    )
    return [{"role": "system", "content": role(mark, _JOB)}, {"role": "user", "content": "\n\n".join(parts)}]


def _question(delegator: Delegator, adviser: "Adviser", reader: Reader) -> Question:
    """The request with the cards of the agents that it, or any clause of it, may be for."""
    ready = delegator.ready()
    agents = most_likely(reader, 2 * delegator.settings.llm.shortlist)
    return adviser.question(ready, ready.query(reader.request), agents)


def _schema() -> dict[str, Any]:
    text = {"type": "string"}
    part = _object({"id": text, "task": text, "reason": text, "after": {"type": "array", "items": text}})
    modes = {"type": "string", "enum": [mode.value for mode in Mode]}
    return _object({"reasoning": text, "mode": modes, "subtasks": {"type": "array", "items": part}})


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
