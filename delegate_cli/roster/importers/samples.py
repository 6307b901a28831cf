"""Sample requests inside a description: the `<example>` blocks of Claude Code's subagents, told apart from the description."""

import re

MAX = 100_000  # characters that are looked at
LABEL = 120  # characters at the end in which "Examples:" is looked for
_BLOCK = re.compile(r"<example>(.*?)(?:</example>|(?=<example>)|\Z)", re.DOTALL | re.IGNORECASE)
_USER = re.compile(r"(?:^|(?<=[\s>*.]))user(?:\*\*)?[ \t]*:(?:\*\*)?[ \t]*", re.IGNORECASE)
_NEXT = re.compile(r"(?:^|[\s*])assistant(?:\*\*)?[ \t]*:|</?commentary>|(?:^|\s)context:|</example>", re.IGNORECASE)
_LABEL = re.compile(
    r"\s*(?:^|(?<=[\s.;,]))(?:specifically|(?:here are )?(?:some |concrete |usage |typical )?examples?"
    r"(?: of (?:usage|use|when to use))?(?: include)?)\s*:\s*\Z",
    re.IGNORECASE,
)
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "`": "`"}


def split_samples(description: str) -> tuple[str, tuple[str, ...]]:
    """A description → the text without its blocks, and what the user says first in each."""
    text = description[:MAX]
    if "<example>" not in text.lower():
        return description, ()
    if text.count("\\n") > 1 and "\n" not in text.strip():  # written as one line, escapes and all
        text = text.replace("\\n", "\n").replace('\\"', '"')
    found = [said for match in _BLOCK.finditer(text) if (said := _said(match[1]))]
    rest = re.sub(r"</?examples>", "", _BLOCK.sub("\n", text), flags=re.IGNORECASE)
    rest = re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in rest.split("\n"))).strip()
    end = _LABEL.search(rest[-LABEL:])
    return rest[: len(rest) - len(rest[-LABEL:]) + end.start()] if end else rest, tuple(dict.fromkeys(found))


def _said(block: str) -> str:
    start = _USER.search(block)
    if start is None:
        return ""
    text = block[start.end() :]
    end = _NEXT.search(text)
    text = " ".join((text[: end.start()] if end else text).split())
    closing = _QUOTES.get(text[:1])
    if closing is not None:
        last = text.rfind(closing)
        text = text[1:last] if last > 0 else text[1:]
    return text.replace('\\"', '"').strip()
