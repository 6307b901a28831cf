"""`delegate learn` on the small roster: what it changes, what it leaves alone, and what it survives."""

import json
import stat
from pathlib import Path

import numpy as np
import pytest
import shell
import yaml
from test_calibrate import FITTING, STRANGE, TASKS

from delegate_cli.calibrating.seen import see
from delegate_cli.index import learned, store
from delegate_cli.index.calibration import Label
from delegate_cli.journal.entries import Feedback, Origin, Verdict
from delegate_cli.journal.recorder import Recorder
from delegate_cli.journal.schema import FILE
from delegate_cli.journal.store import Journal
from delegate_cli.learning.drift import FALSE_ALARM
from delegate_cli.learning.trial import sign_test
from delegate_cli.pipeline import Delegator
from delegate_cli.render.learning import plain
from delegate_cli.roster.load import load_roster

ROWS = [*FITTING, *STRANGE]


@pytest.fixture
def answer(kept, small):
    """Decides tasks with the small roster, and answers them in the journal."""

    def decided(rows, origin=Origin.REVIEW):
        delegator = Delegator(load_roster(str(small)))
        with Journal(kept / FILE) as journal:
            recorder = Recorder(journal, delegator.settings, origin=Origin.PIPELINE)
            for row in rows:
                decision = delegator.decide(row["task"])
                verdict = Verdict.AGENT if row["agent"] else Verdict.NOBODY
                recorder.record(decision, Feedback(decision.id, verdict, row["agent"], origin=origin))
            recorder.close()
        return delegator

    return decided


@pytest.fixture
def learn(invoke, small):
    """The command with JSON."""

    def run(*more):
        done = invoke("learn", "--agents", str(small), "--format", "json", *more)
        assert done.out, done.err
        return done.code, done.json, done.err

    return run


def decisions(invoke, roster):
    done = invoke("route", "--agents", str(roster), "--all", "--format", "jsonl", "-", stdin="\n".join(TASKS).encode())
    assert done.code == 0, done.err
    return [{key: row[key] for key in row if key not in ("id", "elapsed_ms")} for row in done.rows]


def folder_of(small):
    return store.folder_of(learned_home(), load_roster(str(small)))


def learned_home():
    from delegate_cli.settings import home

    return home()


def files(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


# the command


def test_answers_become_sample_requests_and_are_taken_back(answer, learn, invoke, small):
    answer(ROWS)
    written, before = small.read_bytes(), decisions(invoke, small)
    code, tried, _ = learn("--dry-run")
    assert (code, tried["applied"], tried["stored"]) == (0, True, False)
    assert decisions(invoke, small) == before
    code, record, _ = learn()
    assert (code, record["stored"], record["new"]) == (0, True, len(ROWS))
    assert record["after"]["log_loss"] < record["before"]["log_loss"]
    assert record["blend"]["unknown_loss"][1] <= record["blend"]["unknown_loss"][0]
    assert "learnt requests count" in plain(record)
    assert sum(new for _, new in record["examples"].values()) == len(FITTING)
    after = decisions(invoke, small)
    assert after != before
    assert after[0]["roster"] == before[0]["roster"]
    assert small.read_bytes() == written
    status = invoke("index", "status", "--agents", str(small), "--format", "json").json
    assert status["learnt"]["examples"] == len(FITTING)
    assert status["calibration"]["labels"]["answers"] == len(ROWS)
    assert learn()[:2] == (1, learn()[1])  # nothing is new any more
    assert invoke("learn", "--agents", str(small), "--undo").code == 0
    assert decisions(invoke, small) == before
    assert invoke("learn", "--agents", str(small), "--undo").code == 1


def test_only_the_owner_may_read_what_was_learnt(answer, learn, small):
    answer(ROWS)
    learn()
    folder = folder_of(small)
    modes = {path.name.split("-")[0]: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes[learned.NAME] == modes["CALIBRATION"] == modes["labels"] == 0o600
    assert modes["gen"] == 0o700


def test_few_answers_teach_nothing_and_it_is_said_how_many_would(answer, learn, invoke, small):
    answer(FITTING[:7])
    before = files(folder_of(small))
    code, record, _ = learn()
    assert (code, record["missing"], record["stored"]) == (1, 3, False)
    assert files(folder_of(small)) == before
    assert "3 more would do" in invoke("learn", "--agents", str(small)).out


def test_wrong_answers_are_not_learnt(answer, learn, invoke, small):
    agents = sorted({row["agent"] for row in FITTING})
    rng = np.random.default_rng(1)
    answer([{"task": row["task"], "agent": str(rng.choice(agents))} for row in FITTING])
    before = decisions(invoke, small)
    code, record, _ = learn()
    assert not record["applied"]
    assert record["after"]["log_loss"] > 0
    if code == 1:
        assert decisions(invoke, small) == before


def test_what_was_learnt_outlives_a_change_of_the_roster(answer, learn, invoke, small):
    answer(ROWS)
    learn()
    roster = yaml.safe_load(small.read_text())
    roster["agents"] = [agent for agent in roster["agents"] if agent["id"] != "refunds"]
    small.write_text(yaml.safe_dump(roster))
    done = invoke("route", "--agents", str(small), "--format", "json", FITTING[4]["task"])
    assert done.json["candidates"][0]["agent"] == "payroll"
    assert done.json["candidates"][0]["evidence"][0]["text"] == FITTING[4]["task"]
    status = invoke("index", "status", "--agents", str(small)).out
    assert "state: fresh" in status
    assert "not in the roster: refunds" in status


def test_a_damaged_file_stops_no_decision(answer, learn, invoke, small):
    answer(ROWS)
    before = decisions(invoke, small)
    learn()
    path = folder_of(small) / learned.NAME
    path.write_bytes(path.read_bytes()[:-40])
    done = invoke("route", "--agents", str(small), "--format", "json", TASKS[0])
    assert done.json["agent"] == before[0]["agent"]
    assert "delegate learn --undo" in done.err
    assert invoke("learn", "--agents", str(small)).code == 2
    assert invoke("learn", "--agents", str(small), "--undo").code == 0
    assert decisions(invoke, small) == before


def test_an_answer_taken_back_is_forgotten(answer, learn, kept):
    answer(ROWS)
    learn()
    with Journal(kept / FILE) as journal:
        first = next(journal.entries())
        journal.undo(first.id)
    answer([{"task": f"{row['task']} once more, and quickly", "agent": row["agent"]} for row in FITTING])
    _, record, _ = learn()
    assert record["withdrawn"] == 1


# writing the roster


def test_write_adds_lines_and_changes_none(answer, learn, small, invoke):
    answer(ROWS)
    before = small.read_text()
    learn()
    state = decisions(invoke, small)
    _, record, _ = learn("--write")
    assert record["written"] == len(FITTING)
    left = iter(small.read_text().splitlines())
    assert all(line in left for line in before.splitlines())  # in this order
    learnt = {agent.id: agent.examples for agent in load_roster(str(small))}
    assert all(row["task"] in learnt[row["agent"]] for row in FITTING)
    assert [row["agent"] for row in decisions(invoke, small)] == [row["agent"] for row in state]
    assert learn("--write")[1]["written"] == 0


# leaving out


def test_a_task_that_was_learnt_is_judged_by_what_does_not_know_it(answer, learn, small):
    answer(ROWS)
    learn()
    delegator = Delegator(load_roster(str(small)))
    labels = [Label(row["task"], (row["agent"],)) for row in FITTING[:6]]
    ready = delegator.ready()
    for label, seen in zip(labels, see(ready, labels, delegator.roster, 50), strict=True):
        assert seen.by is not None
        place = delegator.roster.position[label.agents[0]]
        assert ready.decider.best_support(seen.query.vector, place) == pytest.approx(1.0, abs=1e-5)
        assert seen.by.decider.best_support(seen.query.vector, place) < 0.99


def test_the_sign_test_is_that_of_a_fair_coin():
    assert sign_test(0, 0) == sign_test(0, 5) == 1.0
    assert sign_test(5, 0) == pytest.approx(1 / 32)
    assert sign_test(8, 2) == pytest.approx(56 / 1024)


# drift


def test_status_and_learn_tell_of_drift(answer, learn, invoke, small):
    answer([{"task": row["task"], "agent": None} for row in FITTING])
    status = invoke("index", "status", "--agents", str(small), "--format", "json").json
    assert status["drift"]["alarm"]
    assert status["drift"]["evidence"] >= 1 / FALSE_ALARM
    assert status["drift"]["false_alarm"] == FALSE_ALARM
    assert "at most once in 100" in invoke("index", "status", "--agents", str(small)).out
    assert "promises are not kept" in learn("--dry-run")[1]["drift"]["said"]
    assert status["drift"]["observed"] == 0.0


def test_complaints_are_no_drift(answer, invoke, small):
    answer([{"task": row["task"], "agent": "garden"} for row in FITTING[:12]], Origin.FEEDBACK)
    shown = invoke("index", "status", "--agents", str(small), "--format", "json").json
    with Journal(Path(str(learned_home())) / FILE) as journal:
        asked = sum(entry.status != "decided" for entry in journal.entries())
    assert shown["drift"]["answers"] == asked


def test_everything_is_one_line_of_json(answer, learn, small):
    answer(ROWS)
    _, record, _ = learn()
    assert json.loads(json.dumps(record)) == record
    assert shell.invoke("learn", "--agents", str(small), "--undo", "--dry-run").code == 2


# outcomes


def test_outcomes_of_the_journal_shift_the_ranking_and_the_record_says_so(learn, invoke, kept, small, monkeypatch):
    task = "something went wrong with my order, please help"
    options = ("--agents", str(small), "--format", "json", "--min-probability", "1")
    monkeypatch.setenv("DELEGATE_PREFER_BAND", "1")
    before = invoke("route", *options, task).json
    first, second = (each["agent"] for each in before["candidates"][:2])
    delegator = Delegator(load_roster(str(small)))
    with Journal(kept / FILE) as journal:
        recorder = Recorder(journal, delegator.settings)
        for number in range(12):
            for agent, success in ((first, False), (second, True)):
                decision = delegator.decide(f"{task} ({number})")
                recorder.record(decision, Feedback(decision.id, Verdict.AGENT, agent, success=success))
        recorder.close()
    _, record, _ = learn()
    assert record["outcomes"] == {agent: [12, rate] for agent, rate in sorted([(first, 0.0), (second, 1.0)])}
    after = invoke("route", *options, task).json
    assert "candidates" in after, after
    assert after["candidates"][0]["agent"] == second
    assert (after["traded"]["by"], after["traded"]["over"]) == ("outcomes", first)
    assert after["traded"]["quality"] > 0
