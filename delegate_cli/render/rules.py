"""What the rules around a decision did, in words: who was left out, what was traded, whom to turn to."""

from collections.abc import Sequence
from itertools import groupby

from delegate_cli.circumstances import Escalation, Lift, Trade
from delegate_cli.decision import Decision, Exclusion, Status

_NAMED = 3  # agents that are named where a rule left out more


def rule_lines(decision: Decision) -> list[str]:
    """One line for each thing that happened, in a fixed order."""
    lines = []
    if decision.followup is not None and decision.followup.weight >= 0.5:
        turn = decision.followup
        said = [f"to {turn.previous}" if turn.previous else "", "with its context" if turn.context else ""]
        lines.append(f"read as a follow-up {' '.join(filter(None, said))} ({turn.weight:.2f})")
    if decision.traded is not None:
        lines.append(_traded(decision.traded))
    if decision.reason is not None and decision.status is Status.DECIDED:
        lines.append(decision.reason)
    if decision.escalation is not None:
        lines.append(_escalated(decision.escalation))
    if decision.excluded:
        lines.append(excluded_line(decision.excluded))
    return lines


def no_eligible(excluded: Sequence[Exclusion], lift: Lift | None) -> str:
    """Why nobody is left, and what would help."""
    said = f"no eligible agent: all {len(excluded)} were excluded" if len(excluded) > 1 else "no eligible agent"
    if lift is None:
        return f"{said}; no single constraint is to blame"
    agents = "1 agent" if lift.eligible == 1 else f"{lift.eligible} agents"
    return f"{said}; without {lift.constraint} there would be {agents}"


def excluded_line(excluded: Sequence[Exclusion]) -> str:
    """How many each rule left out, and the first of them by name."""
    by_rule = {rule: list(found) for rule, found in groupby(sorted(excluded, key=_by_rule), _by_rule)}
    parts = []
    for rule, found in sorted(by_rule.items(), key=lambda item: (-len(item[1]), item[0])):
        if len(found) > _NAMED:
            names = ", ".join(each.agent for each in found[:_NAMED])
            parts.append(f"{len(found)} by {rule}: {names} and {len(found) - _NAMED} more")
        else:
            parts.append(", ".join(f"{each.agent} ({each.detail})" for each in found))
    count = f" {len(excluded)}" if len(excluded) > 1 else ""
    return f"excluded{count}: {'; '.join(parts)}"


def _by_rule(exclusion: Exclusion) -> str:
    return exclusion.rule


def _traded(trade: Trade) -> str:
    gains = []
    if trade.cost_usd:
        gains.append(f"{abs(trade.cost_usd):.4g} USD {'cheaper' if trade.cost_usd < 0 else 'dearer'}")
    if trade.latency_ms:
        gains.append(f"{abs(trade.latency_ms):.4g} ms {'faster' if trade.latency_ms < 0 else 'slower'}")
    if trade.quality and trade.by == "outcomes":
        gains.append(f"success on such tasks {trade.quality:+.2f}")
    elif trade.quality:
        named = f" ({', '.join(trade.skills)})" if trade.skills else ""
        gains.append(f"skill {trade.quality:+.2f}{named}")
    what = ", ".join(gains) or "of which less is known"
    return f"preferred over {trade.over} ({trade.by}): {what}; probability {trade.probability:+.2f}"


def _escalated(escalation: Escalation) -> str:
    path = " → ".join(step.agent + (f" ({step.detail})" if step.detail else "") for step in escalation.chain)
    last = escalation.chain[-1]
    contact = f", {last.contact}" if last.contact else ""
    return f"escalation: {path}{contact}" if escalation.to is not None else f"escalation: {path} → nobody who is there{contact}"
