"""What is known of the agents that may do a task: who is right for it, how their work goes, what it costs, how long it takes.

Everything that could not be known is said: what stands here as an assumption is told with every plan.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from delegate_cli.agents import Agent, Cost, Roster
from delegate_cli.decision import Decision
from delegate_cli.encoders import Encoder, Vectors
from delegate_cli.index import outcomes, store
from delegate_cli.loaded import Loaded
from delegate_cli.pipeline import Delegator
from delegate_cli.planning import keep
from delegate_cli.planning.features import features
from delegate_cli.planning.journaled import JOURNAL
from delegate_cli.planning.keep import Kept
from delegate_cli.planning.operators import Assumptions
from delegate_cli.planning.outcomes import NO_USD, PER_1K
from delegate_cli.planning.plans import Doer, Estimate, cost_of, direct_seconds
from delegate_cli.planning.rates import Basis, Rate, rate_of
from delegate_cli.policy.outcomes import Outcomes
from delegate_cli.policy.outcomes import Rate as Observed
from delegate_cli.skills.known import Told
from delegate_cli.skills.weighing import described, weigh

_NO_USD = "learnt prices left out: they are not in USD (give them so: delegate plan fit --per call, 1k or 1m)"
_FAR = "far from anything that outcomes are known of: success is each agent's usual rate"
_PARTLY = "unlike most that outcomes are known of: success is partly each agent's usual rate"
UNCOUNTED = 0.1  # standard deviation of a score on a card whose trials nobody counted


@dataclass(frozen=True, slots=True)
class Learnt:
    """What was learnt of agents and this task, by agent, the best first; `notes` say what could not be used.

    Attributes:
        tried: how far in [0, 1] a forecast is of the agent on such tasks, right or not, so that being the right one is in it.
        cost, seconds: of a call, from the table of outcomes; used where the card says nothing.
        per_1k: USD for so many tokens, where the table's prices are for tokens.
    """

    forecast: Mapping[str, Rate]
    observed: Mapping[str, Observed]
    skills: Mapping[str, list[Told]]
    notes: tuple[str, ...] = ()
    tried: Mapping[str, float] = field(default_factory=dict)
    cost: Mapping[str, Estimate] = field(default_factory=dict)
    seconds: Mapping[str, Estimate] = field(default_factory=dict)
    per_1k: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gathered:
    """Who may do the task, and what was not known."""

    doers: tuple[Doer, ...]
    notes: tuple[str, ...]


def gather(decision: Decision, roster: Roster, learnt: Learnt, assumed: Assumptions) -> Gathered:
    """The doers of a decided task."""
    doers = tuple(
        _doer(roster.agents[roster.position[each.agent]], each.probability, decision.task, learnt, assumed)
        for each in decision.candidates
    )
    return Gathered(doers, learnt.notes + tuple(_said(doers)))


def _doer(agent: Agent, right: float, task: str, learnt: Learnt, assumed: Assumptions) -> Doer:
    rate = rate_of(agent, assumed, learnt.forecast, learnt.observed, learnt.skills)
    prices = agent.cost or Cost()
    if prices == Cost():
        prices = Cost(None, learnt.per_1k.get(agent.id))
    cost = cost_of(prices, task, assumed) or learnt.cost.get(agent.id)
    seconds = direct_seconds(agent.latency_ms, assumed) or learnt.seconds.get(agent.id)
    tried = learnt.tried.get(agent.id, 0.0)
    right = tried + (1 - tried) * right
    said = []
    if rate.basis is Basis.ASSUMED:
        said.append(f"success of {agent.id}'s work ({rate.mean:g}, {rate.detail})")
    if prices.per_1k_tokens:
        said.append("tokens of a call")
    return Doer(agent, right, rate, cost, seconds, tuple(said))


def _said(doers: Sequence[Doer]) -> list[str]:
    """What holds for several agents, once."""
    notes = []
    assumed = {each.rate.detail: each.rate for each in doers if each.rate.basis is Basis.ASSUMED}
    if assumed:
        figures = ", ".join(f"{each.mean:g} ({detail})" for detail, each in sorted(assumed.items()))
        notes.append(f"how often a right agent's work succeeds is not known but assumed: {figures}")
    if any(each.rate.basis is Basis.SKILLS for each in doers):
        notes.append("a skill's score is taken to be the share of such tasks that succeed")
    return notes


def learn(delegator: Delegator, task: str, agents: Sequence[Agent]) -> Learnt:
    """What is kept of these agents beside the index, as far as it says something of this task."""
    ready = delegator.ready()
    vector, fingerprint = ready.vector(task), ready.encoder.fingerprint
    skills = _skills(ready, delegator.roster, vector, agents)
    observed = _observed(delegator, vector, fingerprint, agents)
    return forecast_of(
        _difficulty(delegator, fingerprint), task, ready.encoder, [agent.id for agent in agents], observed, skills
    )


def forecast_of(
    kept: Kept | str | None,
    task: str,
    encoder: Encoder,
    agents: Sequence[str],
    observed: Mapping[str, Observed],
    skills: Mapping[str, list[Told]],
) -> Learnt:
    """With what fitted difficulty says of these agents; `kept` as text is why it cannot be used.

    Outcomes of a table are of agents on any task: success is then multiplied by the probability of being the right agent only
    as far as the forecast is not trusted. Those of the journal are of agents that had been chosen, so there it is.
    """
    if kept is None or isinstance(kept, str):
        return Learnt({}, observed, skills, () if kept is None else (kept,))
    known = {agent: at for at, agent in enumerate(kept.difficulty.agents) if agent in {*agents}}
    if not known:
        return Learnt({}, observed, skills)
    found = kept.difficulty.forecast(features([task], encoder))
    trust = float(found.trust[0])
    seen = "far from anything seen: its usual rate" if trust == 0 else "outcomes of {} tasks"
    forecast = {
        agent: Rate(
            float(found.success[0, at]),
            float(found.low[0, at]),
            float(found.high[0, at]),
            Basis.DIFFICULTY,
            seen.format(int(kept.tasks[at])),
        )
        for agent, at in known.items()
    }
    chosen = kept.record.get("source") == JOURNAL
    tried = dict.fromkeys(known, 0.0 if chosen else trust)
    cost, seconds = (
        {agent: Estimate(*values[:, at].tolist()) for agent, at in known.items() if not np.isnan(values[0, at])}
        for values in (kept.cost, kept.seconds)
    )
    per = kept.record.get("prices_per")
    notes = ((_NO_USD,) if per == NO_USD else ()) + ((_FAR if trust == 0 else _PARTLY,) if trust < 1 else ())
    if per == PER_1K:
        return Learnt(forecast, observed, skills, notes, tried, {}, seconds, {name: each.value for name, each in cost.items()})
    return Learnt(forecast, observed, skills, notes, tried, cost, seconds)


def _difficulty(delegator: Delegator, fingerprint: str) -> Kept | str | None:
    try:
        kept = keep.read(store.folder_of(delegator.folder, delegator.roster))
    except store.Unusable as reason:
        return f"fitted difficulty left out: {reason} (run: delegate difficulty fit)"
    if kept is not None and kept.encoder != fingerprint:
        return "fitted difficulty left out: it was made with another encoder (run: delegate difficulty fit)"
    return kept


def _observed(delegator: Delegator, vector: Vectors, fingerprint: str, agents: Sequence[Agent]) -> dict[str, Observed]:
    """Rates of those whose work's outcomes are known."""
    try:
        kept = outcomes.read(store.folder_of(delegator.folder, delegator.roster, fingerprint), fingerprint)
    except (store.Unusable, KeyError, ValueError):
        return {}  # opening the index has said so
    if kept is None:
        return {}
    seen = {*kept.agents}
    table = Outcomes(kept.vectors, kept.agents, kept.success.astype(np.float64))
    return table.rates(vector, [each.id for each in agents if each.id in seen])


def _skills(ready: Loaded, roster: Roster, vector: Vectors, agents: Sequence[Agent]) -> dict[str, list[Told]]:
    """Each agent's skills that the task needs: inferred profiles where there are some, else the scores on the cards."""
    if ready.skills is None:
        return _own(roster, vector, ready.encoder, agents)
    about = ready.skills.about(vector)
    return {each.id: about.told(each.id) for each in agents}


def _own(roster: Roster, vector: Vectors, encoder: Encoder, agents: Sequence[Agent]) -> dict[str, list[Told]]:
    """The scores on the cards, of the skills that the task is near to."""
    names = sorted({name for agent in agents for name, skill in agent.skills.items() if not skill.open})
    if not names:
        return {}
    texts = roster.settings.get("skills") or {}
    weights = weigh(names, np.array([encoder.encode(described(name, texts)) for name in names]), vector)
    return {
        agent.id: [_told(agent, name, weight) for name, weight in weights.items() if name in agent.skills] for agent in agents
    }


def _told(agent: Agent, name: str, weight: float) -> Told:
    skill = agent.skills[name]
    std = float(np.sqrt(max(skill.score * (1 - skill.score), 0.01) / skill.trials)) if skill.trials else UNCOUNTED
    return Told(name, weight, 0.0, skill.score, std, skill.score, skill.trials or 0)
