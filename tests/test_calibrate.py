"""`delegate calibrate` on the small roster: what it changes, what it leaves alone, and what it survives."""

import json
import os
import random
import signal
import stat
import subprocess
import sys
import time

import numpy as np
import pytest
import shell
import yaml
from shell import SMALL

from delegate_cli.index import calibration, store
from delegate_cli.roster.load import load_roster

SOMEBODY = {
    "refunds": ["money back for my shoes", "credit the returned phone", "I returned the coat, pay me back", "refund order 12"],
    "payroll": ["my salary is wrong", "overtime is not on the payslip", "tax class on my payslip?", "bonus in my salary"],
    "travel-desk": ["book a flight to Rome", "hotel in Bonn for me", "train ticket to Kiel", "move my flight to Sunday"],
    "bug-triage": ["app crashes on start", "the login button is dead", "blank screen in the app", "notifications do not come"],
    "release-notes": ["changelog for 2.1", "what changed since 2.0?", "notes for the next release", "summarise merged changes"],
    "contract-review": ["check this contract", "is this clause risky?", "read the NDA please", "liability in this agreement"],
    "garden": ["water the office plants", "the ficus is dry", "new plants for the roof garden", "who looks after the plants?"],
    "translate-german": [
        "put this into German",
        "German text for the flyer",
        "übersetze den Brief",
        "translate the page to German",
    ],
}
NOBODY = """what is the speed of light/sing a song about the sea/who won the match last night/solve x squared equals four
recipe for onion soup/is it going to rain/tell me a joke about cats/how old is the moon/best chess opening
name three rivers in Peru/how do bees fly/play something by Bach/capital of Australia/how many legs has a spider
explain black holes/when did Rome fall""".replace("\n", "/").split("/")
FITTING = [{"task": task, "agent": agent} for agent, tasks in SOMEBODY.items() for task in tasks]
STRANGE = [{"task": task, "agent": None} for task in NOBODY]
TASKS = [*(row["task"] for row in FITTING[::4]), "why is the sky blue", "fix the coffee machine"]


@pytest.fixture
def labels(tmp_path):
    def write(rows, name="labelled.jsonl"):
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return str(path)

    return write


def decisions(run, roster=SMALL):
    """What is decided of some tasks, without what differs from run to run; and the notes."""
    done = run("route", "--agents", roster, "--all", "--format", "jsonl", "-", stdin="\n".join(TASKS).encode())
    assert done.code == 0, done.err
    return [{key: row[key] for key in row if key not in ("id", "elapsed_ms")} for row in done.rows], done.err


def calibrate(run, path, *more, roster=SMALL):
    done = run("calibrate", path, "--agents", str(roster), "--format", "json", *more)
    assert done.code == 0, done.err
    return done.json


def of_none(rows):
    return np.array([row["none"] for row in rows])


def status(run, roster=SMALL):
    return run("index", "status", "--agents", str(roster), "--format", "json").json


# what it changes


def test_tasks_that_nobody_fits_raise_none_and_reset_restores_every_number(invoke, labels, kept):
    before, _ = decisions(invoke)
    found = calibrate(invoke, labels(FITTING + STRANGE))
    assert found["stored"]
    assert found["parts"]["none"]["applied"]
    assert found["after"]["log_loss"] < found["before"]["log_loss"]
    after, notes = decisions(invoke)
    assert notes == ""
    assert of_none(after)[-1] > of_none(before)[-1]  # "fix the coffee machine"
    assert all(row["decider"]["calibrated"] for row in after)
    for row in after:
        assert sum(each["probability"] for each in row["candidates"]) + row["none"] == pytest.approx(1, abs=1e-6)
    assert status(invoke)["calibration"]["labels"]["tasks"] == len(FITTING + STRANGE)
    done = invoke("calibrate", "--reset", "--agents", SMALL, "--format", "json")
    assert done.json == {"removed": True}
    assert decisions(invoke) == (before, "")
    assert status(invoke)["calibration"] is None
    assert not [path for path in folder_of(kept).iterdir() if "labels" in path.name or "CALIB" in path.name]


def test_wrong_first_candidates_make_it_less_sure(invoke, labels):
    """Half of the labels disagree with what the roster is sure of: the probabilities must come down."""
    ids = sorted(SOMEBODY)
    crossed = [
        {**row, "agent": ids[(ids.index(row["agent"]) + 1) % len(ids)] if place % 2 else row["agent"]}
        for place, row in enumerate(FITTING)
    ]
    before, _ = decisions(invoke)
    found = calibrate(invoke, labels(crossed))
    assert found["parts"]["weights"]["applied"]
    assert found["after"]["log_loss"] < found["before"]["log_loss"]
    after, _ = decisions(invoke)
    assert np.mean([row["probability"] for row in after]) < np.mean([row["probability"] for row in before])


def test_a_given_share_of_nobody_counts_against_an_enriched_file(invoke, labels):
    path = labels(FITTING + STRANGE)
    calibrate(invoke, path)
    enriched, _ = decisions(invoke)
    calibrate(invoke, path, "--none-share", "0.01")
    rare, _ = decisions(invoke)
    assert of_none(rare).mean() < of_none(enriched).mean()


def test_a_dry_run_keeps_nothing(invoke, labels, kept):
    before, _ = decisions(invoke)
    files = sorted(folder_of(kept).rglob("*"))
    found = calibrate(invoke, labels(FITTING + STRANGE), "--dry-run")
    assert found["applied"]
    assert not found["stored"]
    assert sorted(folder_of(kept).rglob("*")) == files
    assert decisions(invoke) == (before, "")


def test_eval_says_when_it_measures_on_the_labels_themselves(invoke, labels):
    path = labels(FITTING + STRANGE)
    assert invoke("eval", path, "--agents", SMALL).err == ""
    calibrate(invoke, path)
    assert "fitted on these very tasks" in invoke("eval", path, "--agents", SMALL).err
    assert invoke("eval", labels(FITTING, "other"), "--agents", SMALL).err == ""


# what it leaves alone


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (FITTING[:1], "1 labelled tasks, 10 are needed"),
        (STRANGE, "0 tasks that some agent fits, 5 are needed"),
        ([{**row, "agent": random.Random(3).choice(list(SOMEBODY))} for row in FITTING], "are the ids right?"),
        ([{**row, "agent": agent} for row, agent in zip(FITTING, [*SOMEBODY] * 4, strict=True)], "are the ids right?"),
    ],
)
def test_labels_that_say_nothing_change_nothing(invoke, labels, kept, rows, reason):
    before, _ = decisions(invoke)
    found = calibrate(invoke, labels(rows))
    assert (found["applied"], found["stored"]) == (False, False)
    assert all(reason in part["reason"] for part in found["parts"].values())
    assert found["after"] == found["before"]
    assert decisions(invoke) == (before, "")
    assert calibration.read(folder_of(kept)) is None


def test_without_tasks_that_nobody_fits_none_stays(invoke, labels):
    found = calibrate(invoke, labels(FITTING), "--dry-run")
    assert found["parts"]["none"] == {
        "applied": False,
        "reason": "0 tasks that nobody fits, 2 are needed",
        "gain": None,
        "noise": None,
    }
    assert found["before"]["none_auroc"] is None


def test_nothing_is_applied_that_was_worse_on_other_folds(invoke, labels):
    for rows in (FITTING + STRANGE, FITTING, FITTING[::2] + STRANGE[:3]):
        found = calibrate(invoke, labels(rows), "--dry-run")
        assert found["after"]["log_loss"] <= found["before"]["log_loss"]
        for part in found["parts"].values():
            assert part["gain"] is None or part["applied"] == (part["gain"] >= 0)


# files and words


@pytest.mark.parametrize("line", ["{", '{"task": "x"}', '{"task": "x", "agent": "payrol"}', '{"agent": null}'])
def test_a_broken_line_is_named(invoke, tmp_path, line):
    path = tmp_path / "labelled.jsonl"
    path.write_text('{"task": "refund my shoes", "agent": "refunds"}\n' + line + "\n")
    done = invoke("calibrate", str(path), "--agents", SMALL)
    assert (done.code, done.out) == (2, "")
    assert "line 2" in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [(), ("x.jsonl", "--reset"), ("x.jsonl", "--none-share", "1"), ("missing.jsonl",)])
def test_usage(invoke, arguments):
    done = invoke("calibrate", *arguments, "--agents", SMALL)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("chosen", ["plain", "table"])
def test_the_report_in_words(invoke, labels, chosen):
    out = invoke("calibrate", labels(FITTING + STRANGE), "--agents", SMALL, "--format", chosen).out
    for words in ("log loss", "ECE", "AUROC of none", "handed over", "weights", "threshold", "48 labelled tasks"):
        assert words in out
    assert "fitted on 48 labelled tasks" in invoke("index", "status", "--agents", SMALL).out
    assert "removed" in invoke("calibrate", "--reset", "--agents", SMALL).out
    assert "no calibration" in invoke("calibrate", "--reset", "--agents", SMALL).out


def test_only_the_owner_may_read_labelled_tasks(invoke, labels, kept):
    calibrate(invoke, labels(FITTING + STRANGE))
    files = [path for path in folder_of(kept).iterdir() if "labels" in path.name or "CALIB" in path.name]
    assert len(files) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


# what it survives


def folder_of(kept, roster=SMALL):
    return store.folder_of(kept, load_roster(str(roster)))


def test_a_rebuild_fits_again_and_drops_labels_of_agents_that_are_gone(invoke, labels, small, kept):
    calibrate(invoke, labels(FITTING + STRANGE), roster=small)
    calibrated, _ = decisions(invoke, str(small))
    assert invoke("index", "rebuild", "--agents", str(small)).code == 0
    assert decisions(invoke, str(small)) == (calibrated, "")
    roster = yaml.safe_load(small.read_text())
    roster["agents"] = [agent for agent in roster["agents"] if agent["id"] != "garden"]
    small.write_text(shell.roster_text(roster["agents"]))
    _, notes = decisions(invoke, str(small))
    assert "4 of 48 labelled tasks left out: the roster no longer has their agents" in notes
    assert status(invoke, small)["calibration"]["tasks"] == 44
    stored = calibration.read(folder_of(kept, small))
    assert len(calibration.read_labels(folder_of(kept, small), stored)) == 48  # the agent may come back


def test_a_roster_with_other_agents_decides_without_labels(invoke, labels, small):
    calibrate(invoke, labels(FITTING + STRANGE[:0]), roster=small)
    agents = [{"id": f"other-{number}", "name": f"Other {number}", "description": "Does a thing."} for number in range(3)]
    small.write_text(shell.roster_text(agents))
    rows, notes = decisions(invoke, str(small))
    assert len(rows) == len(TASKS)
    assert "none of the agents" in notes


DAMAGES = {
    "cut": lambda data: data[: len(data) // 2],
    "flipped": lambda data: data[:-20] + bytes([data[-20] ^ 1]) + data[-19:],
    "empty": lambda data: b"",
    "garbage": lambda data: b"\xff\x00[]" * 50,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_calibration_never_stops_a_decision(invoke, labels, kept, damage):
    before, _ = decisions(invoke)
    calibrate(invoke, labels(FITTING + STRANGE))
    path = folder_of(kept) / "CALIBRATION"
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    rows, notes = decisions(invoke)
    assert rows == before
    assert notes.startswith("calibration on labelled tasks left out: it is damaged (run: delegate calibrate")
    assert notes.count("\n") == 1
    assert "not used: it is damaged" in invoke("index", "status", "--agents", SMALL).out
    assert invoke("index", "rebuild", "--agents", SMALL).code == 0
    assert calibrate(invoke, labels(FITTING + STRANGE))["stored"]
    assert decisions(invoke)[1] == ""


def test_damaged_labels_are_noticed_at_a_rebuild(invoke, labels, kept):
    before, _ = decisions(invoke)
    calibrate(invoke, labels(FITTING + STRANGE))
    next(folder_of(kept).glob("labels-*")).write_text("[]\n")
    assert decisions(invoke)[1] == ""
    assert "its labelled tasks are damaged" in invoke("index", "rebuild", "--agents", SMALL).err
    rows, notes = decisions(invoke)
    assert rows == before
    assert "it was made for another index" in notes


FORKING = """
import os, sys
import delegate_cli.encoders.onnx, delegate_cli.calibrating.fit, delegate_cli.index.build, sklearn.linear_model, scipy.optimize
from delegate_cli.cli.app import run
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os._exit(run(line.split()))
    print(child, flush=True)
    sys.stdin.readline()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def test_killed_at_any_moment_it_leaves_the_old_or_the_new_state(invoke, labels, kept):
    """Two calibrations in turns and rebuilds between, each killed somewhere: decisions are always those of a whole state."""
    files = {"a": labels(FITTING + STRANGE, "a"), "b": labels(FITTING + STRANGE[:4], "b")}
    whole = []
    for path in files.values():
        calibrate(invoke, path)
        whole.append(decisions(invoke)[0])
    assert whole[0] != whole[1]
    process = subprocess.Popen([sys.executable, "-c", FORKING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    moments, killed, longest = random.Random(5), 0, 1.0
    for turn in range(15):
        words = ("index rebuild", f"calibrate {files['a']}", f"calibrate {files['b']}")[turn % 3]
        started = time.monotonic()
        process.stdin.write(f"{words} --agents {SMALL} --quiet\n")
        process.stdin.flush()
        child = int(process.stdout.readline())
        if turn >= 3:  # the first three show how long it takes
            time.sleep(moments.uniform(0, longest))
            os.kill(child, signal.SIGKILL)  # not yet waited for, so that the number is still its own
        process.stdin.write("wait\n")
        process.stdin.flush()
        code = int(process.stdout.readline())
        killed += code == -signal.SIGKILL
        if turn < 3:
            assert code == 0
            longest = time.monotonic() - started
        rows, notes = decisions(invoke)
        assert notes == ""
        assert rows in whole
        stored = calibration.read(folder_of(kept))
        assert len(calibration.read_labels(folder_of(kept), stored)) == stored.facts["tasks"]
    process.stdin.close()
    process.wait(shell.TIMEOUT)
    process.stdout.close()
    assert killed >= 4
    calibrate(invoke, files["a"])
    assert decisions(invoke)[0] == whole[0]
    assert len(list(folder_of(kept).glob("*labels-*"))) == 1


def test_a_full_disk_leaves_the_old_state(invoke, labels, kept):
    calibrate(invoke, labels(FITTING + STRANGE))
    before = decisions(invoke)
    other = labels(FITTING + STRANGE[:4] + [{"task": "x " * 3000, "agent": None}], "b")
    command = f"ulimit -f 4; exec {' '.join(shell.COMMAND)} calibrate {other} --agents {SMALL}"  # files of 4 KiB at most
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=shell.TIMEOUT)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: cannot write to ")
    assert decisions(invoke) == before
