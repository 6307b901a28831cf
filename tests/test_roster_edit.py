"""Sample requests that are put into a roster's file: every layout, and nothing else changes."""

import pytest

from delegate_cli.errors import OutputError, RosterError
from delegate_cli.roster import edit
from delegate_cli.roster.load import load_roster

NEW = ['say "hi": now # not a comment', "- übersetze das\tbitte"]

LAYOUTS = {
    "block": "agents:\n  - id: a  # first\n    examples:\n      - one  # kept\n      - 'two'\n    tags: [x]\n  - id: b\n",
    "no indent": "agents:\n- id: a\n  examples:\n  - one\n- id: b\n",
    "flow": 'agents:\n  - {id: a, examples: ["one", two?]}\n  - {id: b}\n',
    "flow list": "agents:\n  - id: a\n    examples: [one,\n      two,  # why\n    ]\n  - id: b\n",
    "empty list": "agents:\n  - id: a\n    examples: []\n  - id: b\n",
    "no key": "# top\nagents:\n  - name: A  # the name\n    id: a\n    description: |\n      Long.\n\n      Text.\n  - id: b\n",
    "no key, flow": "agents: [{id: a, description: d}, {id: b}]\n",
    "bare list": "- id: a\n  examples:\n    - one\n- id: b",
    "last line": "agents:\n  - id: b\n  - id: a\n    examples:\n      - one",
    "literal": "agents:\n  - id: a\n    examples:\n      - |\n        1\n        2\n      - >-\n        two\n\n  - id: b\n",
    "crlf": "agents:\r\n  - id: a\r\n    examples:\r\n      - one\r\n  - id: b\r\n",
    "bom": "\ufeffagents:\n  - id: a\n    examples:\n      - one\n  - id: b\n",
    "quoted": 'agents:\n  - id: a\n    examples:\n      - "one\n        goes on"  # here\n  - id: b\n',
    "comment between": "agents:\n  - id: a\n    examples:\n      - one\n      # two was here\n\n    tags: [x]\n  - id: b\n",
}


def write(tmp_path, text):
    (tmp_path / "here").mkdir()
    path = tmp_path / "here" / "agents.yaml"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gets_the_requests_and_keeps_the_rest(tmp_path, layout):
    path = write(tmp_path, LAYOUTS[layout])
    before = {agent.id: agent for agent in load_roster(str(path))}
    assert edit.add_examples(path, {"a": NEW, "gone": ["x"]}) == 2
    text = path.read_bytes().decode()
    after = {agent.id: agent for agent in load_roster(str(path))}
    assert after["a"].examples == (*before["a"].examples, *NEW)
    assert after["b"] == before["b"]
    old = iter(text)
    assert all(char in old for char in LAYOUTS[layout])  # nothing was taken away
    assert text.count("\n") - text.count("\r\n") == (0 if layout == "crlf" else text.count("\n"))
    assert sorted(each.name for each in (tmp_path / "here").iterdir()) == ["agents.yaml"]
    assert edit.add_examples(path, {"a": NEW}) == 0


def test_requests_in_an_alias_are_left_alone(tmp_path):
    path = write(tmp_path, "agents:\n  - id: a\n    examples: &same [one]\n  - id: b\n    examples: *same\n")
    before = path.read_bytes()
    with pytest.raises(RosterError, match="stand in another place"):
        edit.add_examples(path, {"b": NEW})
    assert path.read_bytes() == before


def test_a_file_that_changed_meanwhile_is_not_overwritten(tmp_path):
    path = write(tmp_path, LAYOUTS["block"])
    with pytest.raises(OutputError, match="changed meanwhile"):
        edit.replace_file(path, b"something else", b"new")
    assert path.read_text() == LAYOUTS["block"]
    assert sorted(each.name for each in (tmp_path / "here").iterdir()) == ["agents.yaml"]


def test_mode_and_link_stay(tmp_path):
    path = write(tmp_path, LAYOUTS["block"])
    path.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(path)
    edit.add_examples(link, {"b": NEW})
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
