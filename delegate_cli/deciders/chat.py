"""`chat`: one token at temperature 0, read from its log-probabilities; where a server gives none, what `fallbacks` has."""

from functools import partial

from delegate_cli.deciders.fallbacks import chat_json, chat_samples, chat_stated
from delegate_cli.deciders.prompt import BUDGET, MOST_CARDS, labels, one_letter
from delegate_cli.deciders.question import Question
from delegate_cli.deciders.replies import first_token
from delegate_cli.deciders.untrusted import Budget
from delegate_cli.deciders.ways import Way, WaysDecider
from delegate_cli.endpoints import Asker, Capabilities, Request

ORDERS = 2
SAMPLES = 5
_FEWEST = 5  # cards asked together even where fewer log-probabilities are shown: the first choice is among them


def chat(
    asker: Asker,
    orders: int = ORDERS,
    samples: int = SAMPLES,
    budget: Budget = BUDGET,
    capabilities: Capabilities | None = None,
) -> WaysDecider:
    """The decider `chat`.

    Args:
        orders: rotations of the cards that are asked, at most as many as there are cards.
        samples: answers drawn where there are no log-probabilities; 0 for none.
        capabilities: what is known of the endpoint before it is asked, for `requests`.
    """
    return WaysDecider("chat", asker, partial(_ladder, orders, samples, budget), capabilities)


def _ladder(orders: int, samples: int, budget: Budget, model: str, can: Capabilities) -> list[Way]:
    ways = []
    if can.top_logprobs > 0 and not can.reasoning:
        most = max(_FEWEST, min(MOST_CARDS, can.top_logprobs))
        ways.append(_chat_letter(model, most, can.top_logprobs, orders, budget))
        if can.json_schema:
            ways.append(chat_json(model, most, can.top_logprobs, orders, budget))
    if samples > 0:
        ways.append(chat_samples(model, can, samples, budget))
    ways.append(chat_stated(model, can, orders, budget))
    return ways


def _chat_letter(model: str, most: int, top: int, orders: int, budget: Budget) -> Way:
    def request(question: Question, step: int) -> Request:
        body = {
            "model": model,
            "messages": one_letter(question, budget),
            "temperature": 0,
            "max_tokens": 1,
            "logprobs": True,
            "top_logprobs": top,
        }
        return Request("chat/completions", body)

    return Way("chat", most, orders, request, lambda reply, part: first_token(reply, labels(len(part.cards))))
