"""Ways for models and servers that do not answer with one token and its log-probabilities, the most telling first.

chat-json reads the log-probabilities where the choice begins in a JSON answer; chat-samples counts several answers;
chat-stated believes the probabilities that the model writes down.
"""

import math

import numpy as np

from delegate_cli.deciders import orders as places
from delegate_cli.deciders.orders import View, normalised
from delegate_cli.deciders.prompt import MOST_CARDS, all_stated, choice_schema, labels, one_choice, one_letter, stated_schema
from delegate_cli.deciders.question import Question
from delegate_cli.deciders.replies import Unusable, answer_length, choice_token, chosen, json_object, label_of, text_of
from delegate_cli.deciders.untrusted import Budget
from delegate_cli.deciders.ways import Way
from delegate_cli.endpoints import Capabilities, Reply, Request

_CHOICE_TOKENS = 64  # small models put line breaks between the marks of JSON
_STATED_TOKENS = 24  # for one label and its number
_DOUBT = 0.02  # spread over all labels: models write 0 and 1 too easily


def chat_json(model: str, most: int, top: int, orders: int, budget: Budget) -> Way:
    """JSON with one of the labels, at temperature 0, with log-probabilities."""

    def request(question: Question, step: int) -> Request:
        body = {
            "model": model,
            "messages": one_choice(question, budget),
            "temperature": 0,
            "max_tokens": _CHOICE_TOKENS,
            "logprobs": True,
            "top_logprobs": top,
            "response_format": choice_schema(labels(len(question.cards))),
        }
        return Request("chat/completions", body)

    return Way("chat-json", most, orders, request, lambda reply, part: choice_token(reply, labels(len(part.cards))))


def chat_samples(model: str, can: Capabilities, samples: int, budget: Budget) -> Way:
    """So many answers at temperature 1, spread over the orders, and counted.

    Each has a seed of its own and is a request of its own: not every server draws several at once, and equal requests
    would get one kept answer.
    """

    def request(question: Question, step: int) -> Request:
        messages = (one_choice if can.json_schema else one_letter)(question, budget)
        body = {"model": model, "messages": messages, **answer_length(can, _CHOICE_TOKENS, 1), "seed": step + 1}
        if can.json_schema:
            body["response_format"] = choice_schema(labels(len(question.cards)))
        return Request("chat/completions", body)

    def read(reply: Reply, part: Question) -> View:
        names = labels(len(part.cards))
        return View(np.eye(len(names))[names.index(chosen(reply, names))])

    return Way("chat-samples", MOST_CARDS, samples, request, read, places.samples, repeat=True)


def chat_stated(model: str, can: Capabilities, orders: int, budget: Budget) -> Way:
    """A probability of each label in the model's own words."""

    def request(question: Question, step: int) -> Request:
        names = labels(len(question.cards))
        body = {
            "model": model,
            "messages": all_stated(question, budget),
            **answer_length(can, _CHOICE_TOKENS + _STATED_TOKENS * len(names), 0),
        }
        if can.json_schema:
            body["response_format"] = stated_schema(names)
        return Request("chat/completions", body)

    return Way("chat-stated", MOST_CARDS, orders, request, stated)


def stated(reply: Reply, part: Question) -> View:
    """The probabilities that a reply states; labels it leaves out have none. Percentages will do."""
    names = labels(len(part.cards))
    found = json_object(text_of(reply))
    if found is None:
        raise Unusable(f"{reply.model} stated no probabilities")
    mass = np.zeros(len(names))
    for key, value in found.items():
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
        label = label_of(key, names)
        if label is None or not number:
            raise Unusable(f"{reply.model} stated something that is no probability of a label")
        mass[names.index(label)] += value
    if mass.sum() <= 0 or not math.isfinite(mass.sum()):
        raise Unusable(f"{reply.model} stated no probability above 0")
    return View((1 - _DOUBT) * normalised(mass) + _DOUBT / len(names))
