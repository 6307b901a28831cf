"""What `difficulty` and `plan` share: where outcomes come from, what is fitted on them, and where that is kept."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from delegate_cli.cli import groups, options
from delegate_cli.errors import UsageError

if TYPE_CHECKING:
    from delegate_cli.pipeline import Delegator
    from delegate_cli.planning.keep import Kept
    from delegate_cli.planning.outcomes import Outcomes

Table = Annotated[
    Path, typer.Argument(metavar="OUTCOMES", help="CSV or Parquet: task, agent, success; or a column for each agent.")
]
MaybeTable = Annotated[
    Path | None, typer.Argument(metavar="[OUTCOMES]", help="CSV or Parquet: task, agent, success; or a column for each agent.")
]
Compare = Annotated[bool, typer.Option("--compare", help="Try every estimator, also those that need torch, and keep the best.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print, but keep nothing.")]


@dataclass(frozen=True, slots=True)
class TableOptions:
    """What every command about outcomes takes: how a table is read, what encodes, and how the result is shown."""

    field: Annotated[
        str | None, typer.Option("--field", metavar="NAME", help="The column with the task, where its name is unusual.")
    ] = None
    repeats: Annotated[bool, typer.Option("--repeats", help="Take the mean where a task stands more than once.")] = False
    format: options.ListingFormat = None
    encoder: options.Encoder = None
    no_color: options.NoColor = False
    quiet: options.Quiet = False

    def read(self, path: Path) -> "Outcomes":
        """A table; nothing heavy is loaded for one with a mistake."""
        from delegate_cli.planning.outcomes import read_outcomes

        return read_outcomes(path, self.field, self.repeats)

    def read_choice(self, path: Path) -> "Outcomes":
        """A table in which agents can be compared."""
        from delegate_cli.planning.outcomes import require_choice

        table = self.read(path)
        require_choice(table, str(path))
        return table

    def opened(self, agents: options.Sources) -> "Delegator":
        """What encodes tasks and says where things are kept. Without an agents.yaml it is for models that no roster names."""
        named = options.named(agents)
        if named == options.named(options.AgentsDefault) and not Path(named).exists():
            from delegate_cli.agents import Roster
            from delegate_cli.pipeline import Delegator
            from delegate_cli.settings import resolve

            settings = resolve({"encoder": self.encoder}, {})
            progress, say = options.progress(self.quiet), options.say(self.quiet)
            return Delegator(Roster((), named), settings, progress=progress, say=say)
        return options.open_delegator(agents, {"encoder": self.encoder}, quiet=self.quiet)

    def write(self, record: dict[str, Any], view: options.Rendering) -> None:
        """Write a record as wished."""
        options.write_record(record, view, self.format, self.no_color)


AS_USUAL = TableOptions()


def takes(*without: str) -> Callable[[Any], Any]:
    """Give a command these options in the place of its parameter `given`, but for some."""
    return groups.takes("given", TableOptions, without=without)


def estimators(compare: bool) -> tuple[str, ...]:
    """The names of those that are tried."""
    from delegate_cli.planning.estimators.choose import DEFAULT, NAMES

    return NAMES if compare else (DEFAULT,)


def fit_and_keep(
    delegator: "Delegator", outcomes: "Outcomes", source: str, names: tuple[str, ...], dry_run: bool, quiet: bool
) -> dict[str, Any]:
    """Fit, keep, and say what it came to."""
    from delegate_cli.index import store
    from delegate_cli.planning import keep
    from delegate_cli.planning.difficulty import check_enough, fit
    from delegate_cli.planning.features import features
    from delegate_cli.planning.records import fit_record

    check_enough(outcomes)
    progress = options.progress(quiet)
    encoder = delegator.encoder()
    fitted = fit(outcomes, features(outcomes.tasks, encoder, progress), names, progress)
    options.stop_progress()
    record = fit_record(fitted, outcomes, source)
    if not dry_run:
        folder = store.folder_of(delegator.folder, delegator.roster)
        with store.lock(folder):
            keep.write(folder, keep.kept_of(fitted.difficulty, outcomes, record, encoder.fingerprint))
    return {**record, "stored": not dry_run}


def recalled(delegator: "Delegator") -> "Kept | None":
    """What was fitted for this roster; None where nothing was.

    Raises:
        UsageError: it was made with another encoder, or is damaged.
    """
    from delegate_cli.index import store
    from delegate_cli.planning import keep

    again = "run delegate difficulty fit again"
    try:
        kept = keep.read(store.folder_of(delegator.folder, delegator.roster))
    except store.Unusable as reason:
        raise UsageError(f"the fitted difficulty cannot be used: {reason}", again) from None
    if kept is not None and kept.encoder != delegator.encoder().fingerprint:
        raise UsageError("the difficulty was fitted with another encoder", again)
    return kept
