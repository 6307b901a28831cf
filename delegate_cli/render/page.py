"""Figures of `delegate eval` as one HTML page that needs nothing else: no script, no font, no file, no network.

Pictures come in as SVG elements; text from tasks and rosters is cleaned, escaped and kept from reordering its surroundings.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from delegate_cli.evaluation.run import Outcome
from delegate_cli.render import findings
from delegate_cli.render.page_style import CSS
from delegate_cli.render.report import summary_rows
from delegate_cli.render.text import clean, shorten

_MISSES = 200  # more are for --wrong
_TEXT = 280  # characters of a task
_POLICY = "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture for light and for dark pages, as SVG elements."""

    name: str
    title: str
    light: str
    dark: str


def page(
    figures: Mapping[str, Any],
    misses: Sequence[Outcome],
    pictures: Sequence[Drawn],
    facts: Sequence[tuple[str, str]],
    target_error: float | None,
) -> str:
    """The whole page.

    Args:
        figures: of `measure`, and `sizes` where they were measured.
        misses: the outcomes to list with their evidence.
        pictures: in reading order.
        facts: what was measured, as name and value; the first is the roster.
        target_error: how often handing over may be wrong; None where it does not hold.
    """
    policy = _POLICY.format(hash=base64.b64encode(hashlib.sha256(CSS.encode()).digest()).decode())
    title = f"How well tasks are routed over {_text(facts[0][1])}"
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">',
            f"<title>{title}</title>\n<style>{CSS}</style>\n</head>\n<body>",
            _header(figures, title, target_error),
            "<main>",
            _pictures(figures, pictures, target_error),
            _figures(figures),
            _confused(figures),
            _misses(misses),
            _facts(facts),
            "</main>\n</body>\n</html>\n",
        ]
    )


def _text(text: str | None) -> str:
    """Text of others, safe within an element or an attribute."""
    return escape(clean(text or "nobody"))


def _quoted(text: str, limit: int = _TEXT) -> str:
    """Text of others whose direction stays its own."""
    return f"<bdi>{escape(shorten(text, limit))}</bdi>"


def _id(text: str | None) -> str:
    return f"<code><bdi>{_text(text)}</bdi></code>"


def _section(name: str, title: str, body: str) -> str:
    return f'<section id="{name}" aria-labelledby="{name}-title">\n<h2 id="{name}-title">{title}</h2>\n{body}\n</section>'


def _header(figures: Mapping[str, Any], title: str, target_error: float | None) -> str:
    nobody = figures["nobody"]
    count = figures["tasks"]
    tasks = f"{count} labelled task{'' if count == 1 else 's'}"
    tasks += f", {nobody} of which nobody fits," if nobody else ""
    lead = f"<code>delegate eval</code> routed {tasks} over {figures['agents']} agents. Brackets are 95 % intervals."
    items = [f"<li><strong>{value}</strong> {escape(rest)}</li>" for value, rest in findings.headlines(figures, target_error)]
    warned = findings.caution(figures)
    parts = [f"<h1>{title}</h1>", f"<p>{lead}</p>", '<ul class="headlines">', *items, "</ul>"]
    return "\n".join(["<header>", *parts, *([f'<p class="caution">{warned}</p>'] if warned else []), "</header>"])


def _pictures(figures: Mapping[str, Any], pictures: Sequence[Drawn], target_error: float | None) -> str:
    if not pictures:
        return ""
    shown = [_picture(each, _text(findings.finding(each.name, figures, target_error))) for each in pictures]
    return _section("pictures", "Pictures", '<div class="pictures">\n' + "\n".join(shown) + "\n</div>")


def _picture(picture: Drawn, said: str) -> str:
    name = picture.name
    return (
        f'<figure id="{name}">\n<h3 id="{name}-title">{escape(picture.title)}</h3>\n'
        f'<div class="light" role="img" aria-labelledby="{name}-title {name}-finding">{picture.light}</div>\n'
        f'<div class="dark" role="img" aria-labelledby="{name}-title {name}-finding">{picture.dark}</div>\n'
        f'<figcaption id="{name}-finding">{said}</figcaption>\n</figure>'
    )


def _table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], kind: str = "narrow") -> str:
    """A table; of each row the name is safe text, the rest are cells."""
    names = "".join(f'<th scope="col">{name}</th>' for name in head)
    lines = [f'<tr><th scope="row">{row[0]}</th>{"".join(row[1:])}</tr>' for row in rows]
    body = "\n".join(lines)
    return (
        f'<div class="wide"><table class="{kind}">\n<caption>{caption}</caption>\n'
        f"<thead><tr>{names}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>"
    )


def _figures(figures: Mapping[str, Any]) -> str:
    rows = []
    for name, value in summary_rows(dict(figures)):
        figure, _, rest = value.partition("  (")  # an interval stands behind two spaces
        rest = rest.removesuffix(")").replace(" of ", f" of{findings.SPACE}")
        rows.append((escape(name), *((_cell(figure), _cell(rest)) if rest else (_spanning(figure),))))
    tables = [_table("Every measure", ("measure", "value", "95 % interval, tasks"), rows, "words")]
    more = _bins(figures["reliability"]) + _sizes(figures.get("sizes") or ())
    body = "\n".join(tables) + (f"\n<div>{more}</div>" if more else "")
    return _section("figures", "Figures", f'<div class="tables">\n{body}\n</div>')


def _spanning(text: str) -> str:
    return f'<td colspan="2">{escape(text)}</td>'


def _bins(bins: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (
            f"{100 * each['from']:.0f} to {100 * each['to']:.0f} %",
            _cell(str(each["count"])),
            _cell(findings.percent(each["probability"])),
            _cell(findings.percent(each["right"]["value"])),
            _cell(findings.between(each["right"])),
        )
        for each in bins
        if each["count"]
    ]
    return _table("Stated and true, in bins", ("stated", "tasks", "mean", "right", "95 % interval"), rows) if rows else ""


def _sizes(sizes: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (
            str(each["agents"]),
            *(_cell(str(each[name])) for name in ("draws", "tasks")),
            *(_share(each[name]) for name in ("top1", "top3")),
        )
        for each in sizes
    ]
    return _table("Smaller rosters", ("agents", "draws", "tasks", "top-1", "top-3"), rows) if rows else ""


def _cell(text: str) -> str:
    return f"<td>{escape(text)}</td>"


def _share(share: Mapping[str, Any] | None) -> str:
    if share is None:
        return _cell("–")
    return f"<td>{findings.percent(share['value'])}<br><small>{findings.between(share)}</small></td>"


def _confused(figures: Mapping[str, Any]) -> str:
    items = []
    for pair in figures["confused"]:
        tasks = [
            f"<li><q>{_quoted(each['task'])}</q>"
            f"<br>right: {', '.join(map(_id, each['right']))}; chosen: {_id(each['chosen'])}</li>"
            for each in pair["tasks"]
        ]
        times = "once" if pair["count"] == 1 else f"{pair['count']} times"
        names = " and ".join(map(_id, pair["agents"]))
        items.append(f"<h3>{names}, {times}</h3>\n<ul>\n" + "\n".join(tasks) + "\n</ul>")
    return _section("confused", "Most confused pairs", "\n".join(items)) if items else ""


def _misses(misses: Sequence[Outcome]) -> str:
    if not misses:
        return _section("misses", "Misses", "<p>There is none.</p>")
    kept = misses[:_MISSES]
    count = f"{len(misses)} task{'' if len(misses) == 1 else 's'}"
    summary = f"{count} given the wrong first candidate, or handed over though nobody fits; the number is the line"
    more = f"<p>These are the first {len(kept)}; <code>--wrong</code> lists all.</p>" if len(kept) < len(misses) else ""
    items = "\n".join(map(_miss, kept))
    body = f'<details>\n<summary>{summary}</summary>\n{more}<ol class="misses">\n{items}\n</ol>\n</details>'
    return _section("misses", "Misses", body)


def _miss(outcome: Outcome) -> str:
    right = ", ".join(map(_id, sorted(outcome.task.agents))) or "nobody"
    place = f"rank {outcome.rank}, " if outcome.rank else ""
    lines = [
        f'<li value="{outcome.task.line}"><q>{_quoted(outcome.task.task)}</q>',
        f"<br>right: {right} ({place}{findings.percent(outcome.gold_probability)})",
    ]
    for candidate in outcome.decision.candidates[:1]:
        given = ", handed over" if outcome.handed_over else ""
        lines.append(f"<br>chosen: {_id(candidate.agent)} ({findings.percent(candidate.probability)}{given})")
        for each in candidate.evidence[:1]:
            kind = each.kind.value.replace("_", " ")
            lines.append(f"<br><small>{kind}: <q>{_quoted(each.text, 160)}</q> (similarity {each.similarity:.2f})</small>")
    return "".join(lines) + "</li>"


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    rows = "\n".join(f"<div><dt>{escape(name)}</dt><dd><bdi>{_text(value)}</bdi></dd></div>" for name, value in facts)
    return _section("measured", "What was measured", f"<dl>\n{rows}\n</dl>")
