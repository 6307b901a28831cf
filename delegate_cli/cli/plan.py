"""`delegate plan`: what to do about a task, by what success costs; and learning that from tables of outcomes."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from delegate_cli.cli import options, outcome_tables, plan_of
from delegate_cli.cli.default_command import TASK, TaskGroup
from delegate_cli.cli.outcome_tables import AS_USUAL, TableOptions
from delegate_cli.errors import UsageError

if TYPE_CHECKING:
    from delegate_cli.planning.outcomes import Outcomes

app = typer.Typer(
    help="What to do about a task, by what success costs. TASK alone is the same as: of TASK.",
    no_args_is_help=True,
    rich_markup_mode=None,
    cls=TaskGroup,
)
app.command(TASK, short_help="Say who should work how, and at what cost.", epilog=plan_of.EXAMPLES)(plan_of.of)

Prices = Annotated[
    Path | None, typer.Option("--price", metavar="PRICES", help="A table of the columns agent and price, all in one unit.")
]


class Unit(StrEnum):
    """What a price is for, in USD; `other` is any other unit."""

    CALL = "call"
    THOUSAND = "1k"
    MILLION = "1m"
    OTHER = "other"


Per = Annotated[
    Unit | None,
    typer.Option(
        "--per",
        help="Prices are USD for a call, 1k or 1m tokens; other: in no such unit, and no plan uses them. [default: call]",
    ),
]


@app.command(
    short_help="Learn from outcomes who succeeds at what.",
    epilog="Examples:\n\n\b\n  delegate plan fit outcomes.csv --price prices.csv\n"
    "  delegate plan fit outcomes.csv --price prices.csv --per 1m      # USD for a million tokens",
)
@outcome_tables.takes()
def fit(
    outcomes: outcome_tables.Table,
    agents: options.Agents = options.AgentsDefault,
    price: Prices = None,
    per: Per = None,
    compare: outcome_tables.Compare = False,
    dry_run: outcome_tables.DryRun = False,
    given: TableOptions = AS_USUAL,
) -> int:
    """Learn from outcomes which agent succeeds at what, as `difficulty fit`, with each agent's price."""
    from delegate_cli.planning.outcomes import priced, read_prices
    from delegate_cli.render import difficulty as rendering

    if per is not None and price is None:
        raise UsageError("--per is about prices", "add --price PRICES; costs in the table itself are USD")
    table = given.read_choice(outcomes)
    if price is not None:
        table = priced(table, read_prices(price, table.agents), (per or Unit.CALL).value)
    with given.opened(agents) as delegator:
        names = outcome_tables.estimators(compare)
        record = outcome_tables.fit_and_keep(delegator, table, str(outcomes), names, dry_run, given.quiet)
    given.write(record, rendering.Fits)
    return 0


@app.command(
    "eval",
    short_help="Compare learned choice with simpler ways.",
    epilog="Examples:\n\n\b\n  delegate plan eval outcomes.csv --price prices.csv\n"
    "  delegate plan eval train.csv --test test.csv --price prices.csv --format json | jq '.rules[] | [.rule, .gain.value]'",
)
@outcome_tables.takes()
def evaluate(
    outcomes: outcome_tables.Table,
    agents: options.Agents = options.AgentsDefault,
    price: Prices = None,
    test: Annotated[
        Path | None,
        typer.Option("--test", metavar="FILE", help="Judge on this table. [default: five-fold]", show_default=False),
    ] = None,
    given: TableOptions = AS_USUAL,
) -> int:
    """Compare learned choice with always the best, always the cheapest, chance, hindsight and other routers."""
    from delegate_cli.planning.outcomes import mean_prices, read_prices
    from delegate_cli.render import difficulty as rendering

    table = given.read_choice(outcomes)
    prices = mean_prices(table, str(outcomes)) if price is None else read_prices(price, table.agents)
    other = None if test is None else _other(test, table, given)
    given.write(_compared(table, other, prices, agents, given), rendering.Rules)
    return 0


def _other(path: Path, table: "Outcomes", given: TableOptions) -> "Outcomes":
    found = given.read_choice(path)
    if found.agents != table.agents:
        apart = sorted({*found.agents} ^ {*table.agents})[0]
        raise UsageError(f"{path} has other agents: {apart!r} is in one table only", "compare tables of the same agents")
    return found


def _compared(
    table: "Outcomes", other: "Outcomes | None", prices: Any, agents: options.Sources, given: TableOptions
) -> dict[str, Any]:
    from delegate_cli.planning import contest
    from delegate_cli.planning.features import features
    from delegate_cli.planning.records import contest_record

    contest.check_enough(table, crossed=other is None)
    names, progress = outcome_tables.estimators(False), options.progress(given.quiet)
    with given.opened(agents) as delegator:
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
