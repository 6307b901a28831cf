"""The public benchmark's own parts: figures from answers, kept answers, the page; no peer is installed."""

import json
import random
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.data import DataSet, LabelledTask
from benchmarks.peers import page, runs
from benchmarks.peers.catalogue import PEERS, Peer, Setting
from benchmarks.peers.environments import ADAPTERS, SHARED, PeerError, pinned, variables
from benchmarks.peers.figures import Figures, error_at, figures
from benchmarks.peers.runs import Entrant, job_of, measure
from delegate_cli.agents import Agent, Roster

TIMING = {"cold": 1.5, "build": 2.5, "memory": 100.0}
# A peer that answers with the agent whose name is in the task; it says in the file `runs` that it ran.
SCRIPT = """
from collections.abc import Callable
from pathlib import Path
from protocol import Answer, Job, serve

def build(job: Job) -> Callable[[str], Answer]:
    with Path({marks!r}).open("a") as out:
        out.write(job.setting + "\\n")
    if job.setting == "broken":
        raise RuntimeError("no such thing | at all")
    while job.setting == "endless":
        pass
    def answer(task: str) -> Answer:
        return Answer([(agent.id, 1.0) for agent in job.agents if agent.name in task], 0.75)
    return answer

serve(build)
"""


def row(ranking: list[tuple[str, float]], confidence: float | None = None, none: float | None = None) -> dict[str, Any]:
    return {"ranking": ranking, "confidence": confidence, "none": none, "seconds": 0.002}


def test_a_peer_shares_the_pins_of_encoders_and_no_others():
    whole = {peer.name: pinned(peer).split() for peer in PEERS}
    assert [line.partition("==")[0] for line in whole["semantic-router"]] == list(SHARED)
    assert len(whole["delegate"]) > 50


def test_figures_count_only_tasks_that_somebody_fits():
    rows = [
        row([("a", 0.9), ("b", 0.1)], 0.9, 0.05),
        row([("b", 0.6), ("c", 0.3), ("a", 0.1)], 0.6, 0.2),
        row([("c", 0.3)], 0.3, 0.6),
    ]
    found = figures(rows, [frozenset("a"), frozenset("a"), frozenset()], TIMING)
    assert (found.tasks, found.fits, found.top1, found.top3) == (3, 2, 0.5, 1.0)
    assert found.ece == pytest.approx((0.1 + 0.6) / 2)
    assert found.none_auroc == 1.0
    assert found.error == pytest.approx(0.5)  # 80 % of two tasks are two
    assert found.p50_ms == pytest.approx(2.0)
    assert (found.cold_s, found.build_s, found.memory_mib) == (1.5, 2.5, 100.0)


def test_a_score_that_claims_nothing_has_no_calibration_error():
    found = figures([row([("a", 17.0)]), row([])], [frozenset("a"), frozenset("b")], TIMING)
    assert found.ece is None
    assert found.none_auroc is None
    assert found.top1 == 0.5


def test_no_answer_is_the_least_sure_and_the_most_like_nobody():
    rows = [row([("a", -3.0)]), row([("a", -4.0)]), row([])]
    assert figures(rows, [frozenset("a"), frozenset("a"), frozenset()], TIMING).none_auroc == 1.0


def test_equal_scores_at_the_cut_count_by_their_mean():
    assert error_at([1, 1, 1, 1, 1], [True, False, True, False, True], 0.8) == pytest.approx(0.4)
    assert error_at([3, 2, 2, 2, 0], [True, False, True, True, False], 0.6) == pytest.approx(2 / 3 / 3)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=40), st.randoms())
def test_the_error_at_a_coverage_does_not_depend_on_the_order(pairs: list[tuple[int, bool]], draw: random.Random):
    shuffled = draw.sample(pairs, len(pairs))
    first = error_at([score for score, _ in pairs], [right for _, right in pairs])
    again = error_at([score for score, _ in shuffled], [right for _, right in shuffled])
    assert first == pytest.approx(again)
    assert error_at([score for score, _ in pairs], [right for _, right in pairs], 1.0) == pytest.approx(
        1 - np.mean([right for _, right in pairs])
    )


@pytest.fixture
def entrant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Entrant:
    """A peer of this Python, whose script lies in a folder of adapters of its own."""
    adapters = tmp_path / "adapters"
    adapters.mkdir()
    (adapters / "protocol.py").write_bytes((ADAPTERS / "protocol.py").read_bytes())
    (adapters / "peer_test.py").write_text(SCRIPT.format(marks=str(tmp_path / "runs")))
    monkeypatch.setattr(runs, "ADAPTERS", adapters)
    peer = Peer("test", "test", (), "MIT", (Setting("default", "test", "as it comes"),), "a number")
    return Entrant(peer, peer.settings[0], Path(sys.executable), {"test": "1"}, tmp_path / "build")


@pytest.fixture
def data() -> DataSet:
    agents = (Agent("one", "first"), Agent("two", "second"))
    tasks = [LabelledTask("the first task", frozenset({"one"})), LabelledTask("the second task", frozenset({"one"}))]
    return DataSet("tiny", Roster(agents), tasks)


def test_answers_are_kept_until_something_changes(entrant: Entrant, data: DataSet, tmp_path: Path):
    def ran() -> int:
        return len((tmp_path / "runs").read_text().splitlines())

    found = measure(entrant, data, [], fresh=False)
    assert (found.top1, found.ece, ran()) == (0.5, pytest.approx(0.25), 1)
    assert 0 < found.build_s < found.cold_s < 60
    assert found.memory_mib > 5
    assert measure(entrant, data, [], fresh=False) == found
    assert ran() == 1
    measure(entrant, data, [], fresh=True)
    assert ran() == 2
    measure(replace(entrant, versions={"test": "2"}), data, [], fresh=False)
    assert ran() == 3
    with (tmp_path / "adapters" / "peer_test.py").open("a") as out:
        out.write("# changed\n")
    measure(entrant, data, [], fresh=False)
    assert ran() == 4


def test_a_peer_that_keeps_its_index_builds_in_one_process_and_answers_in_another(
    entrant: Entrant, data: DataSet, tmp_path: Path
):
    measure(replace(entrant, peer=replace(entrant.peer, keeps=True)), data, [], fresh=False)
    assert len((tmp_path / "runs").read_text().splitlines()) == 2


def test_a_peer_that_breaks_gives_its_reason_and_keeps_nothing(entrant: Entrant, data: DataSet):
    broken = replace(entrant, setting=Setting("broken", "test", ""))
    with pytest.raises(PeerError, match="no such thing"):
        measure(broken, data, [], fresh=False)
    assert not list(entrant.build.rglob("*.jsonl"))


def test_a_peer_that_takes_too_much_time_is_stopped(entrant: Entrant, data: DataSet, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(runs, "LIMIT", 0.01)
    monkeypatch.setattr(runs, "PATIENCE", 6000)
    with pytest.raises(PeerError, match="more CPU time than allowed"):
        measure(entrant, data, [], fresh=False)
    monkeypatch.setattr(runs, "PATIENCE", 200)
    with pytest.raises(PeerError, match="gave up"):
        measure(replace(entrant, setting=Setting("endless", "test", "")), data, [], fresh=False)


def test_labels_go_only_to_settings_that_are_fitted_on_them(data: DataSet):
    labelled = [LabelledTask("x", frozenset({"two", "one"})), LabelledTask("y", frozenset())]
    assert job_of(Setting("fit", "", "", labels=True), data, labelled)["labelled"] == [["x", "one"], ["y", None]]
    assert job_of(Setting("default", "", ""), data, labelled)["labelled"] == []
    assert [setting.name for peer in PEERS for setting in peer.settings if setting.labels] == ["fit"]


def test_processes_see_no_secrets_and_no_hub(entrant: Entrant, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    given = variables(entrant.build, entrant.peer)
    assert "OPENAI_API_KEY" not in given
    assert given["HF_HUB_OFFLINE"] == "1"
    assert Path(given["HOME"]).is_relative_to(entrant.build.resolve())


def test_every_setting_has_a_label_of_its_own_and_every_peer_an_adapter():
    labels = [setting.label for peer in PEERS for setting in peer.settings]
    assert len(set(labels)) == len(labels)
    assert all((ADAPTERS / peer.script).exists() for peer in PEERS)


def some(**values: Any) -> Figures:
    base = {"tasks": 9, "fits": 9, "top1": 0.5, "interval": 0.1, "top3": 0.9, "ece": None, "none_auroc": None, "error": 0.2}
    return Figures(**(base | {"p50_ms": 2.0, "cold_s": 1.0, "build_s": 3.0, "memory_mib": 50.0} | values))


def test_the_page_shows_losses_and_reasons():
    first, second, third = (Setting(name, name, "as it comes") for name in ("ours", "theirs", "broken"))
    table = page.Table("tiny", 1200, 9, [(first, some(ece=0.04)), (second, some(top1=0.75)), (third, "x | <b>\nno")])
    peer = Peer("theirs", "their-package", (), "MIT", (second,), "a number")
    text = page.page(
        [table, page.Table("other", 3, 9, [(first, some(top1=0.9))])], [peer], {"theirs": {"their-package": "1.2"}}
    )
    lines = text.splitlines()
    assert "| theirs | **75.0** | 10.0 | **90.0** | – |" in text
    assert any(line.startswith("| ours | 50.0 |") for line in lines)
    assert any(line.startswith("| broken | x \\| &lt;b> no |") for line in lines)
    assert "1,200 agents, 9 tasks." in text
    assert "**their-package** 1.2, MIT. Its number: a number." in text
    summary = text[text.index("## Mean") : text.index("## tiny")]
    assert "| ours | 70.0 |" in summary
    assert "2 of 2 |" in summary
    assert "| broken | no figures |" in summary
    assert "0 of 2 |" in summary


def test_what_is_kept_is_what_was_answered(entrant: Entrant, data: DataSet):
    measure(entrant, data, [], fresh=False)
    (kept,) = entrant.build.rglob("*.jsonl")
    timing, *rows = map(json.loads, kept.read_text().splitlines())
    assert set(timing) == {"cold", "build", "memory"}
    assert [each["ranking"] for each in rows] == [[["one", 1.0]], [["two", 1.0]]]
