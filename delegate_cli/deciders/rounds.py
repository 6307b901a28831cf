"""A question asked through an endpoint: all orders at once, in groups where there are too many cards, with what it cost."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from delegate_cli.deciders import orders as places
from delegate_cli.deciders.orders import View
from delegate_cli.deciders.question import Answer, Question
from delegate_cli.deciders.replies import Unusable
from delegate_cli.endpoints import Asker, Reply, Request
from delegate_cli.errors import EndpointError, RefusedRequest

See = Callable[[Question, int], Awaitable[View]]  # one order of a question, and which one, counted from 0
Pool = Callable[[Sequence[View]], View]


class Meter:
    """An endpoint that remembers its replies, so that an answer can say what it cost. One for each question."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self.replies: list[Reply] = []

    async def ask(self, request: Request) -> Reply:
        """The reply; kept even if it turns out to be of no use, since it was paid for."""
        reply = await self._asker.ask(request)
        self.replies.append(reply)
        return reply

    def answer(self, view: View, kind: str) -> Answer:
        """A view as the answer to the question, with calls, tokens and cost of all that was asked for it."""
        calls, cached, input_tokens, output_tokens, cost_usd = self.cost()
        return Answer(
            probability=view.probability,
            kind=kind,
            model=self.replies[-1].model if self.replies else self._asker.model,
            orders=view.orders,
            missing_mass=view.missing,
            flips=view.flips,
            raw=view.raw,
            calls=calls,
            cached=cached,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cost_usd=cost_usd,
        )

    def cost(self) -> tuple[int, int, int, int, float | None]:
        """Calls, answers that were kept, tokens in and out, and USD where there are prices; what was kept costs nothing."""
        paid = [reply for reply in self.replies if not reply.cached]
        priced = any(reply.cost_usd is not None for reply in self.replies)
        return (
            len(paid),
            len(self.replies) - len(paid),
            sum(reply.input_tokens for reply in paid),
            sum(reply.output_tokens for reply in paid),
            sum(reply.cost_usd or 0.0 for reply in paid) if priced else None,
        )


async def in_turns(question: Question, turns: Sequence[Sequence[int]], see: See, pool: Pool = places.average) -> View:
    """One question in several orders at the same time, joined. `turns` are rotations, which may repeat.

    Orders without an answer are left out as long as one has one: what was paid for is used. An answer that cannot be read
    counts as none among votes; where probabilities are averaged it shows that another way is better for this model.

    Raises:
        EndpointError: no order has an answer; Unusable if they could not be read.
    """

    async def seen(step: int) -> View:
        view = await see(places.in_order(question, turns[step]), step)
        return View(places.back(view.probability, turns[step]), view.missing)

    return pool(await answered([seen(step) for step in range(len(turns))], readable=pool is places.average))


async def answered(asked: Sequence[Awaitable[View]], readable: bool = False) -> list[View]:
    """All at once; those that have an answer. Raises the gravest error when none has, or one is not `readable` but must be."""
    results = await asyncio.gather(*asked, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, EndpointError):
            raise result
    if readable and (unread := [result for result in results if isinstance(result, Unusable)]):
        raise unread[0]
    if views := [result for result in results if isinstance(result, View)]:
        return views
    errors = [result for result in results if isinstance(result, EndpointError)]
    raise next((error for error in errors if not isinstance(error, Unusable | RefusedRequest)), errors[0])


async def tournament(question: Question, most: int, one: Callable[[Question], Awaitable[View]]) -> View:
    """A question about any number of cards by questions about at most `most`: groups, then their winners, and so on."""
    cards = len(question.cards)
    if cards <= most:
        return await one(question)
    members = places.groups(cards, most)
    rounds = await _all([one(places.in_order(question, group)) for group in members])
    best = [group[places.winner(view)] for group, view in zip(members, rounds, strict=True)]
    final = await tournament(places.in_order(question, best), most, one)
    return places.compose(cards, members, rounds, final)


def first_round(question: Question, most: int) -> list[Question]:
    """The questions of the first round: the groups, or the question itself."""
    cards = len(question.cards)
    return [places.in_order(question, group) for group in places.groups(cards, most)] if cards > most else [question]


async def _all(asked: Sequence[Awaitable[View]]) -> list[View]:
    """All of them, at once; none may be missing."""
    results = await asyncio.gather(*asked, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if isinstance(result, View)]
