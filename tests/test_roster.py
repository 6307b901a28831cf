"""Reading agents.yaml: what is accepted, and what each mistake says."""

from pathlib import Path

import pytest
from shell import DATA, SMALL

from delegate_cli.agents import Kind, Presence, Roster, Skill
from delegate_cli.errors import RosterError
from delegate_cli.roster.load import load_roster
from delegate_cli.roster.parse import parse_roster, slug

REPOSITORY = DATA.parent.parent
CARD = b"version: 1\nagents:\n  - name: Ann\n"


def parse(text: str | bytes) -> Roster:
    return parse_roster(text.encode() if isinstance(text, str) else text, "team.yaml")


def refused(text: str | bytes) -> RosterError:
    with pytest.raises(RosterError) as caught:
        parse(text)
    return caught.value


# what is accepted


def test_the_small_roster() -> None:
    roster = load_roster(SMALL)
    assert [agent.id for agent in roster] == sorted(agent.id for agent in roster)
    review = roster.get("contract-review")
    assert review is not None
    assert (review.kind, review.allow, len(review.examples)) == (Kind.AI, ("legal", "finance"), 4)
    assert roster.get("nobody") is None


def test_every_field() -> None:
    text = """
- id: a
  name: A
  kind: human
  description: |
    Two
    lines
  examples: [one, two, one]
  not_for: [three]
  skills: {legal: 0.9, writing: {score: 1, trials: 120}}
  tools: [t]
  tags: [g]
  allow: []
  cost: {per_task: 0, per_1k_tokens: 0.003}
  latency_ms: 800
  rate_limit_rpm: 500
  availability: {status: busy, hours: "Mon-Fri 09:00-17:00", timezone: Europe/Berlin, capacity: 3}
  contact: a@example.org
  run: {kind: command, argv: [echo, 1, true, 2024-01-01], timeout_s: 5, read_only: true}
  source: {format: x, path: y}
"""
    agent = parse(text).agents[0]
    assert agent.description == "Two\nlines"
    assert agent.examples == ("one", "two")
    assert agent.skills == {"legal": Skill(0.9), "writing": Skill(1, 120)}
    assert agent.allow == ()
    assert agent.availability is not None
    assert agent.availability.status is Presence.BUSY
    argv = ["echo", "1", "true", "2024-01-01"]
    assert agent.run == {"kind": "command", "argv": argv, "timeout_s": 5, "read_only": True}


@pytest.mark.parametrize(
    "data",
    [
        CARD,
        b"- name: Ann\n",
        b'{"agents": [{"name": "Ann"}]}',
        b'[{"name": "Ann"}]',
        b"\xef\xbb\xbf" + CARD,
        CARD.replace(b"\n", b"\r\n"),
        b"# note\n---\nagents: [{name: Ann}]\n",
        b"agents: [{name: Ann, kind: , examples: ~}]\nsettings:\n",
    ],
)
def test_forms_of_a_file(data: bytes) -> None:
    assert [(agent.id, agent.name) for agent in parse(data)] == [("ann", "Ann")]


def test_unicode() -> None:
    roster = parse("- name: 契約レビュー\n- name: Übersetzung\n  examples: ['😀 привет']\n")
    assert [agent.id for agent in roster] == ["ubersetzung", "契約レビュー"]
    assert roster.agents[0].examples == ("😀 привет",)


def test_an_anchor_used_sensibly() -> None:
    roster = parse("- {name: A, tags: &tags [x, y]}\n- {name: B, tags: *tags}\n")
    assert roster.agents[1].tags == ("x", "y")


def test_slug() -> None:
    assert slug("  Contract Review (EU) ") == "contract-review-eu"
    assert slug("Crème brûlée") == "creme-brulee"


# what is refused

MISTAKES = {
    "unknown key": (
        "- name: A\n  descripton: x\n",
        "team.yaml, line 2: agents[0] has the unknown key 'descripton'",
        "'description'",
    ),
    "unknown top key": ("agent:\n  - name: A\n", "team.yaml, line 1: unknown key 'agent'", "'agents'"),
    "unknown setting": (
        "settings: {encodr: x}\nagents: [{name: A}]\n",
        "line 1: settings has the unknown key 'encodr'",
        "'encoder'",
    ),
    "unknown llm key": ("settings: {llm: {modle: x}}\nagents: [{name: A}]\n", "settings.llm has the unknown key", "'model'"),
    "far from any key": ("- name: A\n  zzz: x\n", "unknown key 'zzz'", "known keys: id, name"),
    "duplicate key": ("- name: A\n  name: B\n", "line 2: agents[0] has the key 'name' twice (first on line 1)", "remove one"),
    "duplicate top key": ("agents: []\nagents: []\n", "line 2: the roster has the key 'agents' twice", "remove one"),
    "duplicate id": ("- id: a\n- name: B\n- id: a\n", "line 3: the id 'a' is used twice (first on line 1)", "own id"),
    "duplicate slug": ("- name: A b\n- name: a-B\n", "line 2: the id 'a-b' is used twice", "own id"),
    "empty file": ("", "team.yaml: the file is empty", "agents:"),
    "only a comment": ("# nothing\n", "the file is empty", "agents:"),
    "empty list": ("agents: []\n", "line 1: the list of agents is empty", "at least one"),
    "no agents key": ("version: 1\n", "line 1: there is no `agents:` list", "agents:"),
    "empty agents key": ("version: 1\nagents:\n", "there is no `agents:` list", "agents:"),
    "neither id nor name": ("- name: A\n- kind: ai\n", "line 2: agents[1] has neither id nor name", "name:"),
    "name without letters": ("- name: '!!!'\n", "line 1: agents[0]: no id can be made", "add `id:`"),
    "bad version": ("version: 2\nagents: [{name: A}]\n", "line 1: only version 1 is known", "version: 1"),
    "version as text": ("version: one\nagents: [{name: A}]\n", "line 1: version must be a number", "plain number"),
    "a text": ("hello\n", "line 1: a roster is a mapping with `agents:` or a list", "agents:"),
    "an agent as text": ("- just a name\n", "line 1: agents[0] must be a mapping, not text", "key: value"),
    "tab": ("agents:\n\t- name: A\n", "line 2: not valid YAML", "spaces, not tabs"),
    "colon": ("- name: A\n  description: Note: this\n", "line 2: not valid YAML", "quotes"),
    "open bracket": ("agents: [{name: A}\n", "not valid YAML", "brackets|quotes|indentation"),
    "two documents": ("- name: A\n---\n- name: B\n", "not valid YAML", ""),
    "unknown alias": ("- name: *x\n", "line 1: not valid YAML", ""),
    "kind": ("- {name: A, kind: robot}\n", "line 1: agents[0].kind cannot be 'robot'", "known keys|did you mean"),
    "near kind": ("- {name: A, kind: humans}\n", "cannot be 'humans'", "'human'"),
    "python tag": ("- name: !!python/object/apply:os.system [x]\n", "line 1: agents[0].name must be text", ""),
    "control character": ('- name: "a\\x1bb"\n', "line 1: agents[0].name has the control character U+001B", "remove"),
    "NUL": ('- name: "a\\0b"\n', "control character U+0000", "remove"),
    "raw NUL": ("- name: a\x00b\n", "not valid YAML", "control characters"),
    "id with a space": ("- id: a b\n", "line 1: agents[0].id 'a b' must be one word", "letters, digits"),
    "long id": (f"- id: {'a' * 201}\n", "must be one word of at most 200 characters", "letters"),
    "unprintable id": ('- id: "a\\x9b31m"\n', "line 1: agents[0].id", ""),
    "key that is not text": ("- ? [a]\n  : b\n", "line 1: agents[0] has a key that is not text", "plain keys"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_says_where_and_how_to_mend_it(name: str) -> None:
    text, message, fix = MISTAKES[name]
    error = refused(text)
    assert message in error.message
    assert error.message.startswith("team.yaml")
    assert "\n" not in error.message
    assert error.message.isprintable()
    assert not fix or any(part in error.fix for part in fix.split("|")), error.fix


WRONG = {
    "id": ["[a]", "{a: b}", "1", "true", "''"],
    "name": ["[a]", "1", "true", "2024-01-01", "''"],
    "kind": ["1", "[ai]", "AI"],
    "description": ["[a]", "3.5", "{a: b}"],
    "examples": ["one", "{a: b}", "[1]", "[[a]]", "['']", "[null]"],
    "not_for": ["one", "[1]"],
    "skills": ["[a]", "0.9", "{a: 2}", "{a: x}", "{a: .nan}", "{a: {trials: 3}}", "{a: {score: 1, trials: 0.5}}"],
    "tools": ["x", "[1]"],
    "tags": ["x", "[true]"],
    "allow": ["legal", "[1]"],
    "cost": ["1", "[1]", "{per_task: -1}", "{per_task: x}", "{per_tsk: 1}"],
    "latency_ms": ["fast", "-1", ".inf", "[1]", "0x10000000000000000", "1e400"],
    "rate_limit_rpm": ["x", "-0.5"],
    "availability": ["busy", "{status: gone}", "{capacity: 1.5}", "{capacity: -1}", "{hours: 9}", "{x: 1}"],
    "contact": ["1", "[a]"],
    "run": ["x", "[a]", "1"],
    "source": ["x", "[a]"],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in WRONG.items() for value in values])
def test_a_value_of_the_wrong_type(field: str, value: str) -> None:
    other = "" if field in ("name", "id") else "  name: A\n"
    error = refused(f"-\n{other}  {field}: {value}\n")
    assert error.message.startswith(f"team.yaml, line {2 + bool(other)}: agents[0].{field}")
    assert error.fix


@pytest.mark.parametrize(
    ("block", "where"),
    [
        ("{target_error: 2}", "settings.target_error must be between 0 and 1"),
        ("{encoder: 3}", "settings.encoder must be text"),
        ("{llm: x}", "settings.llm must be a mapping"),
        ("[x]", "settings must be a mapping"),
        ("{llm: {orders: 0}}", "settings.llm.orders must be at least 1"),
    ],
)
def test_wrong_settings(block: str, where: str) -> None:
    assert where in refused(f"settings: {block}\nagents: [{{name: A}}]\n").message


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("{argv: [a]}", "run has no kind"),
        ("{kind: comand, argv: [a]}", "did you mean 'command'?"),
        ("{kind: command, argv: [a], timout_s: 3}", "did you mean 'timeout_s'?"),
        ("{kind: command}", "has no argv"),
        ("{kind: command, argv: []}", "names no program"),
        ("{kind: command, argv: a b}", "must be a list"),
        ("{kind: command, argv: [a, null]}", "run.argv[1] must be text"),
        ("{kind: command, argv: [a, '--task={task}']}", 'write "{task}" as an argument of its own'),
        ("{kind: command, argv: ['{task}']}", "never put into the middle"),
        ("{kind: command, argv: [a], env: [KEY=secret]}", "must be the name of a variable"),
        ("{kind: command, argv: [a], read_only: 1}", "must be true or false"),
        ("{kind: command, argv: [a], timeout_s: 0}", "must be at least 0.001"),
        ("{kind: http, url: 'ftp://x'}", "is not a web address"),
        ("{kind: http, url: 'http://u:p@x'}", "user name or password"),
        ("{kind: http, url: 'http://x', headers: {A: \"b\\nc: d\"}}", "must be one line of ASCII"),
        ("{kind: mcp, tool: t}", "needs argv or url"),
        ("{kind: mcp, tool: t, argv: [a], url: 'http://x'}", "needs argv or url"),
        ("{kind: mcp, tool: t, argv: [a, '{task}']}", "starts a server, which gets no task"),
        ("{kind: openai, prices: {input: 1}}", "run.prices has the unknown key 'input'"),
        ("{kind: human, timeout_s: 3}", "known keys: kind"),
    ],
)
def test_wrong_run_blocks_name_line_and_nearest_key(block: str, said: str) -> None:
    error = refused(f"- name: A\n  run: {block}\n")
    assert "line 2" in error.message
    assert said in f"{error.message} ({error.fix})"
    assert refused(f"settings:\n  run: {block}\nagents: [{{name: A}}]\n").fix == error.fix


def test_an_alias_bomb_is_refused_at_once() -> None:
    lines = ["source: &a0 {k: [x, x, x, x, x, x, x, x, x, x]}"]
    lines += [f"r{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    body = "\n".join(f"    {line}" for line in lines)
    assert "too many values" in refused(f"- name: A\n  source:\n{body}\n").message


def test_an_alias_of_itself() -> None:
    assert refused("- name: A\n  source: &a {x: *a}\n").message


@pytest.mark.parametrize("text", ["[" * 100_000, "- name: A\n  run: " + "{a: " * 100_000, "- " * 100_000, "? " * 100_000])
def test_deep_nesting_is_refused(text: str) -> None:
    assert "nested too deeply" in refused(text).message or "not valid YAML" in refused(text).message


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-32"])
def test_other_encodings_are_named(encoding: str) -> None:
    error = refused("- name: A\n- name: Jürgen\n".encode(encoding))
    assert "not UTF-8" in error.message or "not valid YAML" in error.message or "null" in error.message


def test_latin_1_names_the_line() -> None:
    assert refused("- name: A\n- name: Jürgen\n".encode("latin-1")).message == "team.yaml, line 2: not UTF-8 (byte 0xfc)"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path, message in [
        (tmp_path / "none.yaml", "no such file"),
        (tmp_path, "there are no agents in it"),
        ("a\0b", "null byte"),
    ]:
        with pytest.raises(RosterError, match=message) as caught:
            load_roster(path)
        assert caught.value.fix
