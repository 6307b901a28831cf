"""The `llm` block: roster, environment and flags, and what each mistake says."""

import pytest

from delegate_cli.errors import RosterError, SettingsError
from delegate_cli.roster.parse import parse_roster
from delegate_cli.settings import Prices, Settings, assignment, resolve

LLM_BLOCK = """
settings:
  local_only: false
  decider: chat
  llm:
    base_url: http://127.0.0.1:8080/v1
    model: local
    key_command: pass show 'open ai'
    prices: {input_per_1m: 0.15, output_per_1m: 0.6}
    budget_usd: 0.5
    redact_patterns: {ticket: 'T-\\d+'}
    levels: [one, two, three, four, five]
agents:
  - {id: a, description: does things, local_only: true}
"""


def test_the_llm_block_becomes_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    roster = parse_roster(LLM_BLOCK.encode(), "team.yaml")
    monkeypatch.setenv("DELEGATE_LLM_MODEL", "from-environment")
    monkeypatch.setenv("DELEGATE_LLM_KEY_COMMAND", "print key")
    settings = resolve({"llm": {"orders": 3, "model": None}}, roster.settings)
    assert settings.llm.model == "from-environment"
    assert settings.llm.key_command == ("print", "key")
    assert (settings.llm.orders, settings.llm.url) == (3, "http://127.0.0.1:8080/v1")
    assert settings.llm.prices is not None
    assert settings.llm.prices.cost(1_000_000, 1_000_000) == pytest.approx(0.75)
    assert roster.settings["llm"]["key_command"] == ("pass", "show", "open ai")
    assert roster.agents[0].local_only
    assert not Settings().llm.configured


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("base_url: ftp://x", "line 6: settings.llm.base_url is not a web address"),
        ("base_url: https://me:secret@x/v1", "has a user name or password"),
        ('key_command: "it\'s"', "not a command"),
        ("redact_patterns: {x: '('}", "no regular expression"),
        ("levels: [a, b]", "five texts, not 2"),
        ("redact: maybe", "true or false"),
        ("timeout_s: 0", "at least 0.001"),
    ],
)
def test_a_bad_llm_setting_names_its_line(line: str, problem: str) -> None:
    with pytest.raises(RosterError) as raised:
        parse_roster(
            f"\nsettings:\n  llm:\n    model: x\n    # the next one is wrong\n    {line}\nagents:\n  - id: a\n".encode(),
            "team.yaml",
        )
    assert problem in raised.value.message
    assert "line 6" in raised.value.message
    assert "secret" not in raised.value.message


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"budget_usd": 1.0}, "needs prices"),
        ({"concurrency": 0}, "at least 1"),
        ({"timeout_s": float("nan")}, "at least 0"),
        ({"base_url": "http://"}, "not a web address"),
    ],
)
def test_llm_settings_that_make_no_sense(values: dict[str, object], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        resolve({"llm": values}, {})


@pytest.mark.parametrize("name", ["CONCURRENCY", "PRICES", "REDACT"])
def test_a_bad_llm_variable_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"DELEGATE_LLM_{name}", "many")
    with pytest.raises(SettingsError, match=f"DELEGATE_LLM_{name}"):
        resolve({}, {})


def test_llm_settings_as_assignments() -> None:
    assert assignment("llm.prices=0.15/0.6") == {"llm": {"prices": Prices(0.15, 0.6)}}
    assert assignment("local_only=true") == {"local_only": True}
    with pytest.raises(SettingsError, match="there is no setting"):
        assignment("llm.colour=red")
