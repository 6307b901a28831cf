"""Text from tasks and rosters made safe to show: it cannot move the cursor, change colours or reorder a line."""

import unicodedata

_BIDI = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C}


def clean(text: str) -> str:
    """One line in which control characters, surrogates and direction marks are replaced."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if _harmless(char) else " " if char in "\t\n\r" else "�" for char in text)


def _harmless(char: str) -> bool:
    return unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp") and ord(char) not in _BIDI


def shorten(text: str, limit: int) -> str:
    """A clean line of at most `limit` characters."""
    line = " ".join(clean(text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def markdown_text(text: str) -> str:
    """A clean line that Markdown shows as it is."""
    return "".join("\\" + char if char in r"\`*_{}[]<>#|" else char for char in clean(text))
