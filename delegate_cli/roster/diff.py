"""Two rosters held against each other: which agents are new, which are gone, and which fields of the others changed."""

from dataclasses import dataclass
from typing import Any

from delegate_cli.agents import Roster
from delegate_cli.roster.facts import agent_facts

_NOT_SAID = ("id", "source")  # where a card came from is nothing that it says


@dataclass(frozen=True, slots=True)
class Difference:
    """Ids that only the second or only the first has, and id → field → the values in both (None where there is none)."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: dict[str, dict[str, tuple[Any, Any]]]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    def as_dict(self) -> dict[str, Any]:
        """As JSON: `changed` has `before` and `after` of each field."""
        changed = {
            agent_id: {name: {"before": before, "after": after} for name, (before, after) in fields.items()}
            for agent_id, fields in self.changed.items()
        }
        return {"added": list(self.added), "removed": list(self.removed), "changed": changed}


def difference(first: Roster, second: Roster) -> Difference:
    """What turns the first roster into the second."""
    added = tuple(agent.id for agent in second if agent.id not in first.position)
    removed = tuple(agent.id for agent in first if agent.id not in second.position)
    changed = {}
    for agent in first:
        other = second.get(agent.id)
        if other is not None and (fields := _fields(agent_facts(agent), agent_facts(other))):
            changed[agent.id] = fields
    return Difference(added, removed, changed)


def _fields(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    names = [name for name in {**before, **after} if name not in _NOT_SAID]
    return {name: (before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)}
