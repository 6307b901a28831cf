"""Rich tables for people at a terminal. The only file that builds them; all text goes in as `Text`, never as markup."""

import io
import re
from collections.abc import Sequence
from typing import Literal

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from delegate_cli.decision import Candidate, Decision, Status
from delegate_cli.render.plain import model_lines, sentence, skill_lines
from delegate_cli.render.rules import rule_lines
from delegate_cli.render.text import clean, shorten

_BAR = 10
_BARS_FROM = 70  # columns of terminal; a narrower one gets numbers without bars
_GAP = 3  # columns between columns
_AGENT, _AGENT_MOST = 16, 46  # least and most columns for the agent where the evidence stands beside it
_EVIDENCE = 36  # with fewer columns than these the evidence goes below the agent
_BELOW = 5  # how many candidates show their evidence there
_STYLE = {
    Status.DECIDED: "bold green",
    Status.ASK: "bold yellow",
    Status.NONE: "bold red",
    Status.NO_ELIGIBLE: "bold red",
}
_MARK = {Status.DECIDED: "✔", Status.ASK: "?", Status.NONE: "✘", Status.NO_ELIGIBLE: "✘"}


def decision_table(decision: Decision, explain: bool, color: bool, width: int) -> str:
    """The decision as a person reads it: candidates with bars and reasons, then what to do."""
    return to_text(_decision(decision, explain, width), color, width)


def verdict_line(decision: Decision, color: bool, width: int) -> str:
    """What to do, alone: for who has just seen the table."""
    return to_text(_verdict(decision), color, width)


def decision_svg(decision: Decision, explain: bool, width: int, title: str) -> str:
    """The same as a picture of a terminal."""
    return to_svg(_decision(decision, explain, width), width, title, "decision")


def to_svg(renderable: RenderableType, width: int, title: str, name: str) -> str:
    """A picture of a terminal. It names no web font, so that showing it fetches nothing."""
    console = Console(file=io.StringIO(), record=True, width=width, force_terminal=True, color_system="truecolor")
    console.print(renderable)
    form = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    return console.export_svg(title=title, code_format=form, unique_id=name)


def _decision(decision: Decision, explain: bool, width: int) -> Group:
    parts: list[RenderableType] = [Text(shorten(decision.task, 4 * width), style="italic")]
    if decision.candidates:
        parts.append(_candidates(decision, width))
    if explain and decision.candidates:
        parts += [_reasons(decision), *_contrast(decision)]
    parts += [_indented(shorten(line, 300)) for line in skill_lines(decision)]
    parts += [_indented(line) for line in model_lines(decision)]
    parts.append(_verdict(decision))
    parts += [_indented(shorten(line, 600)) for line in rule_lines(decision)]
    return Group(*parts)


def _verdict(decision: Decision) -> Table:
    grid = Table.grid(padding=(0, 1))  # a long sentence keeps clear of the mark
    grid.add_row(Text(f" {_MARK[decision.status]}", style=_STYLE[decision.status]), Text(clean(sentence(decision))))
    return grid


def _candidates(decision: Decision, width: int) -> Table:
    names = [_name(candidate) for candidate in decision.candidates]
    bars = width >= _BARS_FROM
    fixed = len(str(len(names))) + (15 if bars else 4) + (10 if bars else 5) + 3 * _GAP
    agent = min(max(_AGENT, *(name.cell_len for name in names)), _AGENT_MOST, max(width - fixed, 8))
    beside = width - fixed - agent - _GAP  # columns left for the evidence
    if beside < _EVIDENCE:  # no room beside the agent: it goes below
        agent, beside = max(width - fixed, 8), 0
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("", justify="right", style="dim", no_wrap=True)
    table.add_column("agent", width=agent, overflow="fold")
    table.add_column("probability" if bars else "prob", no_wrap=True)
    table.add_column("confidence" if bars else "sure", no_wrap=True)
    if beside:
        table.add_column("evidence", width=beside, overflow="ellipsis", no_wrap=True)
    for rank, (candidate, name) in enumerate(zip(decision.candidates, names, strict=True), 1):
        evidence = Text(_evidence(candidate), style="" if beside else "dim", end="")
        if not beside and evidence and rank <= _BELOW:
            evidence.truncate(agent, overflow="ellipsis")
            name = Text("\n").join((name, evidence))
        beyond = [evidence] if beside else []
        table.add_row(str(rank), name, bar(candidate.probability, bars), _dots(candidate), *beyond)
    table.add_row("", Text("nobody", style="dim"), bar(decision.none, bars), "")
    return table


def _name(candidate: Candidate) -> Text:
    """Name, id, and whether it is a person or a team."""
    name = Text(clean(candidate.name))
    name.append("  ").append(clean(candidate.agent), style="dim")
    if candidate.kind in ("human", "team"):
        name.append("  ").append(candidate.kind, style="cyan")
    return name


def _indented(text: str) -> Padding:
    return Padding(Text(clean(text), style="dim"), (0, 0, 0, 3))


def bar(share: float, drawn: bool = True) -> Text:
    """A number with a bar of eighths, or the number alone."""
    if not drawn:
        return Text(f"{share:.2f}")
    eighths = round(min(max(share, 0.0), 1.0) * _BAR * 8)
    filled = "█" * (eighths // 8) + ("▏▎▍▌▋▊▉"[eighths % 8 - 1] if eighths % 8 else "")
    text = Text(f"{share:.2f} ")
    text.append(filled.ljust(_BAR), style="green" if share >= 0.8 else "yellow" if share >= 0.4 else "dim")
    return text


def _dots(candidate: Candidate) -> Text:
    if candidate.rubric is None:
        return Text()
    level = candidate.rubric.level
    text = Text("●" * level, style="green" if level >= 4 else "yellow" if level == 3 else "red")
    text.append("○" * (5 - level), style="dim")
    return text


def _evidence(candidate: Candidate) -> str:
    if not candidate.evidence:
        return ""
    best = candidate.evidence[0]
    return f"{round(best.similarity, 4):.2f} {best.kind.value}: {shorten(best.text, 300)}"


def _reasons(decision: Decision) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("candidate", "criterion", "score", "reason"):
        table.add_column(name, overflow="fold")
    for candidate in decision.candidates[:3]:
        name = clean(candidate.name)
        for criterion in candidate.rubric.criteria if candidate.rubric is not None else ():
            # rounded as in the record first, so that a decision looks the same when it is shown again
            table.add_row(Text(name), criterion.criterion, f"{round(criterion.score, 3):.2f}", Text(clean(criterion.reason)))
            name = ""
    return table


def _contrast(decision: Decision) -> list[RenderableType]:
    contrast = decision.contrast
    if contrast is None:
        return []
    views = ", ".join(f"{name} {value:+.1f}" for name, value in contrast["views"].items())
    lines = [f"what set {contrast['runner_up']} apart (logits for the first): {views}"]
    for key, who in (("words_of_first", decision.candidates[0].agent), ("words_of_runner_up", contrast["runner_up"])):
        if contrast[key]:
            lines.append(f"words of the task that only {who} has: {', '.join(contrast[key])}")
    return [_indented(line) for line in lines]


def listing(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], color: bool, width: int) -> str:
    """A plain table of text cells."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in head:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(clean(cell)) for cell in row))
    return to_text(table, color, width)


def to_text(renderable: RenderableType, color: bool, width: int) -> str:
    """What Rich would write, as a string."""
    out = io.StringIO()
    system: Literal["truecolor"] | None = "truecolor" if color else None
    Console(file=out, force_terminal=color, color_system=system, width=width, highlight=False, emoji=False).print(renderable)
    return out.getvalue()
