"""Who should do this task? The public names of the library, resolved when first used.

Importing this package imports nothing else, so that `delegate --version` and shell completion stay instant.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from delegate_cli.agents import Agent as Agent
    from delegate_cli.agents import Roster as Roster
    from delegate_cli.ask import Ask as Ask
    from delegate_cli.decision import Candidate as Candidate
    from delegate_cli.decision import Decision as Decision
    from delegate_cli.decision import Status as Status
    from delegate_cli.errors import DelegateError as DelegateError
    from delegate_cli.journal.recorder import Recorder as Recorder
    from delegate_cli.journal.store import Journal as Journal
    from delegate_cli.pipeline import Delegator as Delegator
    from delegate_cli.policy.constraints import Constraints as Constraints
    from delegate_cli.roster.load import load_roster as load_roster
    from delegate_cli.settings import Settings as Settings
    from delegate_cli.settings import resolve as resolve

__version__ = "0.1.0"

_HOMES = {
    "Agent": "delegate_cli.agents",
    "Ask": "delegate_cli.ask",
    "Candidate": "delegate_cli.decision",
    "Constraints": "delegate_cli.policy.constraints",
    "Decision": "delegate_cli.decision",
    "DelegateError": "delegate_cli.errors",
    "Delegator": "delegate_cli.pipeline",
    "Journal": "delegate_cli.journal.store",
    "Recorder": "delegate_cli.journal.recorder",
    "Roster": "delegate_cli.agents",
    "Settings": "delegate_cli.settings",
    "Status": "delegate_cli.decision",
    "load_roster": "delegate_cli.roster.load",
    "resolve": "delegate_cli.settings",
}
__all__ = [*_HOMES, "__version__"]  # noqa: PLE0604  (the names are resolved by __getattr__)


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'delegate_cli' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
