"""`delegate eval` with --ladder, --sizes, --without and --compare, on the small roster."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
import shell
import yaml

from delegate_cli import Delegator, load_roster
from delegate_cli.agents import Roster
from delegate_cli.evaluation.ablation import CARD, KNOWN
from delegate_cli.evaluation.variants import remembering, variant

ROWS = [
    {"task": "I want my money back for the shoes", "agent": "refunds"},
    {"task": "my salary is missing the overtime", "agent": ["payroll", "refunds"]},
    {"task": "book me a train to Lyon", "agent": "payroll"},
    {"task": "the app is white after the update", "agent": "bug-triage"},
    {"task": "Bitte übersetze diesen Brief", "agent": "translate-german"},
    {"task": "what is the airspeed of a swallow", "agent": None},
]
FORMATS = ("table", "plain", "markdown")


@pytest.fixture
def tasks(tmp_path):
    path = tmp_path / "tasks.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return str(path)


@pytest.fixture
def measured(invoke, tasks):
    """eval over the small roster, as JSON."""

    def run(*arguments):
        done = invoke("eval", tasks, "--agents", shell.SMALL, "--format", "json", *arguments)
        assert done.code == 0, done.err
        return done.json

    return run


def test_ladder(measured):
    figures = measured("--ladder")
    plain = measured()
    steps = figures["ladder"]["steps"]
    assert [step["step"] for step in steps] == ["file order", "shuffled", "shortlist", "with sample requests"]
    assert steps[3]["top1"] == plain["top1"] == figures["top1"]
    assert steps[1]["changed"] == {"decisions": 0, "of": 5 * len(ROWS)}
    assert steps[1]["top1"] == steps[0]["top1"]
    assert steps[1]["lowest_top1"] == steps[1]["highest_top1"] == steps[0]["top1"]["value"]
    assert steps[2]["recall"]["value"] == 1.0  # ten of eight agents
    assert "tokens" not in steps[0]


def test_positions_follow_the_order_of_the_file(measured):
    order = [agent["id"] for agent in yaml.safe_load(Path(shell.SMALL).read_text())["agents"]]
    assert order != sorted(order)
    parts = measured("--ladder")["ladder"]["positions"]
    spans = [part["agents"] for part in parts]
    assert spans[0][0] == 1
    assert spans[-1][1] == len(order)
    assert all(before[1] + 1 == after[0] for before, after in pairwise(spans))
    golds = [row["agent"] if isinstance(row["agent"], list) else [row["agent"]] for row in ROWS if row["agent"]]
    places = [min(order.index(each) + 1 for each in gold) for gold in golds]
    for part in parts:
        low, high = part["agents"]
        count = sum(low <= place <= high for place in places)
        assert (part["file_order"] or {"of": 0})["of"] == count


def test_a_forced_shortlist_scores_so_many_and_no_more(kept):
    cut = Delegator(load_roster(shell.SMALL), nearest=2)
    reached = cut.shortlist("please refund my shoes")
    assert len(reached) == 2
    assert "refunds" in reached
    assert len(Delegator(load_roster(shell.SMALL)).shortlist("please refund my shoes")) == 7  # one has `allow`


def test_sizes_beyond_the_roster_are_dropped_with_a_note(invoke, measured, tasks):
    assert [each["agents"] for each in measured("--sizes", "8,3")["sizes"]] == [3, 8]
    done = invoke("eval", tasks, "--agents", shell.SMALL, "--sizes", "3,9,70", "-f", "json")
    assert [each["agents"] for each in done.json["sizes"]] == [3]
    assert done.err == "--sizes: left out 9, 70; the roster has 8 agents\n"
    assert invoke("eval", tasks, "--agents", shell.SMALL, "--sizes", "3,9", "--quiet").err == ""


def test_without_each_part(measured):
    names = ("examples", "not_for", "bm25", "head")
    figures = measured("--without", ",".join(names))
    rows = figures["without"]
    assert [row["without"] for row in rows] == [None, *names]
    assert rows[0]["top1"] == figures["top1"]
    assert [row["agents"] for row in rows[1:]] == [7, 1, 8, 8]
    assert rows[0]["ece"] == pytest.approx(figures["ece"], abs=1e-12)
    for row in rows[1:]:
        assert row["difference"]["value"] == pytest.approx(row["top1"]["value"] - rows[0]["top1"]["value"])


@pytest.mark.parametrize("view", ["head", "card", "words"])
def test_a_view_left_out_has_no_weight_and_the_others_have(kept, view):
    base = remembering(Delegator(load_roster(shell.SMALL)))
    for roster in (base.roster, Roster(tuple(map(CARD["examples"], base.roster)))):
        with variant(base, roster, frozenset((view,))) as less:
            weights = dict(zip(("head", "card", "words"), less.ready().weights, strict=True))
        assert [name for name, weight in weights.items() if weight == 0.0] == [view]


def test_every_part_of_a_card_can_be_left_out(measured):
    rows = measured("--without", ",".join(KNOWN))["without"]
    assert [row["without"] for row in rows[1:]] == list(KNOWN)
    assert rows[1 + KNOWN.index("examples")]["ece"] != rows[0]["ece"]


@pytest.mark.parametrize("chosen", FORMATS)
def test_experiments_in_every_format(invoke, tasks, chosen):
    out = invoke("eval", tasks, "--agents", shell.SMALL, "-f", chosen, "--ladder", "--sizes", "3", "--without", "examples").out
    for word in ("with sample requests", "shuffled: 5 orders", "1 to 2", "draws", "(whole)", "of 30 decisions changed"):
        assert word in out
    assert "macro-F1" not in out


def test_a_gate_holds_beside_a_ladder(invoke, tasks):
    done = invoke("eval", tasks, "--agents", shell.SMALL, "--sizes", "3", "--min-top1", "1")
    assert done.code == 7
    assert "gate not met" in done.err


def test_a_part_that_no_agent_has_changes_nothing_and_is_named(invoke, tasks, small, small_agents):
    small.write_text(shell.roster_text([{**agent, "not_for": []} for agent in small_agents]))
    out = invoke("eval", tasks, "--agents", str(small), "--without", "not_for", "-f", "plain").out
    assert "0.0 (0.0 to 0.0)" in out
    assert "No agent has: not_for." in out


def test_comparing_a_roster_with_itself_and_with_a_worse_one(invoke, tasks, tmp_path):
    worse = tmp_path / "worse|.yaml"
    agents = yaml.safe_load(Path(shell.SMALL).read_text())["agents"]
    kept = [{**agent, "examples": []} for agent in agents if agent["id"] != "translate-german"]
    worse.write_text(shell.roster_text(kept))
    same = invoke("eval", tasks, "--compare", shell.SMALL, shell.SMALL, "-f", "json").json
    assert same["difference"]["top1"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert (same["mcnemar"]["p"], same["verdict"], same["left_out"]) == (1.0, "too_few", 0)
    figures = invoke("eval", tasks, "--compare", shell.SMALL, str(worse), "-f", "json").json
    assert (figures["tasks"], figures["left_out"]) == (5, 1)
    assert figures["b"]["agents"] == 7
    assert figures["difference"]["log_loss"]["value"] == pytest.approx(figures["b"]["log_loss"] - figures["a"]["log_loss"])
    for chosen in FORMATS:
        out = invoke("eval", tasks, "--compare", shell.SMALL, str(worse), "-f", chosen).out
        assert "4 tasks are too few to tell" in out
        assert "1 left out" in out
    assert "worse\\|.yaml" in out  # Markdown's own signs in a file's name


def test_comparing_settings_and_deciders(invoke, tasks):
    done = invoke("eval", tasks, "--agents", shell.SMALL, "--compare", "min_probability=0", "min_probability=1", "-f", "json")
    assert done.json["a"]["handed_over"]["value"] > done.json["b"]["handed_over"]["value"] == 0.0
    assert done.json["difference"]["ece"]["value"] == 0.0
    done = invoke("eval", tasks, "--agents", shell.SMALL, "--compare", "head", "encoder=all-MiniLM-L6-v2", "-f", "json")
    assert done.code == 0
    assert done.json["a"]["log_loss"] == done.json["b"]["log_loss"]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("--compare", "head", "nowhere.yaml"), "'nowhere.yaml' is no file, no decider and no setting"),
        (("--compare", "head", "colour=red"), "there is no setting 'colour'"),
        (("--compare", "head", "target_error=much"), "target_error must be a number"),
        (("--compare", "head", "target_error=2"), "target_error must be between 0 and 1"),
        (("--compare", "head", "auto", "--ladder"), "--compare and --ladder do not go together"),
        (("--compare", "head", "auto", "--max-ece", "0"), "--compare and --max-ece do not go together"),
        (("--wrong", "--sizes", "3"), "--wrong and --sizes do not go together"),
        (("--sizes", "3,x"), "'x' is no number of agents"),
        (("--sizes", "1"), "'1' is no number of agents"),
        (("--sizes", ","), "--sizes names nothing"),
        (("--sizes", "9"), "the roster has only 8 agents"),
        (("--without", "examples,tags"), "knows no 'tags' (use some of: examples,description,not_for,name,head,card,bm25)"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(invoke, tasks, arguments, what):
    done = invoke("eval", tasks, "--agents", shell.SMALL, *arguments)
    assert done.code == 2
    assert what in done.err
    assert done.err.count("\n") == 1
    assert done.out == ""


def test_rosters_without_a_common_task_cannot_be_compared(invoke, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text(shell.roster_text([{"id": "x", "name": "X"}]))
    path = tmp_path / "tasks.jsonl"
    path.write_text('{"task": "refund", "agent": "refunds"}\n')
    done = invoke("eval", str(path), "--compare", shell.SMALL, str(other))
    assert done.code == 2
    assert "no task's right agents are in both rosters" in done.err
    path.write_text('{"task": "refund", "agent": "refundz"}\n')
    assert "the rosters have no agent 'refundz'" in invoke("eval", str(path), "--compare", shell.SMALL, str(other)).err


def test_the_index_in_use_is_left_alone(invoke, kept, tasks):
    before = {path: path.read_bytes() for path in kept.glob("indexes/*/CURRENT")}
    assert before
    invoke("eval", tasks, "--agents", shell.SMALL, "--ladder", "--sizes", "3", "--without", "examples,head")
    assert {path: path.read_bytes() for path in kept.glob("indexes/*/CURRENT")} == before
