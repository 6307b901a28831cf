"""The environment's interface, where its cases come from, and a policy that is learnt in it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from running import ECHO, Runs, part, plan, program
from shell import SMALL

from delegate_cli.ask import Ask
from delegate_cli.errors import UsageError
from delegate_cli.pipeline import Delegator
from delegate_cli.policy import ANYBODY_THERE
from delegate_cli.roster.load import load_roster
from delegate_cli.running.cases import Case, Choice, Stretch, Wanted, World, of_runs, simulated
from delegate_cli.running.env import Box, Discrete, Env, Rules
from delegate_cli.running.reinforce import Policy, Schedule, learn
from delegate_cli.splitting.reading import Reader


def stretch(goals: tuple[int, ...], **known: tuple[float, float]) -> Stretch:
    """Agents with the probability of being chosen, and of doing each goal, for 0.1 USD a call."""
    choices = tuple(Choice(agent, likely, 0.1, 0.9) for agent, (likely, _) in known.items())
    return Stretch(choices, goals, {(agent, goal): done for agent, (_, done) in known.items() for goal in goals})


ONE = Case("one", stretch((0,), a=(0.9, 1.0), b=(0.1, 0.0)), (), 0.0, 1, 1)
TWO = Case(
    "two",
    stretch((0, 1), a=(0.5, 0.0), b=(0.4, 0.0)),
    (stretch((0,), a=(0.9, 1.0)), stretch((1,), c=(0.2, 0.0), b=(0.1, 1.0))),
    0.9,
    2,
    2,
)
DOUBT = Case("doubt", stretch((0,), a=(0.5, 0.5), b=(0.4, 0.5), c=(0.1, 0.5)), (), 0.0, 1, 1)
SURE = Rules(price=1.0, found=1.0, alarmed=0.0, critique_usd=0.01, split_usd=0.02)
SPLIT, CRITIQUE, ACCEPT = 3, 4, 5


def play(env: Env, actions: list[int], case: int, seed: int = 1) -> list[Any]:
    env.reset(seed=seed, options={"case": case})
    return [env.step(action) for action in actions]


def test_what_is_done_earns_and_every_call_costs() -> None:
    env = Env([ONE, TWO], SURE)
    steps = play(env, [0, ACCEPT], 0)
    assert [(round(step[1], 6), step[2], step[3]) for step in steps] == [(-0.1, False, False), (1.0, True, False)]
    assert steps[-1][4]["usd"] == pytest.approx(0.1)
    steps = play(env, [SPLIT, 0, ACCEPT, 0, CRITIQUE, 1, ACCEPT], 1)
    assert [round(step[1], 6) for step in steps] == [-0.02, -0.1, 0.0, -0.1, -0.01, -0.1, 1.0]
    assert steps[4][0][2] == -1.0  # the second look finds it
    assert play(env, [0, ACCEPT], 1)[-1][1] == 0.0
    assert play(env, [SPLIT, 0, ACCEPT, 0, ACCEPT], 1)[-1][4]["quality"] == 0.5


def test_what_changes_nothing_costs_a_little_and_may_be_cut_off() -> None:
    env = Env([ONE], Rules(most=3, useless=0.02))
    steps = play(env, [SPLIT, ACCEPT, CRITIQUE], 0)
    assert [step[1:4] for step in steps] == [(-0.02, False, False), (-0.02, False, False), (-0.02, False, True)]
    with pytest.raises(UsageError, match="is over"):
        env.step(0)


def test_mistakes_are_said() -> None:
    with pytest.raises(UsageError, match="nothing to learn on"):
        Env([])
    env = Env([ONE])
    with pytest.raises(UsageError, match="is over"):
        env.step(0)
    with pytest.raises(UsageError, match="no case 1"):
        env.reset(options={"case": 1})
    env.reset(seed=1)
    for wrong in (-1, 6, 0.5, None, True, "0"):
        with pytest.raises(UsageError, match="no action"):
            env.step(wrong)  # type: ignore[arg-type]


def test_spaces() -> None:
    assert Discrete(3).contains(np.int64(2))
    assert not Discrete(3).contains(3)
    assert {Discrete(2).sample(np.random.default_rng(seed)) for seed in range(9)} == {0, 1}
    box = Box(-1.0, 1.0, (2,))
    assert box.contains(np.zeros(2, dtype=np.float32))
    assert not box.contains(np.zeros(2))
    assert not box.contains(np.full(2, 2.0, dtype=np.float32))
    assert not box.contains(np.full(2, np.nan, dtype=np.float32))


@given(st.integers(0, 2**31), st.lists(st.integers(0, 5), max_size=50))
@settings(max_examples=60)
def test_every_episode_is_finite_observable_and_the_same_again(seed: int, actions: list[int]) -> None:
    def run() -> list[Any]:
        env = Env([ONE, TWO, DOUBT], Rules(most=20))
        observation, info = env.reset(seed=seed)
        found: list[Any] = [(observation.tolist(), info["mask"].tolist())]
        over = False
        for action in actions:
            if over:
                with pytest.raises(UsageError):
                    env.step(action)
                break
            observation, reward, ended, late, info = env.step(action)
            assert env.observation_space.contains(observation)
            assert np.isfinite(reward)
            assert not (ended and late)
            assert ended or late or info["mask"].any()
            over = ended or late
            found.append((observation.tolist(), reward, ended, late, info["mask"].tolist(), info["usd"]))
        return found

    assert run() == run()


def test_two_ways_of_working_meet_the_same_luck() -> None:
    env = Env([DOUBT], SURE)
    alone = [play(env, [0, ACCEPT], 0, seed)[-1][4]["quality"] for seed in range(40)]
    after = [play(env, [1, CRITIQUE, 0, ACCEPT], 0, seed)[-1][4]["quality"] for seed in range(40)]
    assert alone == after
    assert 5 < sum(alone) < 35


def test_a_request_is_read_by_the_head_and_done_by_a_made_up_world(kept: Path) -> None:
    first, second = "Please refund the second pair of shoes", "book me a train to Hamburg on Thursday morning"
    text = f"{first} and then {second}"
    with Delegator(load_roster(SMALL)) as delegator:
        refunds, travel = (
            delegator.decide(each, Ask(constraints=ANYBODY_THERE)).candidates[0].agent for each in (first, second)
        )
        wanted = [Wanted(frozenset((refunds,)), 0, len(first)), Wanted(frozenset((travel,)), len(first), len(text))]
        reader = Reader(delegator, text, Ask(constraints=ANYBODY_THERE))
        case = simulated(reader, wanted, World(spread=0.0, wrong=0.2, load=0.5), 3)
        assert case == simulated(reader, wanted, World(spread=0.0, wrong=0.2, load=0.5), 3)
    assert [(each.choices[0].agent, each.goals) for each in case.parts] == [(refunds, (0,)), (travel, (1,))]
    assert case.parts[0].chances[refunds, 0] == pytest.approx(0.9)
    assert case.whole is not None
    assert case.whole.chances[refunds, 0] == pytest.approx(0.45)
    assert case.whole.chances[refunds, 1] == pytest.approx(0.1)
    assert all(each.usd > 0 and 0 < each.rate < 1 for each in case.whole.choices)


def test_runs_become_cases(tmp_path: Path) -> None:
    bad = program("import sys; sys.exit(1)")
    card = {"kind": "ai", "run": ECHO, "cost": {"per_task": 0.25}}
    runs = Runs(tmp_path, {"bad": bad, "echo": card, "idle": ECHO})
    runs(plan(part("a", "bad", others=["echo", "idle"]), part("b")))
    assert runs.folder is not None
    (case,) = of_runs([runs.folder])
    assert (case.whole, case.goals) == (None, 2)
    assert case.parts[0].chances == {("bad", 0): 0.0, ("echo", 0): 1.0, ("idle", 0): 0.3}
    assert [each.usd for each in case.parts[0].choices] == [0.0, 0.25, 0.0]
    env = Env([case], Rules(price=1.0))
    assert play(env, [1, ACCEPT, 0, ACCEPT], 0)[-1][4] | {"mask": None} == {"mask": None, "usd": 0.5, "quality": 1.0}
    runs(plan(part("a")))
    (case,) = of_runs([runs.folder])
    assert case.whole is not None
    assert case.parts == ()


def test_a_policy_learns_to_split_what_one_agent_cannot_do_and_nothing_else() -> None:
    env = Env([ONE, TWO], SURE)
    policy = learn(env, 3, Schedule(rounds=60, requests=4))
    again = learn(env, 3, Schedule(rounds=60, requests=4))
    assert np.array_equal(policy.first, again.first)
    assert np.array_equal(policy.second, again.second)
    totals = [total(env, policy, case) for case in (0, 1)]
    assert totals[0] == pytest.approx(0.9)
    assert totals[1] >= 0.28 - 1e-9  # the first agents of its parts do half of it; anybody alone does nothing, and -0.1 is left


def total(env: Env, policy: Policy, case: int) -> float:
    observation, info = env.reset(seed=0, options={"case": case})
    found, over = 0.0, False
    while not over:
        observation, reward, ended, late, info = env.step(policy.act(observation, info["mask"]))
        found, over = found + reward, ended or late
    return found


def test_gymnasium_finds_it_is_one_of_its_own() -> None:
    gymnasium = pytest.importorskip("gymnasium")
    from gymnasium.utils.env_checker import check_env

    from delegate_cli.running.gym import GymEnv

    env = GymEnv(Env([ONE, TWO]))
    assert isinstance(env, gymnasium.Env)
    check_env(env, skip_render_check=True)
