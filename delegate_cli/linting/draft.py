"""A card from a one-line wish: by a model where one is set, else a scaffold that says what the wish says and no more.

The wish and the cards of the nearest agents are fenced as data; what comes back is read strictly.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from delegate_cli.agents import Agent, Roster
from delegate_cli.ask import Ask
from delegate_cli.deciders.prompt import Messages, card_name, card_room, fenced_cards, fenced_task, mark_of, role
from delegate_cli.deciders.question import Question
from delegate_cli.deciders.replies import Unusable, answer_length, json_object, text_of
from delegate_cli.deciders.untrusted import Budget, neutral
from delegate_cli.endpoints import Asker, Capabilities, Request
from delegate_cli.errors import UsageError
from delegate_cli.linting.finding import EMPTY
from delegate_cli.pipeline import Delegator
from delegate_cli.policy import ANYBODY_THERE
from delegate_cli.roster.parse import slug

if TYPE_CHECKING:
    from delegate_cli.connecting import Restorer

LONGEST = 2000  # characters of a wish
BUDGET = Budget(task=600, card=120, prompt=3500)
_NEAREST = 6  # agents whose cards the model is shown
_NAME, _TEXT, _LINE = 80, 1200, 300  # characters of a name, a description and a request
_EXAMPLES, _AGAINST = range(3, 9), range(6)  # how many an answer may have
_TOKENS = 1200
_WORD = re.compile(r"[^\W_]+")
_LEAD = re.compile(
    r"\A(?:please\s+)?(?:(?:i|we)\s+(?:want|need|would\s+like|wish\s+for)\s+|(?:make|create|add|write|build|give)\s+(?:me\s+|us\s+)?)?"
    r"(?:(?:an?|the)\s+)?(?:new\s+)?(?:ai\s+)?(?:agent|assistant|bot|tool|helper|person|team|somebody|someone|one)\s+"
    r"(?:that|which|who|to|for)\s+(?:can\s+|should\s+|shall\s+|will\s+)?",
    re.IGNORECASE,
)
_JOB = "You write the card of a new agent from a one-line wish, so that tasks can be told to be its own or not."
_RULES = """\
Rules:
- "name": two to four words that say its work.
- "description": one to three sentences: what it does, on what, for whom. Claim nothing that the wish does not say.
- "examples": five requests as people would type them who want this work done. Varied, concrete, short, some of them sloppy.
- "not_for": two or three requests that look like its own but are for one of the agents shown; none where no agent is near.
- Write in the language of the wish."""
_ANSWER = 'Answer with JSON only: {"name": "…", "description": "…", "examples": ["…"], "not_for": ["…"]}'


def new_agent(delegator: Delegator, wish: str) -> tuple[Agent, str]:
    """A card for a wish, with an id that the roster has not, and who wrote it: a model's name, or `scaffold`.

    Raises:
        UsageError: the wish says nothing.
        EndpointError: there is no answer, and the manner of asking is strict.
    """
    line = neutral(wish)
    if not _WORD.search(line):
        raise UsageError("the wish is empty", "say in a line what the agent shall do")
    if len(line) > LONGEST:
        raise UsageError(f"the wish has {len(line):,} characters, and {LONGEST:,} are allowed", "say it in a line")
    found = None if delegator.adviser is None else _by_model(delegator, line)
    agent, writer = (scaffold(line), "scaffold") if found is None else found
    return replace(agent, id=_free(agent.id, delegator.roster)), writer


def scaffold(wish: str) -> Agent:
    """What the wish says, as a card without requests: none are invented."""
    said = _LEAD.sub("", wish).strip().rstrip(".") or wish
    words = [word for word in _WORD.findall(said) if word.casefold() not in EMPTY] or _WORD.findall(said)
    called = words[:3]
    while len(called) > 1 and len(called[-1]) < 3 and not called[-1].isupper():
        called.pop()  # "books rooms in"
    name = " ".join(word if word.isupper() else word.capitalize() for word in called)[:_NAME]
    end = "" if said.endswith(("!", "?", "。")) else "."
    return Agent(slug(name) or "agent", name, description=f"{said[:1].upper()}{said[1:]}{end}")


def _free(agent_id: str, roster: Roster) -> str:
    taken = {name.casefold() for name in roster.position}
    free, number = agent_id, 2
    while free.casefold() in taken:
        free, number = f"{agent_id}-{number}", number + 1
    return free


def _by_model(delegator: Delegator, wish: str) -> tuple[Agent, str] | None:
    """The model's card and the model's name; None where there is no answer, of which stderr has been told."""
    adviser = delegator.adviser
    assert adviser is not None
    ready = delegator.ready()
    near = delegator.decide(wish, Ask(top=_NEAREST, constraints=ANYBODY_THERE, alone=True))
    question = adviser.question(ready, ready.query(wish), [each.agent for each in near.candidates])

    async def ask(sent: Question, asker: Asker) -> tuple[Agent, str]:
        reply = await asker.ask(request(asker.model, sent, await asker.capabilities()))
        return parse(text_of(reply)), reply.model

    heard = delegator.wait_for(lambda: adviser.put(question, ask, "a scaffold is made from the wish"))
    if isinstance(heard, dict):
        return None
    (agent, model), restorer = heard
    return (agent if restorer is None else _restored(agent, restorer)), model


def _restored(agent: Agent, restorer: "Restorer") -> Agent:
    name = restorer.restore(agent.name)
    examples, not_for = (tuple(map(restorer.restore, texts)) for texts in (agent.examples, agent.not_for))
    return Agent(
        slug(name) or "agent", name, description=restorer.restore(agent.description), examples=examples, not_for=not_for
    )


def request(model: str, question: Question, can: Capabilities) -> Request:
    """What is sent."""
    body: dict[str, Any] = {"model": model, "messages": messages(question), **answer_length(can, _TOKENS)}
    if can.json_schema:
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "card", "strict": True, "schema": _schema()}}
    return Request("chat/completions", body)


def messages(question: Question) -> Messages:
    """The prompt."""
    mark = mark_of(question)
    heads = [f"Agent: {card_name(card)}" for card in question.cards]
    parts = (
        fenced_task(question.task, mark, BUDGET),
        "These agents are there already:",
        fenced_cards(question.cards, heads, mark, card_room(len(question.cards), BUDGET)),
        _RULES,
        f"The text between the task markers is the wish. Write the card. {_ANSWER}",
    )
    return [{"role": "system", "content": role(mark, _JOB)}, {"role": "user", "content": "\n\n".join(parts)}]


def parse(text: str) -> Agent:
    """A card from a model's answer.

    Raises:
        Unusable: it is no JSON object with just these keys, or a text is empty or too long.
    """
    found = json_object(text)
    if found is None:
        raise Unusable("the answer is no JSON object")
    if set(found) != {"name", "description", "examples", "not_for"}:
        raise Unusable("the answer must have name, description, examples and not_for, and nothing else")
    name, description = _text(found["name"], _NAME), _text(found["description"], _TEXT)
    examples, not_for = _texts(found, "examples", _EXAMPLES), _texts(found, "not_for", _AGAINST)
    return Agent(slug(name) or "agent", name, description=description, examples=examples, not_for=not_for)


def _texts(found: Mapping[str, Any], key: str, lengths: range) -> tuple[str, ...]:
    value = found[key]
    if not isinstance(value, list) or len(value) not in lengths:
        raise Unusable(f"the answer must have {lengths[0]} to {lengths[-1]} {key}")
    return tuple(dict.fromkeys(_text(each, _LINE) for each in value))


def _text(value: Any, most: int) -> str:
    line = neutral(value) if isinstance(value, str) else ""
    if not _WORD.search(line) or len(line) > most:
        raise Unusable(f"the answer has a text that is empty or longer than {most:,} characters")
    return line


def _schema() -> dict[str, Any]:
    text, texts = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
    properties = {"name": text, "description": text, "examples": texts, "not_for": texts}
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
