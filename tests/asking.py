"""Endpoints for tests of deciders: one that talks to a server, and one in which a function is the model."""

import asyncio
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import llm

from delegate_cli.deciders.question import Answer, Card, ModelDecider, Question
from delegate_cli.endpoints import Capabilities, Reply, Request
from delegate_cli.endpoints.client import Client
from delegate_cli.settings import Llm

CARDS = (
    Card("travel", "Travel Desk", "Books, changes and cancels flights, trains and hotels.", ("Cancel my flight to Rome",)),
    Card("payroll", "Payroll", "Answers questions about salaries, payslips and taxes.", ("Why is my payslip lower?",)),
    Card("kitchen", "Kitchen", "Plans the menu of the canteen and orders food.", ("What is for lunch on Friday?",)),
    Card("it-help", "IT Help", "Repairs laptops and resets passwords.", ("My screen stays black",), ("Buying laptops",)),
    Card("legal", "Legal", "Reads contracts.", facts=("skills: legal 0.90 (120 trials)", "cost: 0.04 USD a task")),
)
QUESTION = Question("Please cancel my flight on Monday.", CARDS)
FULL = Capabilities(20, True, False)
Model = Callable[[Request], Mapping[str, Any]]


@dataclass
class Wire:
    """The real client on a real server, opened for each request; `can` stands in for what a probe would find."""

    base_url: str
    model: str = llm.MODEL
    can: Capabilities | None = FULL

    async def ask(self, request: Request) -> Reply:
        async with self._open() as client:
            return await client.ask(request)

    async def capabilities(self) -> Capabilities:
        if self.can is not None:
            return self.can
        async with self._open() as client:
            return await client.capabilities()

    def _open(self) -> Client:
        return Client(Llm(self.base_url, self.model, timeout_s=600, retries=0))


@dataclass
class Thinker:
    """An endpoint whose model is a function from the request to the reply's body."""

    think: Model
    can: Capabilities = FULL
    model: str = "thinker-1"
    asked: list[Request] = field(default_factory=list)

    async def ask(self, request: Request) -> Reply:
        self.asked.append(request)
        return Reply(self.think(request), self.model, 100, 1, 0.001, request=request)

    async def capabilities(self) -> Capabilities:
        return self.can


def answer(decider: ModelDecider, question: Question = QUESTION) -> Answer:
    """The answer of a decider, from a loop of its own."""
    return asyncio.run(decider.answer(question))  # type: ignore[arg-type]


def offered(request: Request) -> dict[str, str]:
    """Label → name of what a chat request offers, nobody's last."""
    user = str(request.body["messages"][-1]["content"])
    return dict(re.findall(r"^([A-Z])\. (.+)$", user, re.MULTILINE))


def by_name(strength: Mapping[str, float], bias: Sequence[float] = ()) -> Model:
    """A model that follows Luce's axiom: each name has a strength, each place but nobody's a bias that multiplies it."""

    def think(request: Request) -> Mapping[str, Any]:
        names = offered(request)
        places = [*list(bias or [1.0] * 30)[: len(names) - 1], 1.0]
        mass = {label: strength[name] * place for (label, name), place in zip(names.items(), places, strict=True)}
        total = sum(mass.values())
        return llm.completion(None, {label: value / total for label, value in mass.items()})

    return think


def text(content: str) -> Mapping[str, Any]:
    """A completion with this text and no log-probabilities."""
    return llm.completion(content, {})


def cards(count: int) -> tuple[Card, ...]:
    """So many cards with names of their own."""
    return tuple(Card(f"agent-{number}", f"Agent {number}", f"Does things of sort {number}.") for number in range(count))


def close(one: float, other: float, within: float = 1e-9) -> bool:
    return math.isclose(one, other, rel_tol=within, abs_tol=within)
