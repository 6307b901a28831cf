"""What cards name and nobody else is to see: values of variables and headers, found again in whatever is kept or passed on.

An agent may print its own key, on purpose or in an error; it is taken out before another agent, the run folder or the terminal
gets to see it. A value that an agent writes in another form, such as reversed, cannot be found.
"""

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from delegate_cli.agents import Roster
from delegate_cli.endpoints.keys import FALLBACK

SHOWN = "[secret]"
_LEAST = 8  # characters: shorter values are words that stand in any text
_NAMES = re.compile(r"auth|key|token|secret|cookie|password", re.IGNORECASE)


class Secrets:
    """The values that a roster's run blocks and its model endpoint can reach, and a way to take them out of texts."""

    def __init__(self, values: Iterable[str]) -> None:
        found = sorted({value for value in values if len(value) >= _LEAST}, key=len, reverse=True)
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
                values += _header_values(run)
        return cls([*values, *(os.environ.get(name, "").strip() for name in names)])


def _variables(run: Mapping[str, Any]) -> list[str]:
    return [*run.get("env", ()), *([run["key_env"]] if run.get("key_env") else [])]


def _header_values(run: Mapping[str, Any]) -> list[str]:
    values = [value for name, value in run.get("headers", {}).items() if _NAMES.search(name)]
    return [word for value in values for word in (value, *value.split())]  # "Bearer x" is "x", too
