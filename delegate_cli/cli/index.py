"""`delegate index`: make, look at, check and remove the index of a roster."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from delegate_cli.cli import journaling, options, streams
from delegate_cli.cli.options import Listing

if TYPE_CHECKING:
    from delegate_cli.agents import Roster

app = typer.Typer(help="The index of a roster: made once, renewed by itself.", no_args_is_help=True, rich_markup_mode=None)


@app.command(
    short_help="Make the index anew and report what to expect.",
    epilog="Example:\n\n\b\n  delegate index rebuild --agents team.yaml",
)
def rebuild(
    agents: options.Agents = options.AgentsDefault,
    encoder: options.Encoder = None,
    format: options.ListingFormat = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> int:
    """Make the index anew and report what to expect of it. Unchanged texts keep their vectors."""
    delegator = options.open_delegator(agents, {"encoder": encoder}, quiet=quiet, verbose=verbose)
    started = time.perf_counter()
    manifest = delegator.rebuild()
    seconds = ("seconds", f"{time.perf_counter() - started:.1f}")
    words, calibration = _calibration(manifest)
    tuning = _tuning(delegator.folder, delegator.roster, manifest)
    pairs = [*_facts(manifest, tuning), seconds, *_report(manifest), ("calibration", words)]
    _write(pairs, {**manifest, "calibration": calibration, "tuning": tuning}, format)
    return 0


@app.command(
    short_help="Say whether the index is fresh and what it promises.",
    epilog="Example:\n\n\b\n  delegate index status --format json | jq .state",
)
def status(
    agents: options.Agents = options.AgentsDefault,
    encoder: options.Encoder = None,
    journal: journaling.JournalFile = None,
    format: options.ListingFormat = None,
) -> int:
    """Say whether the index is fresh, what it promises and whether answers agree. Exit code 1 when it is not fresh."""
    from delegate_cli.settings import home

    state, manifest = _state(agents, encoder, whole=False)
    if manifest is None:
        _write([("state", state)], {"state": state}, format)
        return 1
    words, calibration = _calibration(manifest)
    models = _models(manifest)
    tuning = _tuning(home(), options.read_roster(agents), manifest)
    lines, learnt = _learnt(agents, journal)
    pairs = [("state", state), *_facts(manifest, tuning), *_report(manifest), ("calibration", words)]
    pairs += [*(("calibration of a model", words) for words, _ in models), *lines]
    record = {"state": state, **manifest, "calibration": calibration, "tuning": tuning, "models": [each for _, each in models]}
    _write(pairs, {**record, **learnt}, format)
    return 0 if state == "fresh" else 1


@app.command(
    short_help="Read every file of the index and check it.", epilog="Example:\n\n\b\n  delegate index verify && echo whole"
)
def verify(
    agents: options.Agents = options.AgentsDefault,
    encoder: options.Encoder = None,
    format: options.ListingFormat = None,
) -> int:
    """Read every file of the index and check its hash and its vectors. Exit code 1 when something is wrong."""
    state, manifest = _state(agents, encoder, whole=True)
    _write([("state", state)], {"state": state, "folder": (manifest or {}).get("generation")}, format)
    return 0 if state == "fresh" else 1


@app.command(short_help="Remove the index of this roster.", epilog="Example:\n\n\b\n  delegate index clear --agents old.yaml")
def clear(agents: options.Agents = options.AgentsDefault) -> int:
    """Remove the index of this roster, with what was calibrated and learnt. The index alone is made again when needed."""
    import shutil

    from delegate_cli.errors import IndexUnavailable
    from delegate_cli.index import store
    from delegate_cli.render.text import clean
    from delegate_cli.settings import home

    folders = store.folders_of(home(), options.read_roster(agents))
    if not folders:
        streams.note(f"there is no index of {clean(options.named(agents))}")
    for folder in folders:
        try:
            with store.lock(folder):
                (folder / "CURRENT").unlink(missing_ok=True)
                store.remove_leftovers(folder, keep=None)
            shutil.rmtree(folder, ignore_errors=True)
        except OSError as error:
            raise IndexUnavailable(f"cannot remove {folder}: {error.strerror}", "check its permissions") from None
        streams.note(f"removed {clean(str(folder))}")
    return 0


def _state(agents: options.Sources, encoder: str | None, whole: bool) -> tuple[str, dict[str, Any] | None]:
    """`fresh`, or why the index cannot be used; and its manifest where there is one."""
    from delegate_cli.encoders import tuned
    from delegate_cli.index import store
    from delegate_cli.index.learned import teach
    from delegate_cli.settings import home, resolve

    roster = teach(home(), options.read_roster(agents), streams.note)
    source = tuned.source_for(resolve({"encoder": encoder}, roster.settings).encoder, home(), roster)
    fingerprint = source.known_fingerprint(home())
    folder = store.folder_of(home(), roster, fingerprint)
    manifest = None
    try:
        manifest = store.read_manifest(folder)
        store.check_fresh(manifest, roster, fingerprint)
        if whole:
            store.check_vectors(store.open_index(folder, roster, fingerprint))
    except store.Unusable as reason:
        return ("missing" if manifest is None else f"unusable: {reason}"), manifest
    return "fresh", manifest


def _calibration(manifest: dict[str, Any]) -> tuple[str, dict[str, Any] | None]:
    """What was fitted on labelled tasks, in words and as figures."""
    from delegate_cli.calibrating.keep import status

    return status(Path(manifest["generation"]).parent, manifest)


def _models(manifest: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """What was fitted for models, in words and as figures."""
    from delegate_cli.calibrating.keep_fusion import status

    return status(Path(manifest["generation"]).parent, manifest)


def _learnt(agents: options.Sources, journal: Path | None) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    """What was learnt from answers, and whether answers disagree with what is promised."""
    from delegate_cli.errors import JournalError
    from delegate_cli.index import learned, store
    from delegate_cli.learning.watching import drift
    from delegate_cli.settings import home

    roster, record, words = options.read_roster(agents), None, "nothing"
    try:
        known = learned.read(store.folder_of(home(), roster))
        if known.steps:
            examples, date = sum(each.example for each in known.standing), known.steps[-1]["date"]
            record = {"examples": examples, "answers": len(known.standing), "steps": len(known.steps), "date": date}
            gone = known.gone(roster)
            words = f"{examples} sample requests from {len(known.standing)} answers, last on {date}"
            words += f"; not in the roster: {', '.join(gone)}" if gone else ""
    except (store.Unusable, KeyError, TypeError, ValueError):
        words = "damaged (run: delegate learn --undo)"
    try:
        with journaling.open_journal(journal) as kept:
            watched = drift(kept, roster, home())
    except JournalError as error:
        return [("learnt", words), ("drift", f"not known: {error.message}")], {"learnt": record, "drift": None}
    return [("learnt", words), ("drift", str(watched))], {"learnt": record, "drift": watched.as_dict()}


def _tuning(home: Path, roster: "Roster", manifest: dict[str, Any]) -> dict[str, Any] | None:
    """How the encoder of the index was tuned for this roster; None where it was not."""
    from delegate_cli.encoders import catalog, tuned

    if catalog.TUNED not in str(manifest["encoder"]):
        return None
    record = tuned.record_of(home, roster, str(manifest["encoder"])) or {}
    return {name: value for name, value in record.items() if name != "tasks_sha256"}


def _facts(manifest: dict[str, Any], tuning: dict[str, Any] | None) -> list[tuple[str, str]]:
    from delegate_cli.render.tuning import status_words

    facts = [
        ("agents", str(manifest["agents"])),
        ("vectors", f"{manifest['parts']} ({manifest['embedded']} newly embedded)"),
        ("encoder", str(manifest["encoder"])),
    ]
    return facts if tuning is None else [*facts, ("tuning", status_words(tuning))]


def _report(manifest: dict[str, Any]) -> list[tuple[str, str]]:
    report = manifest["report"]
    if not report["requests"]:
        return [
            ("expected accuracy", "unknown: too few sample requests to hold any out; add `examples` to the agents"),
            (
                "threshold",
                f"{report['threshold']:.3f} (from public data, for a target error of {report['target_error']:g})",
            ),
        ]
    low, high = report["interval"]
    before, after = report["ece_before"], report["ece_after"]
    return [
        (
            "expected accuracy",
            f"{report['accuracy']:.1%} ({low:.1%} to {high:.1%}) on {report['requests']} held-out sample requests",
        ),
        ("calibration error", f"{before:.1%} before, {after:.1%} after"),
        ("threshold", f"{report['threshold']:.3f} for a target error of {report['target_error']:g}"),
        ("handed over unasked", f"{report['coverage'] or 0:.0%} of tasks like the sample requests"),
    ]


def _write(pairs: list[tuple[str, str]], record: dict[str, Any], chosen: Listing | None) -> None:
    from delegate_cli.render.jsonl import json_text
    from delegate_cli.render.plain import facts

    if options.listing_format(chosen) is Listing.JSON:
        streams.write(json_text(record))
        return
    streams.write(facts(list(pairs)))
