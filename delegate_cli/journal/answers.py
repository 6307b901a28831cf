"""What people say of decisions, made uniform: who was right, whether the decision was, and labelled tasks from both."""

from typing import Any

from delegate_cli.journal.entries import Entry, Feedback, Origin, Verdict


def verdict_of(entry: Entry, verdict: Verdict, agent: str | None = None, origin: Origin = Origin.FEEDBACK) -> Feedback:
    """What was said of a decision, with the agent that follows: `right` of one that named nobody is `nobody`."""
    if verdict is Verdict.RIGHT:
        if entry.agent is None:
            return Feedback(entry.id, Verdict.NOBODY, origin=origin)
        agent = entry.agent
    return Feedback(entry.id, verdict, agent, origin=origin)


def was_right(entry: Entry) -> bool | None:
    """Whether the decision was right, as far as somebody said; one that named nobody is right where nobody fits."""
    answer = entry.answer
    if answer is None:
        return None
    return answer.verdict is not Verdict.WRONG and answer.agent == entry.agent


def labelled(entry: Entry) -> dict[str, Any] | None:
    """A labelled task as `delegate eval` reads it, or None where the right agent or the text is not known."""
    answer = entry.answer
    if answer is None or answer.verdict is Verdict.WRONG or entry.task is None:
        return None
    return {"id": entry.id, "task": entry.task, "agent": answer.agent}
