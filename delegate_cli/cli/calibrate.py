"""`delegate calibrate`: probabilities, `none` and threshold fitted on the user's own labelled tasks."""

from typing import Annotated, Any

import typer

from delegate_cli.cli import model_options, options, streams
from delegate_cli.cli.model_options import NOTHING, Decider, ModelOptions
from delegate_cli.cli.options import Listing
from delegate_cli.errors import UsageError

EXAMPLES = """Examples:

\b
  delegate calibrate labelled.jsonl --dry-run    # what would it change?
  delegate calibrate labelled.jsonl
  delegate calibrate labelled.jsonl --decider chat     # how much shall the model count?
  delegate calibrate --left-out 60 --decider chat      # the same without labels: on the roster's sample requests
  delegate calibrate --reset

Each line is {"task": "…", "agent": "id"}; `agent` may be a list of acceptable ids, or null where nobody fits. Ten lines are
needed, fifty and more tell. The figures are cross-fitted: each task is predicted by what was fitted without it. A part
(weights, none, threshold) that is worse than without labels is left as it was.
"""


@model_options.takes("always", "strict", "rubric", "show_prompt", "dry_run")
def calibrate(
    tasks: Annotated[str | None, typer.Argument(metavar="TASKS.jsonl", help="Labelled tasks, as for eval.")] = None,
    agents: options.Agents = options.AgentsDefault,
    format: options.ListingFormat = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Fit and print, but keep nothing.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Forget the labelled tasks and what was fitted on them.")] = False,
    none_share: Annotated[
        float | None,
        typer.Option("--none-share", metavar="SHARE", help="Share of real tasks that nobody fits. Default: as in the file."),
    ] = None,
    left_out: Annotated[
        int | None,
        typer.Option("--left-out", min=10, metavar="N", help="With --decider: ask about N of the sample requests instead."),
    ] = None,
    encoder: options.Encoder = None,
    asking: ModelOptions = NOTHING,
    no_color: options.NoColor = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Fit the probabilities on labelled tasks of your own, where that makes them no worse.

    With --decider, fit how much the answers of that model count beside the offline decision.
    """
    _check(tasks, reset, left_out, none_share, asking)
    if reset:
        return _reset(agents, format)
    with options.open_delegator(agents, {"encoder": encoder}, asking=asking, quiet=quiet, verbose=verbose) as delegator:
        from delegate_cli.evaluation.tasks import read_labelled
        from delegate_cli.index.calibration import Label

        read = [] if tasks is None else read_labelled(tasks, delegator.roster)
        facts = _facts(tasks, none_share)
        labels = [Label(each.task, tuple(sorted(each.agents))) for each in read]
        found: Any
        if asking.decider is None:
            found = delegator.calibrate(labels, facts, store_it=not dry_run)
        else:
            found = delegator.calibrate_model(labels if left_out is None else left_out, facts, store_it=not dry_run)
            model_options.summarise(delegator, quiet)
    from delegate_cli.render import calibration

    record = {**found.as_dict(), "stored": found.applied and not dry_run}
    options.write_record(record, calibration, format, no_color)
    return 0


def _check(tasks: str | None, reset: bool, left_out: int | None, none_share: float | None, asking: ModelOptions) -> None:
    if [tasks is not None, reset, left_out is not None].count(True) != 1:
        raise UsageError("name a file of labelled tasks, or give --left-out or --reset", "see delegate calibrate --help")
    if none_share is not None and not 0 < none_share < 1:
        raise UsageError(f"--none-share must lie between 0 and 1, not {none_share:g}", "write a share such as 0.05")
    if left_out is not None and asking.decider is None:
        raise UsageError("--left-out is for a model", "add --decider chat, or give labelled tasks")
    if asking.decider in (Decider.AUTO, Decider.HEAD):
        raise UsageError(f"--decider {asking.decider} names no model", "write --decider chat, decisions or systemone")


def _facts(path: str | None, none_share: float | None) -> dict[str, Any]:
    """What is kept of the file beside its tasks."""
    import datetime
    from pathlib import Path

    from delegate_cli.calibrating.keep import source_digest

    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    source = None if path is None else source_digest(Path(path).read_bytes())
    return {"source_sha256": source, "date": today, "none_share": none_share}


def _reset(agents: options.Sources, format: Listing | None) -> int:
    from delegate_cli.index import calibration, fusion, store
    from delegate_cli.render.calibration import reset_line
    from delegate_cli.render.jsonl import json_text
    from delegate_cli.settings import home

    removed = False
    for folder in store.folders_of(home(), options.read_roster(agents)):
        with store.lock(folder):
            removed = calibration.forget(folder) or removed
            removed = fusion.forget(folder) or removed
    chosen = options.listing_format(format)
    streams.write(json_text({"removed": removed}) if chosen is Listing.JSON else reset_line(removed))
    return 0
