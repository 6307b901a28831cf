"""`delegate review`: what pipelines left for a person, task by task, each answer kept at once."""

import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from delegate_cli.cli import journaling, keys, options, streams
from delegate_cli.cli.journaling import Lines
from delegate_cli.errors import DelegateError, UsageError
from delegate_cli.render.text import clean

if TYPE_CHECKING:
    from delegate_cli.agents import Agent, Roster
    from delegate_cli.journal.entries import Entry, Filter
    from delegate_cli.journal.store import Journal

EXAMPLES = """Examples:

\b
  delegate review                      # at a terminal: walk through what waits
  delegate review --since 7d --limit 20
  delegate review --format jsonl | jq -c '{id, agent: .candidates[0].agent}' | delegate feedback -
  delegate review --order informative --limit 50    # no time for all? the 50 that teach most
  delegate review --check 20           # were tasks handed over rightly? 20 of them, drawn at random

What waits are the tasks that `delegate route` answered with ask or none while nobody watched: in a batch, or
without a terminal. Keys: 1–3 that candidate, n nobody, / search an agent by name, e all reasons, s skip, u undo, q quit.
"""
_CHOICES = 9  # agents that a search shows


class Order(StrEnum):
    """Which of the waiting tasks come first."""

    ARRIVAL = "arrival"
    INFORMATIVE = "informative"


def review(
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="At most so many tasks; 0 is all.")] = 0,
    agent: Annotated[
        str | None, typer.Option("--agent", metavar="ID", help="Only tasks whose first candidate is this agent.")
    ] = None,
    since: journaling.Since = None,
    check: Annotated[
        int | None,
        typer.Option("--check", metavar="N", min=1, help="Instead N tasks that were handed over unasked, drawn at random."),
    ] = None,
    order: Annotated[
        Order,
        typer.Option("--order", help="The oldest first, or those whose answers teach most: for when there is no time for all."),
    ] = Order.ARRIVAL,
    agents: options.OtherAgents = None,
    format: Annotated[
        Lines | None, typer.Option("--format", "-f", help="List what waits instead. Default: plain without a terminal.")
    ] = None,
    journal: journaling.JournalFile = None,
    no_color: options.NoColor = False,
) -> int:
    """Walk through the tasks that wait for a person, or list them."""
    if check is not None and order is not Order.ARRIVAL:
        raise UsageError("--check draws at random, so there is no --order", "leave one of them out")
    kept = journaling.open_journal(journal)
    which = journaling.filter_of(since, None, agent, "", limit)
    chosen = None if check is None else kept.drawn(which, check)
    if order is Order.INFORMATIVE:
        chosen = _informative(kept, which, agents)
    if format is None and keys.interactive():
        waiting = kept.queue(which) if chosen is None else chosen
        if not waiting:
            streams.note("nothing waits for review" if check is None else "nothing was handed over that nobody has judged")
            return 0
        import signal

        signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the terminal is given back
        Walk(kept, waiting, options.named(agents) if agents else None, streams.wants_color(no_color, sys.stderr)).run()
        return 0
    entries = kept.entries(which, queued=True) if chosen is None else (kept.get(each) for each in chosen)
    if format in (Lines.JSON, Lines.JSONL):
        _records(entries, format)
    else:
        from delegate_cli.cli.journal import write_entries

        write_entries(kept, entries, format or Lines.PLAIN, no_color)
    return 0


def _informative(kept: "Journal", which: "Filter", agents: options.Sources | None) -> list[str]:
    """The ids of what waits, those first that teach most the roster that is named, else that of the oldest of them."""
    from dataclasses import replace

    waiting = list(kept.entries(replace(which, limit=0), queued=True))
    own = next((each.roster_path for each in waiting if each.roster_path is not None), None)
    sources = agents or ([Path(own)] if own is not None else [])
    if waiting and sources:
        delegator = options.open_delegator(sources, {})
        from delegate_cli.learning.answers import read
        from delegate_cli.learning.selection import most_informative_first

        answered = [answer.task for answer in read(kept, delegator.roster).answers]
        waiting = most_informative_first(delegator, waiting, answered, options.progress())
        options.stop_progress()
    return [entry.id for entry in waiting][: which.limit or None]


def _records(entries: "Iterable[Entry]", format: Lines) -> None:
    """The decision records, as `route` writes them."""
    from delegate_cli.render.jsonl import dumps, json_text

    if format is Lines.JSON:
        streams.write(json_text([entry.record for entry in entries]))
        return
    for entry in entries:
        streams.write(dumps(entry.record) + "\n")


class Walk:
    """One reviewer at a terminal. Everything is shown on stderr; stdout stays empty.

    Args:
        waiting: ids in the order in which they are shown.
        agents: the roster to search, or None for that of each decision.
    """

    def __init__(self, journal: "Journal", waiting: list[str], agents: str | None, color: bool) -> None:
        self._journal = journal
        self._waiting = waiting
        self._agents = agents
        self._color = color
        self._keys = keys.Keys()
        self._place = 0
        self._done: list[tuple[int, int | None]] = []  # place, and the number of its feedback; None was skipped
        self._rosters: dict[str, Roster] = {}

    def run(self) -> None:
        """Until the last task, q, or the end of input."""
        with self._keys:
            while self._one() if self._place < len(self._waiting) else self._end():
                pass
        answered = sum(number is not None for _, number in self._done)
        streams.note(f"{answered} answered, {len(self._done) - answered} skipped, {len(self._journal.queue())} still wait")

    def _end(self) -> bool:
        """After the last task; whether it goes on, which an undo makes it do."""
        if not self._done:
            return False
        streams.note("that was the last one: u undo, any other key ends")
        return self._keys.key() == "u" and self._undo()

    def _one(self) -> bool:
        """Show a task and do what the key says; whether it goes on."""
        from delegate_cli.render import review as shown

        entry = self._journal.get(self._waiting[self._place])
        if entry.answer is not None:
            streams.note("the next one was answered by somebody else meanwhile")
            self._place += 1
            return True
        count, explain = len(entry.record["candidates"][: shown.SHOWN]), False
        while True:
            answered = sum(number is not None for _, number in self._done)
            heading = f"{self._place + 1} of {len(self._waiting)} · {answered} answered"
            streams.note(shown.screen(entry, heading, explain, self._color, streams.width()))
            streams.note(shown.keys(count, bool(self._done)))
            key = self._wait(f"nse/q{'u' if self._done else ''}{''.join(map(str, range(1, count + 1)))}")
            if key in (keys.END, "q"):
                return False
            if key == "e":
                explain = not explain
                continue
            if key != "/":
                self._act(entry, key)
                return True
            if self._search(entry):
                return True

    def _wait(self, known: str) -> str:
        """The next key that means something here."""
        while (key := self._keys.key()) != keys.END and key.lower() not in known:
            pass
        return key.lower()

    def _act(self, entry: "Entry", key: str) -> None:
        if key == "u":
            self._undo()
        elif key == "s":
            self._done.append((self._place, None))
            self._place += 1
        elif key == "n":
            self._save(entry, None, None)
        elif key.isdecimal():
            candidate = entry.record["candidates"][int(key) - 1]
            self._save(entry, candidate["agent"], candidate["name"])

    def _save(self, entry: "Entry", agent: str | None, name: str | None) -> None:
        from delegate_cli.journal.answers import verdict_of
        from delegate_cli.journal.entries import Origin, Verdict
        from delegate_cli.render import review as shown

        verdict = Verdict.NOBODY if agent is None else Verdict.AGENT
        try:
            number = self._journal.say(verdict_of(entry, verdict, agent, Origin.REVIEW), unless_answered=True)
        except DelegateError as error:  # the same task is shown again
            streams.note(clean(f"not saved: {error.message} ({error.fix})"))
            return
        if number is None:
            streams.note("not saved: somebody else answered it meanwhile")
        else:
            self._done.append((self._place, number))
            streams.note(shown.saved(name, agent))
        self._place += 1

    def _undo(self) -> bool:
        """Take the last answer back, or go back to what was skipped last."""
        from delegate_cli.journal.entries import Origin

        place, number = self._done[-1]
        if number is not None:
            self._journal.undo(self._waiting[place], number, Origin.REVIEW)
        self._done.pop()
        self._place = place
        streams.note("undone" if number is not None else "back to the one that was skipped")
        return True

    def _search(self, entry: "Entry") -> bool:
        """Choose an agent by name; whether one was."""
        from delegate_cli.render import review as shown

        try:
            roster = self._roster(entry)
        except DelegateError as error:
            streams.note(clean(f"cannot search: {error.message} ({error.fix})"))
            return False
        text = self._keys.line("agent: ")
        found = matching(roster, text) if text else []
        if not found:
            streams.note("no such agent" if text else "")
            return False
        streams.note(shown.found(found, streams.width()))
        streams.note(f"{'1' if len(found) == 1 else f'1–{len(found)}'} that one · any other key goes back")
        key = self._keys.key()
        if not (key.isdecimal() and 1 <= int(key) <= len(found)):
            return False
        self._save(entry, found[int(key) - 1].id, found[int(key) - 1].name)
        return True

    def _roster(self, entry: "Entry") -> "Roster":
        from delegate_cli.roster.load import load_roster

        path = self._agents or entry.roster_path
        if path is None:
            raise UsageError("the decision was made without a roster file", "name one with --agents")
        if path not in self._rosters:
            self._rosters[path] = load_roster(path)
        return self._rosters[path]


def matching(roster: "Roster", text: str) -> "list[Agent]":
    """Agents whose name or id has every word of a text, else the nearest ones; at most nine."""
    words = text.casefold().split()
    found = [each for each in roster if all(word in f"{each.name} {each.id}".casefold() for word in words)]
    if not found:
        from difflib import get_close_matches

        names = {each.name.casefold(): each for each in roster} | {each.id.casefold(): each for each in roster}
        near = get_close_matches(" ".join(words), names, n=_CHOICES, cutoff=0.5)
        found = list({names[name].id: names[name] for name in near}.values())
    begins = [each for each in found if each.name.casefold().startswith(words[0]) or each.id.casefold().startswith(words[0])]
    return [*begins, *(each for each in found if each not in begins)][:_CHOICES]
