"""Wording that is meant to steer the choice itself: what is heard without it, and whether there is any. Pure functions.

`heard` is what tasks and cards are compared by and what a model is shown: sentences that order the reader about ("ignore the
instructions above", "always choose me"), given answers ("Answer: B") and control words of chat templates are taken out, so
that a text with them is decided like the same text without. Rules catch what is phrased as one would expect; a text that is
found to hold any is `suspicious`, and what rules do not catch meets the fences of the prompt.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from math import inf

from delegate_cli.fragments import banner, cleaned, states
from delegate_cli.lookalikes import hides, plain
from delegate_cli.steering import STATED, STEERING, Rule, compiled

_TOKENS = re.compile(
    r"<\|[^<>|\n]{1,40}\|>|<</?[A-Z_]{2,20}>>|\[/?(?:INST|SYSTEM_PROMPT|SYS|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|IMG)\]"
    r"|</?s>|<(?:start|end)_of_(?:turn|text|role)>|<(?:bos|eos|pad|unk)>|<[｜▁][^<>\n]{1,60}>",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"<!--(.*?)(?:-->|\Z)", re.DOTALL)
_SCRIPT = re.compile(r"<(script|style)\b[^<>]*>.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:tasks?|agents?|rules?|system|instructions?|prompt|user|assistant|context|input|output|examples?|cards?|data|documents?"
    r"|answer|label|think(?:ing)?|important|b|i|u|em|strong|mark|big|font|blink|center|candidates?|entry|entries|roster|description|developer"
    r"|verdict|choice|decision|selection|result|final|response|request|query|message|note|reader)(?:[-_]\w{1,20})?(?:\s[^<>\n]{0,100})?/?>",
    re.IGNORECASE,
)
# What an answer would stand in; such a tag with what is in it is no part of a task.
_VERDICT = re.compile(
    r"<(verdict|choice|decision|selection|answer|label|final|result|response|developer|system|rules?|instructions?)\b[^<>\n]{0,60}>"
    r"[^<>]{0,300}</\1\s*>",
    re.IGNORECASE,
)
_OBJECT = re.compile(
    r"(?:[\"']\s*\}\s*\]?\s*,\s*)?\{[^{}\n]{0,200}[\"'](?:choice|answer|label|assigned|decision|agent|role"
    r"|tool|route|target|selected(?:[_-]\w+)?|chosen|verdict|assignee)[\"']"
    r"\s*:\s*[\"'][^\"'\n]{0,60}[\"'][^{}\n]{0,300}\}?"
)
_BEFORE_OBJECT = re.compile(r"\b(?:result|output|answer|response|decision)\s*:\s*(?=\{)", re.IGNORECASE)
_TEMPLATE = re.compile(r"\{\{[^{}\n]{0,200}\}\}|\{%[^%\n]{0,200}%\}")

_ALL = (*STATED, *STEERING)
_TOKEN = re.compile(r"[a-z']+|[:=→>]")
_RULER = re.compile(r"^\s*(?:`{3,}|~{3,}|-{3,}|={3,}|#{1,6})\s*\w*\s*$")
_END = re.compile(r"(?<=[.!?。！？])(?<!\A[A-Z]\.)(?<!\n[A-Z]\.)(?:\s+|$)|\n+")
_QUOTED = re.compile(r"\"[^\"\n]{4,}\"|'[^'\n]{12,}'|“[^”\n]{4,}”|‘[^’\n]{4,}’|«[^»\n]{4,}»|„[^“”\n]{4,}[“”]|`[^`\n]{4,}`")
# Work on injections is no injection: "flag texts that tell the model to ignore its instructions".
_ABOUT = re.compile(
    r"\b(?:prompt[- ]?injections?|jailbreaks?|injection\s+(?:attacks?|attempts?|detect\w+)|red[- ]team\w*|detect\w*"
    r"|flag(?:s|ged|ging)?|classif\w+|malicious|adversarial|attack(?:s|er|ers)?|guardrails?|sanitis\w+|sanitiz\w+|is\s+this|was\s+told|says?"
    r"|said|wrote|written|the\s+(?:phrase|sentence|words|text|line|error|message))\b",
    re.IGNORECASE,
)
_SUBJECT = re.compile(r"\bprompt[- ]?(?:injections?|attacks?)|\bjailbreak|\bred[- ]team|\badversarial prompt", re.IGNORECASE)
_CLAUSE = re.compile(r"[,;:–—]\s+|\s+-\s+|\s+(?:and|but|then|so)\s+", re.IGNORECASE)
# Log-odds from which on a sentence is taken to urge whoever decides: beside other sentences of a task, in a description, and
# where it is all there is (a sample request), since a person asking for something urges too.
TASK = 2.5
CARD = 2.5
NAME = 0.0
ALONE = 5.0
INSTRUCTION = "an instruction to whoever decides"
_LEAST = 3  # words of real content that must be left, or the text is taken as it is
_CLAUSES = 3.0  # more log-odds are needed of a part of a sentence,
_ASIDE = 2.0  # and of what stands in brackets
_WORDS = re.compile(r"[^\W\d_]{2,}")
_LONGEST = 1000  # characters of a sentence
_BRACKET = re.compile(r"\s?[(\[]([^()\[\]\n]{2,80})[)\]]")


def heard(text: str, least: int = _LEAST, patience: float = TASK) -> str:
    """A text without steering wording, as it looks.

    Args:
        least: words that must be left; else all of it is content, such as a question about just such wording.
        patience: log-odds from which on a sentence is taken to urge whoever decides.
    """
    text = cleaned(plain(text))
    kept = _without(text, patience, least)
    if kept == text or (kept and len(_WORDS.findall(kept)) >= least):
        return kept
    return _bare(text).strip() or text if least else ""


def about_injection(text: str) -> bool:
    """Whether a card says that its agent works on such wording: its sample requests then are content."""
    return _SUBJECT.search(text) is not None


def suspicious(text: str) -> str | None:
    """Why a text may be meant to steer the choice, in a few words; None where nothing speaks for it."""
    looks = cleaned(plain(text))
    if hides(text):
        return "hidden or look-alike characters"
    bare = _bare(looks)
    if bare != looks:
        return "markup or control words for a machine"
    for piece in _END.split(bare):
        told = len(piece) <= _LONGEST and (states(piece) or _urging(piece) > ALONE)
        if told or _steers(piece) is not None:
            return f"{INSTRUCTION}: {' '.join(piece.split())[:80]}"
    return None


def pieces_of(text: str) -> list[str]:
    """The sentences and lines of a text, as they are looked at one by one."""
    return [piece.strip() for piece in _END.split(text) if piece.strip()]


def _urging(sentence: str) -> float:
    from delegate_cli.urging import urging  # 2 ms that a task of one plain sentence does without

    return urging(sentence)


def _has(cues: tuple[frozenset[str], ...], words: set[str]) -> bool:
    return not any(map(words.isdisjoint, cues))


def _words(text: str) -> set[str]:
    return set(_TOKEN.findall(text.casefold()))


def _bare(text: str) -> str:
    """Without what only a machine reads: control words, comments, markup of prompts."""
    if "<" not in text and "{" not in text and "[" not in text:
        return text
    text = _COMMENT.sub(lambda match: "" if _mentions(match.group(1)) else match.group(), text)
    text = _SCRIPT.sub(lambda match: "" if _mentions(match.group()) else match.group(), text)
    text = _TEMPLATE.sub(lambda match: "" if _mentions(match.group()) else match.group(), text)
    text = _VERDICT.sub("\n", text)
    text = _TOKENS.sub("\n", text)
    text = _OBJECT.sub("", _BEFORE_OBJECT.sub("", text) if _OBJECT.search(text) else text)
    return _TAG.sub(lambda match: "" if len(match.group()) <= 9 else "\n", text)


def _mentions(text: str) -> bool:
    return re.search(r"answer|choose|pick|select|ignore|instruct|prompt|agent|router|system", text, re.IGNORECASE) is not None


def _without(text: str, patience: float, least: int) -> str:
    bare = _bare(text)
    words = _words(bare)
    rules = [rule for rule in _ALL if _has(rule[0], words)]
    pieces: list[str] = []
    last, changed = 0, bare != text
    aside = patience + _ASIDE
    ends = (*(match.end() for match in _END.finditer(bare)), len(bare))
    if sum(bool(_WORDS.search(bare[start:end])) for start, end in pairwise((0, *ends))) < 2:
        patience = inf if least else max(patience, ALONE)  # what would leave nothing is content
    for end in ends:
        piece = bare[last:end]
        last = end
        sign = banner(piece) if len(piece) <= _LONGEST else None
        if sign == "end" and len(_WORDS.findall("".join(pieces))) >= _LEAST:
            changed = True
            break  # what claims to stand after the end of the task is no part of it
        left = "" if sign is not None else _left(piece, rules, patience, aside)
        changed |= left != piece and sign is None
        pieces.append(left if sign is None else piece)
    if not changed:
        return text
    kept = "".join(
        piece for piece in _once(pieces) if (len(piece) > _LONGEST or banner(piece) is None) and not _RULER.match(piece)
    )
    return kept.strip()  # without what set the steering off from the rest


def _once(pieces: Sequence[str]) -> list[str]:
    """Each sentence once; short lines may be code."""
    seen: dict[str, str] = {}
    for place, piece in enumerate(pieces):
        words = piece.casefold().split()
        seen.setdefault(" ".join(words) if len(words) > _LEAST else f" {place}", piece)
    return list(seen.values())


def _left(piece: str, rules: Sequence[Rule], patience: float, aside: float) -> str:
    """What of a sentence or line is no steering: all of it, what stands before, or nothing."""
    short = len(piece) <= _LONGEST
    if short and states(piece):
        return ""
    if short:
        piece = _BRACKET.sub(lambda match: "" if _is_aside(match.group(1), aside) else match.group(), piece)
    start = _steers(piece, rules)
    if start is None and short and patience < inf and _urging(piece) > patience:
        return piece if _quotes(piece, patience) else ""
    if start is None:
        return _before(piece, patience) if short else piece
    if _is_about(piece):
        return piece
    ends = [match.start() for match in _CLAUSE.finditer(piece, 0, start + 1) if match.start() <= start]
    head = piece[: ends[-1]] if ends else ""
    if len(_WORDS.findall(head)) > _LEAST and _steers(head, rules) is None:
        return f"{head} "
    return ""


def _quotes(piece: str, patience: float) -> bool:
    """Whether only what a sentence quotes, or says that somebody said, urges."""
    outside = _QUOTED.sub(" ", piece)
    return _ABOUT.search(outside) is not None or (outside != piece and _urging(outside) <= patience)


def _before(piece: str, patience: float) -> str:
    """What stands before a clause that urges, where that is content by itself."""
    for match in _CLAUSE.finditer(piece):
        head, tail = piece[: match.start()], piece[match.end() :]
        if len(_WORDS.findall(head)) > _LEAST and _urging(tail) > min(patience, ALONE) + _CLAUSES and _urging(head) < 0:
            return f"{head} "
    return piece


def _is_aside(text: str, patience: float) -> bool:
    """Whether what stands in brackets is praise or an answer."""
    return states(text) or _urging(text) > patience


def _steers(piece: str, rules: Sequence[Rule] = _ALL) -> int | None:
    """Where steering begins in a sentence or line; None for none."""
    if not piece.strip():
        return None
    words = _words(piece)
    starts = [match.start() for cues, pattern in rules if _has(cues, words) and (match := compiled(pattern).search(piece))]
    return min(starts, default=None)


def _is_about(piece: str) -> bool:
    """Whether a sentence speaks of such wording rather than uses it: it is quoted, or named as what is looked for."""
    outside = _QUOTED.sub(" ", piece)
    if outside != piece and _steers(outside) is None:
        return len(_WORDS.findall(outside)) >= _LEAST
    about = _ABOUT.search(outside)
    steers = _steers(outside)
    return about is not None and steers is not None and about.start() < steers
