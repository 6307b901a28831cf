"""Findings of a roster as lines and as a table; what is quoted from cards stays text."""

from typing import Any

from delegate_cli.linting.finding import counted
from delegate_cli.render.plain import columns
from delegate_cli.render.table import listing
from delegate_cli.render.text import clean, shorten

_QUOTED = 100  # characters of a sentence in a table
_SENTENCES = 2
_WEAKEST = 5


def plain(record: dict[str, Any]) -> str:
    """Tab-separated lines: level, kind, agents, message, the first sentence, suggestion."""
    return columns(
        [
            (
                each["level"],
                each["kind"],
                ",".join(each["agents"]),
                each["message"],
                each["sentences"][0] if each["sentences"] else "",
                each["suggestion"],
            )
            for each in record["findings"]
        ]
    )


def table(record: dict[str, Any], color: bool, width: int) -> str:
    """What was found, worst first, then what the roster is worth."""
    rows = [(each["level"], each["kind"], told(each)) for each in record["findings"]]
    found = listing(("level", "kind", "finding"), rows, color, width) + "\n" if rows else ""
    return found + "".join(f"{line}\n" for line in lines(record))


def told(finding: dict[str, Any]) -> str:
    """A finding as sentences: what, the sentences that show it, what to do."""
    named = ", ".join(finding["agents"][:3]) + (" …" if len(finding["agents"]) > 3 else "")
    message = finding["message"]
    head = message if finding["agents"][0] in message else f"{named}: {message}"
    said = "".join(f" “{shorten(text, _QUOTED)}”" for text in finding["sentences"][:_SENTENCES])
    end = "" if head.endswith((".", "!", "?")) else "."
    return f"{head}{end}{said} → {finding['suggestion']}"


def lines(record: dict[str, Any]) -> list[str]:
    """Sums in sentences: counts, accuracy, what merging would do, the weakest agents, tokens."""
    counts = record["counts"]
    total = sum(counts.values())
    said = ", ".join(f"{number} {level}" for level, number in counts.items() if number)
    sums = f"{counted(total, 'finding')}: {said}" if total else "no findings"
    found = [f"{counted(record['agents'], 'agent')}, {sums}"]
    if record["accuracy"] is None and record["accuracy_of_descriptions"] is None:
        found.append("who takes whose requests is not known: there are too few to leave any out (ten would do)")
    for key, what in (("accuracy", "sample requests"), ("accuracy_of_descriptions", "sentences of descriptions")):
        if record[key] is not None:
            share = record[key]
            found.append(
                f"expected accuracy: {share['value']:.1%} ({share['low']:.1%} to {share['high']:.1%}) "
                f"on {share['of']} left-out {what}"
            )
    found += [
        f"with {' and '.join(map(clean, each['agents']))} as one agent: {each['accuracy']:.1%}" for each in record["merged"][:3]
    ]
    weakest = sorted(record["health"].items(), key=lambda item: (item[1], item[0]))[:_WEAKEST]
    if weakest and weakest[0][1] < 100:
        found.append("health, lowest: " + ", ".join(f"{clean(name)} {points}" for name, points in weakest))
    tokens = record["tokens"]
    found.append(f"tokens of all cards, as a model is shown them: {tokens['roster']:,} (the longest has {tokens['largest']})")
    return found
