"""Text from tasks and cards made safe to stand in a prompt, and cut to a budget of tokens. Pure functions.

Angle brackets are what fences and the control words of chat templates are made of (`</task>`, `<|im_end|>`), so none of the
data's own reaches a prompt: no text can close its fence or begin a turn.
"""

import hashlib
import json
import math
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

# Angle brackets and what looks like them; ‹ and › are what all become.
_OPEN = dict.fromkeys(map(ord, "<＜﹤〈⟨〈《⟪«≪≺❮❰❬⋖˂ᐸ"), "‹")
_CLOSE = dict.fromkeys(map(ord, ">＞﹥〉⟩〉》⟫»≫≻❯❱❭⋗˃ᐳ"), "›")
_BRACKETS = {**_OPEN, **_CLOSE}
_JOINERS = "\u200c\u200d"  # invisible, but words of Persian and Hindi, and emoji, need them
_BLANKS = "\u115f\u1160\u2800\u3164\uffa0"  # letters and signs by category, but nothing is seen of them
# [INST], [/INST], [SYSTEM_PROMPT], [gMASK], [UNUSED_TOKEN_146]: control words that use no angle brackets
_TURN = re.compile(r"\[\s*(/?[A-Za-z][A-Z0-9_]{2,})\s*\]")
_ENOUGH = 16  # characters for each token of a limit: a token is four, and some characters are taken out
_HEAD = 2 / 3  # of what is left of a long task is its beginning, the rest its end


@dataclass(frozen=True, slots=True)
class Budget:
    """How long the parts of a prompt may be, in tokens by `tokens`; `prompt` is for everything together."""

    task: int = 600
    card: int = 160
    prompt: int = 3500


def neutral(text: str) -> str:
    """One line without control, direction, invisible or angle-bracket characters; white space becomes single spaces."""
    if not (text.isascii() and text.isprintable()):
        text = "".join(_seen(char) for char in text)
    return " ".join(_TURN.sub(r"(\1)", text.translate(_BRACKETS)).split())


def neutral_lines(text: str) -> list[str]:
    """The lines of a text, each neutral; empty ones are left out."""
    return [line for line in map(neutral, re.split(r"[\r\n\v\f\x85\u2028\u2029]+", text)) if line]


def _seen(char: str) -> str:
    category = unicodedata.category(char)
    if category in ("Cc", "Zl", "Zp", "Zs") or char in _BLANKS:
        return " "
    if category == "Cs":
        return "�"
    if (category == "Cf" and char not in _JOINERS) or 0xE0100 <= ord(char) <= 0xE01EF:  # tags and selectors can hide text
        return ""
    return char


def tokens(text: str) -> int:
    """About how many tokens: four ASCII characters make one, two of other alphabets, one of Chinese, Japanese or Korean.

    No tokenizer is asked: endpoints have different ones, and most publish none. English text comes out about 10 % too high,
    which is the safe side for a budget.
    """
    share = len(text) * 0.25 + text.count("\n") * 0.5 if text.isascii() else sum(map(_share, text))
    return math.ceil(share)


def _share(char: str) -> float:
    code = ord(char)
    if code == 0x0A:
        return 0.75  # with the bar that the next line begins with
    return 0.25 if code < 0x80 else 0.5 if code < 0x2E80 else 1.0


def cut(text: str, limit: int) -> str:
    """The beginning of a text in at most `limit` tokens, cut at the end of a word and marked with "…"."""
    if tokens(text) <= limit:
        return text
    head = _begin(text, limit - 0.5)
    return head + "…" if head else ""


def shortened(text: str, limit: int) -> str:
    """A text as one neutral line in at most `limit` tokens; what is far beyond the limit is not even looked at."""
    return cut(neutral(text[: limit * _ENOUGH]), limit)


def shortened_lines(text: str, limit: int) -> list[str]:
    """A text as neutral lines in at most `limit` tokens: its beginning and its end."""
    far = limit * _ENOUGH
    return cut_middle(neutral_lines(text if len(text) <= 2 * far else f"{text[:far]}\n{text[-far:]}"), limit)


def cut_middle(lines: Iterable[str], limit: int) -> list[str]:
    """Lines in at most `limit` tokens: of a long text the beginning and the end, since what is asked for may be at either."""
    kept = list(lines)
    if tokens("\n".join(kept)) <= limit:
        return kept
    text = "\n".join(kept)
    head = _begin(text, (limit - 1) * _HEAD)
    tail = _begin(text[::-1], (limit - 1) * (1 - _HEAD))[::-1]
    return f"{head} … {tail}".split("\n")


def _begin(text: str, limit: float) -> str:
    """The longest beginning within the limit that ends a word; a single word that is too long is cut inside."""
    spent = 0.0
    for end, char in enumerate(text):
        spent += _share(char)
        if spent > limit:
            if not char.isspace():
                space = max(text.rfind(" ", 0, end), text.rfind("\n", 0, end))
                end = space if space > end // 2 else end
            return text[:end].rstrip()
    return text


def fence(parts: Iterable[str]) -> str:
    """Eight hexadecimal digits from what is fenced, whatever its order: nobody can write them into the data beforehand.

    The same data give the same digits, so that an answer that is kept is found again.
    """
    facts = json.dumps(sorted(parts), ensure_ascii=False).encode("utf-8", "surrogatepass")
    return hashlib.sha256(facts).hexdigest()[:8]
