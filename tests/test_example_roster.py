"""The example roster and its labelled tasks keep what the documentation promises of them."""

import json
import re
from collections import Counter
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import pytest
from running import Runs, part, plan
from shell import DATA

from delegate_cli.agents import Kind, Roster
from delegate_cli.roster.load import load_roster

DOMAINS = {"support", "marketing", "docs", "sales", "internal"}


@pytest.fixture(scope="module")
def roster() -> Roster:
    return load_roster(DATA.parent.parent / "agents.yaml")


@pytest.fixture(scope="module")
def tasks() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / "tasks.jsonl").read_text().splitlines()]


def words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.lower()))


def test_seventy_agents_in_five_domains(roster: Roster) -> None:
    assert len(roster) == 70
    counts = Counter(tag for agent in roster for tag in agent.tags if tag in DOMAINS)
    assert counts == dict.fromkeys(DOMAINS, 14)


def test_people_are_among_them(roster: Roster) -> None:
    assert sum(agent.kind in (Kind.HUMAN, Kind.TEAM) for agent in roster) >= 8


def test_every_card_is_filled_in(roster: Roster) -> None:
    for agent in roster:
        assert len(agent.examples) == 5, agent.id
        assert len(agent.description) > 40, agent.id


def test_no_sample_request_is_given_twice(roster: Roster) -> None:
    requests = Counter(" ".join(sorted(words(text))) for agent in roster for text in agent.examples)
    assert [text for text, count in requests.items() if count > 1] == []


def test_every_agent_has_tasks_and_some_tasks_have_no_agent(roster: Roster, tasks: list[dict[str, Any]]) -> None:
    counts = Counter(task["agent"] for task in tasks)
    assert counts.pop(None) == 60
    assert set(counts) == set(roster.position)
    assert min(counts.values()) >= 3
    assert len({task["task"] for task in tasks}) == len(tasks)


def test_no_task_is_a_near_copy_of_a_sample_request(roster: Roster, tasks: list[dict[str, Any]]) -> None:
    requests = [(text, words(text)) for agent in roster for text in (*agent.examples, *agent.not_for)]
    copies = [(task["task"], text) for task in tasks for text, said in requests if near(task["task"], text, said)]
    assert copies == []


def near(task: str, request: str, said: frozenset[str]) -> bool:
    mine = words(task)
    if len(mine & said) / max(1, len(mine | said)) >= 0.6:
        return True
    matcher = SequenceMatcher(None, task.lower(), request.lower(), autojunk=False)
    return matcher.real_quick_ratio() >= 0.8 and matcher.quick_ratio() >= 0.8 and matcher.ratio() >= 0.8


def test_some_agents_do_what_they_are_given(tmp_path: Path) -> None:
    runs = Runs.over(DATA.parent.parent / "agents.yaml", tmp_path)
    found = runs(
        plan(
            part("a", "order-tracking", task="Where are TH-20932 and TH-20933?"),
            part("b", "mailing-list-check", task="info@a.example, b@a.example, B@a.example"),
        )
    )
    assert found["a"].answer == "TH-20932: on its way, at customs in Rotterdam\nTH-20933: delivered to the front desk"
    assert found["b"].answer == "2 addresses; role addresses: ['info@a.example']; twice: ['b@a.example']"
    assert found["a"].cost_usd == 0.001
