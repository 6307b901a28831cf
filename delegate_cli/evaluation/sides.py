"""The two sides of a comparison: each a roster file, a decider's name, or `setting=value`, opened on the same tasks.

A side whose encoder is not the roster's usual one gets a temporary index, so that the index in use stays.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from delegate_cli.agents import Roster
from delegate_cli.connecting import Manner
from delegate_cli.encoders.tuned import source_for
from delegate_cli.errors import UsageError
from delegate_cli.evaluation.tasks import LabelledTask
from delegate_cli.evaluation.variants import Progress, RememberingEncoder, temporary_folder
from delegate_cli.pipeline import Delegator
from delegate_cli.roster.load import load_roster
from delegate_cli.settings import DECIDERS, Settings, assignment, home, resolve


@dataclass(frozen=True, slots=True)
class Side:
    """What was asked for, as it was written, with its roster and settings."""

    name: str
    roster: Roster
    settings: Settings
    usual_encoder: str
    manner: Manner = field(default_factory=Manner)


def read_side(
    text: str, roster: str, flags: Mapping[str, Any], manner: Callable[[Settings], Manner] = lambda settings: Manner()
) -> Side:
    """A side from its text.

    Args:
        text: a roster file, a decider's name, or `setting=value`.
        roster: the file that is meant where the side names none.
        flags: settings of both sides.
        manner: how a model is asked with these settings.

    Raises:
        UsageError: it is none of these.
        SettingsError: an unknown setting, or a value that makes no sense.
        RosterError: the roster cannot be read.
    """
    own: dict[str, Any] = {}
    if text in DECIDERS:
        own = {"decider": text}
    elif Path(text).exists():
        roster = text
    elif "=" in text:
        own = assignment(text)
    else:
        known = ", ".join(DECIDERS)
        raise UsageError(
            f"--compare: {text!r} is no file, no decider and no setting",
            f"name a roster file, a decider ({known}), or a setting such as target_error=0.1",
        )
    agents = load_roster(roster)
    llm = {**(flags.get("llm") or {}), **own.pop("llm", {})}
    settings = resolve({**flags, **own, "llm": llm}, agents.settings)
    return Side(text, agents, settings, resolve(flags, agents.settings).encoder, manner(settings))


def common_tasks(tasks: Sequence[LabelledTask], sides: Sequence[Side]) -> tuple[list[LabelledTask], int]:
    """The tasks all of whose right agents every side knows, and how many others there are.

    Raises:
        UsageError: no task is left.
    """
    kept = [task for task in tasks if all(agent in side.roster.position for side in sides for agent in task.agents)]
    if not kept:
        raise UsageError("no task's right agents are in both rosters", "give the agents the same ids in both")
    return kept, len(tasks) - len(kept)


@contextmanager
def opened(sides: Sequence[Side], progress: Progress, say: Callable[[str], None]) -> Iterator[list[Delegator]]:
    """A delegator for each side; sides with the same encoder share one that remembers."""
    encoders: dict[str, RememberingEncoder] = {}
    with ExitStack() as stack:
        found = []
        for side in sides:
            name = side.settings.encoder
            meant = source_for(name, home(), side.roster).fingerprint  # may be tuned for this roster
            if meant not in encoders:
                loader = Delegator(side.roster, replace(side.settings, decider="head"), say=say)
                encoders[meant] = RememberingEncoder(loader.encoder(), {})
            folder = stack.enter_context(temporary_folder()) if name != side.usual_encoder else None
            found.append(
                stack.enter_context(
                    Delegator(
                        side.roster,
                        side.settings,
                        folder=folder,
                        progress=progress,
                        say=say,
                        encoder=encoders[meant],
                        manner=side.manner,
                    )
                )
            )
        yield found
