"""The whole request at the first agent alone, to compare the answer of several with: a run within the run's folder."""

from collections.abc import Mapping
from dataclasses import replace

from delegate_cli.decision import Decision, Exclusion, Status
from delegate_cli.errors import RunError
from delegate_cli.running import folder as files
from delegate_cli.running.blocks import Block
from delegate_cli.running.caps import Caps
from delegate_cli.running.folder import RunFolder
from delegate_cli.running.records import spent
from delegate_cli.running.starting import Start
from delegate_cli.splitting import plan_json
from delegate_cli.splitting.plan import Assignment, Plan, Subtask

ID = "t1"


def plan_of(request: str, decision: Decision, known: Mapping[str, Block], excluded: Mapping[str, Exclusion]) -> Plan | None:
    """The request as one task of the first agent of its decision that can be run; None where there is none.

    Whether the decision was sure does not matter: the answer is only compared.
    """
    first = next((each.agent for each in decision.candidates if each.agent in known and each.agent not in excluded), None)
    if first is None:
        return None
    made = replace(Assignment.of(decision), status=Status.DECIDED, agent=first)
    if first != decision.agent:
        made = replace(made, decision=None)  # the outcome is no other agent's
    return Plan(request, (Subtask(ID, request, assigned=made),), "one agent alone")


def agent_of(plan: Plan) -> str:
    """Who does it alone."""
    assigned = plan.subtasks[0].assigned
    if assigned is None or assigned.agent is None:
        raise RunError("the run of one agent names no agent", "remove its folder")
    return assigned.agent


def same(plan: Plan, alone: Plan) -> bool:
    """Whether the plan itself is just that: one part, for the same agent. Then it is not done a second time."""
    assigned = plan.subtasks[0].assigned
    return len(plan.subtasks) == 1 and assigned is not None and assigned.agent == agent_of(alone)


def start_of(start: Start, plan: Plan) -> Start:
    """What the run of one agent needs: that agent and nobody in its place."""
    return replace(start, plan=plan, chosen={ID: (agent_of(plan),)}, decisions=(), repeat=frozenset())


def begin(plan: Plan, outer: RunFolder) -> RunFolder:
    """Its folder, with its plan.

    Raises:
        RunError: it cannot be written.
    """
    made = outer.create_within(files.SINGLE)
    made.write(files.PLAN, plan.as_dict())
    return made


def known_plan(outer: RunFolder) -> Plan | None:
    """The plan of one agent alone that a run was begun with; None where it was not to be compared, or was killed before.

    Raises:
        RunError, PlanError: it is damaged.
    """
    found = outer.within(files.SINGLE)
    record = None if found is None else found.read(files.PLAN)
    return None if record is None else plan_json.of_dict(record, f"the single plan of run {outer.id}")


def caps_left(caps: Caps, outer: RunFolder, asked_usd: float) -> Caps:
    """What the run has left for one agent alone."""
    calls = None if caps.calls is None else max(0, caps.calls - len(outer.calls))
    usd = None if caps.usd is None else max(0.0, caps.usd - (spent(list(outer.calls.values())) or 0.0) - asked_usd)
    return replace(caps, calls=calls, usd=usd, fallbacks=0)
