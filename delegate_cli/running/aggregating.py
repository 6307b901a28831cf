"""Parts → one answer by a model, in passages that each name the parts they rest on.

The answer is read strictly: a part that is done and not used, or a source that does not exist, make it no answer, and then the
parts are joined under headings as without a model. Who did what, and what is not done, is said by us, never by the model.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from delegate_cli.deciders.replies import Unusable, json_object
from delegate_cli.deciders.untrusted import tokens
from delegate_cli.running import shown
from delegate_cli.running.joining import tamed, title
from delegate_cli.running.records import State
from delegate_cli.running.speaker import Question

STAGE = "aggregate"
MODEL, HEADINGS = "model", "headings"
_ROOM = 24_000  # tokens of the request and all parts together; beyond it they are joined without a model
_MOST = 24  # passages
_LEAST_TOKENS, _MOST_TOKENS = 512, 8192  # of an answer
_JOB = """\
You put one answer to a request together from the results of several agents, each of whom did one part of it."""
_RULES = """\
Rules:
- Answer the request as a whole. Use what the results say, and add nothing of your own.
- Keep every fact, number, name and piece of code that the request needs. Leave out repetitions.
- The answer is a list of passages in the order in which they are read. "from" names the results that a passage rests on.
- Every result is named by at least one passage: {done}.
- Write nothing about parts that are not done, and nothing about agents or results as such.
- Write in the language of the request."""
_ANSWER = 'Answer with JSON only: {{"passages": [{{"from": ["{first}"], "text": "…"}}]}}'
_SOURCE = re.compile(r"^(\s*)(\*from [\d, ]+\*\s*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of the answer, and the ids of the subtasks it rests on."""

    sources: tuple[str, ...]
    text: str


def done(parts: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The parts that can be used."""
    return [part for part in parts if part["state"] == State.DONE and str(part["answer"]).strip()]


def question(request: str, parts: Sequence[Mapping[str, Any]]) -> Question | None:
    """What a model is asked; None where the parts together are too long for it."""
    used = done(parts)
    size = sum(tokens(str(part["answer"])) + tokens(str(part["task"])) for part in used)
    if size + tokens(request) > _ROOM:
        return None
    mark = shown.mark_of([request, *(str(part[key]) for part in parts for key in ("subtask", "task", "answer"))])
    system = f"{_JOB}\n{shown.RULE.format(mark=mark, what='what the answer is made of')}"
    ids = [str(part["subtask"]) for part in used]
    blocks = [shown.block("the request", request, mark)]
    for part in parts:
        name, task = part["subtask"], str(part["task"])
        if part in used:
            blocks.append(shown.block(f"what {name} was to do", task, mark))
            blocks.append(shown.block(f"result {name}", str(part["answer"]), mark))
        else:
            blocks.append(shown.block(f"{name} is not done; it was to do", task, mark))
    blocks += [_RULES.format(done=", ".join(ids)), _ANSWER.format(first=ids[0])]
    length = min(_MOST_TOKENS, max(_LEAST_TOKENS, size * 3 // 2))
    messages = [{"role": "system", "content": system}, {"role": "user", "content": "\n\n".join(blocks)}]
    return Question(STAGE, messages, _properties(ids), length)


def parse(text: str, ids: Sequence[str]) -> tuple[Passage, ...]:
    """The passages of an answer.

    Args:
        ids: of the subtasks that are done.

    Raises:
        Unusable: it is not what was asked for; the message says what is wrong.
    """
    found = json_object(text)
    if found is None or found.keys() != {"passages"}:
        raise Unusable("the answer is not one JSON object with passages alone")
    rows = found["passages"]
    if not isinstance(rows, list) or not 1 <= len(rows) <= _MOST:
        raise Unusable(f"the answer must have a list of 1 to {_MOST} passages")
    passages = tuple(_passage(row, f"passage {number}", ids) for number, row in enumerate(rows, 1))
    unused = set(ids).difference(*(passage.sources for passage in passages))
    if unused:
        raise Unusable(f"the answer leaves out {', '.join(sorted(unused))}")
    return passages


def text_of(passages: Sequence[Passage], parts: Sequence[Mapping[str, Any]]) -> str:
    """The answer as Markdown: passages with the numbers of their parts, and below them who did what, and what is not done."""
    number = {str(part["subtask"]): place for place, part in enumerate(parts, 1)}
    body = [f"{_own(each.text)}\n\n*from {_numbers(each, number)}*" for each in passages]
    return "\n\n".join(body) + "\n\n" + sources(parts)


def sources(parts: Sequence[Mapping[str, Any]]) -> str:
    """The list of parts, each with who did it, or why it is missing."""
    lines = ["## Who did what", ""]
    for place, part in enumerate(parts, 1):
        error = "" if part["state"] == State.DONE else f": {part['state']}: {_line((part['error'] or {}).get('message', ''))}"
        lines.append(f"{place}. {title(part)}{error}".rstrip(": "))
    return "\n".join(lines) + "\n"


def bare(passages: Sequence[Passage]) -> str:
    """The passages alone, as a judge sees them: nothing tells that several agents wrote them."""
    return "\n\n".join(each.text for each in passages)


def bare_parts(parts: Sequence[Mapping[str, Any]]) -> str:
    """The same of parts that were joined without a model."""
    used = done(parts)
    return "\n\n".join(str(part["answer"]).strip() for part in used)


def _passage(row: Any, where: str, ids: Sequence[str]) -> Passage:
    if not isinstance(row, Mapping) or row.keys() != {"from", "text"}:
        raise Unusable(f"{where} must have from and text, and nothing else")
    named, text = row["from"], row["text"]
    if not isinstance(named, list) or not named or not all(isinstance(each, str) for each in named):
        raise Unusable(f"{where} must name the results it rests on")
    strange = [each for each in named if each not in ids]
    if strange:
        raise Unusable(f"{where} names {strange[0][:40]!r}, which is no result")
    if not isinstance(text, str) or not any(char.isalnum() for char in text):
        raise Unusable(f"{where} has no text")
    clean = text.encode("utf-8", "replace").decode("utf-8")  # JSON may hold half a surrogate pair
    return Passage(tuple(dict.fromkeys(named)), clean.strip())


def _numbers(passage: Passage, number: Mapping[str, int]) -> str:
    return ", ".join(str(each) for each in sorted(number[source] for source in passage.sources))


def _own(text: str) -> str:
    """A passage in which nothing looks like what we say of it."""
    return _SOURCE.sub(r"\1\\\2", tamed(text))


def _line(text: str) -> str:
    return tamed(" ".join(str(text).split()))


def _properties(ids: Sequence[str]) -> dict[str, Any]:
    passage = {
        "type": "object",
        "properties": {
            "from": {"type": "array", "items": {"type": "string", "enum": list(ids)}, "minItems": 1, "maxItems": len(ids)},
            "text": {"type": "string"},
        },
        "required": ["from", "text"],
        "additionalProperties": False,
    }
    return {"passages": {"type": "array", "items": passage, "minItems": 1}}
