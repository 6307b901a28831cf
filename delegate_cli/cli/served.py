"""`route --server`: a running `delegate serve` decides, and this process only where that one cannot."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Literal

from delegate_cli.cli import streams
from delegate_cli.cli.streams import TaskLine
from delegate_cli.errors import DelegateError
from delegate_cli.serving import whereabouts
from delegate_cli.serving.client import Client, Gone
from delegate_cli.settings import Settings, home

if TYPE_CHECKING:
    from delegate_cli.agents import Roster
    from delegate_cli.ask import Ask
    from delegate_cli.cli.batch import Answered
    from delegate_cli.decision import Decision
    from delegate_cli.journal.store import Journal
    from delegate_cli.pipeline import Delegator

AUTO, OFF = "auto", "off"
TOKEN = "DELEGATE_SERVER_TOKEN"  # the variable with the token that the server wants


class Served:
    """What a command needs of a delegator, from a server. From when that is gone, a delegator of its own decides.

    Args:
        local: makes that delegator.
        say: gets a line when the server cannot be used.
    """

    remote: Literal[True] = True
    adviser = None  # a run that may ask a model is never left to a server

    def __init__(
        self,
        client: Client,
        roster: "Roster",
        settings: Settings,
        local: "Callable[[], Delegator]",
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._client = client
        self._local = local
        self._say = say
        self._own: Delegator | None = None
        self.roster = roster
        self.settings = settings

    def decide(self, task: str, ask: "Ask") -> "Decision":
        """As `Delegator.decide`; the very same record but for its id and its time."""
        if self._own is None:
            try:
                found = self._client.decide(task, ask, journal=False)
                return replace(found, roster={**found.roster, "path": self.roster.path})
            except Gone as reason:
                self._say(f"the server at {self._client.address} is not used: {reason}")
                self._own = self._local()
        return self._own.decide(task, ask)

    def decide_lines(self, lines: Iterator[TaskLine], ask: "Ask") -> "Iterator[tuple[Answered, Decision | DelegateError]]":
        """As `batch.decide_lines`, one line after the other."""
        from delegate_cli.cli.batch import Answered, decide_lines

        for line in lines:
            if self._own is not None:
                yield from decide_lines(self._own, chain([line], lines), ask)
                return
            found: Decision | DelegateError
            try:
                if line.error is not None:
                    raise line.error
                found = self.decide(line.task or "", replace(ask, ref=line.ref))
            except DelegateError as error:
                found = error
            yield Answered(line.task, line.ref, line.read, True), found

    def ready(self) -> None:
        """Nothing is to be loaded here."""

    def close(self) -> None:
        """End the connection."""
        self._client.close()
        if self._own is not None:
            self._own.close()

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def served(
    server: str,
    roster: "Roster",
    settings: Settings,
    journal: "Journal | None",
    local: "Callable[[], Delegator]",
    quiet: bool,
    verbose: bool,
) -> Served | None:
    """A server that decides with this roster and these settings; None where none is known to.

    Raises:
        UsageError: the server that is named is no address.
    """
    say = _note if (verbose or server != AUTO) and not quiet else _nothing
    if settings.asks_model:
        say("no server is used where a model may be asked")
        return None
    folder = home()
    if server == AUTO and not (folder / whereabouts.FOLDER).is_dir():
        return None
    mark = whereabouts.fingerprint(roster, settings, folder, None if journal is None else journal.path)
    address = whereabouts.find(folder, mark) if server == AUTO else server
    if address is None:
        say("no server with this roster and these settings is running")
        return None
    return Served(Client(address, os.environ.get(TOKEN), mark), roster, settings, local, say)


def _note(line: str) -> None:
    from delegate_cli.render.text import clean

    streams.note(clean(line))


def _nothing(line: str) -> None:
    pass
