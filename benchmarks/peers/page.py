"""Rows → docs/benchmark.md. The best value of a column is bold, whoever has it."""

import os
import platform
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from benchmarks.peers.catalogue import DELEGATE, Peer, Setting
from benchmarks.peers.figures import COVERAGE, Figures, mean

Row = tuple[Setting, Figures | str]


@dataclass(slots=True)
class Table:
    """One set: its rows in the order of the catalogue; a text in place of figures says why there are none."""

    name: str
    agents: int
    tasks: int
    rows: list[Row] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Column:
    """A figure in the tables. `best` picks the value that is bold; None: none is."""

    title: str
    value: Callable[[Any], float | None]
    show: Callable[[float], str]
    best: Callable[[Sequence[float]], float] | None = None


def percent(value: float) -> str:
    return f"{100 * value:.1f}"


def seconds(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


COLUMNS = (
    Column("top-1", lambda row: row.top1, percent, max),
    Column("±", lambda row: row.interval, percent),
    Column("top-3", lambda row: row.top3, percent, max),
    Column("ECE", lambda row: row.ece, percent, min),
    Column("none AUROC", lambda row: row.none_auroc, lambda value: f"{value:.3f}", max),
    Column(f"error at {COVERAGE:.0%}".replace("%", " %"), lambda row: row.error, percent, min),
    Column("p50 ms", lambda row: row.p50_ms, lambda value: f"{value:.2f}" if value < 1 else f"{value:.1f}", min),
    Column("cold s", lambda row: row.cold_s, seconds, min),
    Column("build s", lambda row: row.build_s, seconds),
    Column("memory MiB", lambda row: row.memory_mib, lambda value: f"{value:.0f}", min),
)

INTRODUCTION = """\
# Benchmark

Written by `make benchmark DATA=folder` on {day}, not by hand. One machine ({machine}), one
command. Every peer has a virtual environment of its own and every row a process of its own with one thread, on the same
rosters and tasks: the test split of public sets, at most {most:,} tasks drawn with a fixed seed. The settings of peers were
chosen on development splits. The best value of a column is bold, whoever has it.

- **top-1**, **top-3**: percent of tasks whose first agent, or one of the first three, is right. **±** is half the 95 %
  Wilson interval of top-1: smaller differences are noise.
- **ECE**: expected calibration error in percent, 15 bins. A dash: the peer's number does not claim to be a probability or
  a confidence in [0, 1].
- **none AUROC**: how well tasks that nobody fits are told from the others, by the peer's score for nobody, else by its
  score of the first agent. Only some sets have such tasks.
- **error at 80 %**: percent of wrong ones among the four fifths of the tasks of which the peer is surest.
- **p50 ms**: median of a task, warm, one at a time. **cold s**: from starting a process to its first answer, with the index
  on disk where the peer can keep one. **build s**: making the index, with loading the encoder. All three are CPU time: with
  one thread that is what an idle machine takes, and a busy one does not change it. **memory MiB**: peak of the answering
  process.

Tasks that nobody fits count only for the AUROC. Every peer with an encoder runs the same one, all-MiniLM-L6-v2 in 32-bit
floats{own}. No language model takes part.
"""


def page(tables: list[Table], peers: list[Peer], versions: dict[str, dict[str, str]]) -> str:
    """The whole page."""
    own = "; delegate the same in int8, its default one with an adapter" if any(peer.name == DELEGATE for peer in peers) else ""
    parts = [
        INTRODUCTION.format(
            day=date.today().isoformat(), machine=machine(), own=own, most=max((table.tasks for table in tables), default=0)
        )
    ]
    parts += ["## Mean over the sets\n", summary(tables)]
    for table in tables:
        parts += [f"## {table.name}\n", f"{table.agents:,} agents, {table.tasks:,} tasks.\n", rows(table.rows)]
    parts += ["## The peers\n", *(paragraph(peer, versions.get(peer.name, {})) for peer in peers)]
    return "\n".join(parts)


def machine() -> str:
    """The sort of machine in general words."""
    gpu = "a GPU that nothing here uses" if shutil.which("nvidia-smi") else "no GPU"
    return f"{platform.machine()}, {os.cpu_count()} cores, {gpu}, Python {platform.python_version()}"


def summary(tables: list[Table]) -> str:
    """Means over the sets that a row has figures for, and how many these are."""
    found: dict[str, tuple[Setting, list[Figures]]] = {}
    for table in tables:
        for setting, row in table.rows:
            there = found.setdefault(setting.label, (setting, []))[1]
            there.extend([row] if isinstance(row, Figures) else [])
    lines: list[Row] = [(setting, averaged(there) if there else "no figures") for setting, there in found.values()]
    counts = {setting.label: f"{len(there)} of {len(tables)}" for setting, there in found.values()}
    note = "A row that lacks a set has its mean over fewer; ECE and AUROC over the sets that have one.\n"
    return note + "\n" + rows(lines, without=("±",), extra=("sets", counts))


def averaged(there: list[Figures]) -> Figures:
    names = list(Figures.__dataclass_fields__)
    return Figures(**{name: mean([getattr(row, name) for row in there]) for name in names})  # type: ignore[arg-type]


def rows(lines: list[Row], without: Sequence[str] = (), extra: tuple[str, dict[str, str]] | None = None) -> str:
    """A Markdown table; a row without figures says why."""
    columns = [column for column in COLUMNS if column.title not in without]
    titles = ["", *(column.title for column in columns), *([extra[0]] if extra else [])]
    best = {column.title: best_of(column, [row for _, row in lines if isinstance(row, Figures)]) for column in columns}
    out = [line(titles), line(["---", *["--:"] * (len(titles) - 1)])]
    for setting, row in lines:
        if isinstance(row, Figures):
            cells = [cell(column, row, best[column.title]) for column in columns]
        else:
            cells = [escape(row), *[""] * (len(columns) - 1)]
        out.append(line([setting.label, *cells, *([extra[1][setting.label]] if extra else [])]))
    return "\n".join(out) + "\n"


def best_of(column: Column, there: list[Figures]) -> str | None:
    """The best value as it is shown, so that what reads the same is bold alike."""
    values = [value for value in map(column.value, there) if value is not None]
    return column.show(column.best(values)) if column.best and values else None


def cell(column: Column, row: Figures, best: str | None) -> str:
    value = column.value(row)
    if value is None:
        return "–"
    shown = column.show(value)
    return f"**{shown}**" if shown == best else shown


def line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def escape(text: str) -> str:
    """A reason in a cell: one line, no markup."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")[:200]


def paragraph(peer: Peer, versions: dict[str, str]) -> str:
    """What was run of one peer."""
    version = versions.get(peer.package, "not installed")
    others = [f"{name} {found}" for name, found in versions.items() if name != peer.package]
    lines = [f"**{peer.package}** {version}, {peer.licence}" + (f" (with {', '.join(others)})" if others else "") + "."]
    if peer.about:
        lines.append(peer.about)
    lines.append(f"Its number: {peer.score}.")
    out = " ".join(lines) + "\n\n"
    return out + "".join(f"- *{setting.label}*: {setting.how}.\n" for setting in peer.settings)
