"""What run blocks hold and nobody else is to see, found again in whatever is kept or passed on: values of variables and
headers, keys among arguments and in addresses, and system prompts, line by line.

An agent may print its own key or recite its prompt, on purpose or in an error; it is taken out before another agent, the run
folder or the terminal gets to see it. What an agent writes in another form, such as reversed or retold, cannot be found.
"""

import json
import os
import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from delegate_cli.agents import Roster
from delegate_cli.endpoints.keys import FALLBACK

SHOWN = "[secret]"
_LEAST = 8  # characters: shorter values are words that stand in any text
_LINE = 40  # characters of a line of a system prompt: shorter ones may stand in any text
_NAMES = re.compile(r"auth|key|token|secret|cookie|passw|pwd|credential", re.IGNORECASE)
_OPTION = re.compile(r"(auth|key|token|secret|cookie|passw(or)?d|pwd|credentials?)$", re.IGNORECASE)


class Secrets:
    """The values that a roster's run blocks and its model endpoint can reach, and a way to take them out of texts."""

    def __init__(self, values: Iterable[str]) -> None:
        whole = {value for value in values if len(value) >= _LEAST}
        whole |= {json.dumps(value, ensure_ascii=ascii)[1:-1] for value in whole for ascii in (False, True)}  # within JSON
        found = sorted(whole, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, found))) if found else None

    def out_of(self, text: str) -> str:
        """The text without them."""
        return text if self._pattern is None else self._pattern.sub(SHOWN, text)

    @classmethod
    def of(cls, roster: Roster) -> "Secrets":
        """Those of all agents, whoever is to run."""
        names, values = {FALLBACK, os.environ.get("DELEGATE_LLM_KEY_ENV") or FALLBACK}, []
        for run in (*(agent.run for agent in roster), roster.settings.get("run"), roster.settings.get("llm")):
            if run:
                names |= set(_variables(run))
                values += [*_header_values(run), *_given(run), *_lines(run.get("system") or "")]
        return cls([*values, *(os.environ.get(name, "").strip() for name in names)])


def _variables(run: Mapping[str, Any]) -> list[str]:
    return [*run.get("env", ()), *([run["key_env"]] if run.get("key_env") else [])]


def _header_values(run: Mapping[str, Any]) -> list[str]:
    values = [value for name, value in run.get("headers", {}).items() if _NAMES.search(name)]
    return [word for value in values for word in (value, *value.split())]  # "Bearer x" is "x", too


def _given(run: Mapping[str, Any]) -> list[str]:
    """What stands in arguments, addresses and fixed values under a name that says it is secret."""
    argv = [str(each) for each in run.get("argv", ())]
    named = [*pairwise(argv), *(each.split("=", 1) for each in argv if "=" in each)]
    named += [(option, value) for option, value in run.get("arguments", {}).items() if isinstance(value, str)]
    for address in (run.get("url"), run.get("base_url")):
        named += parse_qsl(urlsplit(address or "").query)
    return [value for option, value in named if _OPTION.search(option)]


def _lines(system: str) -> list[str]:
    return [line.strip() for line in system.splitlines() if len(line.strip()) >= _LINE]
