"""The options of `delegate eval`, and whether they go together."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer

from delegate_cli.cli import streams
from delegate_cli.errors import UsageError


class EvalFormat(StrEnum):
    """How figures are written."""

    TABLE = "table"
    PLAIN = "plain"
    JSON = "json"
    MARKDOWN = "markdown"


Tasks = Annotated[str, typer.Argument(metavar="TASKS.jsonl", help="Labelled tasks.")]
FormatOption = Annotated[
    EvalFormat | None, typer.Option("--format", "-f", help="Default: table at a terminal, plain in a pipe.")
]
Wrong = Annotated[bool, typer.Option("--wrong", help="List every miss with its evidence instead.")]
Ladder = Annotated[bool, typer.Option("--ladder", help="Show what each step adds, and whether the file's order matters.")]
Sizes = Annotated[
    str | None, typer.Option("--sizes", metavar="N,N,…", help="Accuracy for rosters of so many agents, three draws each.")
]
Without = Annotated[
    str | None,
    typer.Option("--without", metavar="PART,…", help="Fit without each: examples,description,not_for,name,head,card,bm25."),
]
Compare = Annotated[
    tuple[str, str] | None,
    typer.Option("--compare", metavar="A B", help="Two rosters, deciders, or settings such as target_error=0.1."),
]
Report = Annotated[
    str | None, typer.Option("--report", metavar="FILE.html", help="Also write one page with pictures and all figures.")
]
Plots = Annotated[str | None, typer.Option("--plots", metavar="DIR", help="Also write the pictures as PNG files.")]
MinTop1 = Annotated[float | None, typer.Option("--min-top1", min=0, max=1, help="Gate: least top-1.")]
MinTop3 = Annotated[float | None, typer.Option("--min-top3", min=0, max=1, help="Gate: least top-3.")]
MaxEce = Annotated[float | None, typer.Option("--max-ece", min=0, max=1, help="Gate: most calibration error.")]
MaxError = Annotated[float | None, typer.Option("--max-error", min=0, max=1, help="Gate: most error among tasks handed over.")]


@dataclass(frozen=True, slots=True)
class Experiments:
    """What is measured beside the plain figures."""

    ladder: bool
    sizes: Sequence[int]
    without: Sequence[str]

    def __bool__(self) -> bool:
        return bool(self.ladder or self.sizes or self.without)


def experiments(ladder: bool, sizes: str | None, without: str | None) -> Experiments:
    """The options as values.

    Raises:
        UsageError: a size that is no whole number of 2 or more, or a part that nothing goes by.
    """
    names: list[str] = []
    if without is not None:
        from delegate_cli.evaluation.ablation import check_names

        names = check_names(_listed("--without", without))
    return Experiments(ladder, _sizes(sizes) if sizes is not None else (), names)


def _listed(option: str, text: str) -> list[str]:
    found = [piece.strip() for piece in text.split(",") if piece.strip()]
    if not found:
        raise UsageError(f"{option} names nothing", "separate several by commas")
    return found


def _sizes(text: str) -> list[int]:
    found = set()
    for piece in _listed("--sizes", text):
        if not (piece.isascii() and piece.isdigit() and len(piece) < 10 and int(piece) >= 2):
            raise UsageError(f"--sizes: {piece!r} is no number of agents", "write whole numbers from 2 up, such as 10,30,50")
        found.add(int(piece))
    return sorted(found)


def fitting_sizes(sizes: Sequence[int], agents: int, quiet: bool) -> list[int]:
    """The sizes that a roster of so many agents has; the others are named on stderr.

    Raises:
        UsageError: there is none.
    """
    fitting = [size for size in sizes if size <= agents]
    beyond = ", ".join(str(size) for size in sizes if size > agents)
    if not fitting and sizes:
        raise UsageError(f"--sizes: the roster has only {agents} agents", f"leave out {beyond}")
    if beyond and not quiet:
        streams.note(f"--sizes: left out {beyond}; the roster has {agents} agents")
    return fitting


def check_together(modes: dict[str, Any], gates: dict[str, float | None]) -> None:
    """Raise UsageError where options exclude each other.

    Args:
        modes: option → what was given, for `--compare`, `--wrong` and the experiments.
        gates: gate → its bound or None.
    """
    given = [name for name, value in modes.items() if value]
    bounds = [f"--{name.replace('_', '-')}" for name, bound in gates.items() if bound is not None]
    if modes["--compare"] and (others := [name for name in given if name != "--compare"] + bounds):
        raise UsageError(f"--compare and {others[0]} do not go together", "run them one after the other")
    if modes["--wrong"] and len(given) > 1:
        other = next(name for name in given if name != "--wrong")
        raise UsageError(f"--wrong and {other} do not go together", "run them one after the other")
