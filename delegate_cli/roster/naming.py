"""How to mend an agent's id that does not exist. Light: a roster need not be loaded to be told."""

from collections.abc import Collection


def nearest_agent(agent_id: str, known: Collection[str]) -> str:
    """The ids that are like it, or where to look."""
    from difflib import get_close_matches

    few = len(known) <= 20
    near = get_close_matches(agent_id, sorted(known), n=1 if few else 3, cutoff=0.6 if few else 0.5)
    if near:
        return f"did you mean {repr(near[0]) if few else ' or '.join(near)}?"
    return f"agents: {', '.join(sorted(known))}" if few else "see: delegate agents list"
