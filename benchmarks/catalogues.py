"""`python -m benchmarks.catalogues DATA`: every file of the public catalogues through the importers, out to each format and
back, and decisions made straight from their folders.

How many agents there are is counted without the importers: Markdown files that are for agents, SKILL.md files, objects with
`skills`, folders with a server.yaml. `--write docs/catalogues.md` puts the tables between the marks of that page.
"""

import argparse
import json
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from delegate_cli.agents import Roster
from delegate_cli.pipeline import Delegator
from delegate_cli.roster.exporters import a2a, claude, openai_tools, own
from delegate_cli.roster.importers.sources import Imported, read_sources
from delegate_cli.roster.load import load_roster

TASKS = {
    "agency_agents": "Our checkout page converts badly on phones; find out where people give up",
    "davila7": "Review the login handler that I just finished for security holes",
    "wshobson": "The nightly batch job got three times slower after the database upgrade",
    "dotnet_skills": "dotnet test finds no tests in my solution",
    "a2a_cards": "How much is 10 USD in Euro today?",
    "docker_mcp_registry": "List the open issues of our repository on GitHub",
}
_PROSE = ("readme.md", "contributing.md", "changelog.md")
_MARK = re.compile(r"(<!-- measured -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--write", type=Path, help="the page to put the tables into")
    parser.add_argument("--no-decisions", action="store_true")
    options = parser.parse_args()
    folders = sorted(each for each in (options.data / "catalogs").iterdir() if each.is_dir())
    text = "\n".join([*_imports(folders), "", *_round_trips(folders)])
    if not options.no_decisions:
        text += "\n\n" + "\n".join(_decisions(folders))
    print(text)
    if options.write:
        page = options.write.read_text(encoding="utf-8")
        options.write.write_text(_MARK.sub(lambda match: f"{match[1]}\n{text}\n\n{match[2]}", page), encoding="utf-8")


def expected(folder: Path) -> int:
    """How many agents a catalogue has, counted by files and keys alone."""
    skills = len(list(folder.rglob("SKILL.md")))
    servers = len(list(folder.rglob("server.yaml")))
    markdown = [path for path in folder.rglob("*.md") if path.name != "SKILL.md" and path.name.lower() not in _PROSE]
    cards = 0
    for path in folder.rglob("*.json"):
        if path.name != "tools.json":
            value = json.loads(path.read_bytes())
            cards += sum("skills" in each for each in (value if isinstance(value, list) else [value]))
    return skills + servers + len(markdown) + cards


def _imports(folders: list[Path]) -> Iterator[str]:
    yield "| catalogue | files | agents counted | read | recovered | with a warning | refused | CPU, ms |"
    yield "|---|---|---|---|---|---|---|---|"
    total = [0, 0, 0, 0, 0]
    for folder in folders:
        read_sources([folder])
        started = time.process_time()
        found = read_sources([folder])
        milliseconds = 1000 * (time.process_time() - started)
        row = [_files(folder), expected(folder), len(found.roster), *_told(found)]
        total = [before + each for before, each in zip(total, row, strict=True)]
        yield _row(folder.name, row, f"{milliseconds:.0f}")
    yield _row("all", total, "")


def _row(name: str, row: list[int], milliseconds: str) -> str:
    files, counted, read, warned, refused = row
    share = f"{100 * min(1, read / counted):.1f} %"
    return f"| {name} | {files} | {counted} | {read} | {share} | {warned} | {refused} | {milliseconds} |"


def _files(folder: Path) -> int:
    return sum(each.is_file() for each in folder.rglob("*"))


def _told(found: Imported) -> tuple[int, int]:
    refused = sum(report.refused for report in found.reports)
    return sum(bool(report.reasons) for report in found.reports) - refused, refused


def _round_trips(folders: list[Path]) -> Iterator[str]:
    formats = ("a2a", "openai-tools", "claude", "json")
    yield f"| catalogue | {' | '.join(f'as {each}' for each in formats)} |"
    yield f"|---|{len(formats) * '---|'}"
    for folder in folders:
        roster = read_sources([folder]).roster
        same = [f"{_same(roster, _back(_written(roster, each)))} of {len(roster)}" for each in formats]
        yield f"| {folder.name} | {' | '.join(same)} |"


def _written(roster: Roster, to: str) -> dict[str, str]:
    if to == "claude":
        return claude.files(roster)
    writers = {"a2a": a2a.text, "openai-tools": openai_tools.text, "json": own.json_text}
    return {"agents.json": writers[to](roster)}


def _back(files: dict[str, str]) -> Roster:
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        return read_sources([folder], strict=True, whole=True).roster


def _same(first: Roster, second: Roster) -> int:
    """How many agents are equal in every field."""
    return sum(second.get(agent.id) == agent for agent in first)


def _decisions(folders: list[Path]) -> Iterator[str]:
    yield "| catalogue | task | first | CPU to load and decide, warm, ms | the same from one agents.yaml |"
    yield "|---|---|---|---|---|"
    with tempfile.TemporaryDirectory() as place:
        for folder in folders:
            task = TASKS.get(folder.name)
            if task is None:
                continue
            alone = Path(place) / f"{folder.name}.yaml"
            roster = load_roster(folder)
            alone.write_text(own.yaml_text(roster), encoding="utf-8")
            times = [_warm(each, task) for each in (folder, alone)]
            first = times[0][1]
            yield f"| {folder.name} | {task} | {first} | {times[0][0]:.0f} | {times[1][0]:.0f} |"


def _warm(path: Path, task: str) -> tuple[float, str]:
    """CPU milliseconds from reading the roster to the decision when its index is there, best of three; and who was first."""
    best, first = float("inf"), ""
    for _ in range(4):
        started = time.process_time()
        with Delegator(load_roster(path)) as delegator:
            first = delegator.decide(task).candidates[0].agent
        best = min(best, 1000 * (time.process_time() - started))
    return best, first


if __name__ == "__main__":
    main()
