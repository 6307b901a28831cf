"""What each key of agents.yaml means, one sentence each: for the JSON Schema, which editors show, and the reference page.

`*` stands for a name that the user chooses. Every key of the schema is here, which a test holds.
"""

import json
from typing import Any

_LIMITS = {
    "kind": "How the agent is called: openai, command, http, mcp or human.",
    "timeout_s": "Seconds that one call may take; then it is ended, with everything it started.",
    "retries": "How often a failed call is tried again.",
    "max_calls": "The most calls of this agent in one run.",
    "budget_usd": "The most that this agent may cost in one run, in USD.",
    "max_output_kb": "Kilobytes of answer that are read; more ends the call.",
    "idempotent": "Whether a call may be made again when it is not known if it was finished.",
    "read_only": "Whether the call changes nothing, so that nobody is asked before it.",
    "key_env": "The environment variable that has the key.",
    "argv": "The program and its arguments, as a list; no shell reads it. `{task}` as a whole argument is the task.",
    "cwd": "The folder that it runs in.",
    "env": "Names of environment variables that it gets; all others are kept from it.",
    "url": "The address that is called.",
    "headers": "Headers of the request, by name.",
    "answer": "Where the answer lies in JSON that comes back: names and numbers with dots between.",
}
DESCRIBED: dict[str, str] = {
    "version": "The version of this format: 1.",
    "settings": "Settings of this roster; flags and environment variables go before them.",
    "agents": "The agents, in any order: it changes no decision.",
    "id": "What the agent is called in records; by default a slug of its name. Unique.",
    "name": "What people call it.",
    "kind": "What sort of agent it is.",
    "description": "What it does, in the words of those who bring tasks. The most important line of a card without examples.",
    "examples": "Sample requests, as people write them. Five an agent are worth more than any description.",
    "not_for": "Requests that look like its own and are not.",
    "skills": "Measured scores by name: a number from 0 to 1, a score with trials and scale, or a list of evaluations.",
    "skills.*.score": "The score, from 0 to 1 unless a scale is given.",
    "skills.*.scale": "What the score is on: share, percent, elo (no bounds), or a range such as 1..5.",
    "skills.*.runs": "How many evaluations are joined in the score; a list of evaluations needs no such count.",
    "skills.*.trials": "How many tasks the score was measured on.",
    "tools": "What it can use; `--needs tool:x` asks for it.",
    "tags": "Words to ask for with `--needs tag:x`.",
    "allow": "Roles that may give it tasks (`--as`); absent: everyone.",
    "cost": "What a task costs, in USD.",
    "cost.per_task": "USD for one task.",
    "cost.per_1k_tokens": "USD for a thousand tokens.",
    "latency_ms": "How long it usually takes, in milliseconds.",
    "rate_limit_rpm": "Tasks it takes in a minute, held against the journal.",
    "availability": "When it takes tasks, and how many at once.",
    "availability.status": "Whether it takes tasks at all.",
    "availability.hours": "Weekly hours, such as `Mon-Fri 09:00-12:30, 13:00-17:00; Sat 10:00-14:00`.",
    "availability.timezone": "The time zone of the hours, an IANA name; by default this machine's.",
    "availability.capacity": "Tasks it can hold at once, held against the journal.",
    "auto": "Whether it gets tasks unasked: always, when_sure, or never.",
    "escalate_to": "The id of who is asked where this agent is not there.",
    "contact": "How a person or team is reached.",
    "run": "How `delegate run` calls it.",
    "source": "Where the card came from; set by importers.",
    "local_only": "Whether its card may never leave this machine.",
    "settings.encoder": "A model that is packaged, a folder, a sentence-transformers name, or `openai:MODEL`.",
    "settings.decider": "Who decides: auto asks a model in the grey zone, head never, the others always.",
    "settings.target_error": "How often an automatic assignment may be wrong, from 0 to 1.",
    "settings.local_only": "Whether no card and no task of this roster may leave this machine.",
    "settings.prefer": "What is liked among agents that are about as probable: one word, or weights.",
    "settings.prefer.cheap": "The weight of a low price.",
    "settings.prefer.fast": "The weight of a low latency.",
    "settings.prefer.quality": "The weight of skills, measured or inferred.",
    "settings.prefer_band": "How far below the most probable agent a preferred one may be, in probability.",
    "settings.escalate_to": "The id of who is asked when nobody fits and nobody else is named.",
    "settings.run": "How `delegate run` calls agents that say nothing of it.",
    "settings.llm": "A model endpoint, and what may be spent on it.",
    "settings.llm.base_url": "Of an OpenAI-compatible endpoint; by default OPENAI_BASE_URL, else OpenAI's.",
    "settings.llm.model": "The model to ask. Without one nothing is ever asked.",
    "settings.llm.key_env": "The environment variable that has the key; by default OPENAI_API_KEY.",
    "settings.llm.key_command": "A command that prints the key.",
    "settings.llm.orders": "In how many orders the candidates are shown; the answers are averaged.",
    "settings.llm.shortlist": "How many of the best agents are shown.",
    "settings.llm.budget_usd": "The most that one run may cost, in USD; needs prices.",
    "settings.llm.max_calls": "The most calls of one run.",
    "settings.llm.timeout_s": "Seconds that one call may take.",
    "settings.llm.concurrency": "How many calls may be under way at once.",
    "settings.llm.retries": "How often a failed call is tried again.",
    "settings.llm.rate_limit_rpm": "Calls a minute.",
    "settings.llm.prices": "What tokens cost. Without prices no dollars are shown.",
    "settings.llm.prices.input_per_1m": "USD for a million tokens that are sent.",
    "settings.llm.prices.output_per_1m": "USD for a million tokens that come back.",
    "settings.llm.cache_mb": "Megabytes of answers that are kept; 0 keeps none.",
    "settings.llm.redact": "Whether names, addresses, numbers and keys are replaced before anything is sent.",
    "settings.llm.redact_patterns": "More to replace: regular expressions by name.",
    "settings.llm.levels": "The texts of the five levels of a rubric, lowest first.",
    "settings.skills": "What skills mean, in words by name: tasks are compared with this.",
    "settings.journal": "What the journal keeps.",
    "settings.journal.text": "What is kept of a task's text: keep, hash or redact.",
    "settings.judge": "Who compares answers for `delegate run --judge`, and what that is worth.",
    "settings.judge.base_url": "Of its endpoint; by default that of `llm`.",
    "settings.judge.model": "The model that judges; by default that of `llm`.",
    "settings.judge.key_env": "The environment variable that has its key.",
    "settings.judge.prices": "What its tokens cost.",
    "settings.judge.prices.input_per_1m": "USD for a million tokens that are sent.",
    "settings.judge.prices.output_per_1m": "USD for a million tokens that come back.",
    "settings.judge.rewards": "The reward table.",
    "settings.judge.rewards.split_invalid": "Where the model that splits gave no valid plan; −10.",
    "settings.judge.rewards.answer_invalid": "Where the model that puts together gave no valid answer; 0.",
    "settings.judge.rewards.judge_unreadable": "Where the judge cannot be read; −10.",
    "settings.judge.rewards.tie": "Where there is no difference; 0.1.",
    "settings.judge.rewards.better": "Rewards by more than so many points of lead; {0: 1, 10: 2, 20: 3}.",
    "settings.judge.rewards.worse": "The same where they are worse; {0: -1, 10: -2, 20: -3}.",
    **{f"run.{name}": text for name, text in _LIMITS.items()},
    "run.base_url": "Of an OpenAI-compatible endpoint; by default that of the settings.",
    "run.model": "The model.",
    "run.system": "The system prompt.",
    "run.temperature": "From 0 to 2.",
    "run.max_tokens": "The most tokens of an answer.",
    "run.prices": "What tokens cost, as in the settings.",
    "run.prices.input_per_1m": "USD for a million tokens that are sent.",
    "run.prices.output_per_1m": "USD for a million tokens that come back.",
    "run.input": "What comes in on stdin: the task as text, or JSON.",
    "run.output": "What comes back on stdout: text, or JSON.",
    "run.key_header": "The header that carries the key; by default Authorization, as a bearer token.",
    "run.tool": "The tool's name.",
    "run.argument": "The argument that gets the task.",
    "run.arguments": "Further arguments, as they are.",
}


def described(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of agents.yaml with a description at every key; the one given stays as it is."""
    copy: dict[str, Any] = json.loads(json.dumps(schema))
    for name, definition in copy["$defs"].items():
        _describe(definition, "" if name == "agent" else f"{name}.")
    for each in copy["anyOf"]:
        _describe(each, "")
    return copy


def _describe(schema: Any, path: str) -> None:
    """Describe the keys of a schema, and of those inside it, whose paths begin so."""
    if not isinstance(schema, dict):
        return
    for name, inner in schema.get("properties", {}).items():
        inner["description"] = DESCRIBED[f"{path}{name}"]
        _describe(inner, f"{path}{name}.")
    for inner in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), schema.get("items")):
        _describe(inner, path)
    _describe(schema.get("additionalProperties"), f"{path}*.")
