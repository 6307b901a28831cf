"""The options of `delegate run` about how much a run may do, and how it goes on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from delegate_cli.cli import groups

if TYPE_CHECKING:
    from delegate_cli.running.caps import Caps

_FALLBACKS, _DEPTH, _CONCURRENCY = 2, 2, 4


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What was given on the command line; None where nothing was."""

    yes: Annotated[bool, typer.Option("--yes", "-y", help="Agree to whatever would be asked first.")] = False
    no_split: Annotated[
        bool, typer.Option("--no-split", help="Hand a request over as one task, and never take it for a plan.")
    ] = False
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="RUN", help="Go on with a run: its id, its first characters, or last.")
    ] = None
    repeat_lost: Annotated[
        bool, typer.Option("--repeat-lost", help="With --resume: make calls again of which nobody knows how they ended.")
    ] = False
    judge: Annotated[
        bool, typer.Option("--judge", help="Also let one agent do it alone, and a model compare the two answers.")
    ] = False
    wait: Annotated[bool, typer.Option("--wait", help="Stay until people have answered.")] = False
    concurrency: Annotated[int | None, typer.Option("--concurrency", min=1, help="Calls at the same time. [default: 4]")] = None
    max_calls: Annotated[int | None, typer.Option("--max-calls", min=0, help="Make no more calls in all.")] = None
    budget_usd: Annotated[float | None, typer.Option("--budget-usd", min=0, help="Spend no more in all.")] = None
    timeout: Annotated[float | None, typer.Option("--timeout", min=0.001, help="Seconds for the run as a whole.")] = None
    max_depth: Annotated[
        int | None, typer.Option("--max-depth", min=1, help="How many runs may be within one another. [default: 2]")
    ] = None
    fallback: Annotated[
        int | None, typer.Option("--fallbacks", min=0, help="Further agents to try where one fails. [default: 2]")
    ] = None

    @property
    def fallbacks(self) -> int:
        """Further agents for a subtask."""
        return _FALLBACKS if self.fallback is None else self.fallback

    def caps(self) -> "Caps":
        """What holds for the run as a whole."""
        from delegate_cli.running.caps import Caps

        return Caps(
            self.max_calls,
            self.budget_usd,
            self.timeout,
            self.max_depth or _DEPTH,
            self.concurrency or _CONCURRENCY,
            self.fallbacks,
        )

    def beside(self, before: Mapping[str, Any]) -> "RunOptions":
        """These options, and where nothing was given, the caps of the run that is gone on with."""
        names = {
            "max_calls": "calls",
            "budget_usd": "usd",
            "timeout": "seconds",
            "max_depth": "depth",
            "concurrency": "concurrency",
            "fallback": "fallbacks",
        }
        missing: dict[str, Any] = {name: before.get(old) for name, old in names.items() if getattr(self, name) is None}
        return replace(self, **missing)


NO_RUN = RunOptions()


def takes(*without: str) -> Callable[[Any], Any]:
    """Give a command these options, but for some, in the place of its parameter `running`."""
    return groups.takes("running", RunOptions, without=without)
