"""`delegate runs`: what was run."""

import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from delegate_cli.cli import journaling, options, streams
from delegate_cli.cli.journaling import Lines
from delegate_cli.cli.options import Listing
from delegate_cli.errors import EncoderError, RunError, UsageError
from delegate_cli.settings import home

if TYPE_CHECKING:
    from delegate_cli.encoders.tokens import Tokenizer
    from delegate_cli.running.folder import RunFolder

app = typer.Typer(help="Runs of plans: what was done, by whom, at what cost.", no_args_is_help=True, rich_markup_mode=None)
EXPORT_EXAMPLES = """Examples:

\b
  delegate runs export > runs.jsonl
  delegate runs export last --to artifacts | jq .reward
  delegate runs export --to training --tokenizer model/tokenizer.json > groups.jsonl
"""
RunId = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, its first characters, or last.")]


class Shape(StrEnum):
    """What is written of a run."""

    RUNS = "runs"
    ARTIFACTS = "artifacts"
    TRAINING = "training"


@app.command(
    "list",
    short_help="List runs, the newest first.",
    epilog="Example:\n\n\b\n  delegate runs list --format jsonl | jq -r 'select(.status != \"done\") | .id'",
)
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


@app.command(short_help="Show what became of each part, and the answer.", epilog="Example:\n\n\b\n  delegate runs show last")
def show(run: RunId, format: options.ListingFormat = None, no_color: options.NoColor = False) -> int:
    """Show a run: what became of each part, and the answer."""
    from delegate_cli.render.jsonl import json_text
    from delegate_cli.render.judging import judgement_line
    from delegate_cli.render.plain import columns, facts
    from delegate_cli.render.runs import PARTS_HEAD, answer_text, part_row
    from delegate_cli.render.table import listing
    from delegate_cli.running import exporting
    from delegate_cli.running.folder import RunFolder

    record = exporting.record(RunFolder.open(run))
    chosen = options.listing_format(format)
    if chosen is Listing.JSON:
        streams.write(json_text(record))
        return 0
    known = record["run"]
    places = {part["id"]: place for place, part in enumerate(record["plan"]["subtasks"])}
    rows = [part_row(part) for part in sorted(record["answers"], key=lambda part: places.get(part["subtask"], 0))]
    pairs = [(name, known[name]) for name in ("id", "status", "request", "started", "ended", "calls", "cost_usd")]
    if record["judgement"] is not None:
        pairs.append(("judgement", judgement_line(record["judgement"]).partition(": ")[2]))
    if chosen is Listing.PLAIN:
        streams.write(facts(pairs) + columns(rows))
        return 0
    color = streams.wants_color(no_color, sys.stdout)
    streams.write(facts(pairs) + "\n" + listing(PARTS_HEAD, rows, color, streams.width()))
    if record["answer"] is not None:
        streams.write("\n" + answer_text(record["answer"]["text"]))
    return 0


@app.command(short_help="Write runs as JSON Lines, or for training.", epilog=EXPORT_EXAMPLES)
def export(
    runs: Annotated[list[str] | None, typer.Argument(metavar="[RUN…]", help="Only these; else all, oldest first.")] = None,
    to: Annotated[Shape, typer.Option("--to", help="All that is kept, the experiment's artifacts, or groups of tokens.")] = (
        Shape.RUNS
    ),
    tokenizer: Annotated[
        Path | None,
        typer.Option("--tokenizer", metavar="FILE", help="--to training: a tokenizer.json. [default: the encoder's]"),
    ] = None,
) -> int:
    """Write runs as JSON Lines: with all that is kept of them, or as a trainer reads them."""
    from delegate_cli.render.jsonl import dumps
    from delegate_cli.running import exporting
    from delegate_cli.running.folder import RunFolder, run_ids

    if tokenizer is not None and to is not Shape.TRAINING:
        raise UsageError("--tokenizer is for --to training", "leave it out")
    folders = [RunFolder.open(each) for each in runs] if runs else list(_known(run_ids(), lambda folder: folder))
    if to is Shape.TRAINING:
        tokens = _tokenizer(tokenizer)
        rows: Iterator[Any] = iter(exporting.groups(folders, tokens))
    else:
        read = exporting.artifact if to is Shape.ARTIFACTS else exporting.record
        rows = map(read, folders) if runs else _known(run_ids(), read)
    for row in rows:
        streams.write(dumps(row) + "\n")
    return 0


def _tokenizer(path: Path | None) -> "Tokenizer":
    """The tokenizer that was named, or that of the compiled encoder.

    Raises:
        EncoderError: there is none, or it is damaged.
    """
    from delegate_cli.encoders.tokens import Tokenizer

    if path is not None:
        return Tokenizer(path)
    compiled = sorted((home() / "encoders").glob("*/tokenizer.json"), key=lambda file: file.stat().st_mtime)
    if not compiled:
        raise EncoderError("no encoder is compiled, whose tokenizer could be used", "name one with --tokenizer tokenizer.json")
    return Tokenizer(compiled[-1])


def _known(runs: list[str], read: "Callable[[RunFolder], Any]") -> Iterator[Any]:
    """What is read of each run; one that cannot be read is named, and the others go on."""
    from delegate_cli.running.folder import RunFolder

    for each in runs:
        try:
            yield read(RunFolder.open(each))
        except RunError as error:
            streams.note(f"left out: {error.message}")
