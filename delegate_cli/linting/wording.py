"""Cards that say too little or too much, have no sample requests, repeat themselves, or talk to whoever decides."""

import re
from collections.abc import Callable

from delegate_cli.agents import Agent
from delegate_cli.deciders.prompt import BUDGET
from delegate_cli.deciders.untrusted import neutral, tokens
from delegate_cli.fragments import cleaned, states
from delegate_cli.hearing import heard_alone
from delegate_cli.index.parts import MAX_PASSAGES, PASSAGE, cut, spoken
from delegate_cli.injection import INSTRUCTION, about_injection, pieces_of, suspicious
from delegate_cli.linting.evidence import Evidence
from delegate_cli.linting.finding import EMPTY, Finding, Level, Removal, counted
from delegate_cli.lookalikes import hides, plain

REQUESTS = 2  # sample requests, with fewer none can be left out
ENOUGH = 3  # words of a description that say something
_EACH = 5  # agents with the same lack that are named one by one
_WORD = re.compile(r"[^\W\d_]{3,}")


def vague(evidence: Evidence) -> list[Finding]:
    """Agents whose description says nothing that another could not say as well."""
    found = []
    for agent in evidence.roster:
        name = {word.casefold() for word in _WORD.findall(spoken(agent.name))}
        said = {word.casefold() for word in _WORD.findall(agent.description)} - EMPTY - name
        if len(said) >= ENOUGH or not _is_latin(agent.description):
            continue
        few = len(agent.examples) < REQUESTS
        what = "has no description" if not agent.description.strip() else "says hardly more than its name"
        suggestion = "say in a sentence what it does, on what, and for whom"
        weight = 0.3 + 0.3 * (1 - len(said) / ENOUGH)
        sentences = (agent.description,) if agent.description.strip() else ()
        level = Level.WARNING if few else Level.INFO
        found.append(Finding("vague", level, (agent.id,), f"its card {what}", suggestion, sentences, weight))
    return found


def _is_latin(text: str) -> bool:
    """Whether words are set apart by spaces: of other scripts words cannot be counted like that."""
    return not re.search(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]", text)


def long(evidence: Evidence) -> list[Finding]:
    """Descriptions of which a model is shown the beginning alone, or of which not all is compared with tasks."""
    found = []
    for agent in evidence.roster:
        size = tokens(neutral(agent.description))
        if size <= BUDGET.card:
            continue
        unread = len(cut(agent.description, PASSAGE)) > MAX_PASSAGES
        rest = f"tasks are compared with its first {MAX_PASSAGES * PASSAGE:,} characters only; " if unread else ""
        message = f"its description is {size:,} tokens long; {rest}a model is shown {BUDGET.card} at most"
        suggestion = "put what sets it apart first, and move how it works to its instructions"
        level = Level.WARNING if unread else Level.INFO
        found.append(Finding("long", level, (agent.id,), message, suggestion, (), min(1.0, size / (20 * BUDGET.card))))
    return found


def examples(evidence: Evidence) -> list[Finding]:
    """Agents without sample requests; where they are many, together."""
    lack = [agent for agent in evidence.roster if len(agent.examples) + len(agent.learned) < REQUESTS]
    others = len(evidence.roster) - len(lack)
    # where most have some, one without is at a disadvantage: their requests draw its tasks
    level = Level.WARNING if others >= len(lack) else Level.INFO
    suggestion = "add five requests to each, in the words of those who ask"
    return _each_or_all(lack, len(evidence.roster), "examples", level, _lacking, suggestion)


def _lacking(agent: Agent) -> str:
    return "it has one sample request" if agent.examples else "it has no sample requests"


def _each_or_all(
    lack: list[Agent], of: int, kind: str, level: Level, say: Callable[[Agent], str], suggestion: str
) -> list[Finding]:
    if len(lack) <= _EACH:
        return [Finding(kind, level, (agent.id,), say(agent), suggestion, (), 0.3) for agent in lack]
    ids = tuple(agent.id for agent in lack)
    message = f"{len(lack):,} of {counted(of, 'agent')} have fewer than {REQUESTS} sample requests"
    return [Finding(kind, level, ids, message, suggestion, (), 0.3)]


def repeated(evidence: Evidence) -> list[Finding]:
    """Requests that stand twice on a card and differ only by case, spaces or the signs at their end."""
    found = []
    for agent in evidence.roster:
        for field, texts in (("examples", agent.examples), ("not_for", agent.not_for)):
            seen: set[str] = set()
            again = []
            for text in texts:
                key = " ".join(text.casefold().split()).rstrip(".!")
                if key in seen:
                    again.append(text)
                seen.add(key)
            if again:
                message = f"its {field} say {'one thing' if len(again) == 1 else f'{len(again)} things'} twice"
                suggestion = "leave the second one out (--fix does)"
                removal = Removal(agent.id, field, tuple(again))
                found.append(
                    Finding("repeated", Level.WARNING, (agent.id,), message, suggestion, tuple(again), 0.2, (removal,))
                )
    return found


def injected(evidence: Evidence) -> list[Finding]:
    """Cards with wording that is meant to steer the choice, that reads as if, or that are stuffed with other agents' words."""
    roster = evidence.roster
    return [
        finding
        for agent, heard in zip(roster, roster.heard, strict=True)
        if agent is not heard and (finding := _unheard(agent, heard)) is not None
    ]


def _unheard(agent: Agent, heard: Agent) -> Finding | None:
    """What of a card is not compared with tasks, and why; None where it is only written otherwise."""
    alone = heard_alone(agent)
    steering, stuffing = _lost(agent, alone), _lost(alone, heard)
    hiding = tuple(text for text in _texts(agent) if hides(text))
    reasons = [suspicious(text) or "" for text in steering]
    orders = [each for each, text in zip(reasons, steering, strict=True) if each.startswith(INSTRUCTION) and not states(text)]
    remedy = "take it out of the card"
    level, weight, why = Level.WARNING, 0.6, ""
    if orders and not about_injection(f"{agent.name} {agent.description}"):
        level, weight, why = Level.ERROR, 1.0, orders[0]
        remedy += ", and find out who wrote it"
    elif hiding:
        why = "hidden or look-alike characters"
    elif stuffing:
        why = "words or sentences of many other agents"
    elif any(reasons):
        why = orders[0] if orders else "it reads like an answer to who should do a task, or like markup for a machine"
        remedy = "say it in a sentence"
    elif steering:
        level, weight, why = Level.INFO, 0.3, "it reads like an instruction to whoever decides"
        remedy = "say what it does instead"
    if not why:
        return None
    message = f"part of its card is left out when tasks are compared: {why}"
    return Finding("injected", level, (agent.id,), message, remedy, (*steering, *stuffing) or hiding, weight)


def _texts(agent: Agent) -> tuple[str, ...]:
    return (agent.name, agent.description, *agent.examples, *agent.not_for)


def _lost(before: Agent, after: Agent) -> tuple[str, ...]:
    """Sentences of name and description, and whole requests, that the second does not have as they look in the first."""
    pieces = [(each, getattr(after, key)) for key in ("name", "description") for each in pieces_of(_look(getattr(before, key)))]
    pieces += [(_look(each), getattr(after, key)) for key in ("examples", "not_for") for each in getattr(before, key)]
    return tuple(dict.fromkeys(piece for piece, kept in pieces if piece and piece not in kept))


def _look(text: str) -> str:
    return cleaned(plain(text))
