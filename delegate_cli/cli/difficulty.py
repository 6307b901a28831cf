"""`delegate difficulty`: how likely an agent is to fail at a task, learnt from outcomes."""

from typing import TYPE_CHECKING, Annotated

import typer

from delegate_cli.cli import journaling, options, outcome_tables
from delegate_cli.cli.default_command import TASK, TaskGroup
from delegate_cli.cli.outcome_tables import AS_USUAL, TableOptions
from delegate_cli.errors import UsageError

if TYPE_CHECKING:
    from delegate_cli.pipeline import Delegator
    from delegate_cli.planning.outcomes import Outcomes

app = typer.Typer(
    help="How likely is an agent to fail at a task? Learnt from outcomes. TASK alone is the same as: of TASK.",
    no_args_is_help=True,
    rich_markup_mode=None,
    cls=TaskGroup,
)


@app.command(
    TASK,
    short_help="Say how likely each agent is to fail at a task.",
    epilog="Examples:\n\n\b\n  delegate difficulty 'How many primes are below 100?'\n"
    "  delegate difficulty 'How many primes are below 100?' --agent small-model --format json | jq '.agents[0].failure'",
)
@outcome_tables.takes("field", "repeats")
def of(
    task: Annotated[str, typer.Argument(metavar="TASK", help="The task.")],
    agents: options.Agents = options.AgentsDefault,
    agent: Annotated[str | None, typer.Option("--agent", metavar="NAME", help="Only this agent or model.")] = None,
    given: TableOptions = AS_USUAL,
) -> int:
    """Say with what probability each agent fails at a task, with its 90 % interval, and whether anything like it was seen."""
    from delegate_cli.ask import check_task

    text = check_task(task)
    with given.opened(agents) as delegator:
        kept = outcome_tables.recalled(delegator)
        if kept is None:
            raise UsageError("no outcomes were learnt from yet", "run: delegate difficulty fit OUTCOMES.csv")
        known = kept.difficulty.agents
        if agent is not None and agent not in known:
            from delegate_cli.roster.naming import nearest_agent

            raise UsageError(f"there are no outcomes of {agent!r}", nearest_agent(agent, known))
        from delegate_cli.planning.features import features
        from delegate_cli.planning.records import forecast_record
        from delegate_cli.render import difficulty as rendering

        forecast = kept.difficulty.forecast(features([text], delegator.encoder()))
        record = forecast_record(text, forecast, kept, known if agent is None else (agent,))
    given.write(record, rendering.Forecasts)
    return 0


@app.command(
    short_help="Learn difficulty from outcomes.",
    epilog="Examples:\n\n\b\n  delegate difficulty fit outcomes.csv\n"
    "  delegate difficulty fit outcomes.csv --compare --dry-run\n  delegate difficulty fit --from-journal",
)
@outcome_tables.takes()
def fit(
    outcomes: outcome_tables.MaybeTable = None,
    agents: options.Agents = options.AgentsDefault,
    from_journal: Annotated[
        bool, typer.Option("--from-journal", help="Learn from outcomes that were reported for decisions.")
    ] = False,
    journal: journaling.JournalFile = None,
    compare: outcome_tables.Compare = False,
    dry_run: outcome_tables.DryRun = False,
    given: TableOptions = AS_USUAL,
) -> int:
    """Learn difficulty from a table of outcomes or from the journal, and print how well held-out tasks were predicted."""
    from delegate_cli.planning.journaled import JOURNAL
    from delegate_cli.render import difficulty as rendering

    if (outcomes is None) != from_journal:
        raise UsageError("name a table of outcomes, or give --from-journal", "see delegate difficulty fit --help")
    if outcomes is not None:
        table = given.read(outcomes)  # before anything heavy is loaded
    with given.opened(agents) as delegator:
        if outcomes is None:
            table = _journaled(delegator, journal)
        source = JOURNAL if outcomes is None else str(outcomes)
        names = outcome_tables.estimators(compare)
        record = outcome_tables.fit_and_keep(delegator, table, source, names, dry_run, given.quiet)
    given.write(record, rendering.Fits)
    return 0


def _journaled(delegator: "Delegator", journal: journaling.JournalFile) -> "Outcomes":
    from delegate_cli.planning.journaled import read_journal

    with journaling.open_journal(journal) as kept:
        return read_journal(kept, delegator.roster)
