"""A roster that was read before comes back the same, and only while the file holds the same bytes."""

import os
from pathlib import Path

import pytest
from shell import SMALL
from test_imports import loaded
from test_llm_settings import LLM_BLOCK

from delegate_cli.agents import Agent, Roster
from delegate_cli.errors import RosterError
from delegate_cli.roster import kept
from delegate_cli.roster.load import load_roster
from delegate_cli.roster.parse import parse_roster

RICH = """
version: 1
settings:
  target_error: 0.1
  prefer: {cheap: 2, fast: 1}
  journal: {text: hash}
agents:
  - id: zoë
    name: "[bold]Zoë\\u202e"
    kind: human
    examples: [Sign the lease, "😀 smile"]
    not_for: [Parking]
    skills: {legal: 0.9, writing: {score: 0.8, trials: 120}}
    tools: [pen]
    allow: []
    cost: {per_task: 4}
    latency_ms: 3.5
    availability: {status: busy, hours: "Mon-Fri 09:00-17:00", timezone: Europe/Berlin, capacity: 3}
    auto: never
    escalate_to: b
    contact: zoe@example.org
    local_only: true
  - {id: b, name: B, run: {kind: command, argv: [cat, 1, 2.5, true]}, source: {format: x, path: null}}
"""
EXAMPLE = (Path(SMALL).parent.parent.parent / "agents.yaml").read_text()
FORMER = "agents:\n  - {id: a, description: does things}\n"


def kept_files() -> list[Path]:
    return list((Path(os.environ["DELEGATE_HOME"]) / "rosters").glob("*.json"))


TEXTS = {"rich": RICH, "llm": LLM_BLOCK, "bare": FORMER, "small": Path(SMALL).read_text(), "example": EXAMPLE}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_what_comes_back_is_what_was_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "team.yaml"
    path.write_text(text)
    parsed = parse_roster(path.read_bytes(), str(path))
    first = load_roster(path)
    assert len(kept_files()) == 1
    again = kept.recall(path.read_bytes(), str(path))
    assert again is not None
    assert repr(again) == repr(first) == repr(parsed)
    assert (again.sha256, again.text_sha256) == (parsed.sha256, parsed.text_sha256)
    assert [type(each.kind) for each in again] == [type(each.kind) for each in parsed]
    assert load_roster(path) == parsed


def test_other_bytes_are_another_roster(tmp_path: Path) -> None:
    path = tmp_path / "team.yaml"
    path.write_text(FORMER)
    load_roster(path)
    path.write_text(FORMER.replace("id: a", "id: b"))
    assert [agent.id for agent in load_roster(path)] == ["b"]
    path.write_text(FORMER.replace("id: a", "idd: a"))
    with pytest.raises(RosterError, match="idd"):
        load_roster(path)
    assert len(kept_files()) == 2  # an error is not kept


def test_the_path_is_the_one_that_was_asked_for(tmp_path: Path) -> None:
    for name in ("one.yaml", "two.yaml"):
        (tmp_path / name).write_text(FORMER)
        assert load_roster(tmp_path / name).path == str(tmp_path / name)


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff" * 40, b"0" * 64 + b"\n{}"])
def test_a_damaged_one_is_read_anew(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "team.yaml"
    path.write_text(RICH)
    first = load_roster(path)
    kept_files()[0].write_bytes(damage)
    assert repr(load_roster(path)) == repr(first)
    assert kept.recall(path.read_bytes(), str(path)) is not None  # and mended


def test_what_would_not_come_back_the_same_is_not_kept() -> None:
    kept.keep(b"x", Roster((Agent("a", "A", source={"lines": (1, 2)}),), "team.yaml"))
    assert not kept_files()
    kept.keep(b"x", Roster((Agent("a", "A", source={"lines": [1, 2]}),), "team.yaml"))
    assert len(kept_files()) == 1


def test_a_home_that_cannot_be_written_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DELEGATE_HOME", str(tmp_path / "file"))
    path = tmp_path / "team.yaml"
    path.write_text(FORMER)
    assert len(load_roster(path)) == 1


def test_only_so_many_are_kept_for_their_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST", 3)
    path = tmp_path / "team.yaml"
    for number in range(6):
        path.write_text(FORMER.replace("things", f"thing {number}"))
        load_roster(path)
    assert len(kept_files()) == 3
    assert {each.stat().st_mode & 0o777 for each in kept_files()} == {0o600}


def test_a_second_route_reads_no_yaml(delegate: object) -> None:
    arguments = ("route", "--agents", SMALL, "--format", "json", "Pay the invoice")
    assert "yaml" in loaded(*arguments)
    assert "yaml" not in loaded(*arguments)
