"""The options that say when a task is handed over and what is looked at, for every command that decides."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from delegate_cli.cli import options
from delegate_cli.cli.groups import takes as takes_group


@dataclass(frozen=True, slots=True)
class DecidingOptions:
    """As given on the command line; None is the setting of the environment or the roster."""

    min_probability: options.MinProbability = None
    min_margin: options.MinMargin = None
    target_error: options.TargetError = None
    shortlist: options.Shortlist = None
    encoder: options.Encoder = None

    def flags(self) -> dict[str, Any]:
        """Settings by name."""
        return asdict(self)


AS_SET = DecidingOptions()


def takes(*without: str) -> Callable[[Any], Any]:
    """Give a command these options in the place of its parameter `deciding`, but for some."""
    return takes_group("deciding", DecidingOptions, without=without)
