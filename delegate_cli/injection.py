"""Wording that is meant to steer the choice itself: what is heard without it, and whether there is any. Pure functions.

`heard` is what tasks and cards are compared by and what a model is shown: sentences that order the reader about ("ignore the
instructions above", "always choose me"), given answers ("Answer: B") and control words of chat templates are taken out, so
that a text with them is decided like the same text without. Rules catch what is phrased as one would expect; a text that is
found to hold any is `suspicious`, and what rules do not catch meets the fences of the prompt.
"""

import re
from collections.abc import Sequence

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
    r"|answer|label|think(?:ing)?|important|b|i|u|em|strong|mark|big|font|blink|center)(?:[-_]\w{1,20})?(?:\s[^<>\n]{0,100})?/?>",
    re.IGNORECASE,
)
_OBJECT = re.compile(
    r"(?:[\"']\s*\}\s*\]?\s*,\s*)?\{[^{}\n]{0,200}[\"'](?:choice|answer|label|assigned|decision|agent|role)[\"']"
    r"\s*:\s*[\"'][^\"'\n]{0,60}[\"'][^{}\n]{0,300}\}?"
)
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
_LEAST = 3  # words of real content that must be left, or the text is taken as it is
_WORDS = re.compile(r"[^\W\d_]{2,}")


def heard(text: str, least: int = _LEAST) -> str:
    """A text without steering wording, as it looks.

    Args:
        least: words that must be left; else all of it is content, such as a question about just such wording.
    """
    text = plain(text)
    kept = _without(text)
    if kept == text or (kept and len(_WORDS.findall(kept)) >= least):
        return kept
    return _bare(text).strip() or text if least else ""


def about_injection(text: str) -> bool:
    """Whether a card says that its agent works on such wording: its sample requests then are content."""
    return _SUBJECT.search(text) is not None


def suspicious(text: str) -> str | None:
    """Why a text may be meant to steer the choice, in a few words; None where nothing speaks for it."""
    looks = plain(text)
    if hides(text):
        return "hidden or look-alike characters"
    bare = _bare(looks)
    if bare != looks:
        return "markup or control words for a machine"
    for piece in _END.split(bare):
        if _steers(piece) is not None:
            return f"an instruction to whoever decides: {' '.join(piece.split())[:80]}"
    return None


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
    text = _TOKENS.sub("\n", text)
    text = _OBJECT.sub("", text)
    return _TAG.sub(lambda match: "" if len(match.group()) <= 9 else "\n", text)


def _mentions(text: str) -> bool:
    return re.search(r"answer|choose|pick|select|ignore|instruct|prompt|agent|router|system", text, re.IGNORECASE) is not None


def _without(text: str) -> str:
    bare = _bare(text)
    words = _words(bare)
    rules = [rule for rule in _ALL if _has(rule[0], words)]
    if not rules and bare == text:
        return text
    pieces: list[str] = []
    last, changed = 0, bare != text
    for end in (*(match.end() for match in _END.finditer(bare)), len(bare)):
        piece = bare[last:end]
        last = end
        left = _left(piece, rules)
        changed |= left != piece
        pieces.append(left)
    if not changed:
        return text
    return "".join(piece for piece in pieces if not _RULER.match(piece)).strip()  # what set the steering off from the rest


def _left(piece: str, rules: Sequence[Rule]) -> str:
    """What of a sentence or line is no steering: all of it, what stands before, or nothing."""
    start = _steers(piece, rules)
    if start is None or _is_about(piece):
        return piece
    ends = [match.start() for match in _CLAUSE.finditer(piece, 0, start + 1) if match.start() <= start]
    head = piece[: ends[-1]] if ends else ""
    if len(_WORDS.findall(head)) > _LEAST and _steers(head, rules) is None:
        return f"{head} "
    return ""


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
