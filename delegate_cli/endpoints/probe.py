"""What an endpoint can do, found out by asking it something tiny: log probabilities, JSON schema, or only reasoning.

Asked once for a base URL and model, remembered beside the answers with its date, and forgotten after a month or when the
endpoint answers otherwise. No task, card or other text of the user is in a probe.
"""

import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

from delegate_cli.endpoints import Capabilities, Reply, Request
from delegate_cli.endpoints.cache import AnswerCache
from delegate_cli.endpoints.wire import answer_key
from delegate_cli.errors import RefusedRequest

QUESTION = "Answer with the letter A."
WIDEST = 20
VALID = 30 * 86400.0  # seconds
_ROUNDS = 6
_ABILITIES = re.compile(r"logprobs|response_format|json_schema|temperature|max_tokens|max_completion_tokens|structured", re.I)
_SCHEMA = {
    "type": "object",
    "properties": {"label": {"type": "string", "enum": ["A", "B"]}},
    "required": ["label"],
    "additionalProperties": False,
}
Send = Callable[[Request], Awaitable[Reply]]


async def find(send: Send, model: str) -> Capabilities:
    """Probe: `send` asks without a cache.

    Raises:
        EndpointError: there is no answer at all, or not even the plainest request is accepted.
    """
    asked: dict[str, Any] = {"top_logprobs": WIDEST, "reasoning": False}
    reply = await _plain(send, model, asked)
    choice = reply.body["choices"][0]
    reasons = asked["reasoning"] or _reasoned(choice, reply.body)
    # a reasoning model's first token begins a thought: its probabilities say nothing of the answer
    top = asked["top_logprobs"] if has_logprobs(reply.body) and not reasons else 0
    return Capabilities(top, await _knows_schema(send, model, reasons), reasons)


async def _plain(send: Send, model: str, asked: dict[str, Any]) -> Reply:
    """Ask for a letter; what is refused is left out of the next attempt, and `asked` says what was accepted."""
    for _ in range(_ROUNDS):
        try:
            return await send(_request(model, asked))
        except RefusedRequest as refusal:
            if not _give_in(asked, refusal.message):
                raise
    return await send(_request(model, asked))


def _give_in(asked: dict[str, Any], said: str) -> bool:
    """Ask for less after a refusal; False when there is nothing left to take back."""
    if asked["top_logprobs"] and "logprobs" in said:
        numbers = [int(number) for number in re.findall(r"(?<![\w.])\d{1,2}(?![\w.]*\d)", said)]
        limits = [number for number in numbers if 0 < number < asked["top_logprobs"]]
        asked["top_logprobs"] = max(limits) if limits and "top_logprobs" in said else 0
        return True
    if not asked["reasoning"] and re.search(r"max_tokens|max_completion_tokens|temperature", said):
        asked["reasoning"] = True
        return True
    if asked["top_logprobs"]:  # it does not say what it minds
        asked["top_logprobs"] = 0
        return True
    if not asked["reasoning"]:
        asked["reasoning"] = True
        return True
    return False


def _request(model: str, asked: Mapping[str, Any], schema: bool = False) -> Request:
    body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": QUESTION}]}
    if asked["reasoning"]:
        body["max_completion_tokens"] = 256
    else:
        body |= {"temperature": 0, "max_tokens": 64 if schema else 1}
    if asked["top_logprobs"]:
        body |= {"logprobs": True, "top_logprobs": asked["top_logprobs"]}
    if schema:
        wanted = {"name": "answer", "strict": True, "schema": _SCHEMA}
        body["response_format"] = {"type": "json_schema", "json_schema": wanted}
    return Request("chat/completions", body)


async def _knows_schema(send: Send, model: str, reasons: bool) -> bool:
    try:
        reply = await send(_request(model, {"top_logprobs": 0, "reasoning": reasons}, schema=True))
    except RefusedRequest:
        return False
    choice = reply.body["choices"][0]
    content = choice["message"].get("content")
    if reasons and not content and choice.get("finish_reason") == "length":
        return True  # accepted; it was still thinking
    try:
        return json.loads(content or "").get("label") in ("A", "B")
    except (ValueError, AttributeError, TypeError):
        return False


def _reasoned(choice: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    message = choice["message"]
    if message.get("reasoning_content") or message.get("reasoning") or str(message.get("content") or "").startswith("<think"):
        return True
    usage = body.get("usage")
    details = usage.get("completion_tokens_details") if isinstance(usage, Mapping) else None
    return isinstance(details, Mapping) and bool(details.get("reasoning_tokens"))


def has_logprobs(body: Mapping[str, Any]) -> bool:
    """Whether an answer carries alternatives with their log probabilities."""
    try:
        return bool(body["choices"][0]["logprobs"]["content"][0]["top_logprobs"])
    except (KeyError, IndexError, TypeError):
        return False


def says_something(body: Mapping[str, Any]) -> bool:
    """Whether a chat answer has text: half a character, or an end at once, has no log probabilities to give."""
    return bool(body["choices"][0]["message"].get("content"))


def names_ability(said: str) -> bool:
    """Whether a refusal is about something that the probe should have found out."""
    return _ABILITIES.search(said) is not None


def recall(base_url: str, model: str, cache: AnswerCache | None) -> Capabilities | None:
    """What an earlier run found out, unless it is too old."""
    facts = cache.facts(_key(base_url, model)) if cache is not None else None
    try:
        if facts is None or not 0 <= time.time() - float(facts["at"]) < VALID:
            return None
        top = int(facts["top_logprobs"])
        return Capabilities(min(max(top, 0), WIDEST), bool(facts["json_schema"]), bool(facts["reasoning"]))
    except (KeyError, TypeError, ValueError):
        return None


def remember(base_url: str, model: str, cache: AnswerCache | None, found: Capabilities | None) -> None:
    """Keep what was found out, with the date; None forgets it."""
    if cache is not None:
        facts = None if found is None else {**asdict(found), "at": time.time(), "base_url": base_url, "model": model}
        cache.keep_facts(_key(base_url, model), facts)


def _key(base_url: str, model: str) -> bytes:
    return answer_key(base_url, model, "probe", b"1")
