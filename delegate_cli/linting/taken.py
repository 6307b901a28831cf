"""Agents that take each other's requests, and single requests that fit another agent better.

A request is taken where, predicted without itself, another agent is clearly likelier and also nearer in meaning: what is only
likelier may be an accident of words. The bounds were chosen so that what is found on public rosters is true when read.
"""

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum

from delegate_cli.linting.alike import copies, duplicates
from delegate_cli.linting.evidence import Evidence, Predictions
from delegate_cli.linting.finding import Finding, Level, counted

LIKELY = 0.5  # probability of the other agent, among the agents
TIMES = 2.0  # so many times as likely as its own agent
NEAR, NEARER = 0.45, 0.05  # similarity to the other agent's nearest part, and by how much it is nearer than any part of its own
MISPLACED_NEAR, MISPLACED_NEARER = 0.6, 0.2  # the same for a request that stands alone with being taken
FEWEST, SHARE = 2, 0.3  # taken requests of a pair, and their share of the requests that were tried of one of the two
_TRIED = 3  # of its requests, with fewer it may be chance


class Tried(StrEnum):
    """What of an agent was left out and predicted."""

    REQUESTS = "sample requests"
    SENTENCES = "sentences of the description"


@dataclass(frozen=True, slots=True)
class Taken:
    """A text of the agent at `gold` that the agent at `by` would get."""

    text: str
    gold: int
    by: int
    probability: float
    support: float
    own_support: float


def taken(predictions: Predictions) -> list[Taken]:
    """All texts that another agent clearly takes."""
    found = []
    for row, text in enumerate(predictions.texts):
        by, gold = int(predictions.first[row]), int(predictions.gold[row])
        share, own = float(predictions.probability[row, by]), float(predictions.probability[row, gold])
        near, own_near = float(predictions.support[row, by]), float(predictions.support[row, gold])
        if by == gold or share < LIKELY or share < TIMES * own or near < NEAR or near - own_near < NEARER:
            continue
        found.append(Taken(text, gold, by, share, near, own_near))
    return found


def pairs(evidence: Evidence) -> list[Finding]:
    """Pairs of agents of which one takes several requests of the other, or both some of each other."""
    found = _pairs(evidence, taken(evidence.requests), evidence.requests, Tried.REQUESTS)
    known = {frozenset(each.agents) for each in (*found, *duplicates(evidence))}  # of near copies that is said already
    said = _pairs(evidence, taken(evidence.said), evidence.said, Tried.SENTENCES)
    return [*found, *(each for each in said if frozenset(each.agents) not in known)]


def _pairs(evidence: Evidence, all_taken: list[Taken], tried: Predictions, tried_of: Tried) -> list[Finding]:
    by_pair: defaultdict[tuple[int, int], list[Taken]] = defaultdict(list)
    for each in all_taken:
        by_pair[min(each.gold, each.by), max(each.gold, each.by)].append(each)
    found = []
    for pair, cases in sorted(by_pair.items()):
        counts = [sum(each.gold == place for each in cases) for place in pair]
        tries = [len(tried.of(place)) for place in pair]
        share = max(count / number for count, number in zip(counts, tries, strict=True) if number)
        if len(cases) < FEWEST or share < SHARE:
            continue
        found.append(_pair(evidence, pair, cases, counts, tries, tried_of))
    return found


def _pair(
    evidence: Evidence, pair: tuple[int, int], cases: list[Taken], counts: list[int], tries: list[int], tried_of: Tried
) -> Finding:
    one, other = (evidence.name(place) for place in pair)
    said = [
        f"{taker} would get {count} of the {tried} {tried_of.value} of {loser}"
        for taker, loser, count, tried in ((other, one, counts[0], tries[0]), (one, other, counts[1], tries[1]))
        if count
    ]
    cases.sort(key=lambda each: (-round(each.probability, 6), each.text))
    worst = cases[0]
    taker, loser = evidence.name(worst.by), evidence.name(worst.gold)
    suggestion = f"if “{worst.text}” is not for {taker}, put it under its not_for; else move it there"
    if tried_of is not Tried.REQUESTS:
        suggestion = f"say in {loser} what {taker} does not do, and add sample requests to both"
    if sum(counts) >= sum(tries) / 2:
        suggestion += ", or make one agent of the two"
    share = max(count / tried for count, tried in zip(counts, tries, strict=True) if tried)
    ids = (taker, loser)
    texts = tuple(dict.fromkeys(each.text for each in cases))  # both may have the same
    weight = min(1.0, 0.6 * share + 0.08 * len(cases))
    return Finding("taken", Level.WARNING, ids, "; ".join(said), suggestion, texts, weight)


def misplaced(evidence: Evidence) -> list[Finding]:
    """Single sample requests that are far nearer to another agent than to anything else of their own."""
    paired = {frozenset(each.agents) for each in pairs(evidence)}
    found = []
    for each in taken(evidence.requests):
        taker, loser = evidence.name(each.by), evidence.name(each.gold)
        apart = each.support - each.own_support
        if each.support < MISPLACED_NEAR or apart < MISPLACED_NEARER or frozenset((taker, loser)) in paired:
            continue
        message = (
            f"a sample request of {loser} would go to {taker}: it is nearer to what {taker} says "
            f"(similarity {each.support:.2f}) than to anything else {loser} says ({each.own_support:.2f})"
        )
        suggestion = f"if {taker} shall do it, move it there; else put it under its not_for"
        found.append(
            Finding("misplaced", Level.WARNING, (taker, loser), message, suggestion, (each.text,), min(1.0, apart) * 0.9)
        )
    return found


def without_not_for(evidence: Evidence) -> list[Finding]:
    """Agents that take requests of others and do not say what they are not for."""
    told = {frozenset(each.agents) for each in (*pairs(evidence), *misplaced(evidence))}
    takers: defaultdict[str, int] = defaultdict(int)
    for each in taken(evidence.requests):
        if frozenset((evidence.name(each.by), evidence.name(each.gold))) in told:
            takers[evidence.name(each.by)] += 1
    found = []
    for name, count in sorted(takers.items()):
        agent = evidence.roster.get(name)
        if agent is not None and not agent.not_for:
            message = f"it takes {counted(count, 'request')} of others and has no not_for"
            suggestion = "write two or three requests under not_for that others shall do"
            found.append(Finding("not_for", Level.INFO, (name,), message, suggestion, (), min(1.0, count / 10)))
    return found


def unreachable(evidence: Evidence) -> list[Finding]:
    """Agents that would get none of their own requests.

    Sentences of a description tell less than requests; those of copies tell nothing, as the copies say them too.
    """
    copied = {name for each in copies(evidence) for name in each.agents}
    found = []
    for predictions, what in ((evidence.requests, "sample requests"), (evidence.said, "sentences of its description")):
        for place, agent in enumerate(evidence.roster):
            rows = predictions.of(place)
            by_requests = predictions is evidence.requests
            if len(rows) < _TRIED or (predictions.first[rows] == place).any() or (agent.id in copied and not by_requests):
                continue
            takers = sorted({evidence.name(int(each)) for each in predictions.first[rows]})
            message = f"it would get none of its own {len(rows)} {what}; they go to {', '.join(takers[:4])}" + (
                " and others" if len(takers) > 4 else ""
            )
            texts = tuple(predictions.texts[row] for row in rows)
            suggestion = "say in the description what only it does, and add sample requests as its users would write them"
            weight = 0.5 + 0.5 * (1 - float(predictions.probability[rows, place].mean()))
            found.append(
                Finding(
                    "unreachable", Level.WARNING if by_requests else Level.INFO, (agent.id,), message, suggestion, texts, weight
                )
            )
    return found
