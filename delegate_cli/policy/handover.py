"""What to do with the best candidate: hand over, ask a person, or nobody."""

from delegate_cli.agents import Agent, Auto
from delegate_cli.decision import Status


def hand_over(probability: float, margin: float, none: float, threshold: float, min_margin: float) -> Status:
    """What to do with the best candidate: all arguments in [0, 1].

    Nobody is named only where that is likelier than that somebody fits; else a person sees the candidates.
    """
    if none >= 0.5:
        return Status.NONE
    if probability >= threshold and margin >= min_margin:
        return Status.DECIDED
    return Status.ASK


def automatic(status: Status, agent: Agent) -> tuple[Status, str | None]:
    """The same with the word that the agent's card has in it, and why it differs.

    `auto: never` turns every hand-over into a question; `auto: always` every question into a hand-over. Where nobody fits,
    neither matters.
    """
    if status is Status.DECIDED and agent.auto is Auto.NEVER:
        return Status.ASK, f"{agent.id} never gets a task unasked"
    if status is Status.ASK and agent.auto is Auto.ALWAYS:
        return Status.DECIDED, f"{agent.id} gets a task whenever it is the first"
    return status, None
