"""Rosters out to other formats and back: nothing is lost, whatever the cards say. And damaged files through every importer."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from shell import DATA, SMALL

from benchmarks.fuzz_importers import run
from delegate_cli.agents import Agent, Auto, Availability, Cost, Kind, Presence, Roster, Skill
from delegate_cli.roster.diff import difference
from delegate_cli.roster.exporters import a2a, claude, openai_tools, own
from delegate_cli.roster.importers.sources import read_sources
from delegate_cli.roster.load import load_roster
from delegate_cli.roster.parse import parse_roster

HERE = DATA / "catalogues"
FORMATS = ("a2a", "openai-tools", "claude", "json", "yaml")
PHASES = (Phase.explicit, Phase.generate, Phase.shrink)
SPECIAL = [
    "<example>",
    "</example>",
    "user: ",
    "assistant:",
    "\\n",
    "\n",
    "---\n",
    "'",
    '"',
    ": ",
    "#",
    "|",
    "- ",
    "{",
    "\u2028",
    "\x85",
]
CHARS = st.characters(exclude_categories=("Cs",), exclude_characters=[*map(chr, range(32)), "\x7f"])
RAW = st.text(CHARS, max_size=40) | st.lists(st.sampled_from([*SPECIAL, "a", "B ", "é", "😀"]), max_size=8).map("".join)
TEXT = RAW.map(str.strip).filter(bool)
TEXTS = st.lists(TEXT, max_size=4, unique=True).map(tuple)
WORD = st.text(st.characters(categories=("L", "N"), include_characters="_-./@"), min_size=1, max_size=30).filter(
    lambda w: w[0] != "-"
)
NUMBER = st.floats(0, 1e6, allow_nan=False) | st.integers(0, 10**6)
UNIT = st.floats(0, 1)
RUN = st.fixed_dictionaries(
    {"kind": st.just("command"), "argv": st.lists(TEXT, min_size=1, max_size=3)},
    optional={"timeout_s": st.floats(0.001, 1e5), "read_only": st.booleans(), "cwd": TEXT},
)
AGENTS = st.builds(
    Agent,
    id=WORD,
    name=TEXT,
    kind=st.sampled_from(Kind),
    description=RAW.map(str.strip),
    examples=TEXTS,
    not_for=TEXTS,
    skills=st.dictionaries(
        WORD, st.builds(Skill, UNIT, st.none() | st.integers(1, 500), st.integers(1, 4), st.booleans()), max_size=2
    ),
    tools=TEXTS,
    tags=TEXTS,
    allow=st.none() | TEXTS,
    cost=st.none() | st.builds(Cost, st.none() | NUMBER, st.none() | NUMBER),
    latency_ms=st.none() | NUMBER,
    availability=st.none() | st.builds(Availability, st.sampled_from(Presence), st.none() | st.just("Mon-Fri 09:00-17:00")),
    auto=st.sampled_from(Auto),
    contact=st.none() | TEXT,
    run=st.none() | RUN,
    source=st.none()
    | st.dictionaries(st.sampled_from(["format", "path", "url", "version", "model", "strict", "parameters"]), RAW, max_size=4),
    local_only=st.booleans(),
)
ROSTERS = st.lists(AGENTS, min_size=1, max_size=4, unique_by=lambda agent: agent.id).map(lambda agents: Roster(tuple(agents)))


def files(roster: Roster, to: str) -> dict[str, str]:
    """What an export writes, by file name."""
    if to == "claude":
        return claude.files(roster)
    writers = {"a2a": a2a.text, "openai-tools": openai_tools.text, "json": own.json_text, "yaml": own.yaml_text}
    return {"agents.yaml" if to == "yaml" else "cards.json": writers[to](roster)}


def back(written: dict[str, str], folder: Path) -> Roster:
    """What an import of it finds."""
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, text in written.items():
        (folder / name).write_bytes(text.encode("utf-8"))
    found = read_sources([folder], whole=True)
    assert not any(report.reasons for report in found.reports), found.reports
    return found.roster


def same(first: Roster, second: Roster) -> None:
    """Equal in everything; an agent without a source got one."""
    sourceless = {agent.id for agent in first if agent.source is None}
    second = Roster(tuple(replace(agent, source=None) if agent.id in sourceless else agent for agent in second))
    assert second.agents == first.agents


@settings(
    max_examples=30, deadline=None, derandomize=True, database=None, phases=PHASES, suppress_health_check=[HealthCheck.too_slow]
)
@given(roster=ROSTERS)
def test_any_roster_comes_back_as_it_was(roster: Roster, tmp_path_factory: pytest.TempPathFactory) -> None:
    for to in FORMATS:
        same(roster, back(files(roster, to), tmp_path_factory.getbasetemp() / f"back-{to}"))


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("source", [HERE, Path(SMALL), Path(SMALL).parents[2] / "agents.yaml"])
def test_real_rosters_come_back_as_they_were(to: str, source: Path, tmp_path: Path) -> None:
    roster = load_roster(source)
    same(roster, back(files(roster, to), tmp_path / "back"))


def test_cards_are_valid_and_tools_hold_only_what_the_api_knows() -> None:
    roster = load_roster(HERE)
    for card in json.loads(a2a.text(roster)):
        assert {"name", "description", "version", "supportedInterfaces", "capabilities", "skills"} <= {*card}
        assert {"id", "name", "description", "tags"} <= {*card["skills"][0]}
    tools: list[dict[str, Any]] = json.loads(openai_tools.text(roster))["tools"]
    names = [tool["function"]["name"] for tool in tools]
    assert len({*names}) == len(roster)
    for tool in tools:
        assert {*tool} == {"type", "function"}
        assert {*tool["function"]} <= {"name", "description", "parameters", "strict"}
        assert len(tool["function"]["description"]) <= 1024
    invoice = next(tool["function"] for tool in tools if tool["function"]["name"] == "find_invoice")
    assert invoice["strict"] is True
    assert invoice["parameters"]["properties"] == {"number": {"type": "string"}}


def test_an_edited_subagent_says_what_it_says_now(tmp_path: Path) -> None:
    roster = Roster((Agent("tester", "Tester", description="Tests.", not_for=("Writing code",), examples=("Test this",)),))
    ((name, text),) = claude.files(roster).items()
    (tmp_path / name).write_text(text.replace("Tests.", "Tests everything."))
    (agent,) = read_sources([tmp_path]).roster
    assert (agent.description, agent.not_for, agent.examples) == ("Tests everything.", ("Writing code",), ("Test this",))


def test_what_was_carried_and_then_damaged_is_left_out_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text('---\nname: a\ndescription: B.\ndelegate: "{\\"kind\\": \\"robot\\"}"\n---\n')
    found = read_sources([tmp_path])
    assert [agent.description for agent in found.roster] == ["B."]
    assert "left out: " in str(found.reports[0])


def test_a_difference_names_what_came_what_went_and_what_changed() -> None:
    first = parse_roster(b"agents: [{id: a, description: x}, {id: b}, {id: c, tags: [t]}]")
    second = parse_roster(b"agents: [{id: a, description: y}, {id: d}, {id: c, tags: [t]}]")
    found = difference(first, second)
    assert (found.added, found.removed) == (("d",), ("b",))
    assert found.changed == {"a": {"description": ("x", "y")}}
    assert not difference(first, first)


def test_damaged_files_of_every_format_never_crash_an_importer() -> None:
    seeds = [(path.name, path.read_bytes()) for path in sorted(HERE.rglob("*")) if path.is_file()]
    told = run(seeds, 250, seed=3)
    assert "read" in told
    assert "mended" in told
    assert "refused" in told
