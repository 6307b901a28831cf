"""`delegate plan TASK`: the cheapest plan that is likely enough to succeed, or the best within a budget."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from delegate_cli.cli import deciding_options, journaling, limit_options, model_options, options, streams
from delegate_cli.cli.deciding_options import AS_SET, DecidingOptions
from delegate_cli.cli.limit_options import NO_LIMITS, LimitOptions
from delegate_cli.cli.model_options import NOTHING, ModelOptions
from delegate_cli.errors import UsageError

if TYPE_CHECKING:
    from delegate_cli.planning.frontier import Selection, Wish
    from delegate_cli.planning.operators import Operators
    from delegate_cli.planning.plans import Plan

EXAMPLES = """Examples:

\b
  delegate plan "Draft the release notes for version 3.2" --target 0.9
  delegate plan "Draft the release notes for version 3.2" --budget 0.05 --explain --plot frontier.png
  delegate plan --operators ours.yaml --kind ai --format json "Check this NDA" | jq '.plan'

Exit codes: 0 a plan reaches the target within the budget, 1 none does and the nearest is shown, 2 usage, roster, settings or
operators, 3 credentials and 4 model or budget (both only with --strict), 6 no eligible agent.
"""
TARGET = 0.9
_TOP = 100  # agents: more cannot have a probability of 0.01
_EXIT = {"reached": 0, "missed": 1, "no_eligible": 6}

Target = Annotated[
    float | None,
    typer.Option("--target", min=0, max=1, help="Least probability of success. [default: 0.9, without --budget]"),
]
Budget = Annotated[float | None, typer.Option("--budget", min=0, metavar="USD", help="Most USD for the whole plan.")]
OperatorsFile = Annotated[
    str | None,
    typer.Option("--operators", metavar="FILE", envvar="DELEGATE_OPERATORS", help="Ways of working of your own, as YAML."),
]
Plot = Annotated[str | None, typer.Option("--plot", metavar="FILE", help="Also draw what success costs, as a PNG.")]
WhyNot = Annotated[bool, typer.Option("--explain", "-e", help="Say why not the cheaper and why not the better plan.")]


@model_options.takes("dry_run")
@deciding_options.takes("min_probability", "min_margin", "target_error")
@limit_options.takes()
def of(
    task: Annotated[str, typer.Argument(metavar="TASK", help="The task.")],
    agents: options.Agents = options.AgentsDefault,
    target: Target = None,
    budget: Budget = None,
    operators: OperatorsFile = None,
    explain: WhyNot = False,
    plot: Plot = None,
    format: options.ListingFormat = None,
    deciding: DecidingOptions = AS_SET,
    limits: LimitOptions = NO_LIMITS,
    no_rebuild: options.NoRebuild = False,
    asking: ModelOptions = NOTHING,
    journal: journaling.JournalFile = None,
    no_color: options.NoColor = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> int:
    """Say what to do about a task: which agent, how it should work and how deep, with predicted success, cost and time."""
    from delegate_cli.planning.frontier import Verdict, Wish
    from delegate_cli.planning.operators import load_operators
    from delegate_cli.render import plans as rendering
    from delegate_cli.render.text import clean

    _check(target, budget, plot)
    known = load_operators(operators)
    wish = Wish(TARGET if target is None and budget is None else target, budget)
    flags = deciding.flags() | limits.flags()
    load = journaling.load(journaling.open_journal(journal))
    opened = options.open_delegator(
        agents, flags, asking=asking, rebuild=not no_rebuild, load=load, quiet=quiet, verbose=verbose
    )
    ask = limits.ask(opened.roster, _TOP)
    with opened as delegator:
        found, record, weighed = _planned(delegator, task, ask, wish, known, explain)
        if verbose:
            model_options.summarise(delegator, quiet)
    if plot is not None and found.plan is not None:
        _draw(plot, record, weighed, quiet)
    if found.verdict is Verdict.NOBODY and options.listing_format(format) is options.Listing.PLAIN and not quiet:
        streams.note(clean(record["said"]))
    options.write_record(record, rendering, format, no_color)
    return _EXIT[found.verdict.value]


def _check(target: float | None, budget: float | None, plot: str | None) -> None:
    """What Typer's own limits let pass."""
    for name, value in (("--target", target), ("--budget", budget)):
        if value is not None and not 0 <= value < float("inf"):
            raise UsageError(f"{name} is no finite number", "write one such as 0.9")
    if plot is not None:
        from delegate_cli.cli import reporting

        reporting.check_picture(plot)


def _planned(
    delegator: Any, task: str, ask: Any, wish: "Wish", known: "Operators", explain: bool
) -> "tuple[Selection, dict[str, Any], list[Plan]]":
    """What could be done, what of it is chosen, and the record."""
    from delegate_cli.planning.frontier import Verdict, select
    from delegate_cli.planning.gathering import gather, learn
    from delegate_cli.planning.plans import plans
    from delegate_cli.planning.report import record
    from delegate_cli.splitting.clauses import clauses

    decision = delegator.decide(task, ask)
    roster = delegator.roster
    agents = [roster.agents[roster.position[each.agent]] for each in decision.candidates]
    gathered = gather(decision, roster, learn(delegator, decision.task, agents), known.assumptions)
    weighed = plans(gathered.doers, known, len(clauses(decision.task)))
    found = select(weighed, wish)
    made = record(decision, found, gathered, explain)
    if found.verdict is Verdict.NOBODY:
        from delegate_cli.render.rules import no_eligible

        made["said"] = no_eligible(decision.excluded, decision.lift)
    return found, made, weighed


def _draw(plot: str, record: dict[str, Any], weighed: "list[Plan]", quiet: bool) -> None:
    from delegate_cli.render.files import write_file
    from delegate_cli.render.pictures import png
    from delegate_cli.render.plan_pictures import frontier

    write_file(Path(plot), png(frontier(record, weighed)))
    if not quiet:
        streams.note(f"wrote {plot}")
