"""Public rosters → pools: what one training step draws from.

Only dev tasks, cards and paraphrased cards are used. Sample requests are left out on purpose (but for the sets in OPENINGS): an
index leaves them out one at a time to learn how far its probabilities can be trusted, which says nothing about texts that
the encoder was trained on.
"""

import json
import re
from pathlib import Path

import yaml

from benchmarks.data import FAMILY, read_tasks
from delegate_cli.encoders.batches import Candidate, Pool
from delegate_cli.index.parts import sentences, spoken
from delegate_cli.roster.load import load_roster
from training.written import FAMILY as WRITTEN_FAMILY
from training.written import passages, said
from training.written import read_pools as read_written

# How often a step draws from each: variety counts more than size, and a set of few tasks is soon known by heart. Folders that
# are not named here count once, as a family each.
SHARE = {
    "clinc150": 3.0, "snips": 0.5, "dstc11_banking": 0.3, "sgd": 2.0, "metatool": 3.0, "toolalpaca": 1.0, "seal_tools": 1.5,
    "mcp_bench": 0.3, "a2a_samples": 0.1, "lobehub": 2.0, "subagents_davila7": 1.2, "dotnet_skills": 0.1,
    "hint3_sofmattress": 0.5, "healthcare7": 0.1, "stackoverflow": 1.5, "prompts": 2.0, "servers": 1.0,
}  # fmt: skip
WRITTEN = 0.25  # each of the rosters that this project wrote


# Sets whose sample requests are the assistants' own opening questions: more of a card than requests, so that they are used
OPENINGS = {"lobehub"}
_SPOKEN_TO = re.compile(r"(?i)(you|your|you're|role|personality|memory|experience|vibe)\b")


def read_pools(data: Path) -> list[Pool]:
    """A pool for every roster under `data/rosters`, those of the catalogues, and those that this project wrote."""
    folders = [folder for folder in sorted((data / "rosters").iterdir()) if (folder / "roster.yaml").exists()]
    return [*map(read_pool, folders), *read_catalogs(data), *read_written()]


def share(pool: Pool) -> float:
    """How often a step draws from this pool, relative to others."""
    return SHARE.get(pool.name, WRITTEN if pool.family == WRITTEN_FAMILY else 1.0)


def field(pool: Pool) -> str:
    """What a pool is about, so that requests of another are nobody's in it: its family, of written rosters their folder."""
    return pool.name.partition("/")[0] if pool.family == WRITTEN_FAMILY else pool.family


def read_pool(folder: Path) -> Pool:
    """The pool of one roster, from its dev tasks, its cards and those of its paraphrased rosters."""
    tasks = read_tasks(folder / "tasks.jsonl", "dev")
    requests: dict[str, list[str]] = {}
    for task in tasks:
        for agent in task.agents:
            requests.setdefault(agent, []).append(task.task)
    rosters = [load_roster(path) for path in sorted(folder.glob("roster*.yaml"))]
    agents = []
    for agent in rosters[0]:
        found = (roster.get(agent.id) for roster in rosters)
        versions = [each for each in found if each is not None]
        cards = tuple(passages(spoken(each.name), each.description) for each in versions)
        if folder.name in OPENINGS:
            cards += tuple((example,) for example in agent.examples)
        agents.append(
            Candidate(agent.id, tuple(requests.get(agent.id, ())), cards, said(agent.description), spoken(agent.name))
        )
    shared = {task.task: task.agents for task in tasks if len(task.agents) > 1}
    nobody = tuple(task.task for task in tasks if not task.agents)
    return Pool(folder.name, FAMILY.get(folder.name, folder.name), tuple(agents), shared, nobody)


def read_catalogs(data: Path) -> list[Pool]:
    """Pools of catalogues without tasks: lines of an agent's prompt, or what a server's tools do, stand for requests."""
    prompts: dict[str, Candidate] = {}
    for path in sorted(path for name in ("wshobson", "agency_agents") for path in (data / "catalogs" / name).rglob("*.md")):
        text = path.read_text(encoding="utf-8", errors="replace").replace("\r", "")
        head = re.match(r"(?s)\A---\n(.*?)\n---\n(.*)", text)
        name = re.search(r"(?m)^name:\s*(.+)$", head[1]) if head else None
        about = re.search(r"(?m)^description:\s*(.+)$", head[1]) if head else None
        if head and name and about:
            lines = [re.sub(r"^[\d.)\s]+|\*\*", "", line) for line in sentences(head[2])]
            candidate(prompts, name[1].strip("\"'"), about[1].strip("\"'"), [line for line in lines if 30 < len(line) < 160])
    servers: dict[str, Candidate] = {}
    for path in sorted((data / "catalogs" / "docker_mcp_registry").glob("*/tools.json")):
        server = yaml.load(path.with_name("server.yaml").read_text(), Loader=yaml.CSafeLoader)
        tools = [tool.get("description") or "" for tool in json.loads(path.read_text())]
        about = server.get("about") or {}
        lines = [line for tool in tools for line in sentences(tool)[:2] if 20 < len(line) < 160]
        candidate(servers, about.get("title") or server["name"], about.get("description") or "", lines)
    pools = [("prompts", "subagents", prompts), ("servers", "plugins", servers)]
    return [Pool(name, family, tuple(agents.values()), {}, ()) for name, family, agents in pools if len(agents) > 1]


def candidate(agents: dict[str, Candidate], name: str, description: str, lines: list[str]) -> None:
    """Add an agent of a catalogue; at most some forty lines from all over its text, none that names it or speaks to it."""
    lines = [line for line in dict.fromkeys(lines) if name.casefold() not in line.casefold() and not _SPOKEN_TO.match(line)]
    lines = lines[:: max(1, len(lines) // 40)]
    card = (passages(spoken(name), description),)
    agents[name.casefold()] = Candidate(name, tuple(lines), card, said(description), spoken(name))


def general_sentences(data: Path) -> list[str]:
    """Sentences in several languages and of several sorts, whose similarities are to stay what they are."""
    found = []
    for path in sorted((data / "rosters").glob("*/tasks_lang.jsonl")):
        found += [task.task for task in read_tasks(path, "dev")]
    for path in sorted((data / "catalogs").rglob("*.md")):
        text = path.read_text(encoding="utf-8", errors="replace").replace("\r", "")
        body = re.sub(r"(?s)\A---.*?\n---", "", text)
        found += [line for line in sentences(body)[3:40:12] if 30 < len(line) < 200]
    return found
