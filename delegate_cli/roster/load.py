"""A file of agents → a `Roster`. Loading never executes anything, and reads nothing but the one file."""

from pathlib import Path

from delegate_cli.agents import Roster
from delegate_cli.errors import RosterError
from delegate_cli.roster import kept


def load_roster(path: str | Path) -> Roster:
    """Read agents.yaml (or the same as JSON).

    Raises:
        RosterError: the file is missing, unreadable or says something that makes no sense.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise RosterError(f"{path}: no such file", "name a roster with --agents FILE, or set DELEGATE_AGENTS") from None
    except IsADirectoryError:
        raise RosterError(f"{path}: is a folder", "name the roster file inside it with --agents FILE") from None
    except (OSError, ValueError) as error:
        from delegate_cli.roster.document import shown

        reason = getattr(error, "strerror", None) or str(error)
        raise RosterError(f"{shown(str(path))}: {reason}", "check the path and its permissions") from None
    known = kept.recall(data, str(path))
    if known is not None:
        return known
    from delegate_cli.roster.parse import parse_roster  # yaml and what reads it: 25 ms

    roster = parse_roster(data, str(path))
    kept.keep(data, roster)
    return roster
