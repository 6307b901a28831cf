"""`delegate agents`: what the roster says."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from delegate_cli.cli import agents_check, agents_files, agents_new, options, streams
from delegate_cli.cli.options import Listing
from delegate_cli.errors import UsageError
from delegate_cli.roster.naming import nearest_agent

if TYPE_CHECKING:
    from delegate_cli.agents import Agent

app = typer.Typer(
    help="Look at the roster, check it; read and write other formats.", no_args_is_help=True, rich_markup_mode=None
)
app.command("check", short_help="Say what is wrong with the roster, worst first.", epilog=agents_check.CHECK)(
    agents_check.check_agents
)
app.command("new", short_help="Write the card of a new agent from a wish.", epilog=agents_new.NEW)(agents_new.new_agent)
app.command("import", short_help="Write agents of any known format as agents.yaml.", epilog=agents_files.IMPORT)(
    agents_files.import_agents
)
app.command("export", epilog=agents_files.EXPORT)(agents_files.export_agents)
app.command("diff", short_help="Show what two rosters do not share.", epilog=agents_files.DIFF)(agents_files.diff_agents)


@app.command(
    "list", short_help="List every agent.", epilog="Example:\n\n\b\n  delegate agents list --format json | jq -r '.[].id'"
)
def list_agents(
    agents: options.Agents = options.AgentsDefault,
    format: options.ListingFormat = None,
    no_color: options.NoColor = False,
) -> int:
    """List every agent: id, kind, name, number of sample requests, tags."""
    from delegate_cli.render.jsonl import json_text

    roster = options.read_roster(agents, most=options.EVERY)
    chosen = options.listing_format(format)
    if chosen is Listing.JSON:
        streams.write(json_text([_card(agent) for agent in roster]))
        return 0
    rows = [(a.id, a.kind.value, a.name, str(len(a.examples)), " ".join(a.tags)) for a in roster]
    streams.write(_rows(("id", "kind", "name", "examples", "tags"), rows, chosen, no_color))
    return 0


@app.command(short_help="Show an agent's whole card.", epilog="Example:\n\n\b\n  delegate agents show refund-requests")
def show(
    agent_id: Annotated[str, typer.Argument(metavar="ID", autocompletion=options.complete_agent, help="The agent's id.")],
    agents: options.Agents = options.AgentsDefault,
    format: options.ListingFormat = None,
    no_color: options.NoColor = False,
) -> int:
    """Show one agent's whole card."""
    from delegate_cli.render.jsonl import dumps, json_text

    roster = options.read_roster(agents)
    agent = roster.get(agent_id)
    if agent is None:
        raise UsageError(f"{options.named(agents)} has no agent {agent_id!r}", nearest_agent(agent_id, roster.position))
    card = _card(agent)
    chosen = options.listing_format(format)
    if chosen is Listing.JSON:
        streams.write(json_text(card))
        return 0
    rows = [
        (key, item if isinstance(item, str) else dumps(item))
        for key, value in card.items()
        for item in (value if isinstance(value, list) else [value])
    ]
    streams.write(_rows(("key", "value"), rows, chosen, no_color))
    return 0


def _card(agent: "Agent") -> dict[str, Any]:
    """What the card says, and always its kind."""
    from delegate_cli.roster.facts import agent_facts

    return {"id": agent.id, "name": agent.name, "kind": agent.kind.value, **agent_facts(agent)}


def _rows(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], chosen: Listing, no_color: bool) -> str:
    if chosen is Listing.PLAIN:
        from delegate_cli.render.plain import columns

        return columns(rows)
    from delegate_cli.render.table import listing

    return listing(head, rows, streams.wants_color(no_color, sys.stdout), streams.width())
