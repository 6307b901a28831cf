"""Settings and where each comes from: flags, then environment, then the roster's block, then defaults."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from delegate_cli.errors import SettingsError
from delegate_cli.preference import Preference, parse_preference
from delegate_cli.rewards import Rewards

DEFAULT_ROSTER = "agents.yaml"
DECIDERS = ("auto", "head", "chat", "decisions", "systemone")
OPENAI = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True)
class Prices:
    """USD for a million tokens, as the provider states them."""

    input_per_1m: float = 0.0
    output_per_1m: float = 0.0

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """USD for so many tokens."""
        return (input_tokens * self.input_per_1m + output_tokens * self.output_per_1m) / 1e6


@dataclass(frozen=True, slots=True)
class Llm:
    """A model endpoint and what may be spent on it. Without a model nothing is ever asked.

    `base_url` of None is OPENAI_BASE_URL, else OpenAI's. The key is never here: `key_env` names the variable that has it,
    `key_command` the command that prints it. The best `shortlist` agents are shown, in so many `orders`. `max_calls` and
    `budget_usd` are for one run. `levels` are the texts of the five levels of a rubric, lowest first.
    """

    base_url: str | None = None
    model: str | None = None
    key_env: str | None = None
    key_command: tuple[str, ...] | None = None
    orders: int = 2
    shortlist: int = 6
    budget_usd: float | None = None
    max_calls: int | None = None
    timeout_s: float = 60.0
    concurrency: int = 8
    retries: int = 4
    rate_limit_rpm: float | None = None
    prices: Prices | None = None
    cache_mb: float = 256.0
    redact: bool = False
    redact_patterns: Mapping[str, str] = field(default_factory=dict)
    levels: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name, low in _LEAST.items():
            value = getattr(self, name)
            if value is not None and not value >= low:
                raise SettingsError(f"llm.{name} must be at least {low:g}, not {value:g}", "correct it, or leave it out")
        if self.timeout_s == 0:
            raise SettingsError("llm.timeout_s must be more than 0", "write seconds, such as 60")
        if self.base_url is not None:
            check_url(self.base_url, "llm.base_url")
        if self.levels is not None and len(self.levels) != 5:
            raise SettingsError(
                f"llm.levels must be five texts, not {len(self.levels)}", "describe levels 1 to 5, lowest first"
            )
        if self.budget_usd is not None and self.prices is None:
            raise SettingsError(
                "llm.budget_usd needs prices, which are not known",
                "add `prices: {input_per_1m: …, output_per_1m: …}` (USD for a million tokens) to llm, or use max_calls",
            )

    @property
    def configured(self) -> bool:
        """Whether there is a model to ask."""
        return self.model is not None

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return (self.base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI).rstrip("/")


_LEAST = {
    **dict.fromkeys(("orders", "shortlist", "concurrency"), 1),
    **dict.fromkeys(("budget_usd", "max_calls", "timeout_s", "retries", "cache_mb"), 0),
    "rate_limit_rpm": 0.01,
}


def check_url(url: str, what: str) -> str:
    """The URL of an endpoint, as it is.

    Raises:
        SettingsError: it is no http(s) URL, or carries a user name or password, which would be shown with it.
    """
    from urllib.parse import urlsplit  # only where an endpoint is configured

    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isprintable() or " " in url:
        raise SettingsError(f"{what} is not a web address", "write it as http://127.0.0.1:8080/v1")
    if "@" in parts.netloc:
        raise SettingsError(f"{what} has a user name or password in it", "take it out, and name the key's variable in key_env")
    return url


class KeptText(StrEnum):
    """What the journal keeps of a task: its text, its SHA-256 alone, or its text with what is private replaced."""

    KEEP = "keep"
    HASH = "hash"
    REDACT = "redact"


@dataclass(frozen=True, slots=True)
class Journaling:
    """How decisions are recorded. `redact` uses `llm.redact_patterns` too."""

    text: KeptText = KeptText.KEEP


@dataclass(frozen=True, slots=True)
class Judging:
    """Who compares answers, and what comparisons are worth. Without a model it is that of `llm`, at the same endpoint."""

    base_url: str | None = None
    model: str | None = None
    key_env: str | None = None
    prices: Prices | None = None
    rewards: Rewards = field(default_factory=Rewards)


@dataclass(frozen=True, slots=True)
class Settings:
    """What may be set for one run. Probabilities and errors are shares in [0, 1]."""

    encoder: str = "all-MiniLM-L6-v2"
    decider: str = "auto"
    target_error: float = 0.05
    shortlist: int = 50
    min_probability: float | None = None
    min_margin: float = 0.0
    local_only: bool = False
    prefer: Preference | None = None
    prefer_band: float = 0.1
    escalate_to: str | None = None
    llm: Llm = Llm()
    journal: Journaling = Journaling()
    judge: Judging = Judging()

    def __post_init__(self) -> None:
        for name in ("target_error", "min_probability", "min_margin", "prefer_band"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise SettingsError(f"{name} must be between 0 and 1, not {value:g}", "write a share such as 0.05")
        if self.shortlist < 1:
            raise SettingsError("shortlist must be at least 1", "leave it out to use the default of 50")
        if self.decider not in DECIDERS:
            raise SettingsError(
                f"there is no decider {self.decider!r}",
                f"use one of: {', '.join(DECIDERS)}",
            )

    @property
    def asks_model(self) -> bool:
        """Whether a model may ever be asked, or has to be and is not configured."""
        return self.decider != "head" and (self.decider != "auto" or self.llm.configured)


def resolve(flags: Mapping[str, Any], roster: Mapping[str, Any]) -> Settings:
    """Merge the sources; a flag of None was not given.

    Raises:
        SettingsError: a value of the wrong type or out of range, with the name of its source.
    """
    known = _plain_settings()
    chosen = {key: value for key, value in roster.items() if key in known}
    for name in known:
        raw = os.environ.get(f"DELEGATE_{name.upper()}")
        if raw:
            chosen[name] = _parse(name, raw, f"DELEGATE_{name.upper()}")
    chosen |= {key: value for key, value in flags.items() if value is not None and key != "llm"}
    llm = _resolve_llm(flags.get("llm") or {}, roster.get("llm") or {})
    judge = Judging(**roster.get("judge") or {})
    return Settings(**chosen, llm=llm, journal=_resolve_journal(roster.get("journal") or {}), judge=judge)


def _plain_settings() -> list[str]:
    """The settings that are one value, not a block of their own."""
    return [each.name for each in fields(Settings) if each.name not in ("llm", "journal", "judge")]


def _resolve_journal(roster: Mapping[str, Any]) -> Journaling:
    raw = os.environ.get("DELEGATE_JOURNAL_TEXT")
    if not raw:
        return Journaling(**roster)
    if raw not in [each.value for each in KeptText]:
        choices = ", ".join(KeptText)
        raise SettingsError(f"DELEGATE_JOURNAL_TEXT cannot be {raw!r}", f"use one of: {choices}")
    return Journaling(KeptText(raw))


def _resolve_llm(flags: Mapping[str, Any], roster: Mapping[str, Any]) -> Llm:
    chosen = dict(roster)
    for each in fields(Llm):
        source = f"DELEGATE_LLM_{each.name.upper()}"
        raw = os.environ.get(source)
        if raw and each.name in _LLM_READERS:
            chosen[each.name] = _parse_llm(each.name, raw, source)
    chosen |= {key: value for key, value in flags.items() if value is not None}
    return Llm(**chosen) if chosen else Llm()


def assignment(text: str) -> dict[str, Any]:
    """`setting=value` or `llm.setting=value` as a flag.

    Raises:
        SettingsError: there is no such setting, or its value is not a number where it must be.
    """
    name, _, raw = text.partition("=")
    known = _plain_settings() + [f"llm.{key}" for key in _LLM_READERS]
    if name not in known or not raw:
        problem = f"the setting {name} has no value" if name in known else f"there is no setting {name!r}"
        raise SettingsError(problem, f"use one of: {', '.join(known)}, such as target_error=0.1")
    if name.startswith("llm."):
        key = name.removeprefix("llm.")
        return {"llm": {key: _parse_llm(key, raw, name)}}
    return {name: _parse(name, raw, name)}


def _parse(name: str, raw: str, source: str) -> Any:
    if name in ("encoder", "decider", "escalate_to"):
        return raw
    if name == "prefer":
        return parse_preference(raw, source)
    if name == "local_only":
        return _truth(raw, source)
    try:
        return int(raw) if name == "shortlist" else float(raw)
    except ValueError:
        raise SettingsError(f"{source} must be a number, not {raw!r}", "correct it, or leave it out") from None


def _parse_llm(name: str, raw: str, source: str) -> Any:
    try:
        return _LLM_READERS[name](raw, source)
    except ValueError:
        raise SettingsError(f"{source} cannot be {raw!r}", "correct it, or leave it out") from None


def _truth(raw: str, source: str) -> bool:
    word = raw.strip().lower()
    if word not in ("1", "true", "yes", "on", "0", "false", "no", "off"):
        raise SettingsError(f"{source} must be true or false, not {raw!r}", "correct it, or leave it out")
    return word in ("1", "true", "yes", "on")


def words(raw: str, source: str) -> tuple[str, ...]:
    """A command as words, as a shell would split it; no shell ever runs it."""
    import shlex

    try:
        found = tuple(shlex.split(raw))
    except ValueError:
        found = ()
    if not found:
        raise SettingsError(f"{source} is not a command", "write it as `pass show openai`, with matching quotes")
    return found


def _prices(raw: str, source: str) -> Prices:
    low, _, high = raw.partition("/")
    return Prices(float(low), float(high))


def _text(raw: str, source: str) -> str:
    return raw


def _whole(raw: str, source: str) -> int:
    return int(raw)


def _float(raw: str, source: str) -> float:
    return float(raw)


# how a setting is read from the environment or a flag's text; what is not here is for the roster alone
_LLM_READERS: dict[str, Callable[[str, str], Any]] = {
    **dict.fromkeys(("base_url", "model", "key_env"), _text),
    "key_command": words,
    **dict.fromkeys(("orders", "shortlist", "max_calls", "concurrency", "retries"), _whole),
    **dict.fromkeys(("budget_usd", "timeout_s", "rate_limit_rpm", "cache_mb"), _float),
    "prices": _prices,  # input/output, such as 0.15/0.60
    "redact": _truth,
}


def home() -> Path:
    """The folder under which everything is kept: DELEGATE_HOME, else the platform's data folder."""
    chosen = os.environ.get("DELEGATE_HOME")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_data_path  # only where DELEGATE_HOME is not set

    return user_data_path("delegate", appauthor=False)
