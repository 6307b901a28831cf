"""Work for people: put into the journal's review queue, where what they say of it is found again."""

from collections.abc import Callable
from dataclasses import dataclass

from delegate_cli.agents import Roster
from delegate_cli.decision import Candidate, DeciderInfo, Decision, Status
from delegate_cli.errors import JournalError
from delegate_cli.journal.entries import Feedback, Origin, Verdict
from delegate_cli.journal.recorder import Recorder
from delegate_cli.journal.store import Journal
from delegate_cli.settings import Settings
from delegate_cli.splitting.plan import Plan


@dataclass(frozen=True, slots=True)
class Reply:
    """What a person said of work: its text where it is done, or why it is not."""

    done: bool
    text: str
    declined: bool = False


class Desk:
    """The people's side of one run, and where outcomes of its work go; None of it without a journal."""

    def __init__(
        self, journal: Journal | None, roster: Roster, plan: Plan, settings: Settings, say: Callable[[str], None]
    ) -> None:
        self.journal = journal
        self._roster = roster
        self._plan = plan
        self._settings = settings
        self.say = say

    def queue(self, subtask: str, agent_id: str, identity: str) -> None:
        """Let a subtask wait for a person under this id; one that waits there already stays.

        Raises:
            JournalError: there is no journal, or it cannot be written.
        """
        if self.journal is None:
            raise JournalError("people are asked through the journal, and there is none", "leave out --no-journal")
        agent = self._roster.agents[self._roster.position[agent_id]]
        reason = f"{agent.name} is to do it" + (f" ({agent.contact})" if agent.contact else "")
        self._record(self._decision(subtask, agent_id, identity, Status.ASK, reason), Origin.PIPELINE)
        self.journal.get(identity)

    def reply(self, identity: str, agent_id: str) -> Reply | None:
        """What was said of it: an outcome, or that somebody else should do it; None while nothing was."""
        if self.journal is None:
            return None
        entry = self.journal.get(identity)
        ended = [each for each in entry.feedback if each.success is not None and not each.undone]
        if ended:
            last = ended[-1]
            if last.success and entry.answer is None:  # done by the one who was asked: no longer to be reviewed
                self.journal.say(Feedback(identity, Verdict.AGENT, agent_id, origin=Origin.LIBRARY), unless_answered=True)
            return Reply(bool(last.success), last.note or ("done, without a note" if last.success else "not done"))
        answer = entry.answer
        if answer is not None and (answer.verdict is Verdict.WRONG or answer.agent != agent_id):
            return Reply(False, answer.note or f"not for {agent_id}", declined=True)
        return None

    def outcome(self, subtask: str, agent_id: str, identity: str, success: bool, seconds: float, cost: float | None) -> None:
        """Let the journal know how work went, so that routing learns from it. What cannot be kept is said."""
        if self.journal is None:
            return
        assigned = self._plan.get(subtask).assigned
        try:
            if assigned is None or assigned.decision is None or assigned.agent != agent_id:
                reason = None if assigned is None or assigned.agent == agent_id else f"{assigned.agent} failed"
                self._record(self._decision(subtask, agent_id, identity, Status.DECIDED, reason), Origin.LIBRARY)
            else:
                identity = assigned.decision
            self.journal.say(Feedback(identity, success=success, seconds=seconds, cost=cost, origin=Origin.LIBRARY))
        except JournalError as error:
            if "has no decision" not in error.message:  # a plan may come from another machine
                self.say(f"an outcome was not recorded: {error.message} ({error.fix})")

    def _record(self, decision: Decision, origin: Origin) -> None:
        assert self.journal is not None
        recorder = Recorder(self.journal, self._settings, origin=origin, say=self.say)
        recorder.record(decision)
        recorder.close()

    def _decision(self, subtask: str, agent_id: str, identity: str, status: Status, reason: str | None) -> Decision:
        """The hand-over of a subtask to an agent as a decision of its own, with what the plan knows of it."""
        part = self._plan.get(subtask)
        options = () if part.assigned is None else part.assigned.candidates
        shares = {option.agent: option.probability for option in options if option.agent in self._roster.position}
        order = [agent_id, *(each for each in shares if each != agent_id)]
        own = self._roster.agents
        candidates = tuple(
            Candidate(each, own[place].name, own[place].kind.value, shares.get(each) or 0.0)
            for each, place in ((each, self._roster.position[each]) for each in order)
        )
        none = 0.0 if part.assigned is None or part.assigned.none is None else part.assigned.none
        first = candidates[0].probability
        return Decision(
            task=part.task,
            status=status,
            agent=agent_id,
            probability=first,
            none=none,
            margin=first - max((each.probability for each in candidates[1:]), default=0.0),
            candidates=candidates,
            decider=DeciderInfo("plan", self._plan.splitter, calibrated=False),
            roster={"path": self._roster.path, "sha256": self._roster.sha256},
            reason=reason,
            id=identity,
        )
