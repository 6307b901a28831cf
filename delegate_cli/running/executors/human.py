"""A person or a team: the task waits in the journal's review queue until somebody says how it went."""

import asyncio

from delegate_cli.errors import JournalError
from delegate_cli.running.desk import Desk
from delegate_cli.running.work import Answer, End, Failure, Waits, Work

_LOOK = 1.0  # seconds between looks at the journal


class Human:
    """Queues a task under the id of its call, which a later run finds again.

    Args:
        wait: stay until somebody answers; else come back later.
    """

    def __init__(self, agent: str, desk: Desk, wait: bool) -> None:
        self._agent = agent
        self._desk = desk
        self._wait = wait

    async def run(self, work: Work) -> Answer:
        try:
            self._desk.queue(work.subtask, self._agent, work.call)
            while (said := self._desk.reply(work.call, self._agent)) is None:
                if not self._wait:
                    raise Waits(work.call)
                await asyncio.sleep(_LOOK)
        except JournalError as error:
            raise Failure(End.REFUSED, error.message, error.fix, again=False) from None
        if said.done:
            return Answer(said.text)
        raise Failure(End.REFUSED if said.declined else End.FAILED, said.text, "ask somebody else", again=False)
