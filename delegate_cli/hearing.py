"""Agents as they are compared with tasks and shown to models: cards as they look, without steering wording and stuffing."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from delegate_cli.injection import ALONE, CARD, NAME, about_injection, heard
from delegate_cli.stuffing import Texts, unstuffed

Card = TypeVar("Card", bound=Any)  # a dataclass with name, description, examples and not_for


def heard_agents(agents: Sequence[Card]) -> list[Card]:
    """Each agent as it is heard, in the same order; the same object where nothing is taken out."""
    cards = [heard_alone(agent) for agent in agents]
    texts = [Texts(card.name, card.description, card.examples) for card in cards]
    return [
        card if new is old else replace(card, description=new.description, examples=new.examples)
        for card, new, old in zip(cards, unstuffed(texts), texts, strict=True)
    ]


def heard_alone(agent: Card) -> Card:
    """An agent without steering wording, whatever others say; itself where there is none."""
    name = heard(agent.name, least=1, patience=NAME)
    description = heard(agent.description, least=0, patience=CARD)
    # sample requests of an agent that works on injections are injections
    least = 1 if about_injection(f"{name} {description}") else 0
    examples = tuple(text for each in agent.examples if (text := heard(each, least, ALONE)))
    not_for = tuple(text for each in agent.not_for if (text := heard(each, least, ALONE)))
    learned = tuple(text for each in agent.learned if (text := heard(each, least, ALONE)))
    new = {"name": name, "description": description, "examples": examples, "not_for": not_for, "learned": learned}
    same = all(getattr(agent, key) == value for key, value in new.items())
    return agent if same else replace(agent, **new)
