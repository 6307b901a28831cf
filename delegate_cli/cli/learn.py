"""`delegate learn`: confirmed and corrected tasks of the journal become sample requests, where that is no worse."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from delegate_cli.cli import journaling, options, streams
from delegate_cli.cli.options import Listing
from delegate_cli.errors import UsageError

if TYPE_CHECKING:
    from delegate_cli.agents import Roster

EXAMPLES = """Examples:

\b
  delegate learn --dry-run     # what would it change?
  delegate learn
  delegate learn --undo
  delegate learn --write       # also put what was learnt into agents.yaml

Answers come from `delegate feedback`, `delegate review` and `route --confirm`; ten new ones are needed, fifty and more tell.
They are kept beside the index and change agents.yaml only with --write. New sample requests are kept only where left-out
answers, predicted without them, say that it is not worse; else only what is fitted on all answers, where that is no worse.
Exit codes: 0 learnt (or would be), 1 nothing was.
"""


def learn(
    agents: options.Agents = options.AgentsDefault,
    format: options.ListingFormat = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Try it and print, but keep nothing.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Take back what was learnt last.")] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Put all that was learnt into the roster's file; comments and layout stay.")
    ] = False,
    since: journaling.Since = None,
    journal: journaling.JournalFile = None,
    encoder: options.Encoder = None,
    no_color: options.NoColor = False,
    quiet: options.Quiet = False,
) -> int:
    """Learn from what people said of decisions, where that makes nothing worse."""
    if undo and (write or dry_run or since):
        raise UsageError("--undo goes with none of the others", "give it alone")
    if dry_run and write:
        raise UsageError("--dry-run keeps nothing, so there is nothing to write", "give one of the two")
    if undo:
        return _undo(agents, encoder, format, quiet)
    record = _learn(agents, encoder, journaling.moment(since, "--since"), journal, dry_run, quiet)
    if write:
        record["written"] = _write_roster(agents)
    _show(record, format, no_color)
    return 0 if record["applied"] or record.get("calibration", {}).get("applied") or record.get("written") else 1


def _learn(
    agents: options.Sources, encoder: str | None, since: float | None, journal: Any, dry_run: bool, quiet: bool
) -> dict[str, Any]:
    delegator = options.open_delegator(agents, {"encoder": encoder}, quiet=quiet)
    from delegate_cli.learning.learn import keep_outcomes, keep_proposal, propose
    from delegate_cli.learning.watching import drift

    with journaling.open_journal(journal) as kept:
        found = propose(delegator, kept, since, options.progress(quiet))
        watched = drift(kept, delegator.roster, delegator.folder)
        outcomes = {} if dry_run else keep_outcomes(delegator, kept)
    stored = found.changes and not dry_run
    record = {**found.as_dict(delegator.roster), "stored": stored, "drift": watched.as_dict(), "outcomes": outcomes}
    record["drift"]["said"] = str(watched)
    if stored:
        keep_proposal(delegator, found)
        _renew(agents, encoder, quiet)
    return record


def _undo(agents: options.Sources, encoder: str | None, format: Listing | None, quiet: bool) -> int:
    from delegate_cli.learning.learn import undo
    from delegate_cli.render.jsonl import json_text
    from delegate_cli.render.learning import undone_line

    delegator = options.open_delegator(agents, {"encoder": encoder}, quiet=quiet)
    gone = undo(delegator)
    if gone is not None:
        _renew(agents, encoder, quiet)
    json = options.listing_format(format) is Listing.JSON
    streams.write(json_text({"undone": gone is not None, "examples": gone}) if json else undone_line(gone))
    return 0 if gone is not None else 1


def _renew(agents: options.Sources, encoder: str | None, quiet: bool) -> None:
    """The index with what was learnt, or without what was taken back."""
    options.open_delegator(agents, {"encoder": encoder}, quiet=quiet).rebuild()


def _write_roster(agents: options.Sources) -> int:
    """Put what was learnt into the file; how many sample requests are new in it."""
    from delegate_cli.index.learned import teach
    from delegate_cli.roster.edit import add_examples
    from delegate_cli.settings import home

    roster: Roster = teach(home(), options.read_roster(agents), streams.note)
    if len(agents) != 1 or not agents[0].is_file():
        raise UsageError(
            f"--write adds to one agents.yaml, and {options.named(agents)} is none",
            "write one first: delegate agents import SRC -o agents.yaml",
        )
    return add_examples(agents[0], {agent.id: agent.learned for agent in roster if agent.learned})


def _show(record: dict[str, Any], format: Listing | None, no_color: bool) -> None:
    from delegate_cli.render import learning
    from delegate_cli.render.jsonl import json_text

    chosen = options.listing_format(format)
    if chosen is Listing.JSON:
        streams.write(json_text(record))
    elif chosen is Listing.PLAIN:
        streams.write(learning.plain(record))
    else:
        streams.write(learning.table(record, streams.wants_color(no_color, sys.stdout), streams.width()))
