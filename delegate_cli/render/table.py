"""Rich tables for people at a terminal. The only file that builds them; all text goes in as `Text`, never as markup."""

import io
from collections.abc import Sequence
from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from delegate_cli.decision import Candidate, Decision, Status
from delegate_cli.render.plain import sentence
from delegate_cli.render.text import clean, shorten

_BAR = 10
_STYLE = {
    Status.DECIDED: "bold green",
    Status.ASK: "bold yellow",
    Status.NONE: "bold red",
    Status.NO_ELIGIBLE: "bold red",
}
_MARK = {Status.DECIDED: "✔", Status.ASK: "?", Status.NONE: "✘", Status.NO_ELIGIBLE: "✘"}


def decision_table(decision: Decision, explain: bool, color: bool, width: int) -> str:
    """The decision as a person reads it: candidates with bars and reasons, then what to do."""
    parts: list[RenderableType] = [Text(shorten(decision.task, 4 * width), style="italic")]
    if decision.candidates:
        parts.append(_candidates(decision, width))
    if explain:
        parts += [_reasons(decision), *_contrast(decision)]
    verdict = Text(f" {_MARK[decision.status]} ", style=_STYLE[decision.status])
    verdict.append(clean(sentence(decision)))
    parts.append(verdict)
    if decision.excluded:
        shown = ", ".join(f"{clean(each.agent)} ({clean(each.detail)})" for each in decision.excluded[:6])
        more = f" and {len(decision.excluded) - 6} more" if len(decision.excluded) > 6 else ""
        parts.append(Text(f"   excluded: {shown}{more}", style="dim"))
    return to_text(Group(*parts), color, width)


def _candidates(decision: Decision, width: int) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("", justify="right", style="dim")
    table.add_column("agent", min_width=16, ratio=None, overflow="fold")
    table.add_column("probability", no_wrap=True)
    table.add_column("confidence", no_wrap=True)
    table.add_column("evidence", overflow="ellipsis", no_wrap=True, ratio=1)
    for rank, candidate in enumerate(decision.candidates, 1):
        agent = Text(clean(candidate.name))
        agent.append(f"  {clean(candidate.agent)}", style="dim")
        if candidate.kind in ("human", "team"):
            agent.append(f"  {candidate.kind}", style="cyan")
        table.add_row(str(rank), agent, bar(candidate.probability), _dots(candidate), Text(_evidence(candidate)))
    table.add_row("", Text("nobody", style="dim"), bar(decision.none), "", "")
    return table


def bar(share: float) -> Text:
    """A number with a bar of eighths."""
    eighths = round(min(max(share, 0.0), 1.0) * _BAR * 8)
    filled = "█" * (eighths // 8) + ("▏▎▍▌▋▊▉"[eighths % 8 - 1] if eighths % 8 else "")
    text = Text(f"{share:.2f} ")
    text.append(filled.ljust(_BAR), style="green" if share >= 0.8 else "yellow" if share >= 0.4 else "dim")
    return text


def _dots(candidate: Candidate) -> Text:
    level = candidate.rubric.level if candidate.rubric is not None else 0
    text = Text("●" * level, style="green" if level >= 4 else "yellow" if level == 3 else "red")
    text.append("○" * (5 - level), style="dim")
    return text


def _evidence(candidate: Candidate) -> str:
    if not candidate.evidence:
        return ""
    best = candidate.evidence[0]
    return f"{best.similarity:.2f} {best.kind.value}: {shorten(best.text, 300)}"


def _reasons(decision: Decision) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("candidate", "criterion", "score", "reason"):
        table.add_column(name, overflow="fold")
    for candidate in decision.candidates[:3]:
        name = clean(candidate.name)
        for criterion in candidate.rubric.criteria if candidate.rubric is not None else ():
            table.add_row(Text(name), criterion.criterion, f"{criterion.score:.2f}", Text(clean(criterion.reason)))
            name = ""
    return table


def _contrast(decision: Decision) -> list[RenderableType]:
    contrast = decision.contrast
    if contrast is None:
        return []
    views = ", ".join(f"{name} {value:+.1f}" for name, value in contrast["views"].items())
    lines = [f"   what set {contrast['runner_up']} apart (logits for the first): {views}"]
    for key, who in (("words_of_first", decision.candidates[0].agent), ("words_of_runner_up", contrast["runner_up"])):
        if contrast[key]:
            lines.append(f"   words of the task that only {who} has: {', '.join(contrast[key])}")
    return [Text(clean(line), style="dim") for line in lines]


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
