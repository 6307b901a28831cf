"""`delegate plan`: what to do about a task, by what success costs; and learning that from tables of outcomes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from delegate_cli.cli import options, outcome_tables, plan_of
from delegate_cli.cli.default_command import TASK, TaskGroup
from delegate_cli.errors import UsageError

if TYPE_CHECKING:
    from delegate_cli.planning.outcomes import Outcomes

app = typer.Typer(
    help="What to do about a task, by what success costs. TASK alone is the same as: of TASK.",
    no_args_is_help=True,
    rich_markup_mode=None,
    cls=TaskGroup,
)
app.command(TASK, epilog=plan_of.EXAMPLES)(plan_of.of)

Prices = Annotated[
    Path | None, typer.Option("--price", metavar="PRICES", help="A table of agent and price of a call, in any one unit.")
]


@app.command(epilog="Example:\n\n\b\n  delegate plan fit outcomes.csv --price prices.csv")
def fit(
    outcomes: outcome_tables.Table,
    agents: options.Agents = options.AgentsDefault,
    price: Prices = None,
    field: outcome_tables.Field = None,
    repeats: outcome_tables.Repeats = False,
    compare: outcome_tables.Compare = False,
    dry_run: outcome_tables.DryRun = False,
    format: options.ListingFormat = None,
    encoder: options.Encoder = None,
    no_color: options.NoColor = False,
    quiet: options.Quiet = False,
) -> int:
    """Learn from outcomes which agent succeeds at what, as `difficulty fit`, with each agent's price."""
    from delegate_cli.planning.outcomes import priced, read_outcomes, read_prices, require_choice
    from delegate_cli.render import difficulty as rendering

    table = read_outcomes(outcomes, field, repeats)
    require_choice(table, str(outcomes))
    if price is not None:
        table = priced(table, read_prices(price, table.agents))
    with outcome_tables.opened(agents, encoder, quiet) as delegator:
        names = outcome_tables.estimators(compare)
        record = outcome_tables.fit_and_keep(delegator, table, str(outcomes), names, dry_run, quiet)
    options.write_record(record, rendering.Fits, format, no_color)
    return 0


@app.command(
    "eval",
    epilog="Examples:\n\n\b\n  delegate plan eval outcomes.csv --price prices.csv\n"
    "  delegate plan eval train.csv --test test.csv --price prices.csv --format json | jq '.rules[] | [.rule, .gain.value]'",
)
def evaluate(
    outcomes: outcome_tables.Table,
    agents: options.Agents = options.AgentsDefault,
    price: Prices = None,
    test: Annotated[
        Path | None,
        typer.Option("--test", metavar="FILE", help="Judge on this table. [default: five-fold]", show_default=False),
    ] = None,
    field: outcome_tables.Field = None,
    repeats: outcome_tables.Repeats = False,
    format: options.ListingFormat = None,
    encoder: options.Encoder = None,
    no_color: options.NoColor = False,
    quiet: options.Quiet = False,
) -> int:
    """Compare learned choice with always the best, always the cheapest, chance, hindsight and other routers."""
    from delegate_cli.planning.outcomes import mean_prices, read_outcomes, read_prices, require_choice
    from delegate_cli.render import difficulty as rendering

    table = read_outcomes(outcomes, field, repeats)
    require_choice(table, str(outcomes))
    prices = mean_prices(table, str(outcomes)) if price is None else read_prices(price, table.agents)
    other = None if test is None else _other(test, table, field, repeats)
    record = _compared(table, other, prices, agents, encoder, quiet)
    options.write_record(record, rendering.Rules, format, no_color)
    return 0


def _other(path: Path, table: "Outcomes", field: str | None, repeats: bool) -> "Outcomes":
    from delegate_cli.planning.outcomes import read_outcomes, require_choice

    found = read_outcomes(path, field, repeats)
    require_choice(found, str(path))
    if found.agents != table.agents:
        apart = sorted({*found.agents} ^ {*table.agents})[0]
        raise UsageError(f"{path} has other agents: {apart!r} is in one table only", "compare tables of the same agents")
    return found


def _compared(
    table: "Outcomes", other: "Outcomes | None", prices: Any, agents: options.Sources, encoder: str | None, quiet: bool
) -> dict[str, Any]:
    from delegate_cli.planning import contest
    from delegate_cli.planning.difficulty import check_enough
    from delegate_cli.planning.features import features
    from delegate_cli.planning.records import contest_record

    check_enough(table)
    names, progress = outcome_tables.estimators(False), options.progress(quiet)
    with outcome_tables.opened(agents, encoder, quiet) as delegator:
        used = delegator.encoder()
        tasks = features(table.tasks, used, progress)
        if other is None:
            found = contest.crossed(table, tasks, prices, names, progress)
            how = f"each judged by what was learnt from the others ({contest.FOLDS} folds)"
        else:
            found = contest.held(table, tasks, other, features(other.tasks, used, progress), prices, names)
            how = f"learnt from {len(table)} others"
    options.stop_progress()
    return contest_record(found, len(table if other is None else other), how)
