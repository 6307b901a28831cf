"""Decisions as lines for pipes: tab-separated columns, one line a task, in a fixed order."""

from collections.abc import Sequence
from typing import Any

from delegate_cli.decision import Decision, EvidenceKind, Status
from delegate_cli.render.rules import no_eligible
from delegate_cli.render.text import clean, shorten

NOBODY = "-"


def plain_line(decision: Decision) -> str:
    """status, agent, probability, confidence, candidates as `id=probability`, task."""
    first = decision.candidates[0] if decision.candidates else None
    level = first.rubric.level if first is not None and first.rubric is not None else 0
    columns = (
        decision.status.value,
        decision.agent or NOBODY,
        f"{decision.probability:.3f}",
        str(level) if level else NOBODY,
        " ".join(f"{clean(each.agent)}={each.probability:.3f}" for each in decision.candidates) or NOBODY,
        shorten(decision.task, 200),
    )
    return "\t".join(columns) + "\n"


def plain_error(task: str | None, error: dict[str, str]) -> str:
    """The line of a task that could not be read."""
    return "\t".join(("error", NOBODY, NOBODY, NOBODY, clean(error["message"]), shorten(task or "", 200))) + "\n"


def id_line(decision: Decision) -> str:
    """The agent's id, or a hyphen for nobody: one line a task, whatever happens."""
    return (decision.agent or NOBODY) + "\n"


def sentence(decision: Decision) -> str:
    """What to do, in words."""
    name = decision.candidates[0].name if decision.candidates else ""
    if decision.status is Status.DECIDED:
        who = next((each.name for each in decision.candidates if each.agent == decision.agent), decision.agent)
        name = f"{who} ({decision.agent})" if who != decision.agent else str(who)
        return f"decided: {name}" + (", confirmed" if decision.confirmed else "")
    if decision.status is Status.ASK:
        if decision.reason is not None:
            return f"ask: perhaps {name}, but {decision.reason}"
        if decision.probability >= decision.threshold:
            return f"ask: perhaps {name}, but its lead of {decision.margin:.2f} is too small"
        return f"ask: perhaps {name}, but {decision.probability:.2f} is below {decision.threshold:.2f}"
    if decision.status is Status.NONE:
        if decision.confirmed:
            return "nobody: confirmed"
        said = f"nobody fits ({decision.none:.2f})"
        return said if decision.reason is None else f"{said}: {decision.reason}"
    return no_eligible(decision.excluded, decision.lift)


def skill_lines(decision: Decision) -> list[str]:
    """What is measured and inferred of the first candidates' skills that the task needs."""
    lines = []
    for candidate in decision.candidates[:3]:
        told = [each.text for each in candidate.evidence if each.kind is EvidenceKind.SKILL]
        if told:
            lines.append(f"skills of {candidate.name}: {', '.join(told)}")
    return lines


def model_lines(decision: Decision) -> list[str]:
    """What a model had to do with a decision, in words; empty where the head decided alone and was not meant to ask."""
    decider, lines = decision.decider, []
    if decision.fallback is not None:
        lines.append(f"the head decided: {decision.fallback['reason']}")
    elif decider.kind != "head":
        facts = [f"{decider.orders} orders" if decider.orders > 1 else "one order"]
        if decider.flips is not None:
            facts.append(f"the first choice changed in {decider.flips:.0%}".replace("%", " %"))
        if decider.missing_mass >= 0.005:
            facts.append(f"{decider.missing_mass:.0%} on no label".replace("%", " %"))
        if not decider.calibrated:
            facts.append("not calibrated")
        lines.append(f"decided with {decider.model} ({decider.kind}): {', '.join(facts)}{_spent(decision)}")
    for each in decision.candidates:
        if each.model_level is not None and each.rubric is not None:
            level = each.model_level
            lines.append(f"{each.name}: the model says {level.level} of 5 (computed {each.rubric.level}): {level.reason}")
    return lines


def _spent(decision: Decision) -> str:
    decider = decision.decider
    if not decider.input_tokens + decider.output_tokens:
        return ""
    usd = "" if decider.cost_usd is None else f", {decider.cost_usd:.4f} USD"
    return f"; {decider.input_tokens:,} tokens in, {decider.output_tokens:,} out{usd}"


def columns(rows: Sequence[tuple[str, ...]]) -> str:
    """Tab-separated lines."""
    return "".join("\t".join(clean(cell) for cell in row) + "\n" for row in rows)


def facts(pairs: list[tuple[str, Any]]) -> str:
    """`name: value` lines."""
    return "".join(f"{name}: {clean(str(value))}\n" for name, value in pairs)
