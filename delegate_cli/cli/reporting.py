"""What `delegate eval` writes to files: the report page and the pictures."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from delegate_cli.cli import options, streams
from delegate_cli.errors import UsageError

if TYPE_CHECKING:
    from delegate_cli.evaluation.run import Outcome
    from delegate_cli.pipeline import Delegator


_SMALLEST = 20  # agents of a roster that smaller ones are drawn from
_DRAWS = 2  # of each size, where `--sizes` did not measure with more


def prepare(report: str | None, plots: str | None) -> None:
    """Find out before anything is measured whether the files can be drawn and written.

    Raises:
        UsageError: matplotlib is not installed.
        OutputError: a folder is missing or may not be written.
    """
    if report is None and plots is None:
        return
    _need_matplotlib("--report and --plots draw")
    from delegate_cli.render.files import check_writable, make_folder

    if report is not None:
        check_writable(Path(report))
    if plots is not None:
        make_folder(Path(plots))


def check_picture(plot: str) -> None:
    """Find out before anything is worked out whether one picture can be drawn and written.

    Raises:
        UsageError: matplotlib is not installed.
        OutputError: the folder is missing or may not be written.
    """
    _need_matplotlib("--plot draws")
    from delegate_cli.render.files import check_writable

    check_writable(Path(plot))


def _need_matplotlib(who: str) -> None:
    try:
        import delegate_cli.render.pictures  # noqa: F401  (matplotlib: 0.5 s)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        what = f"{who} pictures with matplotlib, which is not installed"
        raise UsageError(what, 'run: pip install "matplotlib>=3.8"') from None


def write(
    report: str | None,
    plots: str | None,
    figures: dict[str, Any],
    outcomes: "Sequence[Outcome]",
    delegator: "Delegator",
    tasks: str,
    quiet: bool,
) -> None:
    """The page at `report` and the PNGs in `plots`, where they are wanted; accuracy by size is measured first.

    Raises:
        OutputError: a file cannot be written.
    """
    if report is None and plots is None:
        return
    from delegate_cli.render.files import write_file
    from delegate_cli.render.pictures import pictures, png
    from delegate_cli.render.text import clean

    # a threshold set by hand promises no error
    target = delegator.settings.target_error if delegator.settings.min_probability is None else None
    if "sizes" not in figures:
        figures = figures | {"sizes": _sizes(figures, outcomes, delegator, quiet)}
    drawn = pictures(figures, target)
    written: dict[Path, bytes] = {}
    if plots is not None:
        written |= {Path(plots) / f"{each.name}.png": png(each) for each in drawn}
    if report is not None:
        written[Path(report)] = _page(figures, outcomes, drawn, _facts(delegator, tasks, figures), target).encode()
    for path, content in written.items():
        write_file(path, content)
        if not quiet:
            streams.note(f"wrote {clean(str(path))}")


def _sizes(
    figures: Mapping[str, Any], outcomes: "Sequence[Outcome]", delegator: "Delegator", quiet: bool
) -> list[dict[str, Any]]:
    """Accuracy in smaller rosters, and in this one as it was measured; nothing where this one is small itself."""
    from delegate_cli.evaluation.sizes import default_sizes, sizes

    agents = len(delegator.roster)
    smaller = default_sizes(agents)[:-1]
    if agents < _SMALLEST or not figures["fits"]:
        return []
    if not quiet:
        streams.note(f"measuring smaller rosters of {', '.join(map(str, smaller))} agents, {_DRAWS} draws each")
    found = sizes(delegator, [outcome.task for outcome in outcomes], smaller, _DRAWS, options.progress(quiet))
    options.stop_progress()
    whole = {"agents": agents, "draws": 1, "tasks": figures["fits"], "top1": figures["top1"], "top3": figures["top3"]}
    return [*found, whole]


def _page(
    figures: Mapping[str, Any],
    outcomes: "Sequence[Outcome]",
    drawn: Sequence[Any],
    facts: Sequence[tuple[str, str]],
    target: float | None,
) -> str:
    from delegate_cli.render.page import Drawn, page
    from delegate_cli.render.pictures import DARK, LIGHT, svg

    shown = [Drawn(each.name, each.title, svg(each, LIGHT), svg(each, DARK)) for each in drawn]
    return page(figures, [outcome for outcome in outcomes if outcome.missed], shown, facts, target)


def _facts(delegator: "Delegator", tasks: str, figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    from delegate_cli import __version__

    roster, settings, encoder = delegator.roster, delegator.settings, delegator.ready().encoder
    words = [f"target error {settings.target_error:g}", f"shortlist {settings.shortlist}"]
    if settings.min_probability is not None:
        words.append(f"least probability {settings.min_probability:g}")
    if settings.min_margin:
        words.append(f"least margin {settings.min_margin:g}")
    return [
        ("roster", roster.path or "-"),
        ("roster SHA-256", roster.sha256[:12]),
        ("tasks", tasks),
        ("encoder", f"{encoder.name} ({encoder.fingerprint[:12]})"),
        ("threshold", f"{figures['handed_over']['threshold']:.4f}"),
        ("settings", ", ".join(words)),
        ("delegate", __version__),
        ("measured", time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())),
        ("seconds", f"{figures['seconds']:.2f}"),
    ]
