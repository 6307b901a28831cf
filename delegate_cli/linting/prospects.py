"""What a roster is worth as it is: expected accuracy, what merging a pair would change, tokens, a health score per agent."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from delegate_cli.agents import Agent
from delegate_cli.cards import card
from delegate_cli.confidence.metrics import wilson
from delegate_cli.deciders.prompt import card_lines, card_name, card_room
from delegate_cli.deciders.untrusted import tokens
from delegate_cli.linting.evidence import Evidence, Predictions
from delegate_cli.linting.finding import Finding, Level

PAIRS = 10  # that are tried as one agent
LOST = 60  # points that an agent loses where it would get none of its own requests
POINTS = {Level.ERROR: 30, Level.WARNING: 10, Level.INFO: 2}  # that it loses by each other finding
_COUNTED = ("taken", "unreachable", "misplaced", "not_for")  # kinds that say what the lost share says already


def accuracy(predictions: Predictions) -> dict[str, Any] | None:
    """The share of left-out requests whose own agent is first, with its Wilson interval; None without any."""
    if not len(predictions):
        return None
    right = int((predictions.first == predictions.gold).sum())
    low, high = wilson(right, len(predictions))
    return {"value": right / len(predictions), "low": low, "high": high, "of": len(predictions)}


def merged(evidence: Evidence) -> list[dict[str, Any]]:
    """The pairs whose merging would help most, each with the accuracy then: the two share a request's probability.

    A merged agent also draws requests of others; those count. Only pairs are tried of which one is first for a request of
    the other.
    """
    predictions = evidence.requests if len(evidence.requests) else evidence.said
    wrong = np.flatnonzero(predictions.first != predictions.gold)
    asked = zip(predictions.first[wrong].tolist(), predictions.gold[wrong].tolist(), strict=True)
    tried = sorted({(min(pair), max(pair)) for pair in asked})
    right = int((predictions.first == predictions.gold).sum())
    found = []
    best = predictions.probability.max(axis=1, initial=0.0)
    for one, other in tried:
        together = predictions.probability[:, one] + predictions.probability[:, other]
        first = together >= best
        own = (predictions.gold == one) | (predictions.gold == other)
        gained = int((first & own).sum()) + int((~first & ~own & (predictions.first == predictions.gold)).sum()) - right
        found.append((gained, one, other))
    found.sort(key=lambda each: (-each[0], each[1], each[2]))
    return [
        {
            "agents": [evidence.name(one), evidence.name(other)],
            "accuracy": (right + gained) / len(predictions),
            "gained": gained,
        }
        for gained, one, other in found[:PAIRS]
        if gained > 1  # one request more is what most pairs would give
    ]


def price(evidence: Evidence) -> dict[str, Any]:
    """Tokens of each card as a model is shown it, and of all of them in one prompt."""
    shown = {agent.id: _card_tokens(agent) for agent in evidence.roster.heard}
    return {"agents": shown, "roster": sum(shown.values()), "largest": max(shown.values())}


def _card_tokens(agent: Agent) -> int:
    as_shown = card(agent, agent.examples)
    return tokens(card_name(as_shown)) + sum(tokens(line) + 1 for line in card_lines(as_shown, card_room(1)))


def health(evidence: Evidence, findings: Sequence[Finding]) -> dict[str, int]:
    """Agent → points from 0 to 100: a share of LOST for its own requests that go to others, and POINTS for each finding."""
    scores = {}
    of_agent: dict[str, list[Finding]] = {agent.id: [] for agent in evidence.roster}
    for finding in findings:
        if finding.kind not in _COUNTED:
            for name in finding.agents:
                of_agent[name].append(finding)
    for place, agent in enumerate(evidence.roster):
        lost = 0.0
        for predictions in (evidence.requests, evidence.said):
            rows = predictions.of(place)
            if len(rows):
                lost = float((predictions.first[rows] != place).mean())
                break
        points = 100 - LOST * lost - sum(POINTS[each.level] for each in of_agent[agent.id])
        scores[agent.id] = max(0, round(points))
    return scores
