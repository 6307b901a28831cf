"""`delegate eval`: how good the decisions are on labelled tasks."""

import sys
from typing import Any

from delegate_cli.cli import eval_options, model_options, options, reporting, streams
from delegate_cli.cli.eval_options import EvalFormat, Experiments
from delegate_cli.cli.model_options import NOTHING, ModelOptions

EXAMPLES = """Examples:

\b
  delegate eval tests/data/tasks.jsonl
  delegate eval labelled.jsonl --format json | jq .top1
  delegate eval labelled.jsonl --wrong | less
  delegate eval labelled.jsonl --report report.html             # one page with pictures
  delegate eval labelled.jsonl --min-top1 0.8 --max-ece 0.05    # a gate for CI
  delegate eval labelled.jsonl --ladder --sizes 10,30,50 --without examples,bm25
  delegate eval labelled.jsonl --compare agents.yaml edited.yaml
  delegate eval labelled.jsonl --compare target_error=0.05 target_error=0.1
  delegate eval labelled.jsonl --compare head chat --model gpt-4o-mini     # what is a model worth here?

Each line is {"task": "…", "agent": "id"}; `agent` may be a list of acceptable ids, or null where nobody fits.
--ladder, --sizes and --without show their tables instead of the plain figures; JSON has both.
Exit codes: 0 measured, 2 a broken file, 7 a gate is not met.
"""
GATE_MISSED = 7


@model_options.takes("show_prompt", "dry_run", "rubric")
def evaluate(
    tasks: eval_options.Tasks,
    agents: options.Agents = options.AgentsDefault,
    format: eval_options.FormatOption = None,
    wrong: eval_options.Wrong = False,
    ladder: eval_options.Ladder = False,
    sizes: eval_options.Sizes = None,
    without: eval_options.Without = None,
    compare: eval_options.Compare = None,
    report: eval_options.Report = None,
    plots: eval_options.Plots = None,
    min_top1: eval_options.MinTop1 = None,
    min_top3: eval_options.MinTop3 = None,
    max_ece: eval_options.MaxEce = None,
    max_error: eval_options.MaxError = None,
    target_error: options.TargetError = None,
    shortlist: options.Shortlist = None,
    encoder: options.Encoder = None,
    asking: ModelOptions = NOTHING,
    no_color: options.NoColor = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Measure accuracy, calibration and hand-overs on labelled tasks."""
    gates = {"min_top1": min_top1, "min_top3": min_top3, "max_ece": max_ece, "max_error": max_error}
    modes = {"--compare": compare, "--wrong": wrong, "--ladder": ladder, "--sizes": sizes, "--without": without}
    eval_options.check_together(modes | ({"--report": report, "--plots": plots} if compare else {}), gates)
    wanted = eval_options.experiments(ladder, sizes, without)
    flags = {"target_error": target_error, "shortlist": shortlist, "encoder": encoder}
    if compare is not None:
        return _compare(tasks, compare, options.named(agents), flags, asking, _format(format), no_color, quiet)
    reporting.prepare(report, plots)
    with options.open_delegator(agents, flags, asking=asking, quiet=quiet, verbose=verbose) as delegator:
        figures, outcomes = _measure(delegator, tasks, wanted, quiet)
        options.stop_progress()
        model_options.summarise(delegator, quiet)
    streams.write(_misses(outcomes) if wrong else _render(figures, _format(format), no_color))
    reporting.write(report, plots, figures, outcomes, delegator, tasks, quiet)
    return _gated(figures, gates)


def _measure(delegator: Any, path: str, wanted: Experiments, quiet: bool) -> tuple[dict[str, Any], Any]:
    """Every figure that is wanted, and the outcomes of the tasks."""
    from delegate_cli.evaluation.measures import measure
    from delegate_cli.evaluation.run import run_tasks
    from delegate_cli.evaluation.tasks import read_labelled

    tasks = read_labelled(path, delegator.roster)
    if not quiet:
        _note_own_labels(path, delegator, tasks)
    sizes = eval_options.fitting_sizes(wanted.sizes, len(delegator.roster), quiet)
    progress = options.progress(quiet)
    if wanted:
        from delegate_cli.evaluation.variants import remembering

        delegator = remembering(delegator)
    outcomes, seconds = run_tasks(delegator, tasks, lambda done: progress("deciding", done, len(tasks)))
    figures = measure(outcomes, len(delegator.roster), seconds)
    if wanted.ladder:
        from delegate_cli.evaluation.ladder import ladder

        figures["ladder"] = ladder(delegator, tasks, outcomes, progress)
    if sizes:
        from delegate_cli.evaluation import sizes as by_size

        figures["sizes"] = by_size.sizes(delegator, tasks, sizes, by_size.DRAWS, progress)
    if wanted.without:
        from delegate_cli.evaluation.ablation import ablation

        figures["without"] = ablation(delegator, tasks, wanted.without, progress)
    return figures, outcomes


def _note_own_labels(path: str, delegator: Any, tasks: Any) -> None:
    """Say so where the calibration was fitted on this very file, or the encoder was tuned on some of its tasks."""
    from pathlib import Path

    from delegate_cli.calibrating import keep_fusion
    from delegate_cli.calibrating.keep import rests_on
    from delegate_cli.encoders.tuned import digest, source_for, tasks_of
    from delegate_cli.index.store import folder_of

    fingerprint = source_for(delegator.settings.encoder, delegator.folder, delegator.roster).fingerprint
    folder, data = folder_of(delegator.folder, delegator.roster, fingerprint), Path(path).read_bytes()
    if rests_on(folder, data) or (delegator.adviser is not None and keep_fusion.rests_on(folder, data)):
        streams.note(
            "the calibration was fitted on these very tasks, so figures flatter it; calibrate prints cross-fitted ones"
        )
    known = tasks_of(delegator.folder, delegator.roster, fingerprint)
    if count := sum(digest(task.task) in known for task in tasks) if known else 0:
        streams.note(f"the encoder was tuned on {count} of these tasks, so figures flatter it; tune prints cross-fitted ones")


def _compare(
    path: str,
    names: tuple[str, str],
    roster: str,
    flags: dict[str, Any],
    asking: ModelOptions,
    chosen: EvalFormat,
    no_color: bool,
    quiet: bool,
) -> int:
    """Two sides on the same tasks."""
    from delegate_cli.evaluation.contest import contest
    from delegate_cli.evaluation.sides import common_tasks, opened, read_side
    from delegate_cli.evaluation.tasks import read_labelled
    from delegate_cli.render.experiments import compared

    sides = [read_side(name, roster, {**flags, **asking.flags()}, asking.manner) for name in names]
    tasks, left_out = common_tasks(read_labelled(path, *(side.roster for side in sides)), sides)
    progress = options.progress(quiet)
    with opened(sides, progress, options.say(quiet)) as pair:
        figures = contest(pair, names, tasks, progress) | {"left_out": left_out}
        for delegator in pair:
            model_options.summarise(delegator, quiet)
    options.stop_progress()
    streams.write(_sections(figures, [compared(figures)], chosen, no_color))
    return 0


def _gated(figures: dict[str, Any], gates: dict[str, float | None]) -> int:
    from delegate_cli.evaluation.measures import failed_gates

    missed = failed_gates(figures, gates)
    for reason in missed:
        streams.note(f"gate not met: {reason}")
    return GATE_MISSED if missed else 0


def _format(chosen: EvalFormat | None) -> EvalFormat:
    return chosen or (EvalFormat.TABLE if streams.is_terminal(sys.stdout) else EvalFormat.PLAIN)


def _misses(outcomes: Any) -> str:
    from delegate_cli.render.report import wrong_lines

    return wrong_lines(outcomes)


def _render(figures: dict[str, Any], chosen: EvalFormat, no_color: bool) -> str:
    from delegate_cli.render import report
    from delegate_cli.render.experiments import sections

    if found := sections(figures):
        return _sections(figures, found, chosen, no_color)
    if chosen is EvalFormat.JSON:
        return _json(figures)
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


def _sections(figures: dict[str, Any], found: Any, chosen: EvalFormat, no_color: bool) -> str:
    from delegate_cli.render import sections

    if chosen is EvalFormat.JSON:
        return _json(figures)
    if chosen is EvalFormat.MARKDOWN:
        return sections.as_markdown(found)
    if chosen is EvalFormat.PLAIN:
        return sections.as_plain(found)
    return sections.as_table(found, streams.wants_color(no_color, sys.stdout), streams.width())


def _json(figures: dict[str, Any]) -> str:
    from delegate_cli.render.jsonl import json_text

    return json_text(figures)
