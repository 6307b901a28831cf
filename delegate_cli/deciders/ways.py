"""Ways to put a question to a model, tried one after the other until an answer can be read: what all model deciders share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from delegate_cli.deciders import orders as places
from delegate_cli.deciders.orders import View
from delegate_cli.deciders.question import Answer, Question
from delegate_cli.deciders.replies import NoLogprobs, Unusable
from delegate_cli.deciders.rounds import Meter, Pool, first_round, in_turns, tournament
from delegate_cli.endpoints import Asker, Capabilities, Reply, Request
from delegate_cli.errors import EndpointError, RefusedRequest

_TRIES = 3  # questions that a way may leave without a readable answer before it is closed, if it never had one


@dataclass(frozen=True, slots=True)
class Way:
    """How one request is made and its reply read.

    `request` gets the question in the order to ask and how many orders were asked before; `read` gets the reply and that
    same question. `most` cards fit one request. `turns` is how often it is asked; `repeat` says whether the same order may be
    asked again when there are more turns than orders.
    """

    kind: str
    most: int
    turns: int
    request: Callable[[Question, int], Request]
    read: Callable[[Reply, Question], View]
    pool: Pool = places.average
    repeat: bool = False

    def rotations(self, cards: int) -> list[tuple[int, ...]]:
        """The order of each turn."""
        different = places.rotations(cards, self.turns)
        return [different[turn % len(different)] for turn in range(self.turns)] if self.repeat else different

    def requests(self, question: Question) -> list[Request]:
        """What is sent before any answer is known: each turn of each group."""
        return [
            self.request(places.in_order(part, rotation), step)
            for part in first_round(question, self.most)
            for step, rotation in enumerate(self.rotations(len(part.cards)))
        ]

    async def view(self, meter: Meter, question: Question) -> View:
        """The question asked this way. Raises Unusable when no answer could be read."""

        async def see(part: Question, step: int) -> View:
            return self.read(await meter.ask(self.request(part, step)), part)

        async def one(part: Question) -> View:
            return await in_turns(part, self.rotations(len(part.cards)), see, self.pool)

        return await tournament(question, self.most, one)


Ways = Callable[[str, Capabilities], Sequence[Way]]  # from the model's name and what the endpoint can do, best first


class WaysDecider:
    """A model decider made of ways, the best first; `kind` names the decider, an answer's own kind the way it was had.

    `probe` is False for wires that do not depend on what an endpoint can do in a chat: not all of them can chat.
    """

    def __init__(
        self, kind: str, asker: Asker, ways: Ways, capabilities: Capabilities | None = None, probe: bool = True
    ) -> None:
        self._kind = kind
        self._asker = asker
        self._ways = ways
        self._capabilities = capabilities
        self._probe = probe
        self._closed: set[str] = set()  # ways that this endpoint was found not to answer
        self._failed: dict[str, int] = {}  # questions that a way had no readable answer to; −1 once it had one

    @property
    def kind(self) -> str:
        return self._kind

    async def answer(self, question: Question) -> Answer:
        """Probabilities over the cards and nobody.

        Raises:
            EndpointError: the endpoint failed, or none of the ways gave an answer that can be read.
        """
        if not question.cards:
            raise ValueError("a question without cards")
        if self._probe:
            self._capabilities = await self._asker.capabilities()
        meter, last = Meter(self._asker), EndpointError(f"{self._asker.model} was not asked")
        for way in self._open():
            try:
                view = await way.view(meter, question)
            except (Unusable, RefusedRequest) as error:
                last = error
                self._note(way.kind, error)
            else:
                self._failed[way.kind] = -1
                return meter.answer(view, way.kind)
        fix = last.fix or "use another model, or --decider head"
        raise EndpointError(f"no usable answer: {last.message}", fix) from last

    def requests(self, question: Question) -> Sequence[Request]:
        """What would be sent first, as far as is known what the endpoint can do."""
        return self._open()[0].requests(question)

    def _note(self, kind: str, error: EndpointError) -> None:
        """Close a way that will not be answered later either, so that not every question pays for finding out."""
        failed = self._failed.get(kind, 0)
        if failed >= 0:
            self._failed[kind] = failed + 1
        if isinstance(error, NoLogprobs) or self._failed[kind] >= _TRIES:
            self._closed.add(kind)

    def _open(self) -> list[Way]:
        ways = list(self._ways(self._asker.model, self._capabilities or Capabilities()))
        return [way for way in ways[:-1] if way.kind not in self._closed] + [ways[-1]]
