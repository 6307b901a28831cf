"""`delegate route`: decide for one task or for a stream of them."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from delegate_cli.cli import deciding_options, journaling, limit_options, model_options, options, streams
from delegate_cli.cli.deciding_options import AS_SET, DecidingOptions
from delegate_cli.cli.journaling import Record
from delegate_cli.cli.limit_options import NO_LIMITS, LimitOptions
from delegate_cli.cli.model_options import NOTHING, ModelOptions
from delegate_cli.cli.options import Format
from delegate_cli.cli.streams import TaskLine
from delegate_cli.errors import DelegateError, UsageError

if TYPE_CHECKING:
    from delegate_cli.agents import Roster
    from delegate_cli.ask import Ask
    from delegate_cli.cli.served import Served
    from delegate_cli.decision import Decision
    from delegate_cli.journal.store import Journal
    from delegate_cli.pipeline import Delegator
    from delegate_cli.settings import Settings

EXAMPLES = """Examples:

\b
  delegate route "Refund the scanner I sent back"
  delegate route --explain "Invoice shows the wrong VAT rate"
  who=$(delegate route --format id "Draft the release notes") && ./hand-over "$who"
  delegate route --format jsonl - < tasks.txt | jq -r 'select(.status=="ask") | .task'
  jq -c '{id, task: .subject}' tickets.json | delegate route --format jsonl -
  delegate route --as legal --kind human,team --needs "tag:legal" "Look through the supplier agreement"
  delegate route --max-cost 0.02 --prefer fast --at "Mon 09:30" "Draft the release notes"
  delegate route --team "Refund the scanner I sent back and draft the release notes for version 3.2"
  delegate route --context chat.txt --previous refund-requests "yes, the second one"

Exit codes: 0 decided (a batch: every line answered), 1 ask or none, 2 usage, roster or settings, 3 credentials and 4 model
or budget (both only with --strict), 5 a batch with error lines, 6 no eligible agent, 141 the reader of the pipe went away.
"""
_EXIT = {"decided": 0, "ask": 1, "none": 1, "no_eligible": 6}

Team = Annotated[bool, typer.Option("--team", help="Name the fewest agents that cover the task, and what each is for.")]
Size = Annotated[
    int | None, typer.Option("--size", min=1, max=8, metavar="N", help="Of a team. [default: as many as it needs]")
]


@dataclass(frozen=True, slots=True)
class View:
    """How results are shown."""

    format: Format
    explain: bool
    color: bool
    quiet: bool
    verbose: bool


@model_options.takes()
@deciding_options.takes()
@limit_options.takes()
def route(
    tasks: options.Tasks = None,
    agents: options.Agents = options.AgentsDefault,
    top: options.Top = 3,
    every: options.Every = False,
    format: options.FormatOption = None,
    field: options.FieldName = None,
    deciding: DecidingOptions = AS_SET,
    limits: LimitOptions = NO_LIMITS,
    explain: options.Explain = False,
    confirm: options.Confirm = False,
    team: Team = False,
    size: Size = None,
    no_rebuild: options.NoRebuild = False,
    asking: ModelOptions = NOTHING,
    server: options.Server = "off",
    journal: journaling.JournalFile = None,
    no_journal: journaling.NoJournal = False,
    no_color: options.NoColor = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> int:
    """Decide which agent should do a task, and print the best three with their probabilities."""
    arguments = tasks or []
    batch = streams.from_stdin(arguments)
    view = View(_format(format), explain, streams.wants_color(no_color, sys.stdout), quiet, verbose)
    if confirm:
        _check_confirm(batch, len(arguments))
    _check_team(team, size, confirm or asking.dry_run)
    flags = deciding.flags() | limits.flags()
    kept = None if no_journal else journaling.open_journal(journal)
    read = options.roster_and_settings(agents, {**flags, **asking.flags()}, quiet)

    def local() -> "Delegator":
        load = journaling.load(kept)
        return options.open_delegator(
            agents, flags, asking=asking, rebuild=not no_rebuild, load=load, quiet=quiet, verbose=verbose, read=read
        )

    ask = limits.ask(read[0], None if every else top, explain or view.format is Format.TABLE)
    lines = streams.from_lines(streams.stdin_lines(), field) if batch else streams.from_arguments(arguments)
    if not quiet and len(arguments) > 1 and not any(" " in argument for argument in arguments):
        streams.note(f"note: {len(arguments)} tasks of one word each; quote the text if it is one task")
    if asking.dry_run:
        with local() as delegator:
            return _dry_run(delegator, lines, ask, quiet)
    many = batch or len(arguments) > 1
    alone = server == "off" or confirm or team
    decider = local() if alone else _served(server, read, kept, local, view)
    with decider, journaling.recorded(decider, ask, kept, many) as record:
        if team and not decider.remote:
            from delegate_cli.cli.team import Shown, show

            return show(decider, lines, ask, Shown(size, view.format, view.color, quiet), record, many)
        if many:
            return _stream(decider, lines, ask, view, record)
        return _single(decider, next(lines), ask, view, confirm, record)


def _served(
    server: str,
    read: "tuple[Roster, Settings]",
    journal: "Journal | None",
    local: "Callable[[], Delegator]",
    view: View,
) -> "Delegator | Served":
    """What decides: a running server that would decide as this process does, else this process."""
    from delegate_cli.cli.served import served

    return served(server, *read, journal, local, view.quiet, view.verbose) or local()


def _format(chosen: Format | None) -> Format:
    return chosen or (Format.TABLE if streams.is_terminal(sys.stdout) else Format.PLAIN)


def _check_confirm(batch: bool, count: int) -> None:
    if batch or count != 1:
        raise UsageError("--confirm takes exactly one task, as an argument", "leave out --confirm for a batch")
    if not (streams.is_terminal(sys.stdin) and streams.is_terminal(sys.stderr)):
        raise UsageError("--confirm needs a terminal to ask at", "leave out --confirm in scripts")


def _check_team(team: bool, size: int | None, other: bool) -> None:
    if size is not None and not team:
        raise UsageError("--size is the size of a team", "add --team")
    if team and other:
        raise UsageError("--team does not go with --confirm or --dry-run", "leave out one of them")


def _single(delegator: "Delegator | Served", line: TaskLine, ask: "Ask", view: View, confirm: bool, record: Record) -> int:
    if line.error is not None:
        raise line.error
    if confirm:
        from delegate_cli.cli.confirm import confirmed

        decision = confirmed(delegator, line.task or "", ask, view.explain, view.color, record)
    else:
        decision = journaling.kept(lambda: delegator.decide(line.task or "", ask), record)
    if decision.status.value == "no_eligible" and view.format in (Format.PLAIN, Format.ID) and not view.quiet:
        from delegate_cli.render.plain import sentence
        from delegate_cli.render.text import clean

        streams.note(clean(sentence(decision)))
    if view.verbose:
        model_options.summarise(delegator, view.quiet)
    if confirm and view.format is Format.TABLE:
        from delegate_cli.render.table import verdict_line

        streams.write(verdict_line(decision, view.color, streams.width()))
    else:
        streams.write(_render(decision, view, single=True))
    return _EXIT[decision.status.value]


def _stream(delegator: "Delegator | Served", lines: Iterator[TaskLine], ask: "Ask", view: View, record: Record) -> int:
    """Answer line after line, in order, each as soon as it is decided and recorded."""
    from delegate_cli.cli.batch import answered_lines, watched

    delegator.ready()  # before the bar of the batch, since making an index has its own
    errors = count = 0
    separator = "[\n"
    for line, result in watched(answered_lines(delegator, lines, ask), quiet=view.quiet):
        failed = isinstance(result, DelegateError)
        if not isinstance(result, DelegateError):
            again = partial(delegator.decide, line.task or "", replace(ask, ref=line.ref))
            result = journaling.kept(again, record, result)
        text = _render_error(line, result, view) if isinstance(result, DelegateError) else _render(result, view)
        if view.format is Format.JSON:
            text, separator = separator + text, ",\n"
        streams.write(text)
        if line.last:
            streams.flush()
        errors += failed
        count += 1
    if view.format is Format.JSON:
        streams.write("\n]\n" if count else "[]\n")
    model_options.summarise(delegator, view.quiet)
    if errors and not view.quiet:
        streams.note(f"{errors} of {count} lines could not be read")
    return 5 if errors else 0


def _dry_run(delegator: "Delegator", lines: Iterator[TaskLine], ask: "Ask", quiet: bool) -> int:
    """The requests of every task, one a line."""
    from delegate_cli.render.jsonl import dumps
    from delegate_cli.render.prompts import dry_record

    if delegator.adviser is None:
        raise UsageError("--dry-run: there is no model to ask", "name one with --model, or set llm.model in the roster")
    errors = alone = 0
    for line in lines:
        if line.error is not None:
            streams.note(f"error: {line.error.message}")
            errors += 1
            continue
        requests = delegator.preview(line.task or "", ask)
        alone += not requests
        for request in requests:
            streams.write(dumps(dry_record(request, delegator.settings.llm, line.ref)) + "\n")
    if alone and not quiet:
        streams.note(f"{alone} tasks are not sent: the head decides them alone (--always-ask-model asks nevertheless)")
    return 5 if errors else 0


def _render(decision: "Decision", view: View, single: bool = False) -> str:
    if view.format is Format.TABLE:
        from delegate_cli.render.table import decision_table

        table = decision_table(decision, view.explain, view.color, streams.width())
        return table if single else table + "\n"
    if view.format in (Format.JSON, Format.JSONL):
        from delegate_cli.render.jsonl import dumps, json_line, json_text

        if view.format is Format.JSONL:
            return json_line(decision)
        return json_text(decision.as_dict()) if single else dumps(decision.as_dict())
    from delegate_cli.render.plain import id_line, plain_line

    return id_line(decision) if view.format is Format.ID else plain_line(decision)


def _render_error(line: Any, error: DelegateError, view: View) -> str:
    if view.format in (Format.JSON, Format.JSONL):
        from delegate_cli.render.jsonl import dumps, error_record

        text = dumps(error_record(error.as_dict(), line.task, line.ref))
        return text if view.format is Format.JSON else text + "\n"
    from delegate_cli.render.plain import NOBODY, plain_error

    if view.format is Format.ID:
        streams.note(f"error: {error.message}")
        return NOBODY + "\n"
    return plain_error(line.task, error.as_dict())
