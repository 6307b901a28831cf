"""When a model is asked, with which cards, and what becomes of its failures.

Rankings go in, inquiries come out; an inquiry ends in an `Opinion`, never in an error unless `strict` wants one. Knows nothing
of how a question is put or sent.
"""

from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from delegate_cli import cards
from delegate_cli.agents import Roster
from delegate_cli.calibrating import keep_fusion
from delegate_cli.connecting import Connection, Manner, Restorer, Run, connect, kind_of, with_redaction
from delegate_cli.deciders.question import Answer, ModelDecider, Question
from delegate_cli.decision import ModelLevel, Status
from delegate_cli.endpoints import Asker, Capabilities, Request, is_loopback
from delegate_cli.errors import BudgetError, EndpointError, SettingsError
from delegate_cli.loaded import Loaded, Ranking
from delegate_cli.opinion import Advice, Cost, Opinion
from delegate_cli.pending import Inquiry
from delegate_cli.retrievers.fused import Query
from delegate_cli.settings import Settings

T = TypeVar("T")
RATED = 3  # candidates that the model gives a level, where it is asked for any
IN_PROCESS = "in-process"
_NO_MODEL = "set llm.model in the roster's settings, DELEGATE_LLM_MODEL, or --model; and llm.base_url unless it is OpenAI"


class Adviser:
    """Asks one model decider for one roster.

    Args:
        run: what is shared in one run.
        endpoint: its base URL, or IN_PROCESS.
        say: is told of the first failure of each kind.
    """

    def __init__(
        self,
        roster: Roster,
        settings: Settings,
        manner: Manner,
        run: Run,
        endpoint: str,
        say: Callable[[str], None],
    ) -> None:
        self._roster = roster
        self._settings = settings
        self._manner = manner
        self._endpoint = endpoint
        self._away = endpoint != IN_PROCESS and not is_loopback(endpoint)
        self._say = say
        self._run = run

    def of(self, roster: Roster) -> "Adviser":
        """One for another roster, through the same connection and within the same budget."""
        other = copy(self)
        other._roster = roster
        return other

    def spent(self) -> dict[str, Any]:
        """What this run came to (`connecting.Run.spent`)."""
        return self._run.spent()

    async def close(self) -> None:
        """End the connection; called in the thread that asks."""
        await self._run.close()

    @property
    def always(self) -> bool:
        """Whether the model is asked also where the head is sure."""
        return self._manner.always

    def preview(self, inquiry: Inquiry) -> list[Request]:
        """What would be sent for an inquiry, as far as is known what the endpoint can do. Nothing is sent or opened."""
        question = inquiry.question
        if not question.cards:
            return []
        if self._manner.redact is not None:
            question = self._manner.redact.question(question)[0]
        if self._endpoint == IN_PROCESS:
            return list(self._run.connection.model.requests(question))
        from delegate_cli.deciders.levels import ANCHORS, level_requests
        from delegate_cli.deciders.models import model_decider
        from delegate_cli.endpoints.known import Known

        known = Known.of(self._settings)
        if inquiry.rating:
            return level_requests(known.model, question, known.can, self._settings.llm.levels or ANCHORS, RATED)
        kind = kind_of(self._settings, self._manner)
        return list(model_decider(kind, known, self._settings.llm.orders, capabilities=known.can).requests(question))

    def preview_of(self, question: Question, request: Callable[[str, Question, Capabilities], Request]) -> list[Request]:
        """What would be sent for something else, which `request` makes of a model, a question and what the endpoint can do."""
        if not question.cards or self._endpoint == IN_PROCESS:
            return []
        from delegate_cli.endpoints.known import Known

        if self._manner.redact is not None:
            question = self._manner.redact.question(question)[0]
        known = Known.of(self._settings)
        return [request(known.model, question, known.can or Capabilities())]

    def wanted(self, status: Status, none: float) -> bool:
        """Whether the model is to be asked, after what the head says alone."""
        if self._manner.always or self._settings.decider != "auto":
            return True
        clear = none >= 1 - 2 * self._settings.target_error  # true probabilities above it are wrong less often than that
        return status is Status.ASK or (status is Status.NONE and not clear)

    def inquiry(self, ready: Loaded, query: Query, ranking: Ranking, without: str | None = None) -> Inquiry:
        """The best candidates as a question; no card has the sample request `without`."""
        places = self._places(ranking, self._settings.llm.shortlist)
        question = cards.question(self._roster, ready, query, places, without)
        return Inquiry(question, lambda: self.ask(question, places))

    def key(self, answer: Answer) -> str:
        """What a fit for such answers is kept under."""
        return keep_fusion.key(answer.kind, answer.model, self._endpoint, self._settings.llm.shortlist)

    def rates(self, opinion: Opinion) -> bool:
        """Whether the model is also to give the first candidates a level."""
        return self._manner.rubric and opinion.fallback is None

    def rating(self, ready: Loaded, query: Query, ranking: Ranking, opinion: Opinion) -> Inquiry:
        """The first candidates, to be given levels; it ends in the opinion with them."""
        places = self._places(ranking, RATED)
        question = cards.question(self._roster, ready, query, places)
        return Inquiry(question, lambda: self._rated(question, opinion), rating=True)

    async def _rated(self, question: Question, opinion: Opinion) -> Opinion:
        from delegate_cli.deciders.levels import ANCHORS, Rated, rate

        async def ask(sent: Question) -> Rated:
            client = self._run.connection.client
            return Rated({}) if client is None else await rate(client, sent, self._settings.llm.levels or ANCHORS, RATED)

        try:
            rated, restorer = await self._guarded(question, ask)
        except EndpointError as error:
            if self._manner.strict:
                raise
            self._fallen_back(error, "there is no rubric by the model")
            return opinion
        levels = {
            agent: ModelLevel(each.level, each.reason if restorer is None else restorer.restore(each.reason))
            for agent, each in rated.levels.items()
        }
        return replace(opinion, levels=levels, rated=Cost(rated.input_tokens, rated.output_tokens, rated.cost_usd))

    def question(self, ready: Loaded, query: Query, agents: Sequence[str]) -> Question:
        """A task with these agents' cards, of those that may be shown."""
        home_only = self._away and self._settings.local_only
        places = [] if home_only else [self._roster.position[agent] for agent in agents]
        shown = [place for place in places if not (self._away and self._roster.agents[place].local_only)]
        return cards.question(self._roster, ready, query, np.asarray(shown, dtype=np.int64))

    async def put(
        self, question: Question, ask: Callable[[Question, Asker], Awaitable[T]], rest: str
    ) -> tuple[T, Restorer | None] | dict[str, str]:
        """Something else asked of the same endpoint, within the same bounds; or code and reason of why there is no answer.

        Args:
            rest: what happens without an answer, in words for people.
        """

        async def through(sent: Question) -> T:
            client = self._run.connection.client
            if client is None:
                raise EndpointError("a model in this process is only asked who does a task", "set an endpoint")
            return await ask(sent, client)

        try:
            return await self._guarded(question, through)
        except EndpointError as error:
            if self._manner.strict:
                raise
            return self._fallen_back(error, rest)

    def _places(self, ranking: Ranking, most: int) -> NDArray[np.int64]:
        home_only = self._away and self._settings.local_only
        return cards.shown(self._roster, ranking, 0 if home_only else most, self._away)

    async def ask(self, question: Question, places: NDArray[np.int64]) -> Opinion:
        """The model's answer, or the head alone.

        Raises:
            EndpointError: there is no answer, and `strict` makes that an error.
        """
        try:
            answer, _ = await self._guarded(question, self._answer)
        except EndpointError as error:
            if self._manner.strict:
                raise
            rest = "the head decides the rest" if isinstance(error, BudgetError) else "the head decides"
            return Opinion(fallback=self._fallen_back(error, rest))
        self._run.tally.add(answer)
        return Opinion(Advice(places, answer))

    async def _answer(self, sent: Question) -> Answer:
        try:
            return await self._run.connection.model.answer(sent)
        finally:
            if self._manner.watch is not None:
                self._manner.watch(sent, self._run.connection.model)

    async def _guarded(self, question: Question, ask: Callable[[Question], Awaitable[T]]) -> tuple[T, Restorer | None]:
        """What comes of a question that may be sent, without what is private; nothing is sent where that is in vain."""
        if not question.cards:
            raise LocalOnly("no agent's card may be sent away (local_only)", "use an endpoint on this machine")
        if self._run.stopped is not None:
            raise self._run.stopped
        restorer = None
        if self._manner.redact is not None:
            question, restorer = self._manner.redact.question(question)
        try:
            found = await ask(question)
        except EndpointError as error:
            self._run.failed(error)
            raise
        self._run.answered()
        return found, restorer

    def _fallen_back(self, error: EndpointError, rest: str) -> dict[str, str]:
        first = not self._run.tally.fallbacks[error.code]
        self._run.tally.fallbacks[error.code] += 1
        if first:
            fix = f" ({error.fix})" if error.fix else ""
            self._say(f"model: {error.message}{fix}; {rest}")
        return {"reason": error.message, "code": error.code}


class LocalOnly(EndpointError):
    """Nothing may be sent to this endpoint."""

    code = "local_only"


def adviser(
    roster: Roster, settings: Settings, manner: Manner, model: ModelDecider | None, say: Callable[[str], None]
) -> Adviser:
    """The adviser of these settings.

    Args:
        model: a decider to ask instead of the endpoint's.

    Raises:
        SettingsError: a decider that needs a model is wanted and there is none.
    """
    manner = with_redaction(manner, settings)
    if model is not None:
        return Adviser(roster, settings, manner, Run(lambda: Connection(model)), IN_PROCESS, say)
    if not settings.llm.configured:
        raise SettingsError(f"the decider {settings.decider} needs a model, and none is set", _NO_MODEL)
    return Adviser(roster, settings, manner, Run(lambda: connect(settings, manner, say)), settings.llm.url, say)
