"""The body of POST /v1/decide, which the tool `which_agent` takes too: its schema, and how it becomes tasks and what is wanted.

The names of what is wanted are those that the journal keeps under `asked`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from delegate_cli.agents import Kind, Roster
from delegate_cli.ask import MAX_TASK, Ask, check_task
from delegate_cli.errors import DelegateError, UsageError
from delegate_cli.policy import Constraints
from delegate_cli.policy.needs import Requirement, parse_needs
from delegate_cli.serving.shapes import VISIBLE, check

MOST_TASKS = 1000
_NAME = {"type": "string", "minLength": 1, "maxLength": 200}
_NAMES = {"type": "array", "items": _NAME, "maxItems": 10_000}
_AMOUNT = {"type": ["number", "null"], "minimum": 0, "maximum": 1e12}
_REF = {"type": ["string", "number", "null"], "maxLength": 1000, "description": "Comes back in the record."}
_TASK = {
    "type": "string",
    "maxLength": MAX_TASK,
    "pattern": VISIBLE,
    "x-fix": "say in words what is to be done",
    "description": "What is to be done, in words.",
}
_CONTEXT = {"type": ["string", "null"], "maxLength": MAX_TASK, "description": "What was said before, the latest last."}
_PREVIOUS = {"type": ["string", "null"], "maxLength": 200, "description": "The id of the agent that had the task before."}
_AT = {
    "type": ["string", "null"],
    "maxLength": 64,
    "pattern": r"^(now|any|((Mon|Tue|Wed|Thu|Fri|Sat|Sun) )?([01][0-9]|2[0-3]):[0-5][0-9]"
    r"|20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?"
    r"(Z|[+-](0[0-9]|1[0-2]):[0-5][0-9])?)$",
    "x-fix": "write now, any, 10:30, Mon 10:30 or a time such as 2026-03-02T10:30+01:00",
    "description": "The time that hours are held against: now, any, `Mon 10:30`, `10:30`, ISO 8601.",
}
_NEED = {
    "type": "string",
    "maxLength": 200,
    "pattern": r"^((tool|tag):[^,\s\x00-\x1f\x7f-\x9f][^,]*"
    r"|skill:[^,<>=\s\x00-\x1f\x7f-\x9f][^,<>=]*(>=-?[0-9]{1,12}(\.[0-9]{1,12})?%?)?)$",
    "x-fix": "write it as tool:docusign, tag:legal, skill:math>=0.8 or, on an open scale, skill:arena>=1200",
}
_WANTED: dict[str, Any] = {
    "top": {
        "type": ["integer", "null"],
        "minimum": 1,
        "maximum": 100_000,
        "default": 3,
        "description": "How many candidates; null is every eligible agent.",
    },
    "explain": {"type": "boolean", "description": "Also say what set the runner-up apart."},
    "roles": {**_NAMES, "description": "The requester's roles, for agents with `allow`."},
    "kinds": {
        "type": "array",
        "items": {"type": "string", "enum": [kind.value for kind in Kind]},
        "description": "Only these.",
    },
    "needs": {"type": "array", "items": _NEED, "maxItems": 100, "description": "Only agents with all of these."},
    "max_cost": {**_AMOUNT, "description": "Most USD for a task; unknown is too much."},
    "max_latency": {**_AMOUNT, "description": "Most milliseconds; unknown is too much."},
    "allow": {**_NAMES, "minItems": 1, "description": "Only agents with these ids."},
    "deny": {**_NAMES, "description": "No agent with these ids."},
    "local_only": {"type": "boolean", "description": "Nothing leaves the machine that decides."},
    "at": _AT,
    "presence": {"type": "boolean", "description": "false: whoever is there (as `at: any`)."},
    "context": _CONTEXT,
    "previous": _PREVIOUS,
    "journal": {"type": "boolean", "default": True, "description": "false: do not record the decision."},
}
_ITEM = {
    "anyOf": [
        {"type": "string", "maxLength": MAX_TASK},
        {
            "type": "object",
            "properties": {
                "task": {"type": "string", "maxLength": MAX_TASK},
                "ref": _REF,
                "context": _CONTEXT,
                "previous": _PREVIOUS,
            },
            "required": ["task"],
            "additionalProperties": False,
        },
    ]
}


def one_schema() -> dict[str, Any]:
    """Of a body with one task."""
    return _object({"task": _TASK, "ref": _REF, **_WANTED}, "task")


def many_schema() -> dict[str, Any]:
    """Of a body with many tasks, which all want the same; a task that cannot be read has an error in its place."""
    tasks = {"type": "array", "items": _ITEM, "minItems": 1, "maxItems": MOST_TASKS}
    return _object({"tasks": tasks, **_WANTED}, "tasks")


def _object(properties: dict[str, Any], required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [required], "additionalProperties": False}


_ONE, _MANY = one_schema(), many_schema()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A body as it was understood: tasks with what is wanted of each, or why a task cannot be decided."""

    tasks: tuple[tuple[str, Ask, DelegateError | None], ...]
    many: bool
    journal: bool


def understood(body: Any, roster: Roster) -> Wanted:
    """The tasks of a body, and what is wanted of them.

    Raises:
        Malformed: it is not of this shape.
        UsageError: it is, but names agents that do not exist, or asks for scores that nobody here could have.
        TaskError: its one task is empty.
    """
    many = isinstance(body, dict) and "tasks" in body
    check(body, _MANY if many else _ONE)
    ask = _ask(body, roster)
    journal = body.get("journal", True)
    if not many:
        return Wanted(((check_task(body["task"]), replace(ask, ref=body.get("ref")), None),), False, journal)
    items = ({"task": item} if isinstance(item, str) else item for item in body["tasks"])
    return Wanted(tuple(_item(item, ask, roster) for item in items), True, journal)


def _item(item: Mapping[str, Any], ask: Ask, roster: Roster) -> tuple[str, Ask, DelegateError | None]:
    try:
        if item.get("previous") is not None:
            known([item["previous"]], "previous", roster)
        ask = replace(
            ask,
            ref=item.get("ref"),
            context=_context(item.get("context")) or ask.context,
            previous=item.get("previous") or ask.previous,
        )
        return check_task(item["task"]), ask, None
    except DelegateError as error:
        return item["task"], replace(ask, ref=item.get("ref")), error


def _ask(body: Mapping[str, Any], roster: Roster) -> Ask:
    for name in ("allow", "deny"):
        known(body.get(name, ()), name, roster)
    previous = body.get("previous") or None
    if previous is not None:
        known([previous], "previous", roster)
    at = (body.get("at") or "now").strip()
    constraints = Constraints(
        roles=frozenset(body.get("roles", ())),
        kinds=frozenset(map(Kind, body.get("kinds", ()))),
        needs=_needs(body["needs"], roster) if body.get("needs") else (),
        max_cost=body.get("max_cost"),
        max_latency=body.get("max_latency"),
        allow=None if body.get("allow") is None else frozenset(body["allow"]),
        deny=frozenset(body.get("deny", ())),
        local_only=body.get("local_only", False),
        at=_moment(at),
        presence=at != "any" and body.get("presence", True),
    )
    top = body.get("top", 3)
    return Ask(
        None if top is None else int(top), body.get("explain", False), constraints, _context(body.get("context")), previous
    )


def _needs(needs: Sequence[str], roster: Roster) -> tuple[Requirement, ...]:
    parse_needs(",".join(needs), None)
    try:
        return parse_needs(",".join(needs), roster)
    except UsageError as error:  # it can be read, but no score of this roster can be that
        raise AgainstRoster(error.message, error.fix) from None


def _context(given: str | None) -> str | None:
    return (given or "").strip() or None


def _moment(text: str) -> Any:
    if text in ("now", "any"):
        return None
    from delegate_cli.hours import HoursError, moment

    try:
        return moment(text)
    except (HoursError, OverflowError) as error:
        raise UsageError(f"at cannot be {text!r}: {error}", str(_AT["x-fix"])) from None


def known(ids: Iterable[str], name: str, roster: Roster) -> None:
    """Raise UnknownAgent where one of these is no agent of the roster."""
    for each in ids:
        if each not in roster.position:
            from delegate_cli.roster.document import shown
            from delegate_cli.roster.naming import nearest_agent

            raise UnknownAgent(f"{name}: there is no agent {shown(each)}", nearest_agent(each, roster.position))


class UnknownAgent(UsageError):
    """An id that is no agent's."""

    code = "unknown_agent"


class AgainstRoster(UsageError):
    """What could be asked of another roster, and of this one makes no sense."""


def body_of(task: str, ask: Ask) -> dict[str, Any]:
    """The body that is understood as this task and ask."""
    wanted = ask.as_dict()
    if ask.top is None:
        wanted["top"] = None
    if "needs" in wanted:
        wanted["needs"] = wanted["needs"].split(",")
    if "at" in wanted:
        wanted["at"] = wanted["at"][:19] + wanted["at"][-6:]  # without microseconds
    return {**wanted, "task": task, "ref": ask.ref, "explain": ask.explain}
