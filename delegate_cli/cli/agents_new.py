"""`delegate agents new`: a card from a wish, and at once whom it collides with."""

from typing import TYPE_CHECKING, Annotated

import typer

from delegate_cli.cli import model_options, options, streams
from delegate_cli.cli.model_options import NOTHING, ModelOptions
from delegate_cli.errors import UsageError

if TYPE_CHECKING:
    from delegate_cli.agents import Agent
    from delegate_cli.linting.collisions import Collision

NEW = """Examples:

\b
  delegate agents new "an agent that checks alt texts of pictures in our help pages"
  delegate agents new "books meeting rooms" --write
  delegate agents new "books meeting rooms" --decider head >> agents.yaml   # no model: a scaffold

The card goes to stdout as YAML, collisions to stderr. With a model set, it writes the card, sample requests included; else a
scaffold says what the wish says, and leaves requests to you. Exit codes: 0 there is a card, 2 usage or roster, 3 credentials
and 4 model or budget (both only with --strict).
"""
_SCAFFOLD = """\
  # examples: five requests, in the words of those who will ask
  # not_for: requests that look like its own and are for others
"""
_SHOWN = 5  # collisions
_WITHOUT = ("always", "form", "shortlist", "orders", "concurrency", "rubric", "show_prompt", "dry_run")


@model_options.takes(*_WITHOUT)
def new_agent(
    wish: Annotated[str, typer.Argument(metavar="WISH", help="What the agent shall do, in a line.")],
    agents: options.Agents = options.AgentsDefault,
    write: Annotated[bool, typer.Option("--write", help="Also add it to agents.yaml; comments and layout stay.")] = False,
    encoder: options.Encoder = None,
    asking: ModelOptions = NOTHING,
    quiet: options.Quiet = False,
) -> int:
    """Write the card of a new agent from a one-line wish, and say whom it collides with."""
    from delegate_cli.linting import draft
    from delegate_cli.linting.collisions import collisions
    from delegate_cli.roster.exporters.own import card_text

    if write and (len(agents) != 1 or not agents[0].is_file()):
        raise UsageError(
            f"--write adds to one agents.yaml, and {options.named(agents)} is none",
            "write one first: delegate agents import SRC -o agents.yaml",
        )
    with options.open_delegator(agents, {"encoder": encoder}, asking=asking, quiet=quiet) as delegator:
        agent, writer = draft.new_agent(delegator, wish)
        found = collisions(delegator, agent)
    text = card_text(agent) + (_SCAFFOLD if not agent.examples else "")
    streams.write(text)
    _tell(agent, writer, found, quiet)
    if write:
        from delegate_cli.render.text import clean
        from delegate_cli.roster.append import append_agent

        append_agent(agents[0], agent, text)
        if not quiet:
            streams.note(f"added {clean(agent.id)} to {clean(str(agents[0]))}")
    return 0


def _tell(agent: "Agent", writer: str, found: list["Collision"], quiet: bool) -> None:
    """Collisions are told also with --quiet: they are what was asked for."""
    from delegate_cli.render.text import clean, shorten

    if not quiet:
        by = (
            "a scaffold: no model is set or asked"
            if writer == "scaffold"
            else f"written by {clean(writer)}; read it before use"
        )
        streams.note(f"{clean(agent.id)}: {by}")
    for each in found[:_SHOWN]:
        streams.note(f"collides with {clean(each.agent)}: {clean(each.message)}: “{shorten(each.sentence, 120)}”")
    if len(found) > _SHOWN:
        streams.note(f"and {len(found) - _SHOWN} more collisions; see: delegate agents check")
    if not found and not quiet:
        streams.note("no collisions: nobody gets this today, and it takes nothing from anybody")
