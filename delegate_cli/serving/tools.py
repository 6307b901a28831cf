"""What a model may ask for as tools and read as resources: names, schemas, and what each does. Knows nothing of MCP itself.

What is said of agents goes to a model that may run elsewhere, so that a card with `local_only` is not quoted, and how agents
are run is never told.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from delegate_cli.agents import Agent, Kind, Roster
from delegate_cli.errors import DelegateError, UsageError
from delegate_cli.journal.entries import Verdict
from delegate_cli.journal.sayings import Sayings
from delegate_cli.journal.store import LAST, Journal
from delegate_cli.render.journal_schema import journal_schema
from delegate_cli.render.jsonl import dumps, error_record
from delegate_cli.render.schema import decision_schema
from delegate_cli.serving import wire
from delegate_cli.serving.engine import Engine, Loaded
from delegate_cli.serving.shapes import check

INSTRUCTIONS = (
    "Decides which agent of a roster (AI agents, tools, people, teams) should do a task. Call which_agent before a task is "
    "handed over. If its status is decided, hand over to `agent`; if it is ask, show a person the candidates; if it is none or "
    "no_eligible, nobody fits. Afterwards call record_outcome with the decision's id, so that decisions get better."
)
ROSTER = "delegate://roster"
AGENT = "delegate://agents/{id}"
_HIDDEN = "not shown: this card stays on the machine it is on"
_TEXT = {"type": "string"}
_ID = {"type": "string", "minLength": 4, "maxLength": 64, "description": "Of the decision, its first characters, or last."}


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool: what a model is told of it, its schemas, and what it does with checked arguments."""

    name: str
    title: str
    description: str
    arguments: Mapping[str, Any]
    answer: Mapping[str, Any]
    run: Callable[[Loaded, Mapping[str, Any]], dict[str, Any]]
    writes: bool = False

    def call(self, loaded: Loaded, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Its answer.

        Raises:
            DelegateError: with what a model can mend.
        """
        given = {name: value for name, value in arguments.items() if value is not None}  # as models say that they say nothing
        check(given, self.arguments, "the body")
        return self.run(loaded, given)


def tools(engine: Engine) -> dict[str, Tool]:
    """All tools by name; without a journal those that need one say so."""
    does = _Does(engine)
    asked = wire.one_schema()
    found = (
        Tool(
            "which_agent",
            "Which agent should do this task?",
            "Who should do a task: the best candidates of the roster with calibrated probabilities, evidence and reasons, and "
            "whether to hand over at once (status decided), ask a person (ask), or nobody (none, no_eligible).",
            asked,
            decision_schema(),
            does.which_agent,
            writes=True,
        ),
        Tool(
            "list_agents",
            "List the agents",
            "The agents of the roster with what they do; `about` finds those whose card has all of these words.",
            _object({"about": _TEXT | {"maxLength": 200}, "kind": {"type": "string", "enum": [each.value for each in Kind]}}),
            _object({"agents": {"type": "array", "items": card_schema()}}, "agents"),
            does.list_agents,
        ),
        Tool(
            "explain_decision",
            "Why was it decided so?",
            "A decision as it was recorded: each candidate's reasons and evidence, what was wanted, and what was said of it.",
            _object({"id": _ID}),
            journal_schema(),
            does.explain_decision,
        ),
        Tool(
            "record_outcome",
            "Say who was right, or how the work went",
            "Keeps what became of a decision: who was right (`agent`, or `right`, `wrong`, `nobody`), and how the work went "
            "(`success`, `score` from 0 to 1, `cost` in USD, `seconds`, `note`). The last word counts.",
            _object({"id": _ID, **_said()}, "id"),
            _object(
                {"decision": _TEXT, "verdict": {"type": ["string", "null"]}, "agent": {"type": ["string", "null"]}}, "decision"
            ),
            does.record_outcome,
            writes=True,
        ),
    )
    return {tool.name: tool for tool in found}


def error_of(tool: str, error: DelegateError, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What stands in the place of an answer; for `which_agent` the error line of the decision record."""
    if tool != "which_agent":
        return {"error": error.as_dict()}
    task, ref = arguments.get("task"), arguments.get("ref")
    return error_record(error.as_dict(), task if isinstance(task, str) else None, ref if isinstance(ref, str | int) else None)


class _Does:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def which_agent(self, loaded: Loaded, given: Mapping[str, Any]) -> dict[str, Any]:
        wanted = wire.understood(given, loaded.roster)
        task, ask, _ = wanted.tasks[0]
        return shielded(self._engine.decide(loaded, task, ask, wanted.journal).as_dict(), loaded.roster)

    def list_agents(self, loaded: Loaded, given: Mapping[str, Any]) -> dict[str, Any]:
        words = given.get("about", "").casefold().split()
        cards = [card(agent) for agent in loaded.roster if given.get("kind") in (None, agent.kind.value)]
        return {"agents": [each for each in cards if all(word in dumps(each).casefold() for word in words)]}

    def explain_decision(self, loaded: Loaded, given: Mapping[str, Any]) -> dict[str, Any]:
        journal = self._journal()
        record = journal.get(journal.find(given.get("id", LAST))).as_dict()
        return {**record, "decision": shielded(record["decision"], loaded.roster)}

    def record_outcome(self, loaded: Loaded, given: Mapping[str, Any]) -> dict[str, Any]:
        said = Sayings(self._journal(), known=loaded.roster.position.keys()).keep(given)
        verdict = None if said.verdict is None else said.verdict.value
        note = {} if said.note is None else {"note": said.note}
        return {"decision": said.decision, "verdict": verdict, "agent": said.agent, **said.outcome, **note}

    def _journal(self) -> Journal:
        if self._engine.journal is None:
            raise UsageError("decisions are not recorded here", "start the server without --no-journal")
        return self._engine.journal


def resource(uri: str, roster: Roster) -> str | None:
    """The text of a resource, JSON; None where there is none of this name."""
    if uri == ROSTER:
        return dumps({"agents": [card(agent) for agent in roster]}, indent=2)
    from urllib.parse import unquote

    before = AGENT.partition("{")[0]
    agent = roster.get(unquote(uri.removeprefix(before))) if uri.startswith(before) else None
    return None if agent is None else dumps(card(agent), indent=2)


def card(agent: Agent) -> dict[str, Any]:
    """What a model may know of an agent."""
    known: dict[str, Any] = {"id": agent.id, "name": agent.name, "kind": agent.kind.value}
    if agent.local_only:
        return {**known, "description": _HIDDEN}
    facts = {
        "description": agent.description,
        "examples": list(agent.examples),
        "not_for": list(agent.not_for),
        "tags": list(agent.tags),
        "tools": list(agent.tools),
        "skills": {name: skill.score for name, skill in agent.skills.items()},
        "allow": None if agent.allow is None else list(agent.allow),
        "cost_usd": None if agent.cost is None else agent.cost.per_task,
        "latency_ms": agent.latency_ms,
    }
    return known | {name: value for name, value in facts.items() if value not in (None, "", [], {})}


def card_schema() -> dict[str, Any]:
    """Of `card`."""
    texts = {"type": "array", "items": _TEXT}
    return _object(
        {
            **dict.fromkeys(("id", "name", "kind", "description"), _TEXT),
            **dict.fromkeys(("examples", "not_for", "tags", "tools", "allow"), texts),
            "skills": {"type": "object", "additionalProperties": {"type": "number"}},
            **{key: {"type": "number"} for key in ("cost_usd", "latency_ms")},
        },
        *("id", "name", "kind"),
    )


def shielded(record: Mapping[str, Any], roster: Roster) -> dict[str, Any]:
    """A decision record that quotes no card with `local_only`."""
    hidden = {agent.id for agent in roster if agent.local_only}
    first = [each["agent"] for each in record["candidates"][:2]]
    found = {key: value for key, value in record.items() if key != "contrast" or hidden.isdisjoint(first)}
    found["candidates"] = [_blank(each) if each["agent"] in hidden else each for each in record["candidates"]]
    return found


def _blank(candidate: Mapping[str, Any]) -> dict[str, Any]:
    rubric = [{**each, "reason": _HIDDEN} for each in candidate.get("rubric", ())]
    blank = {key: value for key, value in candidate.items() if key != "model_rubric"}
    return blank | ({"rubric": rubric, "evidence": []} if "rubric" in candidate else {})


def _said() -> dict[str, Any]:
    truths = {key: {"type": "boolean"} for key in (Verdict.RIGHT.value, Verdict.WRONG.value, Verdict.NOBODY.value, "success")}
    return {
        "agent": {"type": "string", "maxLength": 200, "description": "The id of the one who was right."},
        **truths,
        "score": {"type": "number", "minimum": 0, "maximum": 1},
        **{key: {"type": "number", "minimum": 0} for key in ("cost", "seconds")},
        "note": {"type": "string", "maxLength": 10_000},
    }


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}
