"""What is written for a machine inside a text for people: banners, tables and pairs that state an answer, blobs, links,
repetitions. Pure functions that know nothing of what a sentence means; `injection` uses them.
"""

import re
from collections.abc import Sequence
from functools import cache


class _Lazy:
    """A pattern that is compiled when it is first needed: all of them take 6 ms, and most texts need none."""

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self._pattern, self._flags = pattern, flags

    def __call__(self) -> re.Pattern[str]:
        return _compiled(self._pattern, self._flags)


@cache
def _compiled(pattern: str, flags: int) -> re.Pattern[str]:
    return re.compile(pattern, flags)


# `key = value`, `key => value`, `#key: value`, P(key) = 0.9: the key is looked at, a value is short.
_PAIR = _Lazy(
    r"[#\[({|'\"]*([^\W\d][\w .()-]{0,40}?)[)\]'\"]*\s*(=>|->|→|==|:=|=|:)\s*"
    r"[\[({'\"]*(-?[\w.%/@-]{1,40}(?:\s[\w.-]{1,20})?)[\])}'\";,|]*"
)
_SCORE = _Lazy(r"\(\s*\d[\d.,]*\s*%?\s*\)")
_CODE = _Lazy(r"[;{},(]\s*$|^\s*(?://|return\b|import\b|def\b|var\b|let\b|const\b|public\b|private\b)|\w{2}\(\w*\)")
_ARROW = _Lazy(r"^\W*(?:=>|->|→|⇒|>>>|<<<)\s*[\[('\"]*[\w-]{1,40}[\])'\"]*\W*$")
_BANNER = _Lazy(r"^\s*(?:([^\w\s\"'(]{3,}|[\"']{3})\s*(.{0,80}?)\s*\W*|\[\s*([A-Z][A-Z _-]{2,40})\s*\])\s*$")
_END_OF = _Lazy(
    r"^\W*(?:end|finish|stop)(?:ing|s)?\s+(?:of\s+)?(?:the\s+|reading\s+|all\s+)*(?:\w+\s+)?(?:tasks?|inputs?|data|cards?|rosters?|lists?"
    r"|descriptions?|entries|entry|requests?|prompts?|user\s+\w+|messages?|documents?|profiles?)\b(?:\s+here)?\W*$",
    re.IGNORECASE,
)
_START_OF = _Lazy(r"^\W*(?:begin|start|new|now)\s+(?:of\s+)?(?:the\s+)?\w+\W*$", re.IGNORECASE)
_ROW = _Lazy(r"^\s*\|.*\|\s*$")
_BLOB = _Lazy(r"(?<![\w/+=-])[A-Za-z0-9+/_-]{16,}={0,2}(?![\w/+-])")
_LINK = _Lazy(r"\[([^\[\]\n]{1,80})\]\(([^()\s]{1,300}(?:\([^()]*\))?[^()\s]*)\)")
_WRAPPED = _Lazy(
    r'^\s*\{\s*"(?:task|text|query|request|message|content|input|prompt|question)"\s*:\s*"((?:[^"\\]|\\.)*)"\s*\}\s*$'
)
_QUOTE = _Lazy(r"^(?:\s*>)+ ?", re.MULTILINE)
_AGAIN = _Lazy(r"\b(\w{2,30})(?:\W{1,3}\1\b){2,}", re.IGNORECASE)
_SIGNS = _Lazy(r"([!?])\1{2,}")
_SPACED = _Lazy(r"(?<!\S)(?:\w[.,!?']?[ \t]{1,4}){4,}\w[.,!?]?(?!\S)")
_LEET = _Lazy(r"\b(?=[A-Za-z]?[a-z0-9]{2,}\b)\w*[a-z][013457]+[a-z]\w*\b")
_NAMED = _Lazy(r"(?i)[a-z]1\d[a-z]$|\w+4j$")  # a11y, l10n; log4j
_MIXED = _Lazy(r"\b[A-Za-z]?[a-z0-9]+\b")
_STATING = frozenset("=>:|→⇒<")  # one of these is in all that states a decision
_BLOB_LENGTH = 16
_LETTERS = 4
_DIGITS = frozenset("013457")
_FIGURES = str.maketrans("013457", "oieast")
_WORDS = re.compile(r"[^\W\d_]{2,}")


def states(line: str) -> bool:
    """Whether a sentence or line is nothing but a decision: `=> B`, `relevance=high`, a row of a table of answers."""
    if _STATING.isdisjoint(line) or _CODE().search(line):
        return False
    if _ARROW().match(line):
        return True
    if _ROW().match(line):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        return all(len(cell) < 2 or not _WORDS.search(cell) or _decides(cell) for cell in cells)
    pairs = list(_PAIR().finditer(line))
    if not any(_key_decides(match.group(1), match.group(2)) for match in pairs):
        return False
    left = _SCORE().sub(" ", _PAIR().sub(" ", line))
    return not any(char.isdigit() for char in left) and all(map(_tells, _WORDS.findall(left)))


def banner(line: str) -> str | None:
    """`end` where a line says that the text before is over, `rule` where it only sets something off, None for other lines."""
    bare = line.strip()
    if not bare or (bare[0].isalnum() and not bare.isupper()):
        return None
    match = _BANNER().match(line)
    inner = line if match is None else match.group(2) or match.group(3) or ""
    if _END_OF().match(inner) and (match is not None or inner.isupper() or not inner.lstrip()[:1].isalnum()):
        return "end"
    if match is None:
        return None
    if not _WORDS.search(inner):
        return "rule"
    return "rule" if _START_OF().match(inner) or (match.group(3) and _decides(inner)) else None


def cleaned(text: str) -> str:
    """Without encoded blobs, targets of links, quote marks, wrappers and what is only said again."""
    if "{" in text and (wrapped := _WRAPPED().match(text)) is not None:
        text = wrapped.group(1).replace('\\"', '"').replace("\\n", "\n").replace("\\\\", "\\")
    if ">" in text:
        text = _QUOTE().sub("", text)
    if "](" in text:
        text = _LINK().sub(lambda match: "" if match.group(2).startswith(("javascript:", "data:")) else match.group(1), text)
    words = text.split()
    if max(map(len, words), default=0) >= _BLOB_LENGTH:
        text = _BLOB().sub(lambda match: "" if _hides_text(match.group()) else match.group(), text)
    text = respelt(text, words)
    if len(set(map(str.casefold, words))) + 2 <= len(words):
        text = _AGAIN().sub(r"\1", text)
    return _SIGNS().sub(r"\1", text) if "!!" in text or "??" in text else text


def respelt(text: str, words: Sequence[str]) -> str:
    """With spaced letters joined (`a l w a y s   m e`) and digits that stand for letters read as these (`4lw4y5`)."""
    if sum(len(word) == 1 for word in words) >= _LETTERS:
        text = _SPACED().sub(_joined, text)
    if not _DIGITS.isdisjoint(text) and _hides_letters(text):
        text = _MIXED().sub(lambda match: _letters(match.group()), text)
    return text


def _hides_letters(text: str) -> bool:
    """Whether digits stand for letters: in three words, or in two of which one steers. `log4j and neo4j` are names."""
    found = {word.casefold() for word in _LEET().findall(text) if not _NAMED().match(word)}
    return len(found) >= 3 or (len(found) == 2 and any(_tells(_letters(word)) for word in _MIXED().findall(text)))


def _joined(match: re.Match[str]) -> str:
    words = re.split(r"\s{2,}", match.group().strip())
    joined = ["".join(word.split()) for word in words]
    told = len(words) > 1 or (len(joined[0]) >= 7 and not joined[0].isupper())
    return " ".join(joined) if told and max(map(len, joined)) > 2 else match.group()


def _letters(word: str) -> str:
    digits = sum(char.isdigit() for char in word)
    if not digits or digits > 0.7 * len(word) or len(word) < 2 or _NAMED().match(word):
        return word
    return word.translate(_FIGURES) if all(char in "013457" for char in word if char.isdigit()) else word


def _tells(word: str) -> bool:
    from delegate_cli.urging import is_decider

    return _is_decision_word(word.casefold()) or is_decider(word.casefold())


def _is_decision_word(word: str) -> bool:
    from delegate_cli.urging import is_decision_word  # 2 ms that most tasks do without

    return is_decision_word(word)


def _key_decides(key: str, sign: str) -> bool:
    words = [word.casefold() for word in _WORDS.findall(key.replace("_", " "))]
    if not words:
        return sign != ":" and key.casefold() == "p"
    hits = sum(map(_is_decision_word, words))
    return hits == len(words) if sign == ":" else hits > 0 or (key[:2] in ("P(", "p("))


def _decides(text: str) -> bool:
    words = [word.casefold() for word in _WORDS.findall(text)]
    return bool(words) and all(map(_is_decision_word, words))


def _hides_text(blob: str) -> bool:
    """Whether it is text in base64: letters of both cases, and it decodes to words."""
    import base64  # 1 ms
    import binascii

    if blob.islower() or blob.isupper() or blob.isdigit() or "-" in blob:
        return False
    try:
        told = base64.b64decode(blob + "=" * (-len(blob) % 4), validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return False
    return told.isprintable() and sum(char.isalpha() or char == " " for char in told) > 0.85 * len(told)
