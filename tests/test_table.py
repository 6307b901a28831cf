"""The table fits every terminal, keeps every column readable, and obeys nothing that a roster says."""

from dataclasses import replace

import pytest
from rich.cells import cell_len

from delegate_cli.decision import Candidate, Criterion, DeciderInfo, Decision, Evidence, EvidenceKind, Rubric, Status
from delegate_cli.render.table import decision_svg, decision_table, verdict_line


def candidate(name: str, probability: float, kind: str = "ai") -> Candidate:
    rubric = Rubric(3, (Criterion("evidence", 0.5, f"near: sample request “{'word ' * 12}”"),))
    evidence = Evidence(EvidenceKind.EXAMPLE, "a sample request " * 8, 0.61)
    return Candidate(name.lower().replace(" ", "-"), name, kind, probability, rubric, (evidence,))


DECISION = Decision(
    task="Introduce the scanners " * 12,
    status=Status.ASK,
    agent="outreach",
    probability=0.5,
    none=0.1,
    margin=0.2,
    threshold=0.9,
    candidates=(
        candidate("Outreach", 0.5),
        candidate("Data Protection and Information Security Officer", 0.3, "human"),
        candidate("情報セキュリティ担当者", 0.1, "team"),
    ),
    decider=DeciderInfo("head", "encoder", calibrated=True),
    contrast={
        "runner_up": "data",
        "views": {"head": 0.1, "card": -0.5},
        "words_of_first": ["scanner"] * 30,
        "words_of_runner_up": [],
    },
)


@pytest.mark.parametrize("width", [40, 50, 69, 70, 80, 100, 117, 120, 128, 160, 200])
@pytest.mark.parametrize("explain", [False, True])
def test_no_line_is_wider_than_the_terminal_and_no_agent_is_squeezed_out(width: int, explain: bool):
    lines = decision_table(DECISION, explain, color=False, width=width).splitlines()
    assert max(map(cell_len, lines)) <= width
    first = next(line for line in lines if line.startswith("1 "))
    assert "Outreach" in first
    assert "0.50" in first
    assert "●●●○○" in first


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_evidence_is_beside_the_agent_or_below_it(width: int):
    assert "0.61 example: a sample req" in decision_table(DECISION, explain=False, color=False, width=width)


def test_a_roster_cannot_colour_or_move_anything():
    sly = replace(candidate("[red]x[/red]", 0.9), agent="x\x1b[2J", name="[bold]a\x1b[31m\u202eb[/bold]")
    text = decision_table(replace(DECISION, candidates=(sly,)), explain=True, color=False, width=120)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[bold]a" in text


def test_the_verdict_alone_names_the_cause_of_asking():
    assert "0.50 is below 0.90" in verdict_line(DECISION, color=False, width=80)
    close = replace(DECISION, probability=0.95, margin=0.05)
    assert "lead of 0.05 is too small" in verdict_line(close, color=False, width=80)


def test_the_picture_fetches_nothing():
    picture = decision_svg(DECISION, explain=False, width=120, title="delegate route")
    assert "Outreach" in picture
    assert "url(http" not in picture
