"""Figures of `delegate eval` as rows of text, as Markdown, and as a table."""

from collections.abc import Sequence
from typing import Any

from delegate_cli.evaluation.run import Outcome
from delegate_cli.render.text import clean, markdown_text, shorten

_LEVELS = "●●●●●"


def percent(figure: dict[str, Any] | None) -> str:
    """A share with its interval."""
    if figure is None:
        return "–"
    return f"{100 * figure['value']:.1f} %  ({100 * figure['low']:.1f} to {100 * figure['high']:.1f}, of {figure['of']})"


def decimal(figure: float | None, digits: int = 3) -> str:
    return "–" if figure is None else f"{figure:.{digits}f}"


def summary_rows(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """What was measured and its value, in reading order."""
    given = figures["handed_over"]
    mrr = figures["mrr"]
    return [
        ("tasks", f"{figures['tasks']} ({figures['nobody']} that nobody fits), {figures['agents']} agents"),
        ("top-1", percent(figures["top1"])),
        ("top-3", percent(figures["top3"])),
        ("MRR", "–" if mrr is None else f"{mrr['value']:.3f}  ({mrr['low']:.3f} to {mrr['high']:.3f})"),
        ("macro-F1", decimal(figures["macro_f1"])),
        ("random top-1", "–" if figures["random_top1"] is None else f"{100 * figures['random_top1']:.1f} %"),
        ("calibration error (ECE)", _as_percent(figures["ece"])),
        ("ECE of true probabilities on so few tasks", _as_percent(figures["ece_by_chance"])),
        ("ECE, tasks that nobody fits included", _as_percent(figures["ece_all"])),
        ("Brier score", decimal(figures["brier"])),
        ("log loss", decimal(figures["log_loss"])),
        ("AUROC right against wrong", decimal(figures["auroc_right"])),
        ("AUROC of none", decimal(figures["none_auroc"])),
        ("nobody fits, yet handed over", percent(figures["false_accept"])),
        *((f"error at {each['coverage']:.0%} coverage", percent(each["error"])) for each in figures["risk_coverage"]),
        (f"handed over (from {decimal(given['threshold'])})", percent(given["coverage"])),
        ("error among handed over", percent(given["error"])),
        *((f"accuracy at level {each['level']}", percent(each["accuracy"])) for each in figures["levels"]),
        ("seconds", f"{figures['seconds']:.2f} ({figures['tasks_per_second'] or 0:.0f} tasks/s)"),
    ]


def _as_percent(figure: float | None) -> str:
    return "–" if figure is None else f"{100 * figure:.1f} %"


def confused_lines(figures: dict[str, Any]) -> str:
    """The most confused pairs, with two real tasks each."""
    lines = []
    for pair in figures["confused"]:
        lines.append(f"{pair['count']} × {clean(' and '.join(pair['agents']))}")
        for task in pair["tasks"]:
            right = clean(", ".join(task["right"]))
            lines.append(f"    {shorten(task['task'], 90)}\n      right: {right}, chosen: {clean(task['chosen'])}")
    return "\n".join(lines) + "\n" if lines else ""


def wrong_lines(outcomes: Sequence[Outcome]) -> str:
    """Every miss with its evidence: tasks given the wrong first candidate, and tasks nobody fits that were handed over."""
    lines = []
    for outcome in outcomes:
        if not outcome.missed:
            continue
        right = ", ".join(sorted(outcome.task.agents)) or "nobody"
        lines.append(f"line {outcome.task.line}: {shorten(outcome.task.task, 120)}")
        lines.append(f"    right: {clean(right)} (rank {outcome.rank or '–'}, {outcome.gold_probability:.2f})")
        for candidate in outcome.decision.candidates[:1]:
            found = candidate.evidence[0] if candidate.evidence else None
            why = f": {found.kind.value} “{shorten(found.text, 80)}” ({found.similarity:.2f})" if found else ""
            lines.append(f"    chosen: {clean(candidate.agent)} ({candidate.probability:.2f}){why}")
    return "\n".join(lines) + "\n" if lines else ""


def markdown(figures: dict[str, Any]) -> str:
    """The figures as a Markdown page."""
    rows = [f"| {name} | {value} |" for name, value in summary_rows(figures)]
    page = ["| measure | value |", "|---|---|", *rows]
    if figures["confused"]:
        page += ["", "Most confused pairs:", ""]
        page += [f"- {pair['count']} × {markdown_text(' and '.join(pair['agents']))}" for pair in figures["confused"]]
    return "\n".join(page) + "\n"
