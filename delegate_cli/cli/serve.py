"""`delegate serve`: the decision over HTTP, at a port of this machine or at a Unix socket."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from delegate_cli.cli import deciding_options, journaling, model_options, options, serving_options, streams
from delegate_cli.cli.deciding_options import AS_SET, DecidingOptions
from delegate_cli.cli.model_options import NOTHING, ModelOptions

if TYPE_CHECKING:
    import socket

    from delegate_cli.serving.engine import Engine, Loaded

EXAMPLES = """Examples:

\b
  delegate serve
  delegate serve --socket ~/.delegate.sock
  curl -s http://127.0.0.1:8321/v1/decide -H 'content-type: application/json' -d '{"task": "Refund my scanner"}'
  delegate route --server auto "Refund the scanner I sent back"
  TOKEN=$(openssl rand -hex 32) delegate serve --host 0.0.0.0 --token-env TOKEN

Paths: POST /v1/decide, /v1/decisions and /v1/systemone, GET /healthz, /metrics and /openapi.json. It ends with SIGTERM or
Ctrl-C, after the requests under way. Exit codes: 0 after SIGTERM, 2 usage, roster or settings, 130 after Ctrl-C.
"""
PORT = 8321


@model_options.takes("show_prompt", "dry_run")
@deciding_options.takes()
def serve(
    agents: options.Agents = options.AgentsDefault,
    host: serving_options.Host = serving_options.HOST,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help=f"The port; 0 takes a free one. [default: {PORT}]")
    ] = None,
    socket: Annotated[
        Path | None, typer.Option("--socket", metavar="PATH", help="Listen at a Unix socket, and at a port only with --port.")
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
    """Decide for other programs over HTTP, with the roster in memory; it is loaded again when it changes."""
    hosts, token = serving_options.access(host, token_env, allow_host)
    flags = deciding.flags()
    try:
        from delegate_cli.serving import listen, web
    except ImportError as error:
        raise serving_options.missing("delegate serve", "serve", error) from None
    place = None if socket is None else socket.expanduser().absolute()
    sockets = [] if place is None else [listen.unix(place)]
    try:
        if port is not None or place is None:
            sockets.append(listen.tcp(host, PORT if port is None else port))
        kept = None if no_journal else journaling.open_journal(journal)
        engine = serving_options.engine(agents, flags, asking, kept, not no_rebuild, quiet, verbose)
        notice = _Notice(engine, sockets, quiet)
        try:
            listen.Server(web.application(engine, hosts, token), notice.put_up).serve_at(sockets)
        finally:
            notice.take_down()
            engine.close()
    finally:
        for each in sockets:
            each.close()
        if place is not None:
            place.unlink(missing_ok=True)
    return 0


class _Notice:
    """Says where the server is: on stderr, and in a file for `route --server auto`."""

    def __init__(self, engine: "Engine", sockets: "list[socket.socket]", quiet: bool) -> None:
        from delegate_cli.serving.listen import address_of

        self._engine = engine
        self._addresses = [address_of(each) for each in sockets]
        self._quiet = quiet

    def put_up(self) -> Any:
        """Once it listens; what is given looks for changes of the roster until the end."""
        loaded = self._engine.current
        self._publish(loaded)
        if not self._quiet:
            from delegate_cli.render.text import clean

            where = " and ".join(self._addresses)
            streams.note(clean(f"serving {len(loaded.roster)} agents of {loaded.roster.path} at {where}"))
        return self._engine.watch(self._renew)

    def take_down(self) -> None:
        """When it ends."""
        from delegate_cli.serving import whereabouts

        loaded = self._engine.current
        whereabouts.withdraw(loaded.delegator.folder, loaded.mark)

    def _renew(self, old: "Loaded", new: "Loaded") -> None:
        from delegate_cli.serving import whereabouts

        if old.mark != new.mark:
            whereabouts.withdraw(old.delegator.folder, old.mark)
            self._publish(new)

    def _publish(self, loaded: "Loaded") -> None:
        from delegate_cli.serving import whereabouts

        try:
            whereabouts.publish(loaded.delegator.folder, loaded.mark, self._addresses[0])
        except OSError as error:
            if not self._quiet:
                streams.note(f"route --server auto will not find this server: {error.strerror}")
