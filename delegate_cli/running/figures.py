"""What many compared requests came to: win rate, mean difference, formats, cost and seconds. Intervals are 95 %.

Shares have Wilson's interval, means the percentile bootstrap's.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from delegate_cli.confidence.intervals import mean, share


def summary(results: Sequence[Mapping[str, Any]], prompts: int) -> dict[str, Any]:
    """The figures of a batch.

    The win rate is over what was compared by a judge; a tie counts half. A request that is one task for the agent that would
    do it alone anyway is not compared: it is counted as `same`. Cost, seconds and words are means over what was compared.
    """
    compared = [row for row in results if row.get("judge") == "judged"]
    winners = [row["winner"] for row in compared]
    won, tied = winners.count("multi"), winners.count("tie")
    states = [row["status"] for row in results]
    judges = [row.get("judge") for row in results]
    rewards = [row["reward"] for row in results if row.get("reward") is not None]
    return {
        "prompts": {
            "all": prompts,
            "done": states.count("done"),
            "partial": sum(state in ("partial", "waiting") for state in states),
            "failed": len(states) - states.count("done") - sum(state in ("partial", "waiting") for state in states),
            "split": sum(row.get("parts", 0) > 1 for row in results),
            "same": judges.count("same"),
            "judged": len(compared),
            "unreadable": judges.count("unreadable"),
            "won": won,
            "lost": len(compared) - won - tied,
            "tied": tied,
            "inconsistent": sum(row["consistent"] is False for row in compared),
        },
        "win_rate": share(won + tied / 2, len(compared)),
        "difference": mean([row["difference"] for row in compared]),
        "reward": mean(rewards),
        "format_ok": {
            "split": _ok(row["format"].get("split") for row in results if row.get("format")),
            "answer": _ok(row["format"].get("answer") for row in results if row.get("format")),
            "judge": share(len(compared), len(compared) + judges.count("unreadable")),
        },
        "multi": _side(compared, "multi"),
        "single": _side(compared, "single"),
        "judge": _spent(results),
    }


def _ok(flags: Iterable[bool | None]) -> dict[str, Any] | None:
    found = [flag for flag in flags if flag is not None]  # None: no model was asked
    return share(sum(found), len(found))


def _side(compared: Sequence[Mapping[str, Any]], side: str) -> dict[str, Any]:
    rows = [row[side] for row in compared]
    costs = [row["cost_usd"] for row in rows if row["cost_usd"] is not None]
    count = max(1, len(rows))
    return {
        "cost_usd": math.fsum(costs) / len(costs) if costs else None,
        "seconds": math.fsum(row["seconds"] for row in rows) / count,
        "words": sum(row["length"]["words"] for row in rows) / count,
        "points": math.fsum(row["points"] for row in rows) / count,
    }


def _spent(results: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    rows = [row["judge_spent"] for row in results if row.get("judge_spent")]
    costs = [row["cost_usd"] for row in rows if row["cost_usd"] is not None]
    return {"cost_usd": math.fsum(costs) if costs else None, "seconds": math.fsum(row["seconds"] for row in rows)}
