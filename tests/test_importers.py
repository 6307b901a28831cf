"""Every known format, from small files like those people have: whole, broken, in folders, several at once."""

import json
import os
from pathlib import Path

import pytest
from shell import DATA, SMALL

from delegate_cli.agents import Agent, Auto, Kind, Roster
from delegate_cli.errors import RosterError
from delegate_cli.roster.diff import difference
from delegate_cli.roster.exporters import claude
from delegate_cli.roster.importers import walk
from delegate_cli.roster.importers.detect import importer_of
from delegate_cli.roster.importers.files import File
from delegate_cli.roster.importers.sources import Imported, read_sources
from delegate_cli.roster.load import load_roster

HERE = DATA / "catalogues"


def read(path: str) -> list[Agent]:
    """The agents of one file of the catalogues, in its order."""
    file = File(path, (HERE / path).read_bytes())
    importer = importer_of(file, alone=True)
    assert importer is not None
    return importer.read(file).agents


def made(name: str, text: str | bytes) -> tuple[list[Agent], list[str]]:
    """What a file with this text holds, and what had to be mended."""
    file = File(name, text if isinstance(text, bytes) else text.encode())
    importer = importer_of(file, alone=True)
    assert importer is not None
    return importer.read(file).agents, file.reasons


@pytest.fixture(scope="module")
def whole() -> Imported:
    return read_sources([HERE])


def test_a_folder_gives_every_agent_of_every_format_and_nothing_else(whole: Imported) -> None:
    assert sorted(agent.id for agent in whole.roster) == [
        *("a2a/agent-card/currency-desk", "a2a/cards/currency-desk", "approver", "billing", "branch-keeper", "chitchat"),
        *(
            "code-reviewer",
            "commit-guard",
            "cook",
            "drafter",
            "find_invoice",
            "gardener",
            "get_alerts",
            "get_forecast",
            "issues",
        ),
        *("mobile/tester", "notes", "open_ticket", "pdf-forms", "planner", "politics", "refund-agent", "release-writer"),
        *("reporting_analyst", "researcher", "search", "shipping", "travel-desk", "triage", "weather-eu", "web/tester", "wiki"),
    ]
    assert whole.other == 6


def test_every_file_that_was_mended_has_one_warning_with_its_reason(whole: Imported) -> None:
    found = {Path(report.path).name: "; ".join(report.reasons) for report in whole.reports if report.reasons}
    assert found == {
        "colon.md": "frontmatter, line 2: not valid YAML: mapping values are not allowed in this context; read line by line",
        "newlines.md": "frontmatter, line 4: not valid YAML: could not find expected ':'; read line by line",
        "commit-guard.md": "there is no frontmatter; its first lines are the description",
        "cards.json": "1 of 3 cards have no name",
        ".mcp.json": "it has comments or trailing commas, which JSON does not allow",
    }
    assert not any(report.refused for report in whole.reports)


def test_every_agent_says_where_it_came_from(whole: Imported) -> None:
    for agent in whole.roster:
        assert agent.source is not None
        assert (HERE / str(agent.source["path"])).is_file()
    formats = {str((agent.source or {})["format"]) for agent in whole.roster}
    assert len(formats) == 12


def test_no_key_password_or_query_is_taken_over(whole: Imported) -> None:
    assert "s3cret" not in repr(whole.roster)
    assert "s3cret" in "".join(path.read_text() for path in HERE.rglob("*") if path.is_file())


def test_subagents() -> None:
    (agent,) = read(".claude/agents/code-reviewer.md")
    assert agent.description == "Use this agent after code was written or changed."
    assert agent.examples == (
        "I've finished the login handler, can you look over it?",
        "Is this query safe: it doesn't escape anything?",
    )
    assert agent.tools == ("Read", "Grep", "Bash(git diff:*, git log:*)")
    assert (agent.source or {})["model"] == "sonnet"
    (agent,) = read(".claude/agents/colon.md")
    assert agent.description == "Writes release notes: what changed, for whom, and what to do."
    assert agent.examples == ("Write the notes for 2.4",)
    assert agent.tools == ("Read", "Write")
    (agent,) = read(".claude/agents/git/newlines.md")
    assert agent.description.endswith("asks before it deletes anything else: always.")
    assert agent.tools == ("Bash", "Read")
    (agent,) = read(".claude/agents/git/commit-guard.md")
    assert (agent.id, agent.name) == ("commit-guard", "Commit Guard")
    assert agent.description.startswith("Checks every commit before it is made")


def test_skills_and_custom_agents() -> None:
    (skill,) = read("skills/pdf-forms/SKILL.md")
    assert skill.description == "Fill in PDF forms. Use when somebody has a form and the values for it."
    assert skill.tools == ("Read", "Bash")
    (agent,) = read(".github/agents/planner.agent.md")
    assert (agent.name, agent.tools) == ("planner", ("search", "fetch"))
    (nameless,) = made("skills/to-csv/SKILL.md", "---\ndescription: Turns sheets into CSV.\n---\n")[0]
    assert nameless.id == "to-csv"


def test_a_card_is_one_agent_and_its_skills_are_parts_of_it() -> None:
    (agent,) = read("a2a/agent-card.json")
    assert agent.description.splitlines() == [
        "Converts currencies.",
        "Converts an amount at today's rate.",
        "History: Shows how a rate moved.",
    ]
    assert agent.examples == ("How much is 10 USD in EUR?", "How did the yen move in May?")
    assert agent.tags == ("currency", "history")
    assert (agent.source or {})["url"] == "https://currency.example.org/a2a"
    older, travel = read("a2a/cards.json")
    assert older.examples == ("Convert 5 pounds to francs",)
    assert travel.description == "Books trains and flights."


def test_mcp_tools_servers_and_registries(whole: Imported) -> None:
    forecast, alerts = read("mcp/listed.json")
    assert (forecast.kind, forecast.id, alerts.description) == (Kind.TOOL, "get_forecast", "Storm warnings of a region.")
    issues, search = read("mcp/.mcp.json")
    assert issues.description == "MCP server @example/issues-server"
    assert (search.source or {})["url"] == "https://search.example.org/mcp"
    weather = whole.roster.get("weather-eu")
    assert weather is not None
    assert weather.tools == ("forecast", "pollen")
    assert weather.description.splitlines()[1:] == [
        "- forecast: The next ten days. Hourly where a service has it.",
        "- pollen: Pollen counts.",
    ]
    assert weather.tags == ("data", "weather", "europe")
    alone = File("tools.json", (HERE / "registry/weather/tools.json").read_bytes())
    importer = importer_of(alone)
    assert importer is not None
    assert [agent.id for agent in importer.read(alone).agents] == ["forecast", "pollen"]


def test_openai_tools_in_both_forms() -> None:
    invoice, refund = read("openai/chat.json")
    assert (invoice.kind, (invoice.source or {})["strict"]) == (Kind.TOOL, "true")
    assert (refund.kind, refund.name, refund.description) == (Kind.AI, "refund agent", "Gives money back.")
    ticket, wiki = read("openai/responses.json")
    assert (ticket.description, wiki.description) == ("Opens a ticket.", "Searches the wiki.")


def test_crews_handoffs_routes_and_catalogues() -> None:
    researcher, analyst = read("crew/config/agents.yaml")
    assert (researcher.id, researcher.name) == ("researcher", "{topic} Senior Researcher")
    assert analyst.description == "Turn findings into a report\nYou write clearly."
    assert [agent.name for agent in read("handoffs/triage.json")] == ["Triage", "Billing", "Shipping"]
    assert [(agent.id, agent.description) for agent in read("handoffs/graph.json")] == [
        ("drafter", "Drafts letters."),
        ("approver", ""),
    ]
    politics, chitchat = read("routes/layer.yaml")
    assert (politics.description, chitchat.examples[1]) == ("Talk of politics.", "lovely weather today")
    gardener, cook = read("ard/ai-catalog.json")
    assert gardener.examples == ("What grows in shade?", "When do I cut roses?")
    assert cook.examples == ("Something with lentils",)


def test_what_a_program_wrote_around_a_description_is_not_said_of_the_agent() -> None:
    said = "Handoff to the Billing Desk agent to handle the request. Questions on bills."
    value = [{"tool_name": "transfer_to_billing_desk", "tool_description": said, "agent_name": "Billing Desk"}]
    (agent,), _ = made("handoffs.json", json.dumps(value))
    assert (agent.id, agent.description) == ("billing-desk", "Questions on bills.")
    (server,), _ = made("server.yaml", "name: line\ntype: server\nmeta: {category: devops}\nabout: {title: LINE}\n")
    assert server.description == "LINE (devops)"
    assert Roster((server,)).heard.agents[0].description == "LINE (devops)"


def test_the_same_name_in_two_folders_is_two_agents_whatever_order_they_are_named_in(tmp_path: Path) -> None:
    web, mobile = HERE / "plugins" / "web", HERE / "plugins" / "mobile"
    first, second = load_roster([web, mobile]), load_roster([mobile, web])
    assert [agent.id for agent in first] == ["mobile/tester", "web/tester"]
    assert first.agents == second.agents
    assert (first.path, first.folder_name) == (second.path, second.folder_name)
    assert load_roster(str(first.path)).agents == first.agents
    assert load_roster(f"{web},{mobile}").agents == first.agents
    assert load_roster([web]).order == ("tester",)


def test_an_id_that_agents_yaml_gives_stays_and_links_follow_their_agent(tmp_path: Path) -> None:
    (tmp_path / "agents.yaml").write_text("agents:\n- {id: tester, name: Ours}\n")
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "agents.yaml").write_text("agents:\n- {id: lead, name: Lead}\n- {id: tester, escalate_to: lead}\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "roster.yaml").write_text("agents:\n- {id: lead, name: Another}\n")
    roster = load_roster([tmp_path, HERE / "plugins" / "web"])
    assert len(roster) == 5
    one = load_roster([tmp_path / "agents.yaml", HERE / "plugins" / "web"])
    assert {agent.id: agent.name for agent in one}["tester"] == "Ours"
    team = next(agent for agent in roster if agent.escalate_to)
    assert roster.agents[roster.position[team.escalate_to or ""]].name == "Lead"


def test_only_an_agents_yaml_that_was_named_says_what_is_run(tmp_path: Path) -> None:
    text = "settings: {llm: {model: m, key_command: touch /tmp/x}}\nagents:\n"
    text += "- {id: a, description: b, auto: always, run: {kind: command, argv: [touch, x], read_only: true}}\n"
    (tmp_path / "agents.yaml").write_text(text)
    named = load_roster(tmp_path / "agents.yaml")
    (agent,) = named
    assert (agent.run or {})["argv"] == ["touch", "x"]
    (tmp_path / "card.md").write_text(claude.text(agent).replace("name: a", "name: c").replace('\\"id\\": \\"a\\", ', ""))
    told: list[str] = []
    found = load_roster(tmp_path, say=told.append)
    assert [(each.run, each.auto) for each in found] == 2 * [(None, Auto.WHEN_SURE)]
    assert found.settings == {}
    assert sum("`run` and `auto: always` are left out of 1 agents" in line for line in told) == 2
    assert "settings are not used" in told[0]
    assert load_roster(tmp_path / "card.md").agents[0].run is None
    whole = load_roster(tmp_path, whole=True)
    assert [(each.run, each.auto) for each in whole] == 2 * [(agent.run, Auto.ALWAYS)]
    both = load_roster([tmp_path / "agents.yaml", tmp_path / "card.md"])
    assert [each.run is None for each in both] == [False, True]
    assert both.settings == named.settings


def test_an_agents_yaml_in_a_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "agents.yaml").write_bytes(Path(SMALL).read_bytes())
    found, own = load_roster(tmp_path), load_roster(SMALL)
    assert not difference(own, found)
    assert {str(agent.source) for agent in found} == {"{'format': 'delegate', 'path': 'team/agents.yaml'}"}
    assert load_roster(tmp_path / "team" / "agents.yaml").agents == own.agents
    (tmp_path / "more.yaml").write_text("- {id: a, name: A, source: {format: crewai, path: crew.yaml}}\n")
    both = {agent.id: agent.source for agent in load_roster([tmp_path / "more.yaml", tmp_path / "team" / "agents.yaml"])}
    assert both["a"] == {"format": "crewai", "path": "crew.yaml"}
    assert {str(source) for agent_id, source in both.items() if agent_id != "a"} == {
        "{'format': 'delegate', 'path': 'team/agents.yaml'}"
    }


def test_a_walk_keeps_to_its_limits_and_follows_no_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "---\nname: {}\ndescription: Is here.\n---\n"
    (tmp_path / "outside.md").write_text(text.format("outside"))
    root = tmp_path / "root"
    deep = root / "/".join(["d"] * 20)
    deep.mkdir(parents=True)
    (deep / "deep.md").write_text(text.format("deep"))
    (root / "near.md").write_text(text.format("near"))
    (root / "loop").symlink_to(root)
    (root / "link.md").symlink_to(tmp_path / "outside.md")
    (root / "node_modules").mkdir()
    (root / "node_modules" / "far.md").write_text(text.format("far"))
    os.mkfifo(root / "pipe.md")
    found = read_sources([root])
    assert [agent.id for agent in found.roster] == ["near"]
    assert "deeper than" in str(found.reports[-1]) + str(found.reports[0])
    monkeypatch.setattr(walk, "MAX_FILES", 0)
    told: list[str] = []
    assert not list(walk.files_of(root, lambda path, reason: told.append(reason)))
    assert told == ["there is more than 0 files in it; the rest was not read"]


def test_what_holds_no_agents_says_so(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("# Notes\n\nNothing.\n")
    (tmp_path / "data.json").write_text('{"a": 1}')
    with pytest.raises(RosterError, match="there are no agents in it"):
        load_roster(tmp_path)
    with pytest.raises(RosterError, match="no known format"):
        read_sources([tmp_path / "data.json"])
    with pytest.raises(RosterError, match="unknown key"):
        load_roster(tmp_path / "data.json")
    with pytest.raises(RosterError, match="no such file"):
        load_roster(tmp_path / "missing.md")
    with pytest.raises(RosterError, match="no such file"):
        load_roster([tmp_path, tmp_path / "missing"])


def test_warnings_are_told_and_strict_refuses() -> None:
    told: list[str] = []
    roster = load_roster(HERE / ".claude", say=told.append)
    assert isinstance(roster, Roster)
    assert len(told) == 3
    with pytest.raises(RosterError, match="read line by line"):
        load_roster(HERE / ".claude", strict=True)
