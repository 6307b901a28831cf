"""`delegate journal`: what was decided, and what people said of it; and `delegate why`, one decision with its reasons."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from delegate_cli.cli import journaling, options, streams
from delegate_cli.cli.journaling import Lines
from delegate_cli.cli.options import Listing

if TYPE_CHECKING:
    from delegate_cli.journal.entries import Entry
    from delegate_cli.journal.store import Journal

app = typer.Typer(help="Decisions that were made, and what people said of them.", no_args_is_help=True, rich_markup_mode=None)

WHY_EXAMPLES = """Examples:

\b
  delegate why last
  delegate why 0198f3a2 --format json | jq '.decision.candidates[0].evidence'
"""


@app.command(
    "list",
    short_help="List decisions, the newest first.",
    epilog="Example:\n\n\b\n  delegate journal list --since 7d --status ask,none",
)
def list_entries(
    since: journaling.Since = None,
    until: journaling.Until = None,
    agent: journaling.OfAgent = None,
    status: journaling.Statuses = "",
    limit: journaling.Limit = 20,
    format: journaling.LinesFormat = None,
    journal: journaling.JournalFile = None,
    no_color: options.NoColor = False,
) -> int:
    """List decisions, the newest first: id, time, status, agent, probability, what a person said, task."""
    kept = journaling.open_journal(journal)
    which = journaling.filter_of(since, until, agent, status, limit)
    write_entries(kept, kept.entries(which, newest_first=True), format, no_color)
    return 0


@app.command(
    short_help="Show a decision as it is kept.",
    epilog="Example:\n\n\b\n  delegate journal show last --format json | jq .settings_sha256",
)
def show(
    identity: journaling.DecisionId,
    format: options.ListingFormat = None,
    journal: journaling.JournalFile = None,
    no_color: options.NoColor = False,
) -> int:
    """Show all that is kept of a decision, as it is kept."""
    from delegate_cli.render.jsonl import dumps, json_text
    from delegate_cli.render.plain import columns
    from delegate_cli.render.table import listing

    kept = journaling.open_journal(journal)
    record = kept.get(kept.find(identity)).as_dict()
    chosen = options.listing_format(format)
    if chosen is Listing.JSON:
        streams.write(json_text(record))
        return 0
    rows = [(key, value if isinstance(value, str) else dumps(value)) for key, value in record.items()]
    color = streams.wants_color(no_color, sys.stdout)
    streams.write(columns(rows) if chosen is Listing.PLAIN else listing(("key", "value"), rows, color, streams.width()))
    return 0


@app.command(
    short_help="Write decisions and what was said of them.",
    epilog="Examples:\n\n\b\n  delegate journal export --since 2026-01-01 > journal.jsonl\n"
    "  delegate journal export --labelled > labelled.jsonl && delegate calibrate labelled.jsonl --dry-run",
)
def export(
    since: journaling.Since = None,
    until: journaling.Until = None,
    agent: journaling.OfAgent = None,
    status: journaling.Statuses = "",
    labelled: Annotated[
        bool, typer.Option("--labelled", help="Only answered tasks, with the right agent, as eval and calibrate read them.")
    ] = False,
    journal: journaling.JournalFile = None,
) -> int:
    """Write decisions with all that was said of them as JSON Lines, the oldest first."""
    from delegate_cli.journal import answers
    from delegate_cli.render.jsonl import dumps

    which = journaling.filter_of(since, until, agent, status)
    for entry in journaling.open_journal(journal).entries(which):
        record = answers.labelled(entry) if labelled else entry.as_dict()
        if record is not None:
            streams.write(dumps(record) + "\n")
    return 0


@app.command(
    short_help="Count decisions, answers and right ones.",
    epilog="Example:\n\n\b\n  delegate journal stats --since 30d --format json | jq .waiting",
)
def stats(
    since: journaling.Since = None,
    format: options.ListingFormat = None,
    journal: journaling.JournalFile = None,
    no_color: options.NoColor = False,
) -> int:
    """Count decisions, answers and right ones, by status and by agent."""
    from delegate_cli.journal import figures
    from delegate_cli.render.journal import stats_sections
    from delegate_cli.render.jsonl import json_text
    from delegate_cli.render.sections import as_plain, as_table

    found = figures.stats(journaling.open_journal(journal), journaling.moment(since, "--since"))
    chosen = options.listing_format(format)
    if chosen is Listing.JSON:
        streams.write(json_text(found))
    elif chosen is Listing.PLAIN:
        streams.write(as_plain(stats_sections(found)))
    else:
        streams.write(as_table(stats_sections(found), streams.wants_color(no_color, sys.stdout), streams.width()))
    return 0


@app.command(
    short_help="Remove old decisions.",
    epilog="Example:\n\n\b\n  delegate journal prune --older-than 365d --keep-answered --dry-run",
)
def prune(
    older_than: Annotated[str, typer.Option("--older-than", metavar="TIME", help="Remove what is older, as for --since.")],
    keep_answered: Annotated[bool, typer.Option("--keep-answered", help="Keep what somebody answered.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many there are.")] = False,
    journal: journaling.JournalFile = None,
) -> int:
    """Remove old decisions and what was said of them; their texts are overwritten in the file."""
    from delegate_cli.journal.entries import Filter

    which = Filter(until=journaling.moment(older_than, "--older-than"), answered=False if keep_answered else None)
    count = journaling.open_journal(journal).prune(which, dry_run)
    streams.note(f"{count} decisions {'would be ' if dry_run else ''}removed")
    return 0


@app.command(
    short_help="Give the space of removed decisions back to the disk.", epilog="Example:\n\n\b\n  delegate journal vacuum"
)
def vacuum(journal: journaling.JournalFile = None) -> int:
    """Give the space of removed decisions back to the disk."""
    before, after = journaling.open_journal(journal).vacuum()
    streams.note(f"{before / 1e6:.1f} MB before, {after / 1e6:.1f} MB after")
    return 0


def why(
    identity: journaling.DecisionId,
    format: options.ListingFormat = None,
    journal: journaling.JournalFile = None,
    no_color: options.NoColor = False,
) -> int:
    """Show why a decision was made as it was: every reason and all evidence, as recorded, and what was said of it since."""
    kept = journaling.open_journal(journal)
    entry = kept.get(kept.find(identity))
    chosen = options.listing_format(format)
    if chosen is Listing.JSON:
        from delegate_cli.render.jsonl import json_text

        streams.write(json_text(entry.as_dict()))
        return 0
    from delegate_cli.render.journal import why_text

    color, short = streams.wants_color(no_color, sys.stdout), kept.shortest([entry.id])[entry.id]
    streams.write(why_text(entry, short, chosen is Listing.TABLE, color, streams.width()))
    return 0


def write_entries(kept: "Journal", entries: Any, format: Lines | None, no_color: bool) -> None:
    """Entries in the chosen format; only a table and one JSON text need all of them at once."""
    from delegate_cli.render.journal import LIST_HEAD, list_row
    from delegate_cli.render.jsonl import dumps, json_text
    from delegate_cli.render.plain import columns

    chosen = journaling.lines_format(format)
    if chosen is Lines.TABLE:
        from delegate_cli.render.table import listing

        found: list[Entry] = list(entries)
        short = kept.shortest(each.id for each in found)
        rows = [list_row(each, short[each.id]) for each in found]
        streams.write(listing(LIST_HEAD, rows, streams.wants_color(no_color, sys.stdout), streams.width()))
    elif chosen is Lines.JSON:
        streams.write(json_text([each.as_dict() for each in entries]))
    else:
        for each in entries:
            streams.write(dumps(each.as_dict()) + "\n" if chosen is Lines.JSONL else columns([list_row(each)]))
