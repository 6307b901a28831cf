"""Broken files of every known format: what can be read is read, and each has one warning with its reason."""

import contextlib
import time
from pathlib import Path

import pytest
from test_importers import made

from delegate_cli.errors import RosterError
from delegate_cli.roster.importers.files import Refused
from delegate_cli.roster.importers.sources import read_sources
from delegate_cli.roster.load import load_roster

MESSY = [
    (b"\xef\xbb\xbf---\r\nname: a\r\ndescription: Does: this\r\n---\r\nx", "Does: this", "line by line"),
    (b"---\rname: a\rdescription: Old line ends.\r---\rx", "Old line ends.", ""),
    (b"---\nname: a\ndescription: Never closed.\n\n# Prompt\n", "Never closed.", "not closed"),
    (b"---\nname: a\ndescription: First.\nname: b\n---\n", "First.", "twice"),
    (b'---\nname: a\ndescription: "An open quote\n---\n', "An open quote", "line by line"),
    (b"---\nname: a\ndescription: caf\xe9\n---\n", "café", "Latin-1"),
    ("---\nname: a\ndescription: Wide.\n---\n".encode("utf-16"), "Wide.", ""),
    (b"---\nname: a\ndescription: |\n  One.\n  Two.\nbad: [\n---\n", "One.\nTwo.\nbad: [", "line by line"),
    (b"---\nname: a\ndescription: \x1b[31mred\x07\n---\n", "[31mred", "line by line"),
    (b"---\nname: a\n---\n\n# A\n\nOnly the body says it.\n", "Only the body says it.", "no description"),
    (b"\n\n---\nname: a\ndescription: Late.\n---\n", "Late.", ""),
    (b"```chatagent\n---\nname: a\ndescription: Fenced.\n---\n```", "Fenced.", ""),
]


@pytest.mark.parametrize(("data", "description", "reason"), MESSY)
def test_messy_frontmatter_is_read_as_far_as_it_can_be(data: bytes, description: str, reason: str) -> None:
    (agent,), reasons = made("a.md", data)
    assert agent.name == "a"
    assert agent.description == description
    assert reason in "; ".join(reasons)
    assert bool(reason) == bool(reasons)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("SKILL.md", b"\x00\x01"),
        ("SKILL.md", b""),
        ("agent-card.json", b'{"name": "x", "skills": [}'),
        (".mcp.json", b"{}["),
        ("server.yaml", b"a: &a [*a, *a"),
        ("agents.yaml", b"agents:\n- id: a b\n"),
        ("agent-card.json", b"[" * 200_000),
        ("server.yaml", b"name: x\nabout:\n" + b"- " * 100_000),
        (".mcp.json", b'{"mcpServers": ' * 100_000),
        ("crew.yaml", b"cook:\n  role: Cook\n  goal: [soup\n"),
        ("card.json", b'{"name": "x", "capabilities": {}, "skills": [{"id": "a"'),
        ("routes.yaml", b"routes:\n- name: a\n  utterances: [b, c\n"),
        ("routes.json", b'{"routes": [{"name": "a", "utterances": ["b"'),
        ("request.json", b'{"tools": [{"type": "function", "function": {"name": "a"'),
        ("listed.json", b'{"tools": [{"name": "a", "inputSchema": {'),
        ("desktop.json", b'{"mcpServers": {"a": {"command": "npx"'),
        ("flow.json", b'{"name": "a", "handoffs": [{"name": "b"'),
        ("found.json", b'{"entries": [{"identifier": "urn:a"'),
        ("ours.json", b'{"agents": [{"name": "a", "description": "b"'),
    ],
)
def test_what_looks_like_agents_and_is_broken_is_refused_with_a_reason(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / "good.md").write_text("---\nname: good\ndescription: Good.\n---\n")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / name).write_bytes(data)
    found = read_sources([tmp_path])
    assert [agent.id for agent in found.roster] == ["good"]
    (report,) = [report for report in found.reports if report.reasons]
    assert report.refused
    assert name in str(report)
    assert "it, line" not in str(report)
    with pytest.raises(RosterError, match=r"broken"):
        read_sources([tmp_path], strict=True)


def test_what_is_broken_and_no_agent_is_passed_over_quietly(tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text("---\nname: good\ndescription: Good.\n---\n")
    (tmp_path / "data.json").write_text('{"name": "x", "description": "no agent", "rows": [1, 2')
    (tmp_path / "chart.yaml").write_text("name: x\n  tools: [a\n")
    assert not [report for report in read_sources([tmp_path]).reports if report.reasons]


def test_colons_without_quotes_are_read_in_yaml_of_any_format(tmp_path: Path) -> None:
    text = "cook:  # of the team\n  role: Cook: soups\n  goal: Feeds people: quickly\n  backstory: >\n    Says: now: eat\n"
    (tmp_path / "crew.yaml").write_text(text)
    for source in (tmp_path, tmp_path / "crew.yaml"):
        told: list[str] = []
        (agent,) = load_roster(source, say=told.append)
        assert (agent.id, agent.name, agent.description) == ("cook", "Cook: soups", "Feeds people: quickly\nSays: now: eat")
        assert len(told) == 1
        assert "colons without quotes" in told[0]
    agents, reasons = made("r.yaml", "routes:\n- name: a\n  utterances:\n  - ask: who: me\n  - b\n  description: x: y\n")
    assert [agent.description for agent in agents] == ["x: y"]
    assert reasons == ["it has colons without quotes, which YAML does not allow"]


def test_broken_json_is_called_json(tmp_path: Path) -> None:
    (tmp_path / "cut.json").write_text('{"agents": [{"name": "a"')
    with pytest.raises(RosterError, match=r"not valid JSON.*line 1"):
        load_roster(tmp_path / "cut.json")


def test_an_alias_bomb_and_texts_made_to_be_slow_end_soon() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(9 * ['*' + chr(97 + n)])}]\n" for n in range(9)
    )
    slow = [
        ("server.yaml", f"name: x\nabout: {{title: t}}\n{bomb}"),
        ("a.md", f"---\nname: a\ndescription: b\n{bomb}---\n"),
        ("a.md", "---\nname: a\ndescription: '" + "<example>" * 30_000 + "'\n---\n"),
        ("a.md", "---\nname: a\ndescription: '<example>" + " user " * 30_000 + "'\n---\n"),
        ("a.md", "---\nname: a\ndescription: '<example>" + " " * 200_000 + "x'\n---\n"),
        ("a.md", "---\nname: a\ndescription: b\ntools: " + "," * 200_000 + "\n---\n"),
        ("a.md", "<!--" * 50_000),
        ("a.md", "```\n" * 50_000),
        ("a.md", "# " * 100_000),
        ("mcp.json", "{" + '"\\"' * 100_000),
        ("mcp.json", "{" + "/*" * 100_000),
        ("mcp.json", "{" + "," * 100_000 + " " * 100_000),
    ]
    for name, text in slow:
        started = time.process_time()
        with contextlib.suppress(Refused, AssertionError):
            made(name, text)
        assert time.process_time() - started < 5, (name, text[:40])
