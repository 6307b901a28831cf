"""What is wanted of one decision, and the same as plain values for whoever keeps or sends it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from delegate_cli.agents import Kind
from delegate_cli.errors import TaskError
from delegate_cli.policy import NO_CONSTRAINTS, Constraints
from delegate_cli.policy.needs import parse_needs

MAX_TASK = 1024 * 1024  # characters


@dataclass(frozen=True, slots=True)
class Ask:
    """What is wanted of one decision.

    Attributes:
        top: how many candidates; None means every eligible agent.
        explain: also say what set the runner-up apart.
        constraints: what must hold for an agent to get the task.
        context: what was said before, the latest last.
        previous: the id of the agent that had the task before this turn.
        ref: comes back in the record.
        alone: the head decides alone, whatever model there is.
    """

    top: int | None = 3
    explain: bool = False
    constraints: Constraints = NO_CONSTRAINTS
    context: str | None = None
    previous: str | None = None
    ref: Any = None
    alone: bool = False

    def as_dict(self) -> dict[str, Any]:
        """What was wanted, without `ref`, `alone` and `explain`: plain values, only those that were given."""
        wanted = self.constraints
        facts = {
            "top": self.top,
            "roles": sorted(wanted.roles),
            "kinds": sorted(kind.value for kind in wanted.kinds),
            "needs": ",".join(map(str, wanted.needs)),
            "max_cost": wanted.max_cost,
            "max_latency": wanted.max_latency,
            "allow": None if wanted.allow is None else sorted(wanted.allow),
            "deny": sorted(wanted.deny),
            "local_only": wanted.local_only or None,
            "at": None if wanted.at is None else wanted.at.isoformat(),
            "presence": None if wanted.presence else False,
            "context": self.context,
            "previous": self.previous,
        }
        return {name: value for name, value in facts.items() if (value is not None and value not in ("", [])) or name == "top"}

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "Ask":
        """What `as_dict` gave; keys that this version does not know are left out.

        Raises:
            UsageError, ValueError: values that no `as_dict` gives.
        """
        given = facts.get
        constraints = Constraints(
            roles=frozenset(given("roles", ())),
            kinds=frozenset(map(Kind, given("kinds", ()))),
            needs=parse_needs(facts["needs"], None) if given("needs") else (),
            max_cost=given("max_cost"),
            max_latency=given("max_latency"),
            allow=None if given("allow") is None else frozenset(facts["allow"]),
            deny=frozenset(given("deny", ())),
            local_only=bool(given("local_only", False)),
            at=datetime.fromisoformat(facts["at"]) if given("at") else None,
            presence=bool(given("presence", True)),
        )
        return cls(top=given("top", 3), constraints=constraints, context=given("context"), previous=given("previous"))


def check_task(task: str) -> str:
    """A task without outer white space.

    Raises:
        TaskError: it is empty, longer than 1 MiB, or has half a surrogate pair.
    """
    if len(task) > MAX_TASK:
        raise TaskError(f"the task has {len(task):,} characters; the limit is {MAX_TASK:,}", "shorten it")
    try:
        task.encode("utf-8")
    except UnicodeEncodeError as error:
        raise TaskError(
            f"the task has half a surrogate pair at character {error.start + 1}", "send valid Unicode text"
        ) from None
    task = task.strip()
    if not task:
        raise TaskError("the task is empty", "say in words what is to be done")
    return task
