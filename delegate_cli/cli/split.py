"""`delegate split`: one request as a plan of subtasks, each with who gets it."""

import os
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from delegate_cli.cli import deciding_options, journaling, limit_options, model_options, options, streams
from delegate_cli.cli.deciding_options import AS_SET, DecidingOptions
from delegate_cli.cli.limit_options import NO_LIMITS, LimitOptions
from delegate_cli.cli.model_options import NOTHING, ModelOptions
from delegate_cli.errors import TaskError, UsageError

if TYPE_CHECKING:
    from delegate_cli.ask import Ask
    from delegate_cli.pipeline import Delegator
    from delegate_cli.splitting.plan import Plan

EXAMPLES = """Examples:

\b
  delegate split "Refund the scanner I sent back and draft the release notes for version 3.2"
  delegate split --format json - < request.txt > plan.json
  delegate split --format mermaid "Check this NDA, then draft an answer based on that" > plan.mmd
  delegate split --decider chat --as legal --deny bug-triage "Check this NDA, then draft an answer based on that"

Offline a request is split only where its parts would go to different agents, probably enough; else it stays one. With a
model set, the model is asked, and rules stand in where it fails. Exit codes: 0 every part is decided, 1 a part is ask or none,
2 usage, roster or settings, 3 credentials and 4 model or budget (both only with --strict), 6 no eligible agent.
"""
_MOST = 4 * 1024 * 1024 + 4  # bytes of stdin: a request of 1 MiB characters


class PlanFormat(StrEnum):
    """How a plan is written."""

    TABLE = "table"
    PLAIN = "plain"
    JSON = "json"
    MERMAID = "mermaid"


@model_options.takes()
@deciding_options.takes()
@limit_options.takes()
def split(
    request: Annotated[
        str | None, typer.Argument(metavar="REQUEST|-", help="What is to be done; - reads all of stdin.")
    ] = None,
    agents: options.Agents = options.AgentsDefault,
    top: options.Top = 3,
    format: Annotated[
        PlanFormat | None, typer.Option("--format", "-f", help="Default: table at a terminal, plain in a pipe.")
    ] = None,
    deciding: DecidingOptions = AS_SET,
    limits: LimitOptions = NO_LIMITS,
    no_rebuild: options.NoRebuild = False,
    asking: ModelOptions = NOTHING,
    journal: journaling.JournalFile = None,
    no_journal: journaling.NoJournal = False,
    no_color: options.NoColor = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> int:
    """Say whether a request is one task or several, and who gets each of its parts."""
    flags = deciding.flags() | limits.flags()
    text = _stdin() if streams.from_stdin([] if request is None else [request]) else request or ""
    kept = None if no_journal else journaling.open_journal(journal)
    opened = options.open_delegator(
        agents, flags, asking=asking, rebuild=not no_rebuild, load=journaling.load(kept), quiet=quiet, verbose=verbose
    )
    from delegate_cli.splitting.split import split as divide

    ask = limits.ask(opened.roster, top)
    if asking.dry_run:
        with opened as delegator:
            return _dry_run(delegator, text, ask, quiet)
    with opened as delegator, journaling.recorded(delegator, ask, kept, many=False) as record:
        found = divide(delegator, text, ask, journaling.keeping(record))
        if verbose:
            model_options.summarise(delegator, quiet)
    streams.write(_render(found.plan, format, no_color))
    return exit_code({decision.status.value for decision in found.decisions})


def _dry_run(delegator: "Delegator", text: str, ask: "Ask", quiet: bool) -> int:
    """What a model would be sent to split a request."""
    from delegate_cli.render.jsonl import dumps
    from delegate_cli.render.prompts import dry_record
    from delegate_cli.splitting.split import preview

    if delegator.adviser is None:
        raise UsageError("--dry-run: there is no model to ask", "name one with --model, or set llm.model in the roster")
    requests = preview(delegator, text, ask)
    for request in requests:
        streams.write(dumps(dry_record(request, delegator.settings.llm, None)) + "\n")
    if not quiet:
        after = "its parts are then decided one by one: route --dry-run shows what that sends"
        streams.note(after if requests else "nothing is sent to split it: rules split it alone")
    return 0


def exit_code(statuses: set[str]) -> int:
    """Of several decisions about one request: 0 where all are decided, 6 where nobody was eligible for one."""
    return 6 if "no_eligible" in statuses else int(statuses != {"decided"})


def _render(plan: "Plan", format: PlanFormat | None, no_color: bool) -> str:
    from delegate_cli.render import splitting

    chosen = format or (PlanFormat.TABLE if streams.is_terminal(sys.stdout) else PlanFormat.PLAIN)
    if chosen is PlanFormat.JSON:
        from delegate_cli.render.jsonl import json_text

        return json_text(plan.as_dict())
    if chosen is PlanFormat.MERMAID:
        return splitting.plan_mermaid(plan)
    if chosen is PlanFormat.PLAIN:
        return splitting.plan_lines(plan)
    return splitting.plan_table(plan, streams.wants_color(no_color, sys.stdout), streams.width())


def _stdin() -> str:
    """All of stdin as one request.

    Raises:
        TaskError: it is too long, or not UTF-8.
    """
    data = bytearray()
    while chunk := os.read(sys.stdin.fileno(), 1 << 16):
        data += chunk
        if len(data) > _MOST:
            raise TaskError("the request is longer than 1 MiB", "shorten it")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TaskError(f"the request is not UTF-8 (byte {error.start + 1})", "convert the input to UTF-8") from None
