"""`--agents` with folders, other formats and several sources; `delegate agents import`, `export` and `diff`."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from shell import DATA, SMALL, TIMEOUT, Result, environment, invoke

HERE = DATA / "catalogues"
LOADED = """
import sys
from delegate_cli.cli.app import run
run(sys.argv[1:])
sys.stdout.flush()
sys.stderr.write("\\n" + " ".join(name for name in sys.modules if "importers" in name or name == "ssl"))
"""


def test_a_folder_is_decided_over_as_it_is_and_its_index_is_found_again(invoke: Callable[..., Result]) -> None:
    task = "Give me a release note about what changed in 2.4"
    first = invoke("route", "--agents", str(HERE), "--format", "json", task)
    assert first.json["candidates"][0]["agent"] == "release-writer"
    assert first.json["roster"]["path"] == str(HERE)
    assert first.err.count("warning: ") == 5
    again = invoke("route", "--agents", str(HERE), "--no-rebuild", "--format", "json", task)
    assert again.json["candidates"] == first.json["candidates"]


def test_a_decision_made_over_several_sources_can_be_answered_and_replayed(invoke: Callable[..., Result]) -> None:
    sources = ["-a", str(HERE / "plugins"), "-a", SMALL]
    made = invoke("route", *sources, "--format", "json", "Pay back the shoes")
    swapped = ["-a", SMALL, "-a", str(HERE / "plugins"), "--no-journal"]
    assert invoke("route", *swapped, "--no-rebuild", "--format", "json", "Pay back the shoes").code in (0, 1)
    assert invoke("feedback", "last", "--agent", "web/tester").code == 0
    assert invoke("feedback", "last", "--agent", "nobody-there").code == 2
    replayed = invoke("replay", *sources, "--format", "jsonl")
    assert len(replayed.rows) == 1
    assert replayed.rows[0]["id"] == made.json["id"]


def test_agents_come_from_stdin_and_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    data = (HERE / "crew/config/agents.yaml").read_bytes()
    assert [each["id"] for each in invoke("agents", "list", "-a", "-", "--format", "json", stdin=data).json] == [
        "reporting_analyst",
        "researcher",
    ]
    monkeypatch.setenv("DELEGATE_AGENTS", f"{HERE / 'routes'}:{HERE / 'skills'}")
    assert invoke("agents", "list").out.split("\n")[0].startswith("chitchat\t")
    assert len(invoke("agents", "list", "--format", "json").json) == 3


def test_import_writes_a_roster_that_says_the_same_and_sums_up(tmp_path: Path) -> None:
    out = tmp_path / "agents.yaml"
    done = invoke("agents", "import", str(HERE), "-o", str(out))
    assert (done.code, done.out) == (0, "")
    assert "claude-subagent: 6 files, 6 agents, 3 with a warning, 0 refused" in done.err
    assert "copilot-agent: 1 file, 1 agent, 0 with a warning, 0 refused" in done.err
    assert f"wrote {out}: 32 agents" in done.err
    assert len(yaml.safe_load(out.read_text())["agents"]) == 32
    assert invoke("agents", "diff", str(out), str(HERE)).code == 0
    again = invoke("agents", "import", str(HERE), "-o", str(out))
    assert (again.code, again.out) == (2, "")
    assert "is there already" in again.err
    assert invoke("agents", "import", str(HERE), "-o", str(out), "--force", "-q").err == ""
    assert yaml.safe_load(invoke("agents", "import", str(HERE / "routes"), "-o", "-").out)["version"] == 1
    strict = invoke("agents", "import", str(HERE), "--strict", "-o", str(tmp_path / "strict.yaml"))
    assert (strict.code, strict.err.count("\n")) == (2, 1)
    assert not (tmp_path / "strict.yaml").exists()
    assert invoke("agents", "import").code == 2


def test_export_writes_each_format_and_overwrites_nothing(tmp_path: Path) -> None:
    tools = invoke("agents", "export", "--to", "openai-tools", "-a", SMALL)
    assert json.loads(tools.out)["tools"][0]["type"] == "function"
    folder = tmp_path / "agents"
    assert invoke("agents", "export", "--to", "claude", "-a", SMALL, "-o", str(folder)).code == 0
    assert invoke("agents", "diff", SMALL, str(folder)).code == 0
    assert invoke("agents", "export", "--to", "claude", "-a", SMALL, "-o", str(folder)).code == 2
    assert invoke("agents", "export", "--to", "claude", "-a", SMALL, "-o", str(folder), "--force").code == 0
    assert invoke("agents", "export", "--to", "claude", "-a", SMALL).code == 2
    cards = tmp_path / "cards.json"
    assert invoke("agents", "export", "--to", "a2a", "-a", SMALL, "-o", str(cards)).code == 0
    assert invoke("agents", "export", "--to", "a2a", "-a", SMALL, "-o", str(cards)).code == 2


def test_diff_shows_what_is_new_gone_and_changed(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("agents: [{id: x, description: one}, {id: y}]")
    (tmp_path / "b.yaml").write_text("agents: [{id: x, description: two, tags: [t]}, {id: z}]")
    found = invoke("agents", "diff", str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml"))
    assert found.code == 1
    assert found.out.splitlines() == ["+\tz", "-\ty", "~\tx\tdescription\tone\ttwo", '~\tx\ttags\t\t["t"]']
    record = invoke("agents", "diff", str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml"), "--format", "json")
    assert record.json["changed"]["x"]["tags"] == {"before": None, "after": ["t"]}
    assert invoke("agents", "diff", str(tmp_path / "a.yaml"), str(tmp_path / "missing.yaml")).code == 2


def test_a_folder_takes_what_is_learnt_only_into_an_agents_yaml(kept: Path) -> None:
    done = invoke("learn", "--write", "--agents", str(HERE / "plugins"))
    assert done.code == 2
    assert "agents import" in done.err


@pytest.mark.usefixtures("kept")
def test_agents_yaml_is_read_without_the_importers() -> None:
    def loaded(*arguments: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", LOADED, *arguments], env=environment(), capture_output=True, text=True, timeout=TIMEOUT
        )
        return done.stderr.rpartition("\n")[2].split()

    assert loaded("route", "--agents", SMALL, "--format", "json", "Refund the shoes") == []
    assert "delegate_cli.roster.importers.claude" in loaded("agents", "list", "--agents", str(HERE))
    assert "ssl" not in loaded("agents", "import", str(HERE))
