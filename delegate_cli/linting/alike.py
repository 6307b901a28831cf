"""Cards that are nearly the same, and requests that stand on two cards."""

import re
from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from delegate_cli.agents import Agent
from delegate_cli.linting.evidence import Evidence
from delegate_cli.linting.finding import EMPTY, Finding, Level

ALIKE = 0.8  # cosine similarity of two cards that say nearly the same
_WORD = re.compile(r"\w+")
_SHOWN = 5  # agents named in a sentence
_STEM = 5  # letters by which forms of one word are taken for the same
_LEAST = 3  # words of a description that can be called a copy


def duplicates(evidence: Evidence) -> list[Finding]:
    """Agents with the same description, and pairs of agents whose cards are nearly the same."""
    same = copies(evidence)
    together = {pair for each in same for pair in _pairs(each.agents)}
    return [*same, *_near(evidence, together)]


def copies(evidence: Evidence) -> list[Finding]:
    """Agents whose descriptions are the same word for word."""
    groups: defaultdict[tuple[str, ...], list[Agent]] = defaultdict(list)
    for agent in evidence.roster:
        said = _words(agent.description)
        if len(said) >= _LEAST:
            groups[said].append(agent)
    found = []
    for group in groups.values():
        if len(group) < 2:
            continue
        ids = tuple(agent.id for agent in group)
        message = f"{listed(ids)} have the same description, word for word"
        if not any(agent.examples for agent in group):
            message += "; which of them gets a task hangs on their names"
        suggestion = "keep one of them, or say in each what only it does"
        found.append(Finding("duplicate", Level.ERROR, ids, message, suggestion, (group[0].description,), 1 - 1 / len(ids)))
    return found


def _near(evidence: Evidence, together: set[tuple[str, str]]) -> list[Finding]:
    likeness = np.triu(evidence.likeness, 1)
    found = []
    for one, other in np.argwhere(likeness >= ALIKE).tolist():
        first, second = evidence.roster.agents[one], evidence.roster.agents[other]
        if (first.id, second.id) in together or _told_apart(first, second):
            continue
        ids = (first.id, second.id)
        likely = float(likeness[one, other])
        message = f"{first.id} and {second.id} say nearly the same: their cards have a similarity of {likely:.2f}"
        suggestion = f"say in each what the other does not do; {_differing(first, second)}"
        said = (first.description, second.description)
        found.append(Finding("duplicate", Level.WARNING, ids, message, suggestion, said, likely))
    return found


def _told_apart(one: Agent, other: Agent) -> bool:
    """Whether one has a word in its name that its card explains and the other's never has: `for .NET`, `planner`."""
    return _has_own_word(one, other) or _has_own_word(other, one)


def _has_own_word(one: Agent, other: Agent) -> bool:
    said, others = set(_words(one.description)), {*_words(other.description), *_words(other.name)}
    own = {word for word in _words(one.name) if word not in EMPTY and not any(_same(word, each) for each in others)}
    return any(_same(word, each) for word in own for each in said)


def _same(one: str, other: str) -> bool:
    """Whether two words are about the same: `net` and `dotnet`, `plan` and `planner`, `reviewer` and `reviews`."""
    short, long = sorted((one, other), key=lambda word: (len(word), word))
    if len(short) < _STEM - 1:
        return short == long or (len(short) == _STEM - 2 and long.endswith(short))
    return long.startswith(short[:_STEM])


def _differing(one: Agent, other: Agent) -> str:
    first, second = _words(one.description), _words(other.description)
    only = [
        [word for word in dict.fromkeys(a) if word not in b and len(word) > 3 and word not in EMPTY]
        for a, b in ((first, second), (second, first))
    ]
    said = [
        f"only {agent.id} says {', '.join(words[:_SHOWN])}" for agent, words in zip((one, other), only, strict=True) if words
    ]
    return "; ".join(said) if said else "or keep one of them"


def shared(evidence: Evidence) -> list[Finding]:
    """Requests that are samples of two agents, or both a sample and a counter-example of one."""
    owners: defaultdict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
    found = []
    for agent in evidence.roster:
        for text in agent.examples:
            owners[_words(text)][agent.id] = text
        against = {_words(text) for text in agent.not_for}
        for text in dict.fromkeys(agent.examples):
            if _words(text) in against:
                message = "a sample request is also under its not_for"
                found.append(Finding("shared", Level.ERROR, (agent.id,), message, "keep it in one of the two", (text,), 1.0))
    for key, agents in owners.items():
        if len(agents) > 1 and key:
            ids = tuple(sorted(agents))
            message = f"{listed(ids)} have the same sample request"
            text = agents[ids[0]]
            found.append(Finding("shared", Level.WARNING, ids, message, "leave it with the one that shall do it", (text,), 0.9))
    return found


def listed(ids: Iterable[str]) -> str:
    """`a, b and c`; of many the first ones."""
    names = list(ids)
    if len(names) > _SHOWN:
        names = [*names[: _SHOWN - 1], f"{len(names) - _SHOWN + 1} others"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _pairs(ids: tuple[str, ...]) -> Iterable[tuple[str, str]]:
    return ((one, other) for place, one in enumerate(ids) for other in ids[place + 1 :])


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.casefold().replace("_", " ")))
