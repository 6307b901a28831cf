"""Which skills a task needs, by a model: how much each matters, from 0 to 3, as JSON. Task and skills are fenced as data."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from delegate_cli.deciders.prompt import LABELS, Messages, fenced_task, role, schema
from delegate_cli.deciders.replies import Unusable, answer_length, json_object, text_of
from delegate_cli.deciders.untrusted import fence, shortened
from delegate_cli.endpoints import Asker, Capabilities, Request

MOST = 20  # skills in one question
_LINE = 40  # tokens of a skill's name and description
_TOKENS = 300
_JOB = "You read a task and a list of skills, and judge how much each skill matters for doing the task well."
_ASK = """\
How much does each skill matter for this task? 0: not at all, 1: a little, 2: clearly, 3: the task stands and falls with it.
Answer with JSON only: {shape}"""


async def weigh(asker: Asker, task: str, skills: Sequence[str], texts: Sequence[str]) -> dict[str, float]:
    """Weights in (0, 1] of the skills that matter; empty where the model says that none does.

    Args:
        skills: at most MOST of them, whose descriptions are `texts`.

    Raises:
        EndpointError: there is no answer, or none that can be read.
    """
    reply = await asker.ask(request(asker.model, task, texts, await asker.capabilities()))
    return read(text_of(reply), skills)


def request(model: str, task: str, texts: Sequence[str], can: Capabilities) -> Request:
    """The request; nothing is sent."""
    names = LABELS[: len(texts)]
    body: dict[str, Any] = {"model": model, "messages": _messages(task, texts, names), **answer_length(can, _TOKENS)}
    if can.json_schema:
        each = {"type": "integer", "enum": [0, 1, 2, 3]}
        body["response_format"] = schema("weights", dict.fromkeys(names, each))
    return Request("chat/completions", body)


def read(text: str, skills: Sequence[str]) -> dict[str, float]:
    """The weights of an answer; a label that is left out counts as 0.

    Raises:
        Unusable: it is no JSON object of numbers from 0 to 3 under these labels.
    """
    found: Mapping[str, Any] | None = json_object(text)
    names = LABELS[: len(skills)]
    if found is None or not found or set(found) - set(names):
        raise Unusable("the model's weights cannot be read", "give --weights")
    if any(type(value) not in (int, float) or not 0 <= value <= 3 for value in found.values()):
        raise Unusable("the model's weights are not numbers from 0 to 3", "give --weights")
    return {skill: found[name] / 3 for name, skill in zip(names, skills, strict=True) if found.get(name)}


def _messages(task: str, texts: Sequence[str], names: str) -> Messages:
    mark = fence([task, *texts])
    lines = [f"{name}. {shortened(text, _LINE)}" for name, text in zip(names, texts, strict=True)]
    fenced = "\n".join([f"<skills-{mark}>", *lines, f"</skills-{mark}>"])
    shape = json.dumps(dict.fromkeys(names, 0))
    parts = (fenced_task(task, mark), fenced, _ASK.format(shape=shape))
    return [{"role": "system", "content": role(mark, _JOB)}, {"role": "user", "content": "\n\n".join(parts)}]
