"""`delegate runs`: what was run."""

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from delegate_cli.cli import journaling, options, streams
from delegate_cli.cli.journaling import Lines
from delegate_cli.cli.options import Listing
from delegate_cli.errors import RunError

if TYPE_CHECKING:
    from delegate_cli.running.folder import RunFolder

app = typer.Typer(help="Runs of plans: what was done, by whom, at what cost.", no_args_is_help=True, rich_markup_mode=None)
RunId = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, its first characters, or last.")]


@app.command("list", epilog="Example:\n\n\b\n  delegate runs list --format jsonl | jq -r 'select(.status != \"done\") | .id'")
def list_runs(limit: journaling.Limit = 20, format: journaling.LinesFormat = None, no_color: options.NoColor = False) -> int:
    """List runs, the newest first: id, time, status, parts that are done, calls, cost, request."""
    from delegate_cli.render.jsonl import dumps, json_text
    from delegate_cli.render.plain import columns
    from delegate_cli.render.runs import LIST_HEAD, list_row
    from delegate_cli.render.table import listing
    from delegate_cli.running.folder import ANSWERS, run_ids

    newest = list(reversed(run_ids()))[: limit or None]
    found = list(_known(newest, lambda folder: (folder.facts(), folder.lines(ANSWERS))))
    chosen = journaling.lines_format(format)
    if chosen is Lines.TABLE:
        rows = [list_row(facts, parts, person=True) for facts, parts in found]
        streams.write(listing(LIST_HEAD, rows, streams.wants_color(no_color, sys.stdout), streams.width()))
    elif chosen is Lines.PLAIN:
        streams.write(columns([list_row(facts, parts, person=False) for facts, parts in found]))
    elif chosen is Lines.JSON:
        streams.write(json_text([facts for facts, _ in found]))
    else:
        streams.write("".join(dumps(facts) + "\n" for facts, _ in found))
    return 0


@app.command(epilog="Example:\n\n\b\n  delegate runs show last")
def show(run: RunId, format: options.ListingFormat = None, no_color: options.NoColor = False) -> int:
    """Show a run: what became of each part, and the answer."""
    from delegate_cli.render.jsonl import json_text
    from delegate_cli.render.plain import columns, facts
    from delegate_cli.render.runs import PARTS_HEAD, answer_text, part_row
    from delegate_cli.render.table import listing
    from delegate_cli.running.folder import RunFolder

    record = _record(RunFolder.open(run))
    chosen = options.listing_format(format)
    if chosen is Listing.JSON:
        streams.write(json_text(record))
        return 0
    known = record["run"]
    rows = [part_row(part) for part in record["answers"]]
    pairs = [(name, known[name]) for name in ("id", "status", "request", "started", "ended", "calls", "cost_usd")]
    if chosen is Listing.PLAIN:
        streams.write(facts(pairs) + columns(rows))
        return 0
    color = streams.wants_color(no_color, sys.stdout)
    streams.write(facts(pairs) + "\n" + listing(PARTS_HEAD, rows, color, streams.width()))
    if record["answer"] is not None:
        streams.write("\n" + answer_text(record["answer"]["text"]))
    return 0


@app.command(epilog="Example:\n\n\b\n  delegate runs export > runs.jsonl")
def export(
    runs: Annotated[list[str] | None, typer.Argument(metavar="[RUN…]", help="Only these; else all, oldest first.")] = None,
) -> int:
    """Write runs with all that is kept of them as JSON Lines: run, plan, decisions, calls, answers, answer."""
    from delegate_cli.render.jsonl import dumps
    from delegate_cli.running.folder import RunFolder, run_ids

    if runs:
        for each in runs:
            streams.write(dumps(_record(RunFolder.open(each))) + "\n")
        return 0
    for record in _known(run_ids(), _record):
        streams.write(dumps(record) + "\n")
    return 0


def _known(runs: list[str], read: "Callable[[RunFolder], Any]") -> Iterator[Any]:
    """What is read of each run; one that cannot be read is named, and the others go on."""
    from delegate_cli.running.folder import RunFolder

    for each in runs:
        try:
            yield read(RunFolder.open(each))
        except RunError as error:
            streams.note(f"left out: {error.message}")


def _record(folder: "RunFolder") -> dict[str, Any]:
    from delegate_cli.running.folder import ANSWER, ANSWERS, CALLS, DECISIONS, PLAN

    return {
        "run": folder.facts(),
        "plan": folder.read(PLAN),
        "decisions": folder.lines(DECISIONS),
        "calls": folder.lines(CALLS),
        "answers": folder.lines(ANSWERS),
        "answer": folder.read(ANSWER),
    }
