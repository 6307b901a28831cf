"""`--confirm`: show the candidates, ask a person, and make the answer the decision."""

import sys
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from delegate_cli.cli import streams
from delegate_cli.cli.journaling import Record, forget
from delegate_cli.decision import Candidate, Decision, Status
from delegate_cli.journal.entries import Feedback, Origin, Verdict
from delegate_cli.pipeline import Ask, Delegator
from delegate_cli.render.table import decision_table

if TYPE_CHECKING:
    from delegate_cli.cli.served import Served

NOBODY = ("n", "0", "nobody")


def confirmed(
    delegator: "Delegator | Served", task: str, ask: Ask, explain: bool, color: bool, record: Record = forget
) -> Decision:
    """The decision with the person's answer in it. What is recorded is the decision as it was, and the answer to it."""
    full = delegator.decide(task, replace(ask, top=None))
    shown = replace(full, candidates=full.candidates[: ask.top])
    streams.note(decision_table(shown, explain, color, streams.width()).rstrip("\n"))
    if not shown.candidates:
        record(full)
        return full
    choice = _ask(full, len(shown.candidates))
    verdict = Verdict.NOBODY if choice is None else Verdict.AGENT
    record(shown, Feedback(full.id, verdict, None if choice is None else choice.agent, origin=Origin.CONFIRM))
    if choice is None:
        return replace(shown, status=Status.NONE, agent=None, confirmed=True, reason=None, traded=None)
    kept = shown.candidates if choice in shown.candidates else (*shown.candidates, choice)
    return replace(
        shown,
        status=Status.DECIDED,
        agent=choice.agent,
        probability=choice.probability,
        margin=choice.probability - max((c.probability for c in full.candidates if c is not choice), default=0.0),
        candidates=kept,
        confirmed=True,
        reason=None,
        traded=None,
        escalation=None,
    )


def _ask(full: Decision, shown: int) -> Candidate | None:
    known = {candidate.agent: candidate for candidate in full.candidates}
    names: dict[str, list[Candidate]] = {}
    for candidate in full.candidates:
        names.setdefault(candidate.name.casefold(), []).append(candidate)
    default = "n" if full.status is Status.NONE else "1"
    while True:
        answer = _prompt(f"Who? 1–{shown}, an agent's id or name, or n for nobody [{default}]: ")
        if answer is None:
            raise KeyboardInterrupt
        answer = answer or default
        if answer.isdecimal() and 1 <= int(answer) <= shown:
            return full.candidates[int(answer) - 1]
        if answer in known:
            return known[answer]
        called = names.get(answer.casefold(), [])
        if len(called) == 1:
            return called[0]
        if called:
            streams.note(f"several agents have that name; give an id: {', '.join(each.agent for each in called)}")
            continue
        if answer.casefold() in NOBODY:
            return None
        close = get_close_matches(answer.casefold(), [*known, *names], n=3, cutoff=0.5)
        near = dict.fromkeys(known[word].agent if word in known else names[word][0].agent for word in close)
        streams.note("no such agent" + (f"; did you mean {' or '.join(near)}?" if near else ""))


def _prompt(question: str) -> str | None:
    """The answer, or None at the end of input. The question goes to stderr: stdout is data."""
    sys.stderr.write(question)
    sys.stderr.flush()
    line = sys.stdin.readline()
    return line.strip() if line else None
