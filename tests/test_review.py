"""Ways in which a decision once misled: each was seen, and stays mended."""

import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shell

from delegate_cli import Delegator, load_roster
from delegate_cli.agents import Agent, Availability, Cost, Presence, Roster
from delegate_cli.cli import confirm
from delegate_cli.decision import Candidate, DeciderInfo, Decision, Status
from delegate_cli.encoders import catalog
from delegate_cli.index import store
from delegate_cli.index.search import PartIndex
from delegate_cli.pipeline import Ask
from delegate_cli.settings import Settings

ROSTER = shell.DATA.parent.parent / "agents.yaml"


@pytest.fixture(scope="module")
def example(compiled: Path) -> Delegator:
    """The example roster, ready to decide."""
    return Delegator(load_roster(ROSTER), Settings(), folder=compiled)


@pytest.mark.parametrize("size", [1, 3, 50])
def test_the_shortlist_makes_nothing_look_surer(example: Delegator, compiled: Path, size: int) -> None:
    task = "Write an email to a customer"
    narrow = Delegator(example.roster, Settings(shortlist=size), folder=compiled).decide(task)
    wide = example.decide(task)
    assert [(each.agent, each.probability) for each in narrow.candidates] == [
        (each.agent, each.probability) for each in wide.candidates
    ]


def test_the_runner_up_is_one_that_was_looked_at(example: Delegator) -> None:
    decision = example.decide("invoice shows the wrong VAT rate", Ask(explain=True))
    assert decision.candidates[0].agent == "billing-disputes"
    assert decision.contrast is not None
    assert decision.candidates[1].probability > decision.candidates[2].probability > 0


def test_nobody_is_not_named_where_many_fit_alike(compiled: Path) -> None:
    agents = tuple(Agent(f"refunds-{place}", "Refunds", description="Pays customers back.") for place in range(40))
    decision = Delegator(Roster(agents), Settings(), folder=compiled).decide("please refund my customer")
    assert decision.status is Status.ASK


def test_the_only_agent_is_not_given_everything(compiled: Path) -> None:
    roster = Roster((Agent("only", "Only", description="Pays refunds to customers."),))
    delegator = Delegator(roster, Settings(), folder=compiled)
    fits, other = (delegator.decide(task) for task in ("Pay the customer a refund", "Who won the match in Brazil last night?"))
    assert fits.none < 0.05 < other.none
    assert fits.probability > other.probability
    assert other.status is not Status.DECIDED


def test_probabilities_of_thousands_sum_to_one(compiled: Path) -> None:
    agents = tuple(
        Agent(f"a{place}", f"Desk {place}", description=f"Handles topic {place * 7919 % 9973}.") for place in range(900)
    )
    delegator = Delegator(Roster(agents), Settings(), folder=compiled)
    record = delegator.decide("topic 42 please", Ask(top=None)).as_dict()
    shares = [each["probability"] for each in record["candidates"]]
    assert len(shares) == 900
    assert sum(shares) + record["none"] == pytest.approx(1, abs=1e-6)
    assert shares == sorted(shares, reverse=True)


def test_a_new_price_does_not_make_the_index_stale(compiled: Path) -> None:
    roster = load_roster(shell.SMALL)
    fingerprint = catalog.find("all-MiniLM-L6-v2").fingerprint
    folder = store.folder_of(compiled, roster)
    priced = Roster(tuple(replace(agent, cost=Cost(per_task=9.0)) for agent in roster), roster.path)
    store.open_index(folder, priced, fingerprint)
    changed = Roster(tuple(replace(agent, description="New.") for agent in roster), roster.path)
    with pytest.raises(store.Unusable, match="changed"):
        store.open_index(folder, changed, fingerprint)


def test_a_restricted_graph_search_finds_what_is_there() -> None:
    rng = np.random.default_rng(4)
    vectors = rng.normal(size=(3000, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    allowed = np.arange(2940, 3000)
    rows, similarity = PartIndex.build(vectors, flat_limit=10).search(vectors[0], 50, allowed)
    exact = np.argsort(-(vectors[allowed] @ vectors[0]), kind="stable")[:50]
    assert rows.tolist() == allowed[exact].tolist()
    assert similarity[0] == pytest.approx(float((vectors[allowed] @ vectors[0]).max()))


def test_an_agent_that_is_away_is_left_out(compiled: Path) -> None:
    roster = load_roster(shell.SMALL)
    away = Availability(Presence.AWAY)
    gone = Roster(tuple(replace(agent, availability=away) for agent in roster), roster.path)
    assert Delegator(gone, Settings(), folder=compiled).decide("refund my shoes").status is Status.NO_ELIGIBLE


def test_a_name_that_two_agents_share_must_be_told_apart(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    candidates = (Candidate("outreach-eu", "Outreach", "ai", 0.7), Candidate("outreach-jp", "Outreach", "ai", 0.2))
    full = Decision("x", Status.ASK, "outreach-eu", 0.7, 0.1, 0.5, candidates, DeciderInfo("head", "m", True))
    monkeypatch.setattr(sys, "stdin", io.StringIO("outreach\noutreach-jp\n"))
    chosen = confirm._ask(full, 2)
    assert chosen is candidates[1]
    assert "outreach-eu, outreach-jp" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", ["--version", "route --agents {small} 'refund my shoes'", "agents list --agents {small}"])
@pytest.mark.parametrize("where", [">&-", ">/dev/full"])
def test_output_that_cannot_be_written_is_one_line(kept: Path, arguments: str, where: str) -> None:
    command = f"{sys.executable} -m delegate_cli {arguments.format(small=shell.SMALL)} {where}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=shell.TIMEOUT)
    assert done.returncode == 2
    assert done.stderr.startswith("error: cannot write to stdout")
    assert done.stderr.count("\n") == 1


def test_a_hyphen_among_tasks_is_refused(kept: Path) -> None:
    assert shell.execute("route", "--agents", shell.SMALL, "a task", "-").code == 2
