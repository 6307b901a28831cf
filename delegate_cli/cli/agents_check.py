"""`delegate agents check`: what is wrong with a roster, and what it costs."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from delegate_cli.cli import options, streams
from delegate_cli.errors import UsageError

if TYPE_CHECKING:
    from delegate_cli.linting.check import Report

CHECK = """Examples:

\b
  delegate agents check
  delegate agents check -a .claude/agents --skip examples --format json | jq '.findings[:10]'
  delegate agents check --fail-on error          # for CI: exit code 7
  delegate agents check --only repeated --fix    # takes out requests that stand twice; comments stay

Nothing is changed without --fix, and no model is asked. Kinds: taken, misplaced, unreachable, duplicate, shared, injected,
vague, long, examples, not_for, repeated, ids, escalation, availability (docs/linting.md). Exit codes: 0 nothing at or above
--fail-on was found, 2 usage or roster, 7 something was.
"""


class FailOn(StrEnum):
    """The level from which findings make the exit code 7."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    NEVER = "never"


Only = Annotated[list[str] | None, typer.Option("--only", metavar="KIND", help="Look for these kinds alone; repeat, or a,b.")]
Skip = Annotated[list[str] | None, typer.Option("--skip", metavar="KIND", help="Do not look for these kinds.")]


def check_agents(
    agents: options.Agents = options.AgentsDefault,
    only: Only = None,
    skip: Skip = None,
    fail_on: Annotated[FailOn, typer.Option("--fail-on", help="Exit code 7 from this level on.")] = FailOn.WARNING,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what is safe in agents.yaml; comments and layout stay.")] = False,
    format: options.ListingFormat = None,
    encoder: options.Encoder = None,
    no_color: options.NoColor = False,
    quiet: options.Quiet = False,
) -> int:
    """Check the roster: agents that take each other's requests, copies, empty cards and more, worst first."""
    from delegate_cli.linting.check import chosen
    from delegate_cli.linting.finding import Level
    from delegate_cli.render import linting as rendering

    kinds = chosen(_split(only), _split(skip))
    if fix:
        _check_file(agents)
    report = _checked(agents, encoder, kinds, quiet)
    if fix and _mend(agents[0], report, quiet):
        report = _checked(agents, encoder, kinds, quiet)
    options.write_record(report.as_dict(), rendering, format, no_color)
    if not report.findings and not quiet and options.listing_format(format) is options.Listing.PLAIN:
        from delegate_cli.linting.finding import counted

        streams.note(f"no findings in {counted(len(report.evidence.roster), 'agent')}")
    return 7 if fail_on is not FailOn.NEVER and report.at_least(Level(fail_on.value)) else 0


def _checked(agents: options.Sources, encoder: str | None, kinds: Sequence[str], quiet: bool) -> "Report":
    from delegate_cli.linting.check import check

    # the head alone: what a model would say is not looked at
    with options.open_delegator(agents, {"encoder": encoder, "decider": "head"}, quiet=quiet) as delegator:
        return check(delegator, options.progress(quiet), kinds)


def _mend(path: Path, report: "Report", quiet: bool) -> bool:
    """Take out what can go without loss; whether there was any."""
    from delegate_cli.roster.prune import remove_entries

    entries: dict[str, dict[str, Sequence[str]]] = {}
    for finding in report.findings:
        for removal in finding.removals:
            entries.setdefault(removal.agent, {})[removal.field] = removal.texts
    if not entries:
        return False
    count = remove_entries(path, entries)
    if not quiet:
        from delegate_cli.render.text import clean

        streams.note(f"{clean(str(path))}: {count} {'entry' if count == 1 else 'entries'} taken out")
    return True


def _check_file(agents: options.Sources) -> None:
    if len(agents) != 1 or not agents[0].is_file():
        raise UsageError(
            f"--fix mends one agents.yaml, and {options.named(agents)} is none",
            "write one first: delegate agents import SRC -o agents.yaml",
        )


def _split(names: Sequence[str] | None) -> list[str]:
    return [part.strip() for name in names or () for part in name.split(",") if part.strip()]
