"""Hard constraints: which agents may not get a task, whatever it says, and what would help where nobody is left.

What is not known counts against an agent: a limit on cost leaves out those whose cost is not stated. The one exception is
where work runs, which most cards do not say.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from delegate_cli.agents import Agent, Kind, Presence, Roster
from delegate_cli.circumstances import Lift
from delegate_cli.decision import Exclusion
from delegate_cli.hours import Hours, minute_of_week, parse_hours, zone
from delegate_cli.policy.load import Load
from delegate_cli.policy.needs import Requirement

ABSENCE = ("availability", "hours", "capacity", "rate_limit")  # rules about who is there, not about who may or can


@dataclass(frozen=True, slots=True)
class Constraints:
    """What must hold for an agent to get a task.

    Attributes:
        roles: the requester's; an agent with `allow` takes tasks from these roles only.
        kinds: only such agents; empty means all.
        needs: what an agent must have.
        max_cost: USD for a task.
        max_latency: milliseconds.
        allow: only these ids; None means all.
        deny: not these ids.
        local_only: nobody whose work runs at another host.
        at: the time that hours are held against; None means now. Must be aware.
        presence: whether it matters who is there; False for measuring who would be right.
    """

    roles: frozenset[str] = frozenset()
    kinds: frozenset[Kind] = frozenset()
    needs: tuple[Requirement, ...] = ()
    max_cost: float | None = None
    max_latency: float | None = None
    allow: frozenset[str] | None = None
    deny: frozenset[str] = frozenset()
    local_only: bool = False
    at: datetime | None = None
    presence: bool = True


NO_CONSTRAINTS = Constraints()
ANYBODY_THERE = Constraints(presence=False)


@dataclass(frozen=True, slots=True)
class Breach:
    """A rule that an agent breaks: its name, why, and what would have to be lifted."""

    rule: str
    detail: str
    lift: str


@dataclass(slots=True)
class Clock:
    """One moment as clocks show it in each time zone; zones that several agents share are looked up once."""

    moment: datetime
    _minutes: dict[str | None, int] = field(default_factory=dict)

    def minute(self, timezone: str | None) -> int:
        if timezone not in self._minutes:
            where = None if timezone is None else zone(timezone)
            self._minutes[timezone] = minute_of_week(self.moment, where)
        return self._minutes[timezone]


Rule = Callable[[Agent, Constraints, Clock], "Breach | None"]


def breaches(agent: Agent, wanted: Constraints, clock: Clock, load: Load | None = None) -> Iterator[Breach]:
    """Every rule that an agent breaks, in a fixed order: who may, who can, who is there."""
    for rule in _MAY:
        found = rule(agent, wanted, clock)
        if found is not None:
            yield found
    for need in wanted.needs:
        missing = need.missing(agent)
        if missing is not None:
            yield Breach("needs", missing, f"--needs {need}")
    for rule in _CAN:
        found = rule(agent, wanted, clock)
        if found is not None:
            yield found
    if wanted.presence and agent.availability is not None:
        for rule in _THERE:
            found = rule(agent, wanted, clock)
            if found is not None:
                yield found
    if wanted.presence and load is not None:
        yield from loaded(agent, load.open_assignments(), load.last_minute())


def _denied(agent: Agent, wanted: Constraints, clock: Clock) -> Breach | None:
    return Breach("deny", "denied", "--deny") if agent.id in wanted.deny else None


def _not_listed(agent: Agent, wanted: Constraints, clock: Clock) -> Breach | None:
    if wanted.allow is None or agent.id in wanted.allow:
        return None
    return Breach("only", "not among those allowed", "--allow")


def _role(agent: Agent, wanted: Constraints, clock: Clock) -> Breach | None:
    if agent.allow is None or not wanted.roles.isdisjoint(agent.allow):
        return None
    return Breach("allow", f"needs role {' or '.join(agent.allow)}" if agent.allow else "open to no role", "allow (roles)")


def _kind(agent: Agent, wanted: Constraints, clock: Clock) -> Breach | None:
    if not wanted.kinds or agent.kind in wanted.kinds:
        return None
    return Breach("kind", f"is {agent.kind.value}", f"--kind {','.join(sorted(kind.value for kind in wanted.kinds))}")


def _cost(agent: Agent, wanted: Constraints, clock: Clock) -> Breach | None:
    if wanted.max_cost is None:
        return None
    cost = None if agent.cost is None else agent.cost.per_task
    if cost is not None and cost <= wanted.max_cost:
        return None
    detail = "cost unknown" if cost is None else f"costs {cost:g} USD"
    return Breach("max_cost", detail, f"--max-cost {wanted.max_cost:g}")


def _latency(agent: Agent, wanted: Constraints, clock: Clock) -> Breach | None:
    if wanted.max_latency is None:
        return None
    if agent.latency_ms is not None and agent.latency_ms <= wanted.max_latency:
        return None
    detail = "latency unknown" if agent.latency_ms is None else f"takes {agent.latency_ms:g} ms"
    return Breach("max_latency", detail, f"--max-latency {wanted.max_latency:g}")


def _elsewhere(agent: Agent, wanted: Constraints, clock: Clock) -> Breach | None:
    if not wanted.local_only or agent.run is None or agent.run.get("kind") not in ("openai", "http", "mcp"):
        return None
    if agent.run.get("kind") == "mcp" and not agent.run.get("url"):  # a server that is started here
        return None
    from delegate_cli.endpoints import is_loopback

    address = agent.run.get("base_url") or agent.run.get("url") or "https://api.openai.com/v1"
    try:
        if is_loopback(str(address)):
            return None
    except ValueError:
        pass
    return Breach("local_only", "runs at another host", "local_only")


def _status(agent: Agent, wanted: Constraints, clock: Clock) -> Breach | None:
    assert agent.availability is not None
    status = agent.availability.status
    return None if status is Presence.AVAILABLE else Breach("availability", status.value, "availability")


def _hours(agent: Agent, wanted: Constraints, clock: Clock) -> Breach | None:
    assert agent.availability is not None
    if agent.availability.hours is None:
        return None
    hours: Hours = parse_hours(agent.availability.hours)
    minute = clock.minute(agent.availability.timezone)
    if hours.open_at(minute):
        return None
    where = f" ({agent.availability.timezone})" if agent.availability.timezone else ""
    return Breach("hours", f"back {hours.opens(minute)}{where}", "hours")


def _no_room(agent: Agent, wanted: Constraints, clock: Clock) -> Breach | None:
    assert agent.availability is not None
    return Breach("capacity", "takes no tasks", "capacity") if agent.availability.capacity == 0 else None


_MAY: tuple[Rule, ...] = (_denied, _not_listed, _role, _kind)
_CAN: tuple[Rule, ...] = (_cost, _latency, _elsewhere)
_THERE: tuple[Rule, ...] = (_status, _hours, _no_room)


def loaded(agent: Agent, held: Mapping[str, int], recent: Mapping[str, int]) -> Iterator[Breach]:
    """Rules against what an agent has on its hands."""
    room = None if agent.availability is None else agent.availability.capacity
    if room and held.get(agent.id, 0) >= room:
        yield Breach("capacity", f"{held[agent.id]} of {room} tasks open", "capacity")
    if agent.rate_limit_rpm is not None:
        count = recent.get(agent.id, 0)
        if count >= agent.rate_limit_rpm:
            yield Breach("rate_limit", f"{count} within a minute, limit {agent.rate_limit_rpm:g}", "rate_limit_rpm")


def exclude(roster: Roster, wanted: Constraints, load: Load | None = None) -> tuple[Exclusion, ...]:
    """The agents that may not get a task, in the order of ids, each with the first rule that it breaks."""
    clock = Clock(wanted.at or datetime.now(UTC))
    found = []
    for agent in roster:
        broken = next(breaches(agent, wanted, clock, load), None)
        if broken is not None:
            found.append(Exclusion(agent.id, broken.rule, broken.detail))
    return tuple(found)


def lift(roster: Roster, wanted: Constraints, load: Load) -> Lift | None:
    """The one constraint without which most agents would be eligible; None where no single one is to blame.

    Several `--needs` are constraints of their own. Ties go to the rule that is checked first.
    """
    clock = Clock(wanted.at or datetime.now(UTC))
    alone: Counter[tuple[str, str]] = Counter()
    for agent in roster:
        broken = {breach.lift: breach.rule for breach in breaches(agent, wanted, clock, load)}
        if len(broken) == 1:
            alone.update(broken.items())
    if not alone:
        return None
    (constraint, rule), count = alone.most_common(1)[0]
    return Lift(constraint, rule, count)
