"""Settings and where each comes from: flags, then environment, then the roster's block, then defaults."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from delegate_cli.errors import SettingsError

DEFAULT_ROSTER = "agents.yaml"
DECIDERS = ("auto", "head")


@dataclass(frozen=True, slots=True)
class Settings:
    """What may be set for one run. Probabilities and errors are shares in [0, 1]."""

    encoder: str = "all-MiniLM-L6-v2"
    decider: str = "auto"
    target_error: float = 0.05
    shortlist: int = 50
    min_probability: float | None = None
    min_margin: float = 0.0

    def __post_init__(self) -> None:
        for name in ("target_error", "min_probability", "min_margin"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise SettingsError(f"{name} must be between 0 and 1, not {value:g}", "write a share such as 0.05")
        if self.shortlist < 1:
            raise SettingsError("shortlist must be at least 1", "leave it out to use the default of 50")
        if self.decider not in DECIDERS:
            raise SettingsError(
                f"the decider {self.decider!r} is not available in this version",
                f"use one of: {', '.join(DECIDERS)}",
            )


def resolve(flags: Mapping[str, Any], roster: Mapping[str, Any]) -> Settings:
    """Merge the sources; a flag of None was not given.

    Raises:
        SettingsError: a value of the wrong type or out of range, with the name of its source.
    """
    known = {field.name for field in fields(Settings)}
    chosen = {key: value for key, value in roster.items() if key in known}
    for name in known:
        raw = os.environ.get(f"DELEGATE_{name.upper()}")
        if raw:
            chosen[name] = _parse(name, raw, f"DELEGATE_{name.upper()}")
    chosen |= {key: value for key, value in flags.items() if value is not None}
    return Settings(**chosen)


def assignment(text: str) -> dict[str, Any]:
    """`setting=value` as a flag.

    Raises:
        SettingsError: there is no such setting, or its value is not a number where it must be.
    """
    name, _, raw = text.partition("=")
    known = [field.name for field in fields(Settings)]
    if name not in known or not raw:
        problem = f"the setting {name} has no value" if name in known else f"there is no setting {name!r}"
        raise SettingsError(problem, f"use one of: {', '.join(known)}, such as target_error=0.1")
    return {name: _parse(name, raw, name)}


def _parse(name: str, raw: str, source: str) -> Any:
    if name in ("encoder", "decider"):
        return raw
    try:
        return int(raw) if name == "shortlist" else float(raw)
    except ValueError:
        raise SettingsError(f"{source} must be a number, not {raw!r}", "correct it, or leave it out") from None


def home() -> Path:
    """The folder under which everything is kept: DELEGATE_HOME, else the platform's data folder."""
    chosen = os.environ.get("DELEGATE_HOME")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_data_path  # only where DELEGATE_HOME is not set

    return user_data_path("delegate", appauthor=False)
