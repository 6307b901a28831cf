"""What the journal holds as text: lists, one decision with all that was said of it, figures, replays."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from delegate_cli.journal.answers import was_right
from delegate_cli.journal.entries import Entry, Feedback, Verdict, iso
from delegate_cli.journal.records import HASHED, decision_of
from delegate_cli.journal.replay import Replayed
from delegate_cli.render.plain import NOBODY, columns, facts
from delegate_cli.render.sections import Section
from delegate_cli.render.text import clean, shorten

LIST_HEAD = ("id", "when", "status", "agent", "prob", "answer", "task")
_TASK = 200  # characters in lines for pipes


def local(at: float) -> str:
    """A time as this machine's clock shows it."""
    return datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M")


def said(answer: Feedback | None) -> str:
    """A verdict in a word or an id."""
    if answer is None:
        return ""
    if answer.verdict is Verdict.WRONG:
        return "wrong"
    return answer.agent or "nobody"


def list_row(entry: Entry, short: str | None = None) -> tuple[str, ...]:
    """The columns of a list; with a short id they are for a person, else for a pipe."""
    mark = {True: " ✔", False: " ✘", None: ""}[was_right(entry)]
    person = short is not None
    return (
        short or entry.id,
        local(entry.at) if person else iso(entry.at),
        entry.status,
        entry.agent or NOBODY,
        f"{entry.probability:.3f}" if not person else f"{entry.probability:.2f}",
        (said(entry.answer) + mark if person else said(entry.answer)) or NOBODY,
        shorten(HASHED if entry.task is None else entry.task, 60 if person else _TASK),
    )


def why_text(entry: Entry, short: str, table: bool, color: bool, width: int) -> str:
    """Everything that is known of a decision: candidates with rubric and evidence, then what was said of it."""
    from delegate_cli.render.table import decision_table, listing

    decision = decision_of(entry)
    pairs = [*_circumstances(entry, short if table else entry.id), *_history(entry)]
    if not table:
        return facts([("task", decision.task), *pairs]) + columns(_evidence(entry))
    whole = [row[1:] for row in _evidence(entry) if row[0] == "evidence"]  # the table above has the best alone, cut short
    evidence = listing(("candidate", "evidence", "", "text"), whole, color, width) if whole else ""
    return f"{decision_table(decision, True, color, width)}\n{evidence}\n{facts(pairs)}"


def _circumstances(entry: Entry, identity: str) -> list[tuple[str, str]]:
    pairs = [("id", identity), ("when", f"{local(entry.at)} ({entry.origin.value})")]
    if entry.record.get("ref") is not None:
        pairs.append(("ref", str(entry.record["ref"])))
    roster = f"{entry.roster_path or 'in memory'} (sha256 {(entry.roster_sha256 or '')[:12]})"
    decider = entry.record["decider"]
    versions = ", ".join(f"{name} {value}" for name, value in entry.versions.items())
    pairs += [
        ("roster", roster),
        ("decider", f"{decider['kind']}, {decider['model']}"),
        ("settings", entry.settings_sha256[:12]),
    ]
    asked = {name: value for name, value in entry.asked.items() if value not in (None, False, "", [], {})}
    if asked:
        pairs.append(("asked with", ", ".join(f"{name} {_plain(value)}" for name, value in asked.items())))
    return [*pairs, ("versions", versions)]


def _plain(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _history(entry: Entry) -> list[tuple[str, str]]:
    """Every feedback in the order it came."""
    pairs = []
    for each in entry.feedback:
        words = [] if each.verdict is None else [f"{said(each)} is right" if each.agent else said(each)]
        words += [f"{name} {value}" for name, value in each.outcome.items()]
        words += [f"“{clean(each.note)}”"] if each.note else []
        undone = " (undone)" if each.undone else ""
        pairs.append((each.origin.value, f"{', '.join(words)}, {local(each.at)}{undone}"))
    return pairs


def _evidence(entry: Entry) -> list[tuple[str, ...]]:
    """Lines for pipes: candidates, their criteria, their evidence, who was left out."""
    rows: list[tuple[str, ...]] = []
    for each in entry.record["candidates"]:
        level = str(each.get("confidence", NOBODY))
        rows.append(("candidate", each["agent"], f"{each['probability']:.3f}", level, each["name"]))
        for kind, label, number, words in (
            ("rubric", "criterion", "score", "reason"),
            ("evidence", "kind", "similarity", "text"),
        ):
            what = "criterion" if kind == "rubric" else kind
            rows += [(what, each["agent"], one[label], f"{one[number]:.2f}", one[words]) for one in each.get(kind, ())]
    if "reason" in entry.record:
        rows.append(("reason", entry.record["reason"]))
    rows += [("excluded", each["agent"], each["rule"], each["detail"]) for each in entry.record["excluded"]]
    return rows


def stats_sections(figures: Mapping[str, Any]) -> list[Section]:
    """Counts by status and by agent."""
    head = ("decisions", "answered", "right")
    statuses = [(name, *_counts(row, *head)) for name, row in figures["statuses"].items()]
    agents = [(row["agent"], *_counts(row, "decisions", "decided", "answered", "right")) for row in figures["agents"]]
    span = f"{figures['first']} to {figures['last']}" if figures["first"] else "nothing recorded"
    notes = [
        f"{figures['path']}: {span}, {figures['bytes'] / 1e6:.1f} MB.",
        f"{figures['waiting']} wait for review. {figures['feedback']} feedbacks.",
    ]
    found = [Section("status", "By status", ("status", *head), statuses, notes)]
    if agents:
        named = ("agent", "decisions", "handed over", "answered", "right")
        found.append(Section("agent", "By the agent that was named", named, agents))
    return found


def _counts(row: Mapping[str, Any], *names: str) -> tuple[str, ...]:
    return tuple(str(row[name] or 0) for name in names)


REPLAY_HEAD = ("id", "then", "now", "prob", "answer", "task")


def replay_row(each: Replayed, short: str | None = None) -> tuple[str, ...]:
    """One decision then and now; an equal one has no arrow."""
    entry, now = each.entry, each.now
    then_agent, now_agent = (f"{entry.status} {entry.agent or NOBODY}", f"{now.status.value} {now.agent or NOBODY}")
    return (
        short or entry.id,
        then_agent,
        now_agent if each.changed else "same",
        f"{entry.probability:.2f} → {now.probability:.2f}",
        said(entry.answer) or NOBODY,
        shorten(entry.task or "", 60 if short else _TASK),
    )


def replay_summary(tally: Mapping[str, Any]) -> str:
    """The counts of a replay in words."""
    many = tally["replayed"]
    words = [f"{tally['changed']} of {many} would go another way"]
    if tally["moved"]:
        words.append(f"{tally['moved']} go the same way with another certainty")
    if tally["answered"]:
        words.append(
            f"of {tally['answered']} that people answered {tally['right_then']} were right, now {tally['right_now']} are"
        )
    if tally["without_text"]:
        words.append(f"{tally['without_text']} left out whose text was not kept as it was")
    return "; ".join(words)
