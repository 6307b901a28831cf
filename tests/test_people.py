"""Fields of agents.yaml for people and teams: hours, zones, chains of escalation, automatic hand-over, preferences."""

from typing import Any

import pytest
import shell
from shell import roster_text

from delegate_cli.agents import Auto, Roster
from delegate_cli.errors import RosterError
from delegate_cli.preference import Preference
from delegate_cli.roster.parse import parse_roster

WHOLE = """
settings:
  prefer: {cheap: 2, fast: 1}
  prefer_band: 0.2
  escalate_to: desk
agents:
- id: lawyer
  auto: never
  escalate_to: desk
  contact: law@example.org
  availability: {hours: "Mon-Thu 08:00-12:00, 13:00-17:00; Sat 10:00-14:00", timezone: Europe/Vienna, capacity: 2}
- id: desk
  auto: always
"""


def read(text: str) -> Roster:
    return parse_roster(text.encode(), "agents.yaml")


def test_everything_is_read() -> None:
    roster = read(WHOLE)
    lawyer, desk = roster.get("lawyer"), roster.get("desk")
    assert lawyer is not None
    assert desk is not None
    assert (lawyer.auto, lawyer.escalate_to, lawyer.contact) == (Auto.NEVER, "desk", "law@example.org")
    assert (desk.auto, desk.escalate_to) == (Auto.ALWAYS, None)
    assert roster.settings == {"prefer": Preference(cheap=2, fast=1), "prefer_band": 0.2, "escalate_to": "desk"}
    assert read("settings: {prefer: fast}\nagents: [{id: a}]").settings == {"prefer": Preference(fast=1)}


@pytest.mark.parametrize(
    ("line", "instead", "number", "message", "fix"),
    [
        ("auto: never", "auto: nver", 8, "auto cannot be 'nver'", "'never'"),
        ("Mon-Thu 08:00-12:00", "Mon-Thu 8-12", 11, "'8' is no time of day", "Mon-Fri 09:00"),
        ("Mon-Thu", "Mon-Thurs, Fryday", 11, "'Fryday' is no day of the week", "Mon-Fri 09:00"),
        ("Europe/Vienna", "Europe/Vieena", 11, "there is no time zone 'Europe/Vieena'", "Europe/Vienna"),
        ("Europe/Vienna", "vienna", 11, "there is no time zone 'vienna'", "Europe/Vienna"),
        ("Europe/Vienna", "../../etc/passwd", 11, "there is no time zone", "IANA"),
        ("  escalate_to: desk\n  contact", "  escalate_to: desc\n  contact", 9, "lawyer: escalate_to names 'desc'", "desk"),
        ("  escalate_to: desk\n  contact", "  escalate_to: lawyer\n  contact", 9, "'lawyer' → 'lawyer'", "end"),
        ("  auto: always", "  escalate_to: lawyer", 9, "circle: 'lawyer' → 'desk' → 'lawyer'", "end"),
        ("  escalate_to: desk\nagents", "  escalate_to: dask\nagents", 5, "settings.escalate_to names 'dask'", "desk"),
        ("{cheap: 2, fast: 1}", "chep", 3, "settings.prefer cannot be 'chep'", "'cheap'"),
        ("{cheap: 2, fast: 1}", "{cheap: 0}", 3, "must be at least 0, and one of them more", "cheap"),
        ("{cheap: 2, fast: 1}", "{dear: 1}", 3, "unknown key 'dear'", "cheap, fast, quality"),
        ("prefer_band: 0.2", "prefer_band: 2", 4, "between 0 and 1", "between"),
    ],
)
def test_mistakes_name_their_line(line: str, instead: str, number: int, message: str, fix: str) -> None:
    assert line in WHOLE
    with pytest.raises(RosterError) as caught:
        read(WHOLE.replace(line, instead, 1))
    assert f"line {number}:" in caught.value.message
    assert message in caught.value.message
    assert fix in caught.value.fix


def test_a_circle_further_on_is_found() -> None:
    chain: list[dict[str, Any]] = [{"id": "a", "escalate_to": "b"}, {"id": "b", "escalate_to": "c"}]
    read(roster_text([*chain, {"id": "c"}]))
    with pytest.raises(RosterError, match="circle: 'b' → 'c' → 'b'"):
        read(roster_text([*chain, {"id": "c", "escalate_to": "b"}]))


def test_the_example_of_the_documentation_is_a_roster() -> None:
    page = (shell.DATA.parent.parent / "docs" / "people.md").read_text("utf-8")
    roster = read(page.split("```yaml\n")[1].split("```")[0])
    assert [agent.id for agent in roster] == ["contract-review", "law-firm", "office"]
