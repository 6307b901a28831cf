"""`delegate replay`: recorded decisions made again with today's roster, to see what a change of it, or drift, does."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from delegate_cli.cli import journaling, options, streams
from delegate_cli.cli.journaling import Lines

if TYPE_CHECKING:
    from delegate_cli.ask import Ask
    from delegate_cli.journal.entries import Entry
    from delegate_cli.journal.replay import Replayed, Tally
    from delegate_cli.journal.store import Journal

EXAMPLES = """Examples:

\b
  delegate replay --since 30d                          # what changed?
  delegate replay --every-roster --agents edited.yaml  # what would an edit of the roster change?
  delegate replay last --format json

The decisions of this roster file are made again with its present content and today's settings; nothing is recorded. The text of
a task must have been kept as it was. Exit codes: 0 every task goes the same way, 1 at least one goes another way.
"""


def replay(
    identity: Annotated[
        str | None, typer.Argument(metavar="ID", help="Only this decision: its id, the first characters, or last.")
    ] = None,
    since: journaling.Since = None,
    until: journaling.Until = None,
    agent: journaling.OfAgent = None,
    status: journaling.Statuses = "",
    limit: journaling.Limit = 0,
    every_roster: Annotated[
        bool, typer.Option("--every-roster", help="Also decisions that were made with other roster files.")
    ] = False,
    changed: Annotated[bool, typer.Option("--changed", help="Show only what changed.")] = False,
    agents: options.Agents = options.AgentsDefault,
    format: journaling.LinesFormat = None,
    journal: journaling.JournalFile = None,
    no_color: options.NoColor = False,
    quiet: options.Quiet = False,
) -> int:
    """Decide recorded tasks again with today's roster, and show what changed."""
    from dataclasses import replace
    from pathlib import Path

    from delegate_cli.journal.replay import Tally
    from delegate_cli.journal.replay import replay as replayed

    kept = journaling.open_journal(journal)
    if identity is not None:
        entries = iter([kept.get(kept.find(identity))])
    delegator = options.open_delegator(agents, {}, quiet=quiet)
    if identity is None:
        which = journaling.filter_of(since, until, agent, status, limit)
        path = delegator.roster.path
        here = None if path is None else str(Path(path).absolute())
        entries = kept.entries(which if every_roster else replace(which, roster_path=here))
    tally = Tally()
    made = replayed(entries, lambda entry: delegator.decide(entry.task or "", _ask(entry)), tally)
    _write(kept, (each for each in made if each.changed or not changed), format, no_color, tally)
    if not quiet:
        from delegate_cli.render.journal import replay_summary

        streams.note(replay_summary(tally.as_dict()))
    return int(tally.changed > 0)


def _ask(entry: "Entry") -> "Ask":
    """What was wanted when the decision was made, at that time: whoever was not there then is not there now."""
    from dataclasses import replace
    from datetime import UTC, datetime

    from delegate_cli.ask import Ask

    ask = Ask.of(entry.asked)
    if ask.constraints.at is not None or not ask.constraints.presence:
        return ask
    return replace(ask, constraints=replace(ask.constraints, at=datetime.fromtimestamp(entry.at, UTC)))


def _write(kept: "Journal", made: Any, format: Lines | None, no_color: bool, tally: "Tally") -> None:
    from delegate_cli.render.journal import REPLAY_HEAD, replay_row
    from delegate_cli.render.jsonl import dumps, json_text
    from delegate_cli.render.plain import columns

    chosen = journaling.lines_format(format)
    if chosen is Lines.TABLE:
        from delegate_cli.render.table import listing

        found: list[Replayed] = list(made)
        short = kept.shortest(each.entry.id for each in found)
        rows = [replay_row(each, short[each.entry.id]) for each in found]
        streams.write(listing(REPLAY_HEAD, rows, streams.wants_color(no_color, sys.stdout), streams.width()))
    elif chosen is Lines.JSON:
        decisions = [each.as_dict() for each in made]
        streams.write(json_text({"decisions": decisions, "summary": tally.as_dict()}))
    else:
        for each in made:
            streams.write(dumps(each.as_dict()) + "\n" if chosen is Lines.JSONL else columns([replay_row(each)]))
