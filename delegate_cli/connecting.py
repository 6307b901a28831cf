"""The connection to a model, and what all that ask through it in one run share: what it cost, and how often it failed."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from delegate_cli.deciders.question import Answer, ModelDecider, Question
from delegate_cli.errors import CredentialsError, EndpointError
from delegate_cli.settings import Settings

if TYPE_CHECKING:
    from delegate_cli.endpoints.client import Client

IN_A_ROW = 8  # failures without an answer in between, after which no more is sent in this run


class Restorer(Protocol):
    """What puts private values back."""

    def restore(self, text: str) -> str: ...


class Redactor(Protocol):
    """What takes private values out of a question."""

    def question(self, question: Question) -> tuple[Question, Restorer]: ...


@dataclass(frozen=True, slots=True)
class Manner:
    """How a model is asked, beside the settings of its endpoint.

    `always`: also where the head is sure. `form`: labels, or assigned for the prompt of a classic orchestrator. `strict`: a
    failure is an error. `watch` is given each question as it was sent.
    """

    always: bool = False
    form: str = "labels"
    strict: bool = False
    rubric: bool = False
    cache: bool = True
    redact: Redactor | None = None
    watch: Callable[[Question, ModelDecider], None] | None = None


@dataclass(slots=True)
class Tally:
    """What models were asked in one run."""

    answers: int = 0
    calls: int = 0
    cached: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    fallbacks: Counter[str] = field(default_factory=Counter)

    def add(self, answer: Answer) -> None:
        self.answers += 1
        self.calls += answer.calls
        self.cached += answer.cached
        self.input_tokens += answer.input_tokens
        self.output_tokens += answer.output_tokens
        if answer.cost_usd is not None:
            self.cost_usd = (self.cost_usd or 0.0) + answer.cost_usd


@dataclass(frozen=True, slots=True)
class Connection:
    """A decider, and the client that it asks through, if it has one."""

    model: ModelDecider
    client: "Client | None" = None

    async def close(self) -> None:
        if self.client is not None:
            await self.client.close()


@dataclass(slots=True)
class Run:
    """One run's connection, made when it is first needed; `stopped` is why nothing more is sent."""

    connect: Callable[[], Connection]
    tally: Tally = field(default_factory=Tally)
    stopped: EndpointError | None = None
    _failed_in_a_row: int = 0
    _connection: Connection | None = None

    @property
    def connection(self) -> Connection:
        """The decider and its client."""
        if self._connection is None:
            self._connection = self.connect()
        return self._connection

    def failed(self, error: EndpointError) -> None:
        """A question had no answer."""
        self._failed_in_a_row += 1
        if isinstance(error, CredentialsError) or self._failed_in_a_row >= IN_A_ROW:
            self.stopped = error

    def answered(self) -> None:
        """A question had one."""
        self._failed_in_a_row = 0

    def spent(self) -> dict[str, Any]:
        """Calls, cached, tokens, USD (None without prices), and fallbacks by code."""
        usage = self._connection.client.usage if self._connection is not None and self._connection.client else self.tally
        names = ("calls", "cached", "input_tokens", "output_tokens", "cost_usd")
        return {name: getattr(usage, name) for name in names} | {"fallbacks": dict(self.tally.fallbacks)}

    async def close(self) -> None:
        """End what was opened; called in the thread that asks."""
        if self._connection is not None:
            await self._connection.close()


def connect(settings: Settings, manner: Manner, say: Callable[[str], None]) -> Connection:
    """A decider with the client that it asks through."""
    from delegate_cli.deciders.models import model_decider  # asyncio: 60 ms
    from delegate_cli.endpoints.client import open_client  # the openai SDK: 0.6 s

    client = open_client(settings, cache=manner.cache, say=say)
    return Connection(model_decider(kind_of(settings, manner), client, settings.llm.orders), client)


def kind_of(settings: Settings, manner: Manner) -> str:
    """The model decider that these settings ask for; `auto` is chat."""
    if manner.form == "assigned":
        return "assigned"
    return "chat" if settings.decider == "auto" else settings.decider


def with_redaction(manner: Manner, settings: Settings) -> Manner:
    """The manner with a redactor where the settings want one, whoever made it."""
    if manner.redact is not None or not settings.llm.redact:
        return manner
    from delegate_cli.deciders.redact import Redactor as Real

    return replace(manner, redact=Real(settings.llm.redact_patterns))
