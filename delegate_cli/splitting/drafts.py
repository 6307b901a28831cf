"""What a model answers when it is asked to split a request: a draft, as JSON or in tags. Pure functions.

Both forms are read strictly: text outside, a tag that nothing closes, a key too many or a part that is empty make it no draft.

    <|reasoning|>why<|end_reasoning|>
    <|subtask|>first part<|end_subtask|>
    <|subtask|>second part<|/subtask|>
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from delegate_cli.deciders.replies import Unusable, json_object
from delegate_cli.errors import PlanError
from delegate_cli.splitting.clauses import leans
from delegate_cli.splitting.plan import MOST, Mode, Plan, Subtask

_TAG = re.compile(r"<\|(end_|/)?(reasoning|subtask)\|>")
_PART = ("id", "task", "reason", "after")
_LONGEST = 4000  # characters of a part, unless the request itself is longer
_REASON = 600  # characters of a reason that are kept


@dataclass(frozen=True, slots=True)
class Draft:
    """Parts as a model wrote them, and why; in `parts` no assignments. Not yet checked: `plan` does that."""

    reasoning: str
    parts: tuple[Subtask, ...]


def parse(text: str) -> Draft:
    """A draft from an answer in either form.

    Raises:
        Unusable: it is in neither; the message says what is wrong.
    """
    if (found := json_object(text)) is not None:
        return _from_json(found)
    if _TAG.search(text) is not None:
        return _from_tags(text)
    raise Unusable("the answer is neither JSON nor in tags")


def tagged(draft: Draft) -> str:
    """A draft in tags, which have no ids and no order: `parse` gives the same parts back, numbered."""
    lines = [f"<|reasoning|>{draft.reasoning}<|end_reasoning|>"] if draft.reasoning else []
    return "\n".join(lines + [f"<|subtask|>{part.task}<|end_subtask|>" for part in draft.parts])


def as_json(draft: Draft) -> str:
    """A draft as the JSON that a model is asked for."""
    parts = [{"id": each.id, "task": each.task, "reason": each.reason, "after": list(each.after)} for each in draft.parts]
    return json.dumps({"reasoning": draft.reasoning, "mode": _mode(draft.parts).value, "subtasks": parts}, ensure_ascii=False)


def plan(draft: Draft, request: str, splitter: str) -> Plan:
    """The draft as a plan of the request; one part is the request itself, whatever the model made of its words.

    Raises:
        Unusable: it is no valid plan, or a part is far longer than what was asked.
    """
    if len(draft.parts) == 1:
        return Plan(request, (Subtask("t1", request),), draft.reasoning, splitter)
    longest = max(_LONGEST, len(request))
    for part in draft.parts:
        if len(part.task) > longest:
            raise Unusable(f"the answer has a part of {len(part.task):,} characters")
    try:
        return Plan(request, draft.parts, draft.reasoning, splitter)
    except PlanError as error:
        raise Unusable(f"the answer is no valid plan: {error.message}") from None


def _from_json(found: Mapping[str, Any]) -> Draft:
    _keys(found, ("reasoning", "mode", "subtasks"), "the answer")
    parts = found["subtasks"]
    if not isinstance(parts, list) or not 1 <= len(parts) <= MOST:
        raise Unusable(f"the answer must have a list of 1 to {MOST} subtasks")
    made = tuple(_part(part, f"subtask {number}") for number, part in enumerate(parts, 1))
    mode = _text(found, "mode", "the answer")
    if mode != _mode(made).value:
        raise Unusable(f"the answer says {mode[:40]!r}, but its subtasks make it {_mode(made).value}")
    return Draft(_text(found, "reasoning", "the answer")[:_REASON], made)


def _part(part: Any, where: str) -> Subtask:
    if not isinstance(part, Mapping):
        raise Unusable(f"{where} must be an object")
    _keys(part, _PART, where)
    after = part["after"]
    if not isinstance(after, list) or not all(isinstance(each, str) for each in after):
        raise Unusable(f"{where}: after must be a list of ids")
    return _subtask(_text(part, "id", where), _text(part, "task", where), _text(part, "reason", where)[:_REASON], tuple(after))


def _from_tags(text: str) -> Draft:
    reasoning, place = "", 0
    parts: list[Subtask] = []
    while (opening := _TAG.search(text, place)) is not None:
        _nothing(text[place : opening.start()])
        kind = opening[2]
        if opening[1] is not None:
            raise Unusable(f"a {kind} is closed that was not opened")
        if kind == "reasoning" and (parts or reasoning):
            raise Unusable("the reasoning must stand once, before the subtasks")
        closing = _TAG.search(text, opening.end())
        if closing is None or closing[1] is None or closing[2] != kind:
            if kind == "subtask" or closing is None or closing[1] is not None:
                raise Unusable(f"a {kind} is not closed")
            reasoning, place = text[opening.end() : closing.start()].strip(), closing.start()  # the first subtask ends it
            continue
        inside, place = text[opening.end() : closing.start()].strip(), closing.end()
        if kind == "reasoning":
            reasoning = inside
        else:
            parts.append(_subtask(f"t{len(parts) + 1}", inside, "", ()))
    _nothing(text[place:])
    if not 1 <= len(parts) <= MOST:
        raise Unusable(f"the answer has {len(parts)} subtasks instead of 1 to {MOST}")
    return Draft(reasoning[:_REASON], tuple(parts))


def _subtask(name: str, task: str, reason: str, after: tuple[str, ...]) -> Subtask:
    try:
        return Subtask(name, task, reason, after, leans(task))
    except PlanError as error:
        raise Unusable(f"the answer is no valid plan: {error.message}") from None


def _mode(parts: tuple[Subtask, ...]) -> Mode:
    if len(parts) == 1:
        return Mode.ONE
    return Mode.SEQUENCE if any(part.after for part in parts) else Mode.PARALLEL


def _nothing(text: str) -> None:
    if text.strip():
        raise Unusable("there is text outside the tags")


def _keys(found: Mapping[str, Any], keys: tuple[str, ...], where: str) -> None:
    missing, more = [key for key in keys if key not in found], [key for key in found if key not in keys]
    if missing or more:
        raise Unusable(f"{where} lacks {missing[0]}" if missing else f"{where} has {more[0][:40]!r}, which was not asked for")


def _text(found: Mapping[str, Any], key: str, where: str) -> str:
    value = found[key]
    if not isinstance(value, str):
        raise Unusable(f"{where}: {key} must be text")
    return value.strip()
