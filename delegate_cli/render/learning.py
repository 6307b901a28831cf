"""What was learnt from answers, as lines and as tables."""

from typing import Any

from delegate_cli.render.plain import columns
from delegate_cli.render.table import listing
from delegate_cli.render.text import clean, shorten

_SHOWN = 10  # contradictions


def plain(record: dict[str, Any]) -> str:
    """Tab-separated lines: each new count by agent, each figure before and after, each part that was fitted; then sentences."""
    rows = [("examples", *row) for row in _agents(record)] + _figures(record) + _parts(record)
    return columns(rows) + _sentences(record)


def table(record: dict[str, Any], color: bool, width: int) -> str:
    """The same for a terminal."""
    pieces = []
    if record["examples"]:
        pieces.append(listing(("agent", "sample requests", "new"), _agents(record), color, width))
    if "before" in record:
        pieces.append(listing(("left-out answers", "before", "after"), _figures(record), color, width))
    if "calibration" in record:
        pieces.append(listing(("part", "", "why"), _parts(record), color, width))
    return "\n".join([*pieces, _sentences(record)])


def undone_line(gone: int | None) -> str:
    """What an undo did."""
    if gone is None:
        return "nothing was learnt that could be taken back\n"
    return f"taken back: {_count(gone, 'sample request')} fewer\n" if gone else "taken back\n"


def _agents(record: dict[str, Any]) -> list[tuple[str, ...]]:
    return [(clean(agent), str(before), f"+{new}") for agent, (before, new) in record["examples"].items()]


def _figures(record: dict[str, Any]) -> list[tuple[str, ...]]:
    if "before" not in record:
        return []
    before, after = record["before"], record["after"]
    shares = tuple("–" if side["top1"] is None else f"{100 * side['top1']:.1f} %" for side in (before, after))
    return [("top-1", *shares), ("log loss", f"{before['log_loss']:.3f}", f"{after['log_loss']:.3f}")]


def _parts(record: dict[str, Any]) -> list[tuple[str, ...]]:
    parts = record.get("calibration", {}).get("parts", {})
    return [(name, "fitted" if part["applied"] else "left as it was", part["reason"]) for name, part in parts.items()]


def _sentences(record: dict[str, Any]) -> str:
    lines = [_verdict(record)]
    new = sum(number for _, number in record["examples"].values())
    said = f"{_count(record['answers'], 'answer')} in the journal, {record['new']} new: {_count(new, 'sample request')}"
    lines.append(
        f"{said}, {record['copies']} copies of what is there" + (f", {record['full']} too many" if record["full"] else "")
    )
    if record["withdrawn"]:
        lines.append(f"{_count(record['withdrawn'], 'answer')} taken back since")
    lines += [f"left out: {count}, {reason}" for reason, count in record["unusable"].items()]
    for agent, count in record["gone"].items():
        lines.append(f"the roster has no agent {clean(agent)}" + (f": {_count(count, 'answer')} left out" if count else ""))
    lines += [_contradiction(each) for each in record["contradictions"][:_SHOWN]]
    if len(record["contradictions"]) > _SHOWN:
        lines.append(f"and {len(record['contradictions']) - _SHOWN} more contradictions; --format json has them")
    lines += [_blend(record["blend"])] if "blend" in record else []
    lines.append(_weight(record))
    lines.append(f"drift: {record['drift']['said']}")
    if record["outcomes"]:
        known = sum(int(count) for count, _ in record["outcomes"].values())
        lines.append(f"outcomes of {_count(known, 'task')}: among about equally probable agents the proven one goes first")
    if "written" in record:
        lines.append(f"written to the roster's file: {_count(record['written'], 'sample request')}")
    return "".join(line + "\n" for line in lines)


def _verdict(record: dict[str, Any]) -> str:
    if record["missing"]:
        return f"nothing learnt: {_count(record['new'], 'new answer')}, {record['missing']} more would do"
    test = record["test"]
    changed = f"{test['gained']} gained, {test['lost']} lost of {record['left_out']}, p = {test['p_value']:.2f}"
    kept = "" if record["stored"] else "; nothing is kept: --dry-run"
    if record["applied"]:
        return f"{'learnt' if record['stored'] else 'would be learnt'}: {test['reason']} ({changed}){kept}"
    if record.get("calibration", {}).get("applied"):
        return f"no new sample requests: {test['reason']} ({changed}); probabilities fitted on the answers{kept}"
    return f"nothing learnt: {test['reason']} ({changed})"


def _blend(blend: dict[str, Any]) -> str:
    weight, offset = blend["blend"]
    before, after = blend["unknown_loss"]
    return (
        f"learnt requests count {weight:.0%}, their agents lose {offset:g} logits, so that tasks of agents of which nothing was"
        f" learnt fare no worse (log loss {before:.3f} before, {after:.3f} after; {blend['unknown']:.0%} of the next tasks)"
    )


def _weight(record: dict[str, Any]) -> str:
    asked, looked = record["weights"].get("asked", 1.0), record["weights"].get("looked", 0.0)
    text = f"weight of an answer: {asked:.2g} where somebody was asked"
    if looked:
        text += f", {looked:.2g} where a handed-over task was looked at"
    if record["unanswered"]:
        text += f"; {record['unanswered']:g} handed-over tasks that nobody spoke of are taken at their promised probability"
    return text


def _contradiction(each: dict[str, Any]) -> str:
    was, now = (clean(each[key]) if each[key] is not None else "nobody" for key in ("was", "now"))
    where = "the roster's file says" if each["in_roster"] else "earlier"
    return f"contradiction: {where} {was}, now {now}: {shorten(each['task'], 80)}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
