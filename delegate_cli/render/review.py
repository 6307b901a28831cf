"""What a reviewer sees: one task with its candidates, why each is there, and the keys."""

from dataclasses import replace

from delegate_cli.agents import Agent
from delegate_cli.journal.entries import Entry
from delegate_cli.journal.records import decision_of
from delegate_cli.render.journal import local
from delegate_cli.render.table import decision_table
from delegate_cli.render.text import clean, shorten

SHOWN = 3  # candidates


def screen(entry: Entry, heading: str, explain: bool, color: bool, width: int) -> str:
    """Heading, task, candidates with bars and evidence, a line of reasons for each."""
    decision = decision_of(entry)
    decision = replace(decision, candidates=decision.candidates[:SHOWN])
    ref = "" if decision.ref is None else f" · {shorten(str(decision.ref), 40)}"
    lines = ["", f"── {heading} · {local(entry.at)}{ref} ".ljust(width, "─")[:width]]
    lines.append(decision_table(decision, explain, color, width).rstrip("\n"))
    if not explain:
        lines += [line for place, _ in enumerate(decision.candidates, 1) if (line := _reason(entry, place, width))]
    return "\n".join(lines)


def _reason(entry: Entry, place: int, width: int) -> str:
    """Why a candidate is there, in one line."""
    candidate = entry.record["candidates"][place - 1]
    words = {each["criterion"]: each["reason"] for each in candidate.get("rubric", ())}
    parts = [words[name] for name in ("capability", "separation") if name in words]
    model = candidate.get("model_rubric") or {}
    parts += [model["reason"]] if model.get("reason") else []
    return shorten(f"   {place}  {'; '.join(parts)}", width) if parts else ""


def keys(candidates: int, can_undo: bool) -> str:
    """The keys that do something now."""
    count = min(candidates, SHOWN)
    choose = "" if not count else "1 that one · " if count == 1 else f"1–{count} that one · "
    return f"{choose}n nobody · / search · s skip · e reasons{' · u undo' if can_undo else ''} · q quit "


def found(agents: list[Agent], width: int) -> str:
    """Numbered agents to choose from."""
    return "\n".join(
        shorten(f"{place}  {agent.name}  {agent.id}  {agent.description}", width) for place, agent in enumerate(agents, 1)
    )


def saved(name: str | None, agent: str | None) -> str:
    """What was kept."""
    if agent is None:
        return "saved: nobody"
    return f"saved: {clean(agent if name in (None, agent) else f'{name} ({agent})')}"
