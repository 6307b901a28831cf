"""`delegate process`: many requests, each done by several agents and by one alone, and compared."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from delegate_cli.cli import deciding_options, journaling, limit_options, model_options, options, run_options, streams
from delegate_cli.cli import run as one
from delegate_cli.cli.deciding_options import AS_SET, DecidingOptions
from delegate_cli.cli.limit_options import NO_LIMITS, LimitOptions
from delegate_cli.cli.model_options import NOTHING, ModelOptions
from delegate_cli.cli.run_options import NO_RUN, RunOptions
from delegate_cli.errors import DelegateError, UsageError
from delegate_cli.settings import DEFAULT_ROSTER

if TYPE_CHECKING:
    from delegate_cli.ask import Ask
    from delegate_cli.pipeline import Delegator
    from delegate_cli.running.batch import Batch

EXAMPLES = """Examples:

\b
  delegate process prompts.jsonl --yes
  delegate process prompts.jsonl --yes --concurrency 4
  delegate process --resume last
  delegate process prompts.txt --yes --format jsonl | jq -r 'select(.winner == "single") | .request'

A prompt a line, or JSON Lines with `task` and an optional `id`. Everything is kept under DELEGATE_HOME/batches and runs; what
was stopped is gone on with by --resume, and nothing is done twice. Caps hold for each prompt, rates of agents for all of them.
Exit codes: 0 every prompt is done and compared, 2 usage, roster, settings, 5 some are not, 130 interrupted.
"""


class Table(StrEnum):
    """How figures are written."""

    TABLE = "table"
    PLAIN = "plain"
    JSON = "json"
    JSONL = "jsonl"


@model_options.takes("budget_usd", "max_calls", "timeout", "concurrency", "dry_run", "show_prompt")
@deciding_options.takes()
@limit_options.takes()
@run_options.takes("resume", "judge", "repeat_lost", "wait", "concurrency")
def process(
    prompts: Annotated[str | None, typer.Argument(metavar="PROMPTS.jsonl|-", help="Requests; - reads them from stdin.")] = None,
    agents: options.AgentsOrNone = None,
    running: RunOptions = NO_RUN,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="BATCH", help="Go on with a batch: its id, its first characters, or last.")
    ] = None,
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, help="Prompts at the same time.")] = 1,
    field: options.FieldName = None,
    format: Annotated[
        Table | None, typer.Option("--format", "-f", help="jsonl: a line a prompt. Default: table at a terminal, else plain.")
    ] = None,
    no_color: options.NoColor = False,
    deciding: DecidingOptions = AS_SET,
    limits: LimitOptions = NO_LIMITS,
    no_rebuild: options.NoRebuild = False,
    asking: ModelOptions = NOTHING,
    journal: journaling.JournalFile = None,
    no_journal: journaling.NoJournal = False,
    quiet: options.Quiet = False,
) -> int:
    """Run many requests, compare each with one agent alone, and say what several agents are worth."""
    from delegate_cli.ask import Ask
    from delegate_cli.cli.judging import closing
    from delegate_cli.running.batch import BATCH, Batch
    from delegate_cli.running.caps import Paces

    if (resume is None) == (prompts is None):
        raise UsageError(
            "name either prompts or a batch to go on with", "write delegate process prompts.jsonl, or --resume last"
        )
    batch = None if resume is None else Batch.find(resume)
    paths = agents or [Path(each) for each in ([DEFAULT_ROSTER] if batch is None else batch.read(BATCH)["roster"])]
    kept = None if no_journal else journaling.open_journal(journal)
    flags = deciding.flags() | limits.flags()
    opened = options.open_delegator(
        paths, flags, asking=asking, rebuild=not no_rebuild, load=journaling.load(kept), quiet=quiet
    )
    _check_asking(concurrency, running.yes)
    with opened as delegator:
        paces = Paces.of(delegator.roster)
        view = one.View(None, False, quiet, closing(delegator.settings, asking, aggregate=True, judge=True), paces)
        if batch is None:
            assert prompts is not None
            ask = limits.ask(delegator.roster, 3 + running.fallbacks)
            facts = {"roster": [str(path.absolute()) for path in paths], "asked": ask.as_dict(), "caps": asdict(running.caps())}
            batch = Batch.begin(_read(prompts, field), facts)
            if not quiet:
                streams.note(f"batch {batch.id}")
        facts = batch.read(BATCH)
        ask, running = Ask.of(facts["asked"]), running.beside(facts["caps"])
        with batch.locked():
            _all(delegator, batch, ask, running, kept, view, concurrency)
        return _write(batch, format, no_color)


def _read(name: str, field: str | None) -> list[tuple[str, Any]]:
    """The requests of a file, each with its id.

    Raises:
        UsageError: it cannot be read, or has none.
        TaskError: a line cannot be read; nothing is run then.
    """
    from delegate_cli.ask import check_task

    found = []
    lines = streams.stdin_lines() if name == "-" else _file_lines(name)
    for line in streams.from_lines(lines, field):
        if line.error is not None:
            raise line.error
        found.append((check_task(line.task or ""), line.ref))
    if not found:
        raise UsageError(f"{name}: there is no prompt in it", 'write one a line, or JSON Lines such as {"task": "…"}')
    return found


def _file_lines(name: str) -> Any:
    try:
        with open(name, "rb") as file:
            text = file.read()
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}", "name a file with a prompt a line") from None
    return ((line, 0) for line in text.split(b"\n"))


def _check_asking(concurrency: int, yes: bool) -> None:
    """Raise where several prompts would ask at a terminal at the same time."""
    if concurrency > 1 and not yes and streams.is_terminal(sys.stdin):
        raise UsageError("several prompts at the same time cannot ask", "agree with --yes, or leave out --concurrency")


def _all(
    delegator: "Delegator", batch: "Batch", ask: "Ask", running: RunOptions, kept: Any, view: one.View, concurrency: int
) -> None:
    """Do what is left of a batch, so many prompts at a time.

    Raises:
        KeyboardInterrupt: it was interrupted; what is done is kept.
    """
    from delegate_cli.render.judging import outcome_line
    from delegate_cli.running.batch import result, settled

    known = {row["number"]: row for row in batch.rows}
    prompts = batch.prompts
    several = concurrency > 1
    inner = replace(view, quiet=True) if several else view  # trees and lines of several runs would stand across each other
    writing = threading.Lock()

    def do(prompt: dict[str, Any]) -> None:
        name = f"prompt {prompt['number']} of {len(prompts)}"
        if not (view.quiet or several):
            streams.note(name)
        try:
            _one(delegator, prompt, ask, running, kept, inner)
            row = result(prompt)
        except DelegateError as error:
            row = result(prompt, error.as_dict())
        with writing:
            batch.add(row)
            if not view.quiet and (several or row["error"]):
                streams.note(outcome_line(name, row))

    left = [partial(do, prompt) for prompt in prompts if not (prompt["number"] in known and settled(known[prompt["number"]]))]
    try:
        _each(left, concurrency)
    except KeyboardInterrupt:
        streams.note(f"interrupted; go on with: delegate process --resume {batch.id}")
        raise


def _each(jobs: Sequence[Callable[[], None]], concurrency: int) -> None:
    if concurrency == 1:
        for job in jobs:
            job()
        return
    from delegate_cli.running.looping import side_by_side
    from delegate_cli.running.processes import Watch

    with Watch.shared(), _interrupted_by(signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        side_by_side(jobs, concurrency)


@contextmanager
def _interrupted_by(*numbers: int) -> Iterator[None]:
    """Within it these signals are as Ctrl-C; loops of other threads than this one cannot hear them."""

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _one(delegator: "Delegator", prompt: dict[str, Any], ask: "Ask", running: RunOptions, kept: Any, view: one.View) -> None:
    from delegate_cli.running.batch import begun
    from delegate_cli.running.folder import RunFolder

    if begun(prompt["run"]):
        one.resume(delegator, RunFolder.open(prompt["run"]), running, kept, view)
    else:
        one.begin(delegator, (prompt["request"], None), ask, running, kept, view, prompt["run"])


def _write(batch: "Batch", format: Table | None, no_color: bool) -> int:
    from delegate_cli.render import judging
    from delegate_cli.render.jsonl import dumps, json_text
    from delegate_cli.render.table import listing
    from delegate_cli.running.batch import SUMMARY, settled
    from delegate_cli.running.figures import summary

    results = batch.rows
    found = {"v": 1, "id": batch.id} | summary(results, len(batch.prompts))
    batch.write(SUMMARY, found)
    chosen = format or (Table.TABLE if streams.is_terminal(sys.stdout) and os.environ.get("TERM") != "dumb" else Table.PLAIN)
    if chosen is Table.JSON:
        streams.write(json_text(found | {"results": results}))
    elif chosen is Table.JSONL:
        streams.write("".join(dumps(row) + "\n" for row in results))
    elif chosen is Table.PLAIN:
        streams.write(judging.plain_lines(results) + judging.summary_plain(found))
    else:
        color = streams.wants_color(no_color, sys.stdout)
        rows = [judging.result_row(row) for row in results]
        streams.write(listing(judging.RESULT_HEAD, rows, color, streams.width()) + "\n" + judging.summary_lines(found))
    return 0 if all(settled(row) for row in results) else 5
