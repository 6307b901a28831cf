"""What fits and forecasts come to, as records for JSON, plain lines and tables."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from delegate_cli.decision import PLACES
from delegate_cli.planning.choice import Interval, Result
from delegate_cli.planning.contest import Contest
from delegate_cli.planning.difficulty import Fitted, Forecast
from delegate_cli.planning.keep import Kept
from delegate_cli.planning.outcomes import NO_USD, Outcomes


def fit_record(fitted: Fitted, outcomes: Outcomes, source: str) -> dict[str, Any]:
    """How difficulty was fitted, with the held-out scores of every estimator that was tried."""
    known = ~np.isnan(outcomes.success)
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "source": source,
        "tasks": len(outcomes),
        "outcomes": int(known.sum()),
        "families": None if outcomes.families is None else len(set(outcomes.families)),
        "prices_per": outcomes.per if outcomes.cost is not None or outcomes.per == NO_USD else None,
        "estimator": fitted.difficulty.name,
        "slope": _round(fitted.difficulty.slope),
        "tried": [
            {
                "estimator": each.estimator,
                "brier": _round(each.error),
                "auc": _round(each.auc),
                "ece": _round(each.ece),
                "kept": each.estimator == fitted.difficulty.name,
            }
            for each in fitted.scores
        ],
        "agents": [
            {"agent": agent, "tasks": int(known[:, at].sum()), "rate": _round(fitted.difficulty.rates[at])}
            for at, agent in enumerate(outcomes.agents)
        ],
    }


def forecast_record(task: str, forecast: Forecast, kept: Kept, chosen: Sequence[str]) -> dict[str, Any]:
    """The probability of failure of each chosen agent on one task, the least first."""
    agents = kept.difficulty.agents
    rows = []
    for at, agent in enumerate(agents):
        if agent in chosen:
            failure, low, high = (1 - float(each[0, at]) for each in (forecast.success, forecast.high, forecast.low))
            facts = {"agent": agent, "failure": _round(failure), "low": _round(low), "high": _round(high)}
            rows.append({**facts, "rate": _round(1 - kept.difficulty.rates[at]), "tasks": int(kept.tasks[at])})
    trust = float(forecast.trust[0])
    return {
        "task": task,
        "far": trust == 0,
        "trust": _round(trust),
        "estimator": kept.difficulty.name,
        "agents": sorted(rows, key=lambda row: (row["failure"], row["agent"])),
    }


def contest_record(found: Contest, tasks: int, how: str) -> dict[str, Any]:
    """A comparison of rules; `how` says what it was fitted and judged on."""
    gap = None
    if found.recovered is not None and found.pair is not None:
        gap = {"weak": found.pair[0], "strong": found.pair[1], **_interval(found.recovered)}
    return {"tasks": tasks, "how": how, "rules": [result_record(each) for each in found.results], "recovered": gap}


def result_record(found: Result) -> dict[str, Any]:
    """One rule of a comparison."""
    return {
        "rule": found.name,
        "quality": _interval(found.quality),
        "price": _round(found.price),
        "gain": None if found.gain is None else _interval(found.gain),
    }


def _interval(found: Interval) -> dict[str, float | None]:
    return {"value": _round(found.value), "low": _round(found.low), "high": _round(found.high)}


def _round(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), PLACES)
