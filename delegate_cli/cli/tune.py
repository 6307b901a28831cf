"""`delegate tune`: the encoder trained on the user's own roster and labelled tasks."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from delegate_cli.cli import options, streams
from delegate_cli.cli.options import Listing
from delegate_cli.errors import UsageError

if TYPE_CHECKING:
    from delegate_cli.tuning.keep import Place

EXAMPLES = """Examples:

\b
  delegate tune --tasks labelled.jsonl --dry-run     # would it gain anything?
  delegate tune --tasks labelled.jsonl --minutes 10
  delegate tune --undo

Each line is {"task": "…", "agent": "id"}, as for eval. Twenty tasks that some agent fits are needed; about a hundred, of most
agents, tell. It takes minutes on a CPU. The figures are cross-fitted: each task is judged by an encoder that was trained
without it. The tuned encoder is used only where held-out tasks are likelier with it and nothing is worse beyond noise. Until
the last moment the one in use stays, so an interrupt loses nothing but the training.
"""


def tune(
    tasks: Annotated[str | None, typer.Option("--tasks", "-t", metavar="FILE", help="Labelled tasks, as for eval.")] = None,
    agents: options.Agents = options.AgentsDefault,
    format: options.ListingFormat = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Train and print, but keep nothing.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Return to the usual encoder.")] = False,
    steps: Annotated[int | None, typer.Option("--steps", min=4, help="Training steps at most. [default: 60]")] = None,
    minutes: Annotated[float | None, typer.Option("--minutes", min=0, help="Take about so long at most.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same result on the same machine.")] = 3,
    encoder: options.Encoder = None,
    no_color: options.NoColor = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Train the encoder on your own labelled tasks, and use it where held-out tasks say that it is no worse."""
    if (tasks is None) != undo:
        raise UsageError("name a file with --tasks, or give --undo", "see delegate tune --help")
    place = _place(agents, encoder, quiet, verbose)
    if tasks is None:
        return _undo(place, format)
    from delegate_cli.evaluation.tasks import read_labelled
    from delegate_cli.index.calibration import Label
    from delegate_cli.tuning.examples import usable

    labels = [Label(each.task, tuple(sorted(each.agents))) for each in read_labelled(tasks, place.roster)]
    labels = usable(labels, place.roster)  # before anything heavy is loaded
    from delegate_cli.render import tuning

    record = _tuned(place, labels, {"steps": steps, "minutes": minutes, "seed": seed}, dry_run)
    options.write_record(record, tuning, format, no_color)
    return 0


def _place(agents: options.Sources, encoder: str | None, quiet: bool, verbose: bool) -> "Place":
    from delegate_cli.tuning.keep import Place

    def say(line: str) -> None:
        options.stop_progress()
        options.say(quiet)(line)

    with options.open_delegator(agents, {"encoder": encoder}, quiet=quiet, verbose=verbose) as delegator:
        return Place(delegator.folder, delegator.roster, delegator.settings, options.progress(quiet), say)


def _tuned(place: "Place", labels: Any, limits: dict[str, Any], dry_run: bool) -> dict[str, Any]:
    """Train, judge, and switch to the result unless it is a dry run."""
    from delegate_cli.encoders import catalog
    from delegate_cli.tuning import keep

    source = catalog.find(place.settings.encoder)
    place.say(f"loading the encoder {source.name}")
    from delegate_cli.encoders.compile import load_model  # sentence-transformers and torch: 7–16 s
    from delegate_cli.tuning import run

    budget = run.Budget(**{name: value for name, value in limits.items() if value is not None})
    learner = run.open_learner(load_model(source), place.roster, budget.seed)
    found = run.Tuner(place.roster, place.settings, labels, learner, place.progress, place.say).tune(budget)
    options.stop_progress()
    figures = found.as_dict()
    stored = found.verdict.applied and not dry_run
    if stored:
        keep.install(place, source, lambda path: learner.save(path, source.fingerprint, "{}"), figures, labels)
    return {**figures, "encoder": source.name, "stored": stored}


def _undo(place: "Place", format: Listing | None) -> int:
    from delegate_cli.encoders import catalog
    from delegate_cli.render.jsonl import json_text
    from delegate_cli.render.tuning import undo_line
    from delegate_cli.tuning import keep

    removed = keep.undo(place, catalog.find(place.settings.encoder))
    chosen = options.listing_format(format)
    streams.write(json_text({"removed": removed}) if chosen is Listing.JSON else undo_line(removed))
    return 0
