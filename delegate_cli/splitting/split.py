"""A request → a plan: whether to split at all, into what, and who gets each part.

The parts come from a model where one may be asked, else from `cuts`; each is then decided by the one path of a task, under the
constraints of the request.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from delegate_cli.ask import Ask, check_task
from delegate_cli.decision import Decision
from delegate_cli.pipeline import Delegator
from delegate_cli.splitting import cuts
from delegate_cli.splitting.clauses import Clause
from delegate_cli.splitting.cuts import Cuts, Stretch
from delegate_cli.splitting.plan import Assignment, Plan, Subtask
from delegate_cli.splitting.reading import Reader

if TYPE_CHECKING:
    from delegate_cli.endpoints import Request

RULES = "rules"
Keep = Callable[[Callable[[], Decision], Decision], Decision]  # how to decide again, and what was decided → what stands


@dataclass(frozen=True, slots=True)
class Split:
    """A plan, and the decision about each of its subtasks, in their order; `asked` is what a model was asked and answered."""

    plan: Plan
    decisions: tuple[Decision, ...]
    asked: Mapping[str, Any] | None = None


def as_decided(again: Callable[[], Decision], decision: Decision) -> Decision:
    """What was decided stands."""
    return decision


def split(delegator: Delegator, request: str, ask: Ask = Ask(), keep: Keep = as_decided) -> Split:
    """Split a request where that is worth it, and decide who gets each part.

    Args:
        keep: says of each part's decision whether it stands, as `journal.claims.kept` does for one that is recorded.

    Raises:
        TaskError: the request is empty, too long or not text.
        EndpointError: a model failed, and the manner of asking is strict.
    """
    found = _split(delegator, check_task(request), ask)
    pairs = zip(found.plan.subtasks, found.decisions, strict=True)
    stands = tuple(keep(partial(delegator.decide, each.task, replace(ask, ref=made.ref)), made) for each, made in pairs)
    return replace(found, plan=_assigned(found.plan, stands), decisions=stands)


def preview(delegator: Delegator, request: str, ask: Ask = Ask()) -> "list[Request]":
    """What a model would be sent to split a request; empty where rules split it alone. Nothing is sent.

    Raises:
        TaskError: the request is empty, too long or not text.
    """
    reader = Reader(delegator, check_task(request), ask)
    if not _asks_model(delegator, reader, ask):
        return []
    from delegate_cli.splitting import asking  # what talks to models

    return asking.preview(delegator, reader)


def _split(delegator: Delegator, request: str, ask: Ask) -> Split:
    reader = Reader(delegator, request, ask)
    fallback, asked = None, None
    if _asks_model(delegator, reader, ask):
        from delegate_cli.splitting import asking  # what talks to models

        heard = asking.ask_model(delegator, reader)
        asked = heard.record
        if isinstance(heard.plan, Plan):
            return replace(_routed(delegator, heard.plan, ask), asked=asked)
        fallback = heard.plan
    found = replace(_routed(delegator, replace(by_rules(reader), fallback=fallback), ask), asked=asked)
    agents = {decision.agent for decision in found.decisions}
    if len(agents) == 1 < len(found.decisions):  # a model, or a rule of hand-over, sees it otherwise than the head
        one = Plan(request, (Subtask("t1", request),), "its parts would go to the same agent", RULES, fallback=fallback)
        return replace(_routed(delegator, one, ask), asked=asked)
    return found


def by_rules(reader: Reader) -> Plan:
    """The plan of rules and the head alone, not routed."""
    found = cuts.find(reader)
    return Plan(reader.request, _subtasks(reader, found.parts), _why(reader, found), RULES)


def _asks_model(delegator: Delegator, reader: Reader, ask: Ask) -> bool:
    """Whether a model is asked: one that chats, and where it shares decisions with the head, only about what may have parts."""
    adviser, decider = delegator.adviser, delegator.settings.decider
    if adviser is None or ask.alone:
        return False
    return decider == "chat" or (decider == "auto" and (adviser.always or len(reader.clauses) > 1))


def _subtasks(reader: Reader, parts: Sequence[Stretch]) -> tuple[Subtask, ...]:
    """One for each part; who waits for whom is read off the words at its beginning."""
    if len(parts) == 1:
        return (Subtask("t1", reader.request),)
    made: list[Subtask] = []
    for number, part in enumerate(parts, 1):
        mine = reader.clauses[part.low : part.high]
        subtask = Subtask(
            f"t{number}",
            reader.text(part.low, part.high),
            _reason(reader, parts, part),
            after=_after(made, mine),
            context=number > 1 and any(each.leans for each in mine),
        )
        made.append(subtask)
    return tuple(made)


def _after(made: Sequence[Subtask], mine: Sequence[Clause]) -> tuple[str, ...]:
    """The ids that a part waits for: all that nothing waits for yet where words say "then", the last where it uses a result."""
    if not made:
        return ()
    if mine[0].later:
        waited = {name for each in made for name in each.after}
        return tuple(each.id for each in made if each.id not in waited)
    return (made[-1].id,) if any(each.uses for each in mine) else ()


def _reason(reader: Reader, parts: Sequence[Stretch], part: Stretch) -> str:
    """Why it is a part of its own."""
    reading = reader.read(part.low, part.high)
    others = max(reader.read(each.low, each.high).chances.get(reading.best or "", 0.0) for each in parts if each != part)
    return f"{reading.best} has {reading.sure:.2f} for this part, and at most {others:.2f} for another"


def _why(reader: Reader, found: Cuts) -> str:
    if len(found.parts) > 1:
        return f"{len(found.parts)} parts for different agents; probability of the best cut {found.probability:.2f}"
    if len(reader.clauses) == 1:
        return "it has one clause, or too many to tell its parts by"
    if found.probability:
        return f"no cut is probable enough: the best has {found.probability:.2f} of {cuts.SURE:.2f}"
    return "its clauses would go to the same agent"


def _routed(delegator: Delegator, plan: Plan, ask: Ask) -> Split:
    """The plan with who gets each part, and the decisions."""
    decided = {
        each.id: delegator.decide(each.task, replace(ask, ref=each.id if ask.ref is None else ask.ref))
        for each in plan.subtasks
    }
    roster = next(iter(decided.values())).roster
    routed = _assigned(replace(plan, roster=roster), tuple(decided[each.id] for each in plan.subtasks))
    return Split(routed, tuple(decided[each.id] for each in routed.subtasks))


def _assigned(plan: Plan, decisions: Sequence[Decision]) -> Plan:
    """The plan with who gets each part, from the decisions in its order."""
    pairs = zip(plan.subtasks, decisions, strict=True)
    return replace(plan, subtasks=tuple(replace(each, assigned=Assignment.of(made)) for each, made in pairs))
