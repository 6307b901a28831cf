"""`delegate mcp`: the decision as tools of the Model Context Protocol."""

import os
import signal
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from delegate_cli.cli import deciding_options, journaling, model_options, options, serving_options, streams
from delegate_cli.cli.deciding_options import AS_SET, DecidingOptions
from delegate_cli.cli.model_options import NOTHING, ModelOptions
from delegate_cli.errors import UsageError

if TYPE_CHECKING:
    from delegate_cli.serving.engine import Engine

EXAMPLES = """Examples:

\b
  delegate mcp --agents ~/agents.yaml
  claude mcp add delegate -- delegate mcp --agents ~/agents.yaml
  delegate mcp --http --port 8322

Tools: which_agent, list_agents, explain_decision, record_outcome. Resources: delegate://roster, delegate://agents/ID.
A program that speaks the protocol starts this command; it ends when its stdin does. Exit codes: 0, 2 usage, roster or
settings, 130 after Ctrl-C.
"""
PORT = 8322


@model_options.takes("show_prompt", "dry_run")
@deciding_options.takes()
def mcp(
    agents: options.Agents = options.AgentsDefault,
    http: Annotated[bool, typer.Option("--http", help="Serve over HTTP at /mcp, instead of stdin and stdout.")] = False,
    host: serving_options.Host = serving_options.HOST,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help=f"The port; 0 takes a free one. [default: {PORT}]")
    ] = None,
    token_env: serving_options.TokenEnv = None,
    allow_host: serving_options.AllowHost = None,
    deciding: DecidingOptions = AS_SET,
    no_rebuild: options.NoRebuild = False,
    asking: ModelOptions = NOTHING,
    journal: journaling.JournalFile = None,
    no_journal: journaling.NoJournal = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> int:
    """Decide for programs that speak the Model Context Protocol, with the roster in memory."""
    hosts, token = serving_options.access(host, token_env, allow_host)
    if not http and (port is not None or token is not None or allow_host or host != serving_options.HOST):
        raise UsageError("--host, --port, --token-env and --allow-host are for --http", "add --http, or leave them out")
    flags = deciding.flags()
    try:
        from delegate_cli.serving import mcp_server
    except ImportError as error:
        raise serving_options.missing("delegate mcp", "mcp", error) from None
    bound = None
    if http:
        from delegate_cli.serving import listen

        bound = listen.tcp(host, PORT if port is None else port)
    kept = None if no_journal else journaling.open_journal(journal)
    engine = serving_options.engine(agents, flags, asking, kept, not no_rebuild, quiet, verbose)
    try:
        if bound is None:
            _end_with(engine)
            mcp_server.over_stdio(engine)
        else:
            where = f"{listen.address_of(bound)}{mcp_server.PATH}"

            def ready() -> object:
                if not quiet:
                    streams.note(f"serving {len(engine.current.roster)} agents at {where}")
                return engine.watch()

            listen.Server(mcp_server.application(engine, hosts, token), ready, lifespan=True).serve_at([bound])
    finally:
        engine.close()
    return 0


def _end_with(engine: "Engine") -> None:
    """End at once on a signal: the thread that waits for a line of stdin cannot be woken."""

    def end(number: int, frame: FrameType | None) -> None:
        engine.close()
        if number == signal.SIGINT:
            streams.note("interrupted")
        os._exit(130 if number == signal.SIGINT else 0)

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
