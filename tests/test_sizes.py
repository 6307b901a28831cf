"""Accuracy against roster size, and the variants of a roster that it is measured with."""

import pytest
import shell

from delegate_cli import Delegator, load_roster
from delegate_cli.agents import Roster
from delegate_cli.evaluation.run import run_tasks
from delegate_cli.evaluation.sizes import default_sizes, sizes
from delegate_cli.evaluation.tasks import LabelledTask
from delegate_cli.evaluation.variants import RememberingEncoder, remembering, variant

TASKS = [
    LabelledTask("where is the refund for the shoes I returned", frozenset({"refunds"}), 1),
    LabelledTask("my salary is missing overtime", frozenset({"payroll"}), 2),
    LabelledTask("book a hotel in Lyon", frozenset({"travel-desk", "refunds"}), 3),
    LabelledTask("the app shows a white screen", frozenset({"bug-triage"}), 4),
    LabelledTask("sing me a song", frozenset(), 5),
]


@pytest.fixture
def small_delegator(kept):
    return Delegator(load_roster(shell.SMALL))


def silent(what, done, total):
    pass


def test_the_whole_roster_is_measured_as_eval_does(small_delegator):
    whole = len(small_delegator.roster)
    [found] = sizes(small_delegator, TASKS, [whole], 3, silent)
    outcomes = [outcome for outcome in run_tasks(small_delegator, TASKS)[0] if outcome.fits]
    assert (found["agents"], found["draws"], found["tasks"]) == (whole, 1, 4)
    assert found["top1"]["value"] == sum(outcome.right for outcome in outcomes) / 4
    assert found["top3"]["of"] == 4


def test_draws_are_of_agents_with_tasks_and_the_same_every_time(small_delegator):
    seen = []
    found = sizes(small_delegator, TASKS, [2, 4], 2, lambda *now: seen.append(now))
    assert found == sizes(small_delegator, TASKS, [2, 4], 2, silent)
    # of four agents all four have tasks; each draw of two keeps some tasks of those two
    assert [(each["agents"], each["draws"]) for each in found] == [(2, 2), (4, 2)]
    assert found[1]["tasks"] == 2 * 4
    assert 4 <= found[0]["tasks"] <= 6
    assert found[0]["top3"]["value"] == 1.0  # two agents are always among the first three
    assert seen[-1] == ("sizes", 4, 4)


def test_nothing_to_measure(small_delegator):
    [found] = sizes(small_delegator, TASKS[4:], [3], 2, silent)
    assert (found["tasks"], found["top1"], found["top3"]) == (0, None, None)


def test_default_sizes_end_with_the_roster():
    assert default_sizes(70) == [10, 30, 50, 70]
    assert default_sizes(8) == [8]
    assert default_sizes(250) == [10, 30, 50, 70, 100, 250]


def test_a_variant_of_the_same_roster_decides_the_same_and_leaves_no_index_behind(small_delegator):
    base = remembering(small_delegator)
    assert isinstance(base.encoder(), RememberingEncoder)
    assert remembering(base) is base
    mixed = Roster(tuple(reversed(base.roster.agents)), base.roster.path)
    with variant(base, mixed) as other:
        folder = other.folder
        for task in TASKS:
            first, second = small_delegator.decide(task.task), other.decide(task.task)
            assert first.agent == second.agent
            assert first.probability == second.probability
        assert list(folder.glob("indexes/*/CURRENT"))
    assert not folder.exists()
    assert mixed.order == tuple(agent.id for agent in reversed(base.roster.agents))


def test_a_text_is_encoded_once(small_delegator):
    class Counting:
        name, dimension, fingerprint, calls = "counting", 384, "f", 0

        def encode(self, text):
            self.calls += 1
            return encoder.encode(text)

    encoder, counting = small_delegator.encoder(), Counting()
    memory = RememberingEncoder(counting, {})
    assert (memory.encode("a task") == memory.encode("a task")).all()
    assert counting.calls == 1
    assert memory.fingerprint == "f"
