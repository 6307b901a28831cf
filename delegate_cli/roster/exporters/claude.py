"""A roster as Claude Code subagents: one Markdown file an agent, its sample requests as `<example>` blocks."""

import json
import re
from typing import Any

from delegate_cli.agents import Agent, Roster
from delegate_cli.roster.importers import claude
from delegate_cli.roster.importers.carry import missing
from delegate_cli.roster.importers.files import File


def files(roster: Roster) -> dict[str, str]:
    """File name → text, in the order of ids; no two names differ by case alone."""
    found: dict[str, str] = {}
    taken = {"skill"}  # SKILL.md is another format
    for agent in roster:
        plain = re.sub(r"[^\w-]+", "-", agent.id)[:100].strip("-") or "agent"
        name, count = plain, 1
        while name.lower() in taken:
            count += 1
            name = f"{plain}-{count}"
        taken.add(name.lower())
        found[f"{name}.md"] = text(agent)
    return found


def text(agent: Agent) -> str:
    """One subagent. What it has no place for is a key `delegate` in its frontmatter, which Claude Code passes over."""
    made = _text(agent, {})
    extra = missing(agent, claude.read(File("agent.md", made.encode("utf-8"))).agents[0])
    return _text(agent, extra) if extra else made


def _text(agent: Agent, extra: dict[str, Any]) -> str:
    lines = [f"name: {_name(agent)}", f"description: {_quoted(_description(agent))}"]
    if agent.tools:
        lines.append(f"tools: {_tools(agent)}")
    model = (agent.source or {}).get("model")
    if isinstance(model, str) and model:
        lines.append(f"model: {_quoted(model)}")
    if extra:
        lines.append(f"delegate: {_quoted(json.dumps(extra))}")
    block = "\n".join(lines)
    return f"---\n{block}\n---\n\n{_prompt(agent)}"


def _name(agent: Agent) -> str:
    """Lower-case letters, digits and hyphens, as Claude Code wants it."""
    return _quoted(re.sub(r"[^a-z0-9]+", "-", agent.id.lower()).strip("-") or "agent")


def _description(agent: Agent) -> str:
    blocks = [f'<example>\nuser: "{" ".join(example.split())}"\n</example>' for example in agent.examples]
    return "\n\n".join(part for part in (agent.description or agent.name * (not blocks), *blocks) if part)


def _tools(agent: Agent) -> str:
    plain = all(re.fullmatch(r"[A-Za-z_][\w./*-]*(\((?:[\w.*/ -]|:(?! ))*\))?", each) for each in agent.tools)
    return ", ".join(agent.tools) if plain else f"[{', '.join(map(_quoted, agent.tools))}]"


def _quoted(text: str) -> str:
    """As a double-quoted scalar on one line; bare where that is the same."""
    if re.fullmatch(r"[a-z][a-z0-9-]*", text) and text not in ("null", "true", "false", "yes", "no", "on", "off"):
        return text
    plain = all(char.isprintable() or char == "\n" for char in text) and not re.search(
        "[\ud800-\udfff\ufeff\ufffe\uffff]", text
    )
    return json.dumps(text, ensure_ascii=False) if plain else _escaped(text)


def _escaped(text: str) -> str:
    """JSON's escapes, but for characters beyond U+FFFF, which YAML writes otherwise."""
    return '"' + "".join(f"\\U{ord(char):08x}" if ord(char) > 0xFFFF else json.dumps(char)[1:-1] for char in text) + '"'


def _prompt(agent: Agent) -> str:
    lines = [f"You are {agent.name}.", agent.description]
    if agent.not_for:
        lines.append("Not for you:\n" + "\n".join(f"- {' '.join(each.split())}" for each in agent.not_for))
    return "\n\n".join(line for line in lines if line) + "\n"
