"""Agents that are not there: ids that look alike, escalation that ends nowhere, availability that has run out."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from datetime import date

from delegate_cli.agents import Agent, Presence
from delegate_cli.linting.alike import listed
from delegate_cli.linting.evidence import Evidence
from delegate_cli.linting.finding import Finding, Level

_UNTIL = re.compile(
    r"\b(?:until|till|through|expires?(?:\s+on)?|valid\s+to|ends?\s+on|discontinued\s+(?:on|as\s+of))\s+(\d{4}-\d{2}-\d{2})\b",
    re.IGNORECASE,
)
_GONE = re.compile(
    r"\A\W*(?:deprecated|obsolete|retired|discontinued)\b"
    r"|\b(?:this\s+(?:agent|tool|team|service|skill)|it|which)\s+(?:is|has\s+been|was)\s+"
    r"(?:(?:now|no\s+longer)\s+)?(?:deprecated|obsolete|retired|discontinued|maintained|superseded|replaced)\b"
    r"|\bno\s+longer\s+(?:maintained|available|in\s+use|works?\s+here)\b",
    re.IGNORECASE,
)


def ids(evidence: Evidence) -> list[Finding]:
    """Ids that differ only by case, by - and _, or by characters that look alike."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for agent in evidence.roster:
        groups[re.sub(r"[-_.\s]+", "-", unicodedata.normalize("NFKC", agent.id).casefold())].append(agent.id)
    suggestion = "give one of them another id: who types it, or a system that ignores case, takes one for the other"
    return [
        Finding(
            "ids", Level.WARNING, tuple(names), f"the ids {listed(names)} differ only by case or signs", suggestion, (), 0.8
        )
        for names in groups.values()
        if len(names) > 1
    ]


def escalation(evidence: Evidence) -> list[Finding]:
    """Chains of `escalate_to` that name nobody, or somebody who is never there."""
    last = evidence.roster.settings.get("escalate_to")
    links = [(agent.id, agent.escalate_to) for agent in evidence.roster if agent.escalate_to is not None]
    if last is not None:
        links.append(("settings", last))
    found = []
    for source, target in links:
        whom = evidence.roster.get(target)
        ids = (source, target) if whom is not None and source != "settings" else (source if source != "settings" else target,)
        if whom is None:
            message = f"{source}: escalate_to names {target}, and there is no such agent"
            found.append(Finding("escalation", Level.ERROR, ids, message, "name the id of an agent of this roster", (), 1.0))
        elif never_there(whom) and whom.escalate_to is None:
            message = f"{source} hands on to {target}, who takes no tasks and names nobody in turn"
            found.append(
                Finding(
                    "escalation", Level.WARNING, ids, message, f"give {target} an escalate_to, or name somebody else", (), 0.8
                )
            )
    return found


def never_there(agent: Agent) -> bool:
    """Whether an agent takes no task at any hour: away, or without capacity."""
    there = agent.availability
    return there is not None and (there.status is Presence.AWAY or there.capacity == 0)


def availability(evidence: Evidence, today: date) -> list[Finding]:
    """Agents that take no tasks and name nobody instead, or whose card says that their time is over."""
    last = evidence.roster.settings.get("escalate_to")
    return [
        Finding("availability", level, (agent.id,), message, suggestion, sentences, 0.7)
        for agent in evidence.roster
        for level, message, suggestion, sentences in _absences(agent, last is not None, today)
    ]


def _absences(agent: Agent, has_last: bool, today: date) -> Iterator[tuple[Level, str, str, tuple[str, ...]]]:
    there = agent.availability
    if never_there(agent) and agent.escalate_to is None and not has_last:
        what = "is away" if there is not None and there.status is Presence.AWAY else "has a capacity of 0"
        fix = "name who stands in with escalate_to, or take it out of the roster"
        yield Level.WARNING, f"it {what}, and nobody stands in: its tasks wait for a person", fix, ()
    if there is not None and there.timezone is not None and there.hours is None:
        yield Level.INFO, "its time zone changes nothing without hours", "add hours, or leave the time zone out", ()
    for text in _sentences(agent):
        ended = [found for found in _UNTIL.findall(text) if _past(found, today)]
        if ended:
            yield (
                Level.WARNING,
                f"its card says that it ended on {ended[0]}",
                "renew the date, or take it out of the roster",
                (text,),
            )
        elif _GONE.search(text):
            yield Level.WARNING, "its card says that it is no longer in use", "take it out of the roster", (text,)


def _sentences(agent: Agent) -> list[str]:
    from delegate_cli.index.parts import sentences

    return [*sentences(agent.description), *([agent.contact] if agent.contact else [])]


def _past(text: str, today: date) -> bool:
    try:
        return date.fromisoformat(text) < today
    except ValueError:
        return False
