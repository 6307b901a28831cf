"""`delegate run`: a request or a plan, done by its agents."""

import os
import sys
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from delegate_cli.cli import deciding_options, journaling, limit_options, model_options, options, streams
from delegate_cli.cli.deciding_options import AS_SET, DecidingOptions
from delegate_cli.cli.limit_options import NO_LIMITS, LimitOptions
from delegate_cli.cli.model_options import NOTHING, ModelOptions
from delegate_cli.cli.run_options import NO_RUN, RunOptions, takes
from delegate_cli.errors import UsageError
from delegate_cli.settings import DEFAULT_ROSTER

if TYPE_CHECKING:
    from delegate_cli.ask import Ask
    from delegate_cli.cli.judging import Closing
    from delegate_cli.pipeline import Delegator
    from delegate_cli.running.assigning import Assigned
    from delegate_cli.running.caps import Paces
    from delegate_cli.running.folder import RunFolder
    from delegate_cli.running.starting import Start
    from delegate_cli.splitting.plan import Plan

EXAMPLES = """Examples:

\b
  delegate run "Refund the scanner I sent back"
  delegate run plan.json --yes --concurrency 4 --budget-usd 0.50
  delegate run --resume last
  delegate run --judge "Refund the scanner I sent back, then draft the release notes"
  delegate run --no-aggregate plan.json | jq -r '.[] | select(.state != "done") | .error.message'

Programs, web services and tools that may change something are asked for first; without a terminal --yes agrees. Everything is
kept under DELEGATE_HOME/runs, call by call. Exit codes: 0 all parts are done, 1 a part waits for a person or is to be asked
about, 2 usage, roster, settings, or nobody to agree, 5 parts are not done, 6 no eligible agent, 130 interrupted.
"""
_EXIT = {"done": 0, "waiting": 1, "partial": 5, "failed": 5}
_MOST = 16 * 1024 * 1024  # bytes of a plan


class Shape(StrEnum):
    """How a run's answer is written."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class View:
    """How a run is shown, and what follows when its parts are done; a shape of None writes no answer.

    `paces`: how fast agents may be called, where this is one run of several.
    """

    shape: Shape | None
    parts: bool
    quiet: bool
    closing: "Closing | None" = None
    paces: "Paces | None" = None


@model_options.takes("budget_usd", "max_calls", "timeout", "concurrency", "dry_run", "show_prompt")
@deciding_options.takes()
@limit_options.takes()
@takes()
def run(
    request: Annotated[
        str | None,
        typer.Argument(metavar="REQUEST|PLAN.json|-", help="What is to be done, or a plan; - reads either from stdin."),
    ] = None,
    agents: options.AgentsOrNone = None,
    running: RunOptions = NO_RUN,
    no_aggregate: Annotated[
        bool, typer.Option("--no-aggregate", help="Print the parts as JSON instead of one answer.")
    ] = False,
    format: Annotated[Shape, typer.Option("--format", "-f", help="The answer's text, or a record of the run.")] = Shape.TEXT,
    deciding: DecidingOptions = AS_SET,
    limits: LimitOptions = NO_LIMITS,
    no_rebuild: options.NoRebuild = False,
    asking: ModelOptions = NOTHING,
    journal: journaling.JournalFile = None,
    no_journal: journaling.NoJournal = False,
    quiet: options.Quiet = False,
) -> int:
    """Do a request: split it where that is worth it, hand each part to its agent, and put the answers together."""
    from delegate_cli.cli.judging import closing
    from delegate_cli.running.folder import RunFolder

    flags = deciding.flags() | limits.flags()
    view = View(format, no_aggregate, quiet)
    folder = RunFolder.open(running.resume) if running.resume else None
    if folder is not None and request is not None:
        raise UsageError("--resume goes on with what was planned, and takes no request", "leave out one of them")
    if folder is None and request is None and (sys.stdin is None or streams.is_terminal(sys.stdin)):
        raise UsageError("there is nothing to run", 'write delegate run "what is to be done", or name a plan')
    given = None if folder is not None else _text(request, running.no_split)
    path = agents or [Path(_recorded(folder) or DEFAULT_ROSTER)]
    kept = None if no_journal else journaling.open_journal(journal)
    opened = options.open_delegator(path, flags, asking=asking, rebuild=not no_rebuild, load=journaling.load(kept), quiet=quiet)
    with opened as delegator:
        judge = running.judge or (folder is not None and folder.to_be_judged)
        view = replace(view, closing=closing(delegator.settings, asking, not no_aggregate, judge))
        if folder is not None:
            return resume(delegator, folder, running, kept, view)
        ask = limits.ask(delegator.roster, 3 + running.fallbacks)
        assert given is not None
        return begin(delegator, given, ask, running, kept, view)


def _recorded(folder: "RunFolder | None") -> str | None:
    from delegate_cli.running.folder import RUN

    if folder is None:
        return None
    path = (folder.read(RUN) or {}).get("roster", {}).get("path")
    return path if isinstance(path, str) else None


def _text(request: str | None, plain: bool) -> tuple[str, str | None]:
    """What is to be done, and the name of the file that it is a plan of, if it is one; where it is `plain` it never is.

    Raises:
        UsageError: a plan that cannot be read.
    """
    if request is None or request == "-":
        data = bytearray()
        while len(data) <= _MOST and (chunk := os.read(sys.stdin.fileno(), 1 << 16)):
            data += chunk
        text = data.decode("utf-8-sig", "replace")
        return text, "the plan" if text.lstrip().startswith("{") and not plain else None
    if plain or not request.endswith(".json"):
        return request.encode("utf-8", "surrogateescape").decode("utf-8", "replace"), None
    try:
        with open(request, "rb") as file:
            return file.read(_MOST).decode("utf-8-sig", "replace"), request
    except OSError as error:
        raise UsageError(f"{request}: {error.strerror}", "name a plan that delegate split wrote") from None


def begin(
    delegator: "Delegator",
    given: tuple[str, str | None],
    ask: "Ask",
    running: RunOptions,
    kept: Any,
    view: View,
    identity: str | None = None,
) -> int:
    """Do a request, or the plan of a file of that name, as a new run; the exit code.

    Raises:
        DelegateError: nothing was run.
    """
    from delegate_cli.cli import judging
    from delegate_cli.decision import uuid7
    from delegate_cli.running import starting
    from delegate_cli.running.assigning import Assigned
    from delegate_cli.running.folder import ASKED

    running.caps().check_depth()
    assigned = _assigned(delegator, given, ask, running)
    start = _start(delegator, assigned, ask, running, kept, view)
    agreed = _agreed(start, running, {})
    alone = judging.rival(delegator, start, ask, view.closing)
    judging.agree(agreed, alone.plan, running.yes)
    _record(delegator, Assigned(assigned.plan, assigned.decisions + alone.decisions), kept, ask)
    folder = starting.begin(agreed, identity or uuid7())
    folder.write_lines(ASKED, [] if assigned.asked is None else [{"stage": "split", "key": "split", **assigned.asked}])
    judging.begin(agreed, folder, alone.plan)
    if not view.quiet:
        streams.note(f"run {folder.id}")
    with folder.locked():
        return _execute(agreed, folder, view, alone.plan)


def _assigned(delegator: "Delegator", given: tuple[str, str | None], ask: "Ask", running: RunOptions) -> "Assigned":
    """The plan of a request, or one that was given, with who gets each part."""
    from delegate_cli.running.assigning import assign, divided, single
    from delegate_cli.splitting import plan_json

    text, name = given
    if name is not None:
        return assign(delegator, plan_json.loads(text, name), ask)
    return assign(delegator, single(text), ask) if running.no_split else divided(delegator, text, ask)


def resume(delegator: "Delegator", folder: "RunFolder", running: RunOptions, kept: Any, view: View) -> int:
    """Go on with a run; the exit code.

    Raises:
        DelegateError: it is under way, damaged, or nobody agrees to what is left.
    """
    from delegate_cli.cli import judging
    from delegate_cli.pipeline import Ask
    from delegate_cli.running import starting
    from delegate_cli.running.assigning import Assigned, assign
    from delegate_cli.running.folder import PLAN, RunFolder
    from delegate_cli.splitting import plan_json

    with folder.locked():
        folder = RunFolder.open(folder.id)
        facts = folder.facts()
        stopped = starting.settle(folder)
        if stopped and not view.quiet:
            streams.note(f"stopped {stopped} processes that the run had left")
        ask = Ask.of(facts.get("asked", {}))
        assigned = assign(delegator, plan_json.of_dict(folder.read(PLAN), f"the plan of run {folder.id}"), ask)
        running = running.beside(facts.get("caps", {}))
        start = _start(delegator, assigned, ask, running, kept, view)
        same = facts.get("roster", {}).get("sha256") == delegator.roster.sha256
        agreed = _agreed(start, running, facts.get("chosen", {}) if same else {}, folder)
        alone = judging.rival(delegator, start, ask, view.closing, folder)
        judging.agree(agreed, alone.plan, running.yes or alone.kept)
        _record(delegator, Assigned(assigned.plan, alone.decisions), kept, ask)
        if not alone.kept:
            judging.begin(agreed, folder, alone.plan)
        return _execute(replace(agreed, repeat=_repeated(agreed, running, folder)), folder, view, alone.plan)


def _start(delegator: "Delegator", assigned: "Assigned", ask: "Ask", running: RunOptions, kept: Any, view: View) -> "Start":
    from delegate_cli.policy.constraints import exclude
    from delegate_cli.running.prospects import blocks, prospects
    from delegate_cli.running.starting import Start

    roster, settings = delegator.roster, delegator.settings
    local = ask.constraints.local_only or settings.local_only
    excluded = {each.agent: each for each in exclude(roster, replace(ask.constraints, local_only=local))}
    known = blocks(roster)
    caps = running.caps()
    return Start(
        plan=assigned.plan,
        roster=roster,
        settings=settings,
        blocks=known,
        chosen=prospects(assigned.plan, roster, known, excluded, caps.fallbacks),
        caps=caps,
        journal=kept,
        asked=ask.as_dict(),
        local_only=local,
        wait=running.wait,
        decisions=tuple({"subtask": subtask, "decision": decision.as_dict()} for subtask, decision in assigned.decisions),
        paces=view.paces,
        say=options.say(view.quiet),
    )


def _agreed(start: "Start", running: RunOptions, before: dict[str, list[str]], folder: "RunFolder | None" = None) -> "Start":
    """The run as far as somebody agrees to it."""
    from delegate_cli.cli import consent
    from delegate_cli.running.records import State

    done = set() if folder is None else {each.subtask for each in folder.results.values() if each.state is State.DONE}
    return replace(start, chosen=consent.agreed(start, running.yes, before, done))


def _repeated(start: "Start", running: RunOptions, folder: "RunFolder") -> frozenset[str]:
    from delegate_cli.cli import consent

    return consent.repeated(start, folder, running.repeat_lost)


def _record(delegator: "Delegator", assigned: "Assigned", kept: Any, ask: "Ask") -> None:
    """Keep the decisions; they have been agreed to, so that none of them waits for review."""
    if kept is None or not assigned.decisions:
        return
    from delegate_cli.journal.entries import Origin
    from delegate_cli.journal.recorder import Recorder

    recorder = Recorder(kept, delegator.settings, origin=Origin.LIBRARY, asked=ask.as_dict(), say=streams.note)
    for _, decision in assigned.decisions:
        recorder.record(decision)
    recorder.close()


def _execute(start: "Start", folder: "RunFolder", view: View, alone: "Plan | None") -> int:
    from delegate_cli.cli import judging
    from delegate_cli.cli.watching import Progress
    from delegate_cli.render.runs import end_line
    from delegate_cli.running import starting
    from delegate_cli.running.folder import ANSWER, RUN
    from delegate_cli.running.processes import Watch

    judgement = None
    Watch.adopt()
    try:
        with Progress(start.plan, view.quiet) as watch:
            starting.execute(replace(start, watch=watch), folder)
        if view.closing is not None:
            judgement = judging.close(start, folder, view.closing, alone, view.quiet)
    except KeyboardInterrupt:
        if view.shape is not None:  # of several prompts the batch is gone on with
            streams.note(f"interrupted; go on with: delegate run --resume {folder.id}")
        raise
    facts, parts = folder.read(RUN), starting.parts(start.plan, start.roster, folder)
    if not view.quiet:
        streams.note(end_line(facts, parts))
    _write(facts, parts, folder.read(ANSWER)["text"], judgement, view)
    return _EXIT.get(facts["status"], 5)


def _write(facts: dict[str, Any], parts: list[dict[str, Any]], text: str, judgement: Any, view: View) -> None:
    from delegate_cli.render.jsonl import json_text
    from delegate_cli.render.runs import answer_text

    if view.parts:
        streams.write(json_text(parts))
    elif view.shape is Shape.JSON:
        names = ("v", "id", "status", "request", "calls", "cost_usd", "tokens")
        more = {} if judgement is None else {"judgement": judgement}
        streams.write(json_text({name: facts[name] for name in names} | {"answer": text, "parts": parts} | more))
    elif view.shape is Shape.TEXT:
        streams.write(answer_text(text))
