"""How to mend an agent's id that does not exist. Light: a roster need not be loaded to be told."""

from collections.abc import Collection


def nearest_agent(agent_id: str, known: Collection[str]) -> str:
    """The ids that are like it, or where to look."""
    from difflib import get_close_matches

    from delegate_cli.roster.document import unknown_key

    if len(known) <= 20:
        return unknown_key(agent_id, sorted(known))
    near = get_close_matches(agent_id, list(known), n=3, cutoff=0.5)
    return f"did you mean {' or '.join(near)}?" if near else "see: delegate agents list"
