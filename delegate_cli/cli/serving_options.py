"""What `delegate serve` and `delegate mcp` share: where they listen, who may ask, and what they decide with."""

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from delegate_cli.cli import journaling, options
from delegate_cli.cli.model_options import ModelOptions
from delegate_cli.errors import UsageError

if TYPE_CHECKING:
    from delegate_cli.journal.store import Journal
    from delegate_cli.pipeline import Delegator
    from delegate_cli.serving.engine import Engine

HOST = "127.0.0.1"

Host = Annotated[str, typer.Option("--host", metavar="HOST", help="Listen there; beyond this machine only with --token-env.")]
TokenEnv = Annotated[
    str | None, typer.Option("--token-env", metavar="NAME", help="The variable with the token that requests must carry.")
]
AllowHost = Annotated[
    list[str] | None,
    typer.Option("--allow-host", metavar="NAME", help="Also answer to this name, such as a proxy's; may be repeated."),
]


def engine(
    agents: options.Sources,
    flags: dict[str, Any],
    asking: ModelOptions,
    journal: "Journal | None",
    rebuild: bool,
    quiet: bool,
    verbose: bool,
) -> "Engine":
    """The roster, loaded and ready to decide; made again by the same options whenever it changes.

    Raises:
        DelegateError: it cannot be loaded.
    """
    if "-" in map(str, agents):
        raise UsageError(
            "a server reads its roster again when it changes, so that it cannot be stdin", "name a file or a folder"
        )
    from delegate_cli.render.text import clean
    from delegate_cli.serving.engine import Engine

    say = options.say(quiet)

    def make() -> "Delegator":
        load = journaling.load(journal)
        return options.open_delegator(agents, flags, asking=asking, rebuild=rebuild, load=load, quiet=quiet, verbose=verbose)

    return Engine(make, agents, journal, lambda line: say(clean(line)))


def access(host: str, token_env: str | None, allowed: list[str] | None) -> tuple[tuple[str, ...] | None, str | None]:
    """The names that requests may use, None for any, and the token that they must carry, if they must.

    Raises:
        UsageError: others could ask without a token, or the variable is empty.
    """
    token = None
    if token_env is not None:
        token = os.environ.get(token_env, "").strip()
        if not token or not token.isascii() or not token.isprintable():
            raise UsageError(f"the variable {token_env} holds no token", "set it to a long random text")
    if is_loopback(host):
        return (host, *(allowed or ())), token
    if token is None:
        raise UsageError(
            f"--host {host} would let others ask", "name the variable with a token in --token-env, or leave it out"
        )
    return (host, *allowed) if allowed else None, token


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    from delegate_cli.endpoints import is_loopback as loopback

    try:
        return loopback(f"http://[{host}]" if ":" in host else f"http://{host}")
    except ValueError:
        return False


def missing(command: str, extra: str, error: ImportError) -> UsageError:
    """A library of an extra is not installed."""
    return UsageError(f"{command} needs {error.name}, which is not installed", f"run: pip install 'delegate-cli[{extra}]'")
