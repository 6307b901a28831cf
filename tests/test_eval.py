"""`delegate eval`: every figure again from the JSON Lines of `route --all`, by other code than the program's."""

import json
import math

import numpy as np
import pytest
import shell
import sklearn.metrics

ROSTER = str(shell.DATA.parent.parent / "agents.yaml")
TASKS = shell.DATA / "tasks.jsonl"


@pytest.fixture(scope="module")
def example(compiled, tmp_path_factory):
    """The command over a home of this file's own, where the example roster is indexed once."""
    folder = tmp_path_factory.mktemp("example")
    (folder / "encoders").symlink_to(compiled / "encoders")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DELEGATE_HOME", str(folder))
        yield shell.invoke


@pytest.fixture(scope="module")
def figures(example):
    done = example("eval", str(TASKS), "--agents", ROSTER, "--format", "json", "--quiet")
    assert done.code == 0
    return done.json


@pytest.fixture(scope="module")
def rows(example):
    """(right ids, record) of every task."""
    labels = [json.loads(line) for line in TASKS.read_text().splitlines()]
    lines = "".join(json.dumps({"task": label["task"]}) + "\n" for label in labels)
    options = ("--agents", ROSTER, "--all", "--format", "jsonl", "--quiet", "--at", "any")  # whoever is there, as eval
    done = example("route", *options, "-", stdin=lines.encode())
    assert done.code == 0
    return [([label["agent"]] if label["agent"] else [], record) for label, record in zip(labels, done.rows, strict=True)]


def test_every_figure_agrees_with_an_independent_recomputation(figures, rows):
    inside = [(gold, record) for gold, record in rows if gold]
    ranks = [[each["agent"] for each in record["candidates"]].index(gold[0]) + 1 for gold, record in inside]
    right = np.array([rank == 1 for rank in ranks])
    stated = np.array([record["probability"] for _, record in inside])
    assert figures["tasks"] == len(rows) == 340
    assert figures["top1"]["value"] == right.mean()
    assert figures["top3"]["value"] == np.mean([rank <= 3 for rank in ranks])
    assert figures["mrr"]["value"] == np.mean([1 / rank for rank in ranks])
    assert figures["ece"] == pytest.approx(calibration_error(stated, right), abs=1e-15)
    assert figures["brier"] == sklearn.metrics.brier_score_loss(right, stated)
    gold_names = [gold[0] for gold, _ in inside]
    chosen = [record["candidates"][0]["agent"] for _, record in inside]
    f1 = sklearn.metrics.f1_score(gold_names, chosen, labels=sorted(set(gold_names)), average="macro")
    assert figures["macro_f1"] == pytest.approx(f1, abs=1e-15)
    none = [record["none"] for _, record in rows]
    assert figures["none_auroc"] == pytest.approx(
        sklearn.metrics.roc_auc_score([not gold for gold, _ in rows], none), abs=1e-15
    )
    assert figures["auroc_right"] == pytest.approx(sklearn.metrics.roc_auc_score(right, stated), abs=1e-15)
    surprise = [-math.log(max(given(gold, record), 1e-12)) for gold, record in rows]
    assert figures["log_loss"] == pytest.approx(math.fsum(surprise) / len(rows), abs=1e-15)


def test_hand_overs_levels_and_risk_agree_too(figures, rows):
    inside = [(record, record["candidates"][0]["agent"] == gold[0]) for gold, record in rows if gold]
    given_away = [is_right for record, is_right in inside if record["status"] == "decided"]
    assert figures["handed_over"]["coverage"]["value"] == len(given_away) / len(inside)
    assert figures["handed_over"]["error"]["value"] == (len(given_away) - sum(given_away)) / len(given_away)
    nobody = [record for gold, record in rows if not gold]
    assert figures["false_accept"]["value"] == sum(record["status"] == "decided" for record in nobody) / len(nobody)
    for level in figures["levels"]:
        here = [is_right for record, is_right in inside if record["candidates"][0]["confidence"] == level["level"]]
        assert level["accuracy"]["of"] == len(here)
        assert level["accuracy"]["value"] == sum(here) / len(here)
    ordered = [is_right for _, is_right in sorted(inside, key=lambda row: -row[0]["probability"])]
    for point in figures["risk_coverage"]:
        head = ordered[: round(point["coverage"] * len(ordered))]
        assert point["error"]["value"] == (len(head) - sum(head)) / len(head)


def test_bins_curve_and_confusions_agree_too(figures, rows):
    inside = [(gold[0], record["candidates"][0]["agent"], record["probability"]) for gold, record in rows if gold]
    error = 0.0
    for number, each in enumerate(figures["reliability"]):
        here = [(gold == first, stated) for gold, first, stated in inside if min(int(stated * 15), 14) == number]
        assert each["count"] == len(here)
        assert (each["from"], each["to"]) == (number / 15, (number + 1) / 15)
        if here:
            assert each["probability"] == pytest.approx(math.fsum(stated for _, stated in here) / len(here), abs=1e-15)
            assert each["right"]["value"] == sum(right for right, _ in here) / len(here)
            error += abs(each["probability"] - each["right"]["value"]) * len(here) / len(inside)
    assert figures["ece"] == pytest.approx(error, abs=1e-12)
    ordered = [gold != first for gold, first, _ in sorted(inside, key=lambda row: -row[2])]
    curve = figures["risk_coverage_curve"]
    assert len(curve) == 100
    assert (curve[0]["coverage"], curve[-1]["coverage"]) == (1 / len(ordered), 1.0)
    for point in curve:
        count = round(point["coverage"] * len(ordered))
        assert point["error"] == sum(ordered[:count]) / count
    agents = figures["confusion"]["agents"]
    assert set(agents) == {agent for pair in figures["confused"] for agent in pair["agents"]}
    for right, counts, others in zip(agents, figures["confusion"]["counts"], figures["confusion"]["others"], strict=True):
        assert counts == [sum((gold, first) == (right, chosen) for gold, first, _ in inside) for chosen in agents]
        assert sum(counts) + others == sum(gold == right for gold, _, _ in inside)


def calibration_error(stated, right):
    """Fifteen bins of equal width; the last one takes 1.0 too."""
    gap = 0.0
    for low in range(15):
        inside = (stated * 15 >= low) & ((stated * 15 < low + 1) | (low == 14))
        if inside.any():
            gap += abs(stated[inside].sum() - right[inside].sum())
    return gap / len(stated)


def given(gold, record):
    """The probability of the right answer."""
    if not gold:
        return record["none"]
    return next(each["probability"] for each in record["candidates"] if each["agent"] == gold[0])


@pytest.mark.parametrize(
    ("gate", "code"),
    [
        ("--min-top1=0.2", 0),
        ("--min-top1=1", 7),
        ("--min-top3=1", 7),
        ("--max-ece=0", 7),
        ("--max-ece=1", 0),
        ("--max-error=1", 0),
    ],
)
def test_gates(invoke, tmp_path, gate, code):
    path = labelled(tmp_path, {"task": "refund my shoes", "agent": "garden"}, {"task": "book a train", "agent": "travel-desk"})
    done = invoke("eval", path, "--agents", shell.SMALL, gate)
    assert done.code == code
    assert done.err.count("gate not met") == (code == 7)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('{"task": "x", "agent": "payrol"}', "line 2: the roster has no agent 'payrol' (did you mean 'payroll'?)"),
        ('{"task": "x", "agent": 3}', "line 2: `agent` must be"),
        ('{"task": "x"}', "line 2: there is no `agent`"),
        ('{"agent": null}', "line 2: there is no text"),
        ('{"task": " ", "agent": null}', "line 2: the task is empty"),
        ("[1]", "line 2: there is no text"),
        ("{", "line 2: not valid JSON"),
        ("\x00\udcff", "line 2: not UTF-8"),
    ],
)
def test_a_broken_line_is_named(invoke, tmp_path, line, what):
    path = tmp_path / "tasks.jsonl"
    path.write_bytes(b'{"task": "refund my shoes", "agent": "refunds"}\n' + line.encode("utf-8", "surrogateescape") + b"\n")
    done = invoke("eval", str(path), "--agents", shell.SMALL)
    assert done.code == 2
    assert what in done.err
    assert done.err.count("\n") == 1


def test_an_empty_or_missing_file_is_an_error(invoke, tmp_path):
    (tmp_path / "empty").write_text("\n\n")
    for name in ("empty", "missing"):
        assert invoke("eval", str(tmp_path / name), "--agents", shell.SMALL).code == 2


def test_lists_of_agents_nobody_and_every_format(invoke, tmp_path):
    path = labelled(
        tmp_path,
        {"task": "I want my money back for the shoes", "agent": ["payroll", "refunds"]},
        {"task": "what is the airspeed of a swallow", "agent": None},
        {"task": "book me a train", "agent": "payroll"},
    )
    figures = invoke("eval", path, "--agents", shell.SMALL, "--format", "json").json
    assert (figures["fits"], figures["nobody"]) == (2, 1)
    assert figures["top1"]["value"] == 0.5
    assert figures["confused"][0]["agents"] == ["payroll", "travel-desk"]
    for chosen in ("table", "plain", "markdown"):
        out = invoke("eval", path, "--agents", shell.SMALL, "--format", chosen).out
        assert "50.0 %" in out
        assert "payroll" in out
    misses = invoke("eval", path, "--agents", shell.SMALL, "--wrong").out
    assert "line 3: book me a train" in misses
    assert "line 1" not in misses


def test_only_tasks_that_nobody_fits(invoke, tmp_path):
    figures = invoke("eval", labelled(tmp_path, {"task": "sing", "agent": None}), "--agents", shell.SMALL, "-f", "json").json
    assert figures["top1"] is figures["ece"] is figures["mrr"] is None


def labelled(folder, *rows):
    path = folder / "tasks.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)
