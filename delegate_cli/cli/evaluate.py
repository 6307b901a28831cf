"""`delegate eval`: how good the decisions are on labelled tasks."""

import sys
from enum import StrEnum
from typing import Annotated, Any

import typer

from delegate_cli.cli import options, streams

EXAMPLES = """Examples:

\b
  delegate eval tests/data/tasks.jsonl
  delegate eval labelled.jsonl --format json | jq .top1
  delegate eval labelled.jsonl --wrong | less
  delegate eval labelled.jsonl --min-top1 0.8 --max-ece 0.05    # a gate for CI

Each line is {"task": "…", "agent": "id"}; `agent` may be a list of acceptable ids, or null where nobody fits.
Exit codes: 0 measured, 2 a broken file, 7 a gate is not met.
"""
GATE_MISSED = 7


class EvalFormat(StrEnum):
    """How figures are written."""

    TABLE = "table"
    PLAIN = "plain"
    JSON = "json"
    MARKDOWN = "markdown"


def evaluate(
    tasks: Annotated[str, typer.Argument(metavar="TASKS.jsonl", help="Labelled tasks.")],
    agents: options.Agents = options.AgentsDefault,
    format: Annotated[
        EvalFormat | None, typer.Option("--format", "-f", help="Default: table at a terminal, plain in a pipe.")
    ] = None,
    wrong: Annotated[bool, typer.Option("--wrong", help="List every miss with its evidence instead.")] = False,
    min_top1: Annotated[float | None, typer.Option("--min-top1", min=0, max=1, help="Gate: least top-1.")] = None,
    min_top3: Annotated[float | None, typer.Option("--min-top3", min=0, max=1, help="Gate: least top-3.")] = None,
    max_ece: Annotated[float | None, typer.Option("--max-ece", min=0, max=1, help="Gate: most calibration error.")] = None,
    max_error: Annotated[
        float | None, typer.Option("--max-error", min=0, max=1, help="Gate: most error among tasks handed over.")
    ] = None,
    target_error: Annotated[
        float | None, typer.Option("--target-error", min=0, max=1, help="How often handing over may be wrong.")
    ] = None,
    shortlist: Annotated[int | None, typer.Option("--shortlist", min=1, help="How many agents are looked at.")] = None,
    encoder: options.Encoder = None,
    no_color: options.NoColor = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Measure accuracy, calibration and hand-overs on labelled tasks."""
    flags = {"target_error": target_error, "shortlist": shortlist, "encoder": encoder}
    delegator = options.open_delegator(agents, flags, quiet=quiet, verbose=verbose)
    from delegate_cli.evaluation.measures import failed_gates, measure
    from delegate_cli.evaluation.run import run_tasks
    from delegate_cli.evaluation.tasks import read_labelled
    from delegate_cli.render.report import wrong_lines

    outcomes, seconds = run_tasks(delegator, read_labelled(tasks, delegator.roster))
    figures = measure(outcomes, len(delegator.roster), seconds)
    streams.write(wrong_lines(outcomes) if wrong else _render(figures, _format(format), no_color))
    gates = {"min_top1": min_top1, "min_top3": min_top3, "max_ece": max_ece, "max_error": max_error}
    missed = failed_gates(figures, gates)
    for reason in missed:
        streams.note(f"gate not met: {reason}")
    return GATE_MISSED if missed else 0


def _format(chosen: EvalFormat | None) -> EvalFormat:
    return chosen or (EvalFormat.TABLE if streams.is_terminal(sys.stdout) else EvalFormat.PLAIN)


def _render(figures: dict[str, Any], chosen: EvalFormat, no_color: bool) -> str:
    from delegate_cli.render import report
    from delegate_cli.render.jsonl import json_text

    if chosen is EvalFormat.JSON:
        return json_text(figures)
    if chosen is EvalFormat.MARKDOWN:
        return report.markdown(figures)
    if chosen is EvalFormat.PLAIN:
        from delegate_cli.render.plain import columns

        return columns(report.summary_rows(figures)) + report.confused_lines(figures)
    from delegate_cli.render.table import listing

    color = streams.wants_color(no_color, sys.stdout)
    table = listing(("measure", "value"), report.summary_rows(figures), color, streams.width())
    pairs = report.confused_lines(figures)
    return table + ("\nmost confused pairs:\n" + pairs if pairs else "")
