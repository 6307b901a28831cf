"""The model deciders by name."""

from delegate_cli.deciders.assigned import assigned
from delegate_cli.deciders.chat import ORDERS, SAMPLES, chat
from delegate_cli.deciders.decisions import decisions
from delegate_cli.deciders.prompt import BUDGET
from delegate_cli.deciders.question import ModelDecider
from delegate_cli.deciders.systemone import systemone
from delegate_cli.deciders.untrusted import Budget
from delegate_cli.endpoints import Asker, Capabilities

KINDS = ("chat", "decisions", "systemone", "assigned")


def model_decider(
    kind: str,
    asker: Asker,
    orders: int = ORDERS,
    *,
    samples: int = SAMPLES,
    budget: Budget = BUDGET,
    capabilities: Capabilities | None = None,
) -> ModelDecider:
    """The decider of this kind, one of KINDS.

    Args:
        orders: rotations of the cards that are asked, at most as many as there are cards.
        samples: answers drawn by `chat` where there are no log-probabilities.
        capabilities: what is known of the endpoint before it is asked; `requests` shows what is sent to such an endpoint.
    """
    if kind == "chat":
        return chat(asker, orders, samples, budget, capabilities)
    if kind == "decisions":
        return decisions(asker, orders, budget)
    if kind == "systemone":
        return systemone(asker, orders, budget)
    if kind == "assigned":
        return assigned(asker, orders, budget, capabilities)
    raise ValueError(f"no model decider is called {kind!r}")
