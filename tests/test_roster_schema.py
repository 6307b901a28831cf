"""`delegate schema roster` says what the loader does; any structure and any bytes are read or refused."""

import contextlib
import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from shell import SMALL, Result
from test_roster import REPOSITORY, parse, refused

from delegate_cli.agents import Agent, Roster
from delegate_cli.errors import RosterError
from delegate_cli.roster.load import load_roster
from delegate_cli.roster.parse import parse_roster


@pytest.fixture
def schema(invoke: Callable[..., Result]) -> jsonschema.Draft202012Validator:
    schema = invoke("schema", "roster").json
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("path", [REPOSITORY / "agents.yaml", Path(SMALL)], ids=["example", "small"])
def test_the_schema_accepts_our_rosters(schema: jsonschema.Draft202012Validator, path: Path) -> None:
    document = yaml.safe_load(path.read_text())
    schema.validate(document)
    schema.validate(document["agents"])


@pytest.mark.parametrize(
    "document",
    [
        {"agents": [{"name": "A", "descripton": "x"}]},
        {"agents": [{"name": "A"}], "agent": 1},
        {"agents": [{"name": "A"}], "settings": {"encodr": "x"}},
        {"agents": [{"name": "A", "cost": {"per_tsk": 1}}]},
        {"agents": [{"kind": "ai"}]},
        {"agents": []},
        {"version": 2, "agents": [{"name": "A"}]},
        [{"name": 1}],
        [{"name": "A", "skills": {"x": 2}}],
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(schema: jsonschema.Draft202012Validator, document: Any) -> None:
    assert not schema.is_valid(document)
    refused(json.dumps(document))


# properties


def test_the_hash_does_not_depend_on_order() -> None:
    roster = load_roster(SMALL)
    agents = list(roster.agents)
    random.Random(7).shuffle(agents)
    assert Roster(tuple(agents)).sha256 == roster.sha256
    changed = replace(agents[0], description="something else")
    assert Roster((changed, *agents[1:])).sha256 != roster.sha256


def test_the_hash_does_not_depend_on_layout() -> None:
    assert (
        parse("- {name: A, tags: [x], kind: ai}").sha256
        == parse("# c\nagents:\n  - kind: ai\n    tags:\n    - x\n    name: 'A'\n").sha256
    )
    assert Roster((Agent("a", "A"),), path="x").sha256 == Roster((Agent("a", "A"),), path="y").sha256


KEYS = st.sampled_from(
    ["id", "name", "kind", "description", "examples", "skills", "allow", "run", "cost", "availability", "agents"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates().map(str),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=5),
    max_leaves=15,
)
PIECES = st.lists(
    st.sampled_from(
        [*"-:[]{}?!&*|>'\"#%@,\n \t", "- ", ": ", "name", "a", "\n  ", "&a", "*a", "<<", "!!int", "0o7", "1:30", "~", "\x85"]
    ),
    max_size=40,
).map("".join)


def _load_or_refuse(data: bytes) -> None:
    with contextlib.suppress(RosterError):
        assert len(parse_roster(data)) > 0


@settings(max_examples=200, deadline=None, derandomize=True)
@given(VALUES)
def test_any_structure_is_read_or_refused(value: Any) -> None:
    _load_or_refuse(json.dumps(value).encode())
    _load_or_refuse(yaml.safe_dump([value], allow_unicode=True).encode("utf-8", "replace"))
    _load_or_refuse(yaml.safe_dump({"agents": [value]}).encode("utf-8", "replace"))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.binary(max_size=200) | PIECES.map(str.encode) | PIECES.map(lambda text: f"- name: {text}".encode()))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    _load_or_refuse(data)
