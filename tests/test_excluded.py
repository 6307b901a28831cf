"""What is left where constraints exclude the agent that fits: nobody, and not the best of the others."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shell import SMALL, Result

from delegate_cli import Delegator, Journal, Settings, load_roster
from delegate_cli.agents import Roster
from delegate_cli.ask import Ask
from delegate_cli.confidence.excluded import chance, prior
from delegate_cli.learning.answers import read
from delegate_cli.policy import ANYBODY_THERE, Constraints
from delegate_cli.render.plain import sentence

AGENTS = load_roster(SMALL)
LEGAL = replace(ANYBODY_THERE, roles=frozenset({"legal"}))
logits = st.lists(st.floats(-40, 40), min_size=1, max_size=6).map(np.array)


@given(logits, logits, st.integers(0, 100), st.floats(0.1, 20))
def test_the_chance_is_one_and_grows_with_what_is_excluded(excluded, eligible, more, by) -> None:
    count, agents = len(eligible), len(eligible) + len(excluded) + more
    found = chance(excluded, eligible, count, agents)
    assert 0 <= found <= 1
    assert chance(excluded[:0], eligible, count, agents) == 0
    assert 0 < prior(count, agents) < 1
    far = eligible.max() + 1 + np.abs(excluded)  # clear of ties, where an excluded agent counts for nothing
    assert chance(far, eligible, count, agents) <= chance(far + by, eligible, count, agents)
    assert chance(far, eligible, count, agents) >= chance(far, eligible + min(by, 0.9), count, agents)


@pytest.fixture(scope="module")
def delegator(compiled: Path) -> Delegator:
    return Delegator(AGENTS, Settings(), folder=compiled, rebuild=False)


@pytest.mark.parametrize("agent", [agent for agent in AGENTS if agent.examples], ids=lambda agent: agent.id)
def test_nobody_gets_what_an_excluded_agent_does(delegator: Delegator, agent) -> None:
    for task in agent.examples:
        others = [each.id for each in AGENTS if each is not agent]
        for left in (others, others[:2], others[-1:], ["garden"]):
            found = delegator.decide(task, Ask(constraints=replace(LEGAL, allow=frozenset(left))))
            assert (found.status.value, found.agent) == ("none", None)
            assert found.reason is not None
            assert (found.missed, found.as_dict()["missed"]) == (agent.id, agent.id)
            assert found.reason.startswith(f"{agent.id} fits best and is excluded (")
            assert sentence(found).endswith(found.reason)
            assert sum(each.probability for each in found.candidates) + found.none <= 1 + 1e-9


@pytest.mark.parametrize("agent", [agent for agent in AGENTS if agent.examples], ids=lambda agent: agent.id)
def test_who_does_not_fit_may_be_excluded(delegator: Delegator, agent) -> None:
    task = agent.examples[0]
    everybody = delegator.decide(task, Ask(constraints=LEGAL))
    for allowed in ({agent.id}, {agent.id, "garden"}):
        found = delegator.decide(task, Ask(constraints=replace(LEGAL, allow=frozenset(allowed))))
        assert (found.status, found.agent, found.reason) == (everybody.status, agent.id, None)
        assert found.none == pytest.approx(everybody.none, abs=0.01)


@pytest.mark.parametrize("task", ["hi", "Prove that there are infinitely many primes"])
def test_what_nobody_does_is_missed_by_nobody(delegator: Delegator, task: str) -> None:
    found = delegator.decide(task, Ask(constraints=replace(LEGAL, allow=frozenset({"garden"}))))
    everybody = delegator.decide(task, Ask(constraints=LEGAL))
    assert found.none >= everybody.none - 1e-9
    if everybody.status.value == "none":
        assert (found.status.value, found.missed, found.reason) == ("none", None, None)


def test_that_nobody_else_fits_is_not_learnt(journal: Journal, invoke) -> None:
    route = ("route", "--agents", SMALL, "--at", "any", "-f", "json", "--deny", "refunds")
    assert invoke(*route, "Please refund the second pair of shoes").json["missed"] == "refunds"
    assert invoke("feedback", "last", "--right").code == 0
    assert "reason\trefunds fits best and is excluded (denied)" in invoke("why", "last", "-f", "plain").out
    reading = read(journal, load_roster(SMALL))
    assert (reading.answers, reading.unusable) == ((), {"the agent that fits was excluded": 1})


def test_a_twin_takes_over(compiled: Path, tmp_path: Path) -> None:
    (tmp_path / "encoders").symlink_to(compiled / "encoders")
    twin = replace(AGENTS.agents[AGENTS.position["refunds"]], id="refunds-too")
    twins = Delegator(Roster((*AGENTS, twin)), Settings(), folder=tmp_path)
    task = "Please refund the second pair of shoes"
    found = twins.decide(task, Ask(constraints=Constraints(deny=frozenset({"refunds"}))))
    assert (found.status.value, found.agent, found.reason) == ("decided", "refunds-too", None)
    both = Constraints(deny=frozenset({"refunds", "refunds-too"}))
    assert twins.decide(task, Ask(constraints=both)).status.value == "none"


def test_the_command_says_who_would_fit(invoke) -> None:
    done: Result = invoke("route", "--agents", SMALL, "--at", "any", "-f", "json", "Check this NDA for unusual liability terms")
    assert done.code == 1
    assert done.json["reason"] == "contract-review fits best and is excluded (needs role legal or finance)"
