"""What an executor is given and gives back: values, and the one-method protocol that all kinds share."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Given:
    """The result of an earlier subtask, for one that waits for it."""

    subtask: str
    agent: str
    answer: str


@dataclass(frozen=True, slots=True)
class Work:
    """One call of one agent.

    Attributes:
        run, subtask, call: ids; `call` is new for every attempt.
        key: the same for every attempt of this subtask by this agent with this input; for idempotency.
        request: the whole request, where the task can only be understood beside it.
        results: of the subtasks that it waits for.
    """

    run: str
    subtask: str
    call: str
    key: str
    task: str
    request: str | None = None
    results: tuple[Given, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Tokens are the server's own count; `cost_usd` is None where it is not said."""

    text: str
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None


class End(StrEnum):
    """How a call without an answer ended, as far as the agent's work is concerned."""

    REFUSED = "refused"  # nothing was done: it could not be started, reached, or took no more
    FAILED = "failed"  # it said that it failed
    UNCLEAR = "unclear"  # it may have been done: it hung, died, broke off, or answered what cannot be read


class Failure(Exception):
    """A call that brought no answer; `wait` is how many seconds the agent asked to be left alone.

    `again`: whether calling the same agent again may help.
    """

    def __init__(self, end: End, message: str, fix: str = "", *, again: bool = True, wait: float | None = None) -> None:
        super().__init__(message)
        self.end = end
        self.message = message
        self.fix = fix
        self.again = again
        self.wait = wait


class Waits(Exception):
    """The work is with a person, who has not answered yet."""


class Executor(Protocol):
    """Does the work of one agent; may be called several times at once."""

    async def run(self, work: Work) -> Answer:
        """The agent's answer. Cancelling it stops whatever it started.

        Raises:
            Failure: there is none.
            Waits: there is none yet.
        """
        ...
