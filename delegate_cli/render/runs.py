"""A run as text: its progress as a tree or as lines, lists of runs, and one run with all of its parts."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text
from rich.tree import Tree

from delegate_cli.render.plain import NOBODY
from delegate_cli.render.text import clean, shorten
from delegate_cli.running.engine import Event
from delegate_cli.splitting.plan import Plan

LIST_HEAD = ("id", "when", "status", "parts", "calls", "USD", "request")
PARTS_HEAD = ("part", "state", "agent", "seconds", "USD", "answer")
_MARKS = {
    "done": ("✔", "green"),
    "kept": ("✔", "dim green"),
    "running": ("▶", "cyan"),
    "waiting": ("…", "dim"),
    "skipped": ("–", "dim"),
    "failed": ("✘", "red"),
    "unclear": ("?", "yellow"),
    "interrupted": ("✘", "yellow"),
}
_TASK = 70


def plain_event(event: Event) -> str:
    """An event as one line: subtask, state, agent, what there is to say, seconds and cost."""
    facts = [event.subtask, event.state, event.agent or NOBODY]
    if event.seconds:
        facts.append(f"{event.seconds:.1f} s")
    if event.cost_usd is not None:
        facts.append(f"{event.cost_usd:.6g} USD")
    if event.detail:
        facts.append(shorten(event.detail, 200))
    return clean("  ".join(facts))


def tree(plan: Plan, events: Mapping[str, Event], seconds: Mapping[str, float]) -> Tree:
    """How a run stands: a branch for each subtask below the first one that it waits for.

    Args:
        events: the last event of each subtask.
        seconds: how long those that run have been running.
    """
    root = Tree(Text(shorten(plan.request, 2 * _TASK), style="italic"))
    branches: dict[str, Tree] = {}
    for each in plan.subtasks:
        above = branches[each.after[0]] if each.after else root
        event = events.get(each.id) or Event(each.id, "waiting")
        branches[each.id] = above.add(_branch(each.id, each.task, event, seconds.get(each.id)))
    return root


def _branch(subtask: str, task: str, event: Event, running: float | None) -> Text:
    mark, style = _MARKS.get(event.state, ("", ""))
    line = Text(f"{mark} ", style=style)
    line.append(subtask, style="bold").append("  ").append(shorten(task, _TASK)).append("  ")
    line.append(event.state, style=style)
    if event.agent:
        line.append("  ").append(clean(event.agent), style="cyan")
    seconds = event.seconds if running is None else running
    if seconds:
        line.append(f"  {seconds:.1f} s", style="dim")
    if event.cost_usd is not None:
        line.append(f"  {event.cost_usd:.6g} USD", style="dim")
    if event.detail:
        line.append("  ").append(shorten(event.detail, 100), style="dim")
    return line


def end_line(run: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]) -> str:
    """What a run came to, on one line."""
    done = sum(part["state"] == "done" for part in parts)
    cost = "" if run["cost_usd"] is None else f", USD: {run['cost_usd']:.6g}"
    line = f"run {run['id']}: {run['status']}, {done} of {len(parts)} parts done, calls: {run['calls']}{cost}"
    return line if run["status"] == "done" else f"{line}; go on with: delegate run --resume {run['id']}"


def list_row(run: Mapping[str, Any], parts: Sequence[Mapping[str, Any]], person: bool) -> tuple[str, ...]:
    """A line of `runs list`."""
    done = sum(part["state"] == "done" for part in parts)
    cost = run.get("cost_usd")
    return (
        str(run["id"]),
        str(run["started"])[:16].replace("T", " ") if person else str(run["started"]),
        str(run["status"]),
        f"{done}/{len(run.get('chosen', {}))}",
        str(run["calls"]),
        NOBODY if cost is None else f"{cost:.6g}",
        shorten(str(run["request"]), 60 if person else 200),
    )


def part_row(part: Mapping[str, Any]) -> tuple[str, ...]:
    """A line of `runs show`."""
    said = part["answer"] if part["state"] == "done" else (part["error"] or {}).get("message", "")
    cost = part["cost_usd"]
    return (
        str(part["subtask"]),
        str(part["state"]),
        str(part["agent"] or NOBODY),
        f"{part['seconds']:.1f}",
        NOBODY if cost is None else f"{cost:.6g}",
        shorten(str(said or ""), 200),
    )


def answer_text(text: str) -> str:
    """An answer as a terminal may show it: its lines, without control characters."""
    return "\n".join(clean(line.replace("\t", "    ")) for line in text.split("\n")).rstrip("\n") + "\n"
