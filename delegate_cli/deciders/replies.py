"""Chat replies read strictly: the text, a label, a JSON object, the probability of each label. Pure functions.

`Unusable` means that this way of asking gave nothing, and another may; any other EndpointError means that none would.
"""

import json
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from delegate_cli.deciders.orders import View, normalised
from delegate_cli.endpoints import Capabilities, Reply
from delegate_cli.errors import EndpointError

_THINKING_TOKENS = 4096  # what a reasoning model may think, its answer included
_LEAST_MASS = 0.05  # below this on all labels together the model does not answer with one, and most are not even shown
_CHOICE = re.compile(r'"choice"\s*:\s*"')
_FENCED = re.compile(r"\A```[a-z]*\s*(.*?)\s*```\Z", re.DOTALL)


class Unusable(EndpointError):
    """An answer came, but not one that can be read."""


class NoLogprobs(Unusable):
    """The server gave no log-probabilities, and will give none for the next task either."""


def answer_length(can: Capabilities, length: int, temperature: int = 0) -> dict[str, Any]:
    """Temperature and the longest answer; reasoning models choose their own temperature and think within the limit."""
    if can.reasoning:
        return {"max_completion_tokens": _THINKING_TOKENS}
    return {"temperature": temperature, "max_tokens": length}


def choice_of(reply: Reply) -> Mapping[str, Any]:
    """The first of `choices`.

    Raises:
        EndpointError: a content filter stopped it: asking in another way would be refused as well.
        Unusable: there is none.
    """
    choices = reply.body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        raise Unusable(f"{reply.model} answered without choices")
    message = choices[0].get("message")
    if choices[0].get("finish_reason") == "content_filter" or (isinstance(message, Mapping) and message.get("refusal")):
        raise EndpointError(f"{reply.model} refused to answer: content filter", "decide with --decider head")
    return choices[0]


def text_of(reply: Reply) -> str:
    """What the model wrote, without thoughts that a server left in it."""
    message = choice_of(reply).get("message")
    content = message.get("content") if isinstance(message, Mapping) else None
    if not isinstance(content, str):
        raise Unusable(f"{reply.model} answered without text")
    return content.rpartition("</think>")[2].strip()


def label_of(text: str, labels: Sequence[str]) -> str | None:
    """The label that a text is, whatever its case and the marks around it; None for anything else."""
    bare = unicodedata.normalize("NFKC", text).strip("▁Ġ").strip()
    while bare and not bare[0].isalnum():
        bare = bare[1:]
    while bare and not bare[-1].isalnum():
        bare = bare[:-1]
    return bare.upper() if bare.upper() in labels else None


def json_object(text: str) -> Mapping[str, Any] | None:
    """A text that is one JSON object, in a code fence or not; None for anything else."""
    fenced = _FENCED.match(text)
    try:
        value = json.loads(fenced.group(1) if fenced else text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def chosen(reply: Reply, labels: Sequence[str]) -> str:
    """The label in a reply: the `choice` of a JSON object, or a text that is only a label."""
    text = text_of(reply)
    if (found := json_object(text)) is not None:
        value = found.get("choice")
        label = label_of(value, labels) if isinstance(value, str) else None
    else:
        label = label_of(text, labels)
    if label is None:
        raise Unusable(f"{reply.model} answered with no label")
    return label


def first_token(reply: Reply, labels: Sequence[str]) -> View:
    """The probability of each label as the first token of the answer."""
    steps = _steps(reply)
    return label_mass(steps[0], labels, reply.model)


def choice_token(reply: Reply, labels: Sequence[str]) -> View:
    """The probability of each label as the token where the value of `choice` begins.

    The place is looked for in the tokens, not in the text: servers take code fences off the text alone.
    """
    chosen(reply, labels)  # only an answer that is valid has a value to look at
    steps = _steps(reply)
    written = [str(step.get("token", "")) for step in steps]
    found = list(_CHOICE.finditer("".join(written)))
    if not found:
        raise Unusable(f"{reply.model} gave no log-probabilities for its choice")
    end, reached = found[-1].end(), 0
    for step, token in zip(steps, written, strict=True):
        reached += len(token)
        if reached > end:
            return label_mass(step, labels, reply.model)
    raise Unusable(f"{reply.model} gave no log-probabilities for its choice")


def label_mass(step: Mapping[str, Any], labels: Sequence[str], model: str) -> View:
    """One step of `logprobs` as a view: variants of a label added up, what is on no label is `missing`.

    A label that is not among the tokens shown has at most the mass of the least likely one that is, and together such labels
    have at most what the tokens shown leave over.
    """
    mass, shown, least = dict.fromkeys(labels, 0.0), 0.0, 1.0
    for token, probability in _shown(step):
        shown += probability
        least = min(least, probability)
        if (label := label_of(token, labels)) is not None:
            mass[label] += probability
    total = sum(mass.values())
    if total < _LEAST_MASS:
        raise Unusable(f"{model} put no probability on any label", "use a model that follows instructions")
    unseen = [label for label, value in mass.items() if value == 0.0]
    for label in unseen:
        mass[label] = min(least, max(0.0, 1.0 - shown) / len(unseen))
    return View(normalised(np.array([mass[label] for label in labels])), min(1.0, max(0.0, 1.0 - total)))


def _steps(reply: Reply) -> list[Mapping[str, Any]]:
    logprobs = choice_of(reply).get("logprobs")
    steps = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    if not isinstance(steps, list) or not steps or not all(isinstance(step, Mapping) for step in steps):
        raise NoLogprobs(f"{reply.model} gave no log-probabilities")
    return steps


def _shown(step: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Tokens and probabilities of one step, each token once; the one that was chosen is there even if it is not listed."""
    listed = step.get("top_logprobs")
    found: dict[str, float] = {}
    for entry in [*(listed if isinstance(listed, list) else []), step]:
        if not isinstance(entry, Mapping) or not isinstance(token := entry.get("token"), str):
            continue
        value = entry.get("logprob")
        if isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value):
            found.setdefault(token, math.exp(min(0.0, value)))
    return list(found.items())
