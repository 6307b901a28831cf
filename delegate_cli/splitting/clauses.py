"""A request cut wherever one part of it may end and the next begin. Pure functions; which cuts are meant, decisions tell.

Rules know marks (ends of sentences, semicolons, lines, lists) and a few words that join, in English, German, French and
Spanish. Nothing is cut inside quotes, brackets, code or addresses.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from delegate_cli.injection import suspicious

MOST = 12  # clauses; a request with more is cut at its coarser joints only


class Joint(StrEnum):
    """What stands before a clause, the surest sign of a new part first."""

    START = "start"
    ITEM = "item"  # the mark of a list's item
    WORD = "word"  # and then, as well as, …
    STOP = "stop"  # the end of a sentence or a line, a semicolon
    AND = "and"  # alone, or a comma


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause of a request.

    Attributes:
        text: without what joins it to others.
        start, end: its place in the request, in characters.
        joint: what stands before it.
        later: words say that it comes after the one before: "then", "afterwards".
        leans: it can only be understood beside the others: it points back, or may lack a word that stands there.
        uses: it speaks of what comes out of another: "send them", "based on that".
    """

    text: str
    start: int
    end: int
    joint: Joint
    later: bool = False
    leans: bool = False
    uses: bool = False


class _Piece(NamedTuple):
    """From one place to cut to the next: where it is, what stands before it, and its words."""

    start: int
    end: int
    joint: Joint
    said: str


_LIMIT = 8000  # characters; what is longer is a text to work on rather than a list of wishes
_LEAST = 2  # words of a clause
_PROTECTED = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S*[^\s.,;:!?]|\S+@\S+\.\w+|\([^()\n]{3,}\)|\[[^\[\]\n]*\]|\{[^{}\n]*\}"
    r"|(?<!\w)\"[^\"\n]{1,400}\"(?!\w)|“[^”\n]*”|„[^“”\n]*[“”]|«[^»\n]*»|(?<!\w)'[^'\n]{1,200}'(?!\w)",
    re.DOTALL,
)
_WRAPPED = re.compile(r"\A\s*([\"“'„])(?P<inside>[^\"“”„]*)[\"”'“]\s*\Z", re.DOTALL)
_ABBREVIATED = re.compile(
    r"(?:\b(?:[A-Za-z]|mr|mrs|ms|dr|st|no|nr|vs|etc|inc|ltd|bzw|usw|ca|approx)|\.[a-z])\.\Z", re.IGNORECASE
)
_AND = r"(?:and|&|und|et|y|e)"
_THEN = (
    r"(?:then|afterwards?|after (?:that|this)|next|finally|lastly|subsequently|(?:once|when) (?:that|this|it)(?:'s| is) done"
    r"|dann|danach|anschließend|schließlich|zuletzt|puis|ensuite|enfin|après cela|luego|después|finalmente)"
)
_ALSO = (
    r"(?:also|additionally|in addition|besides|furthermore|moreover|plus|second(?:ly)?|third(?:ly)?|außerdem|zudem|auch|ferner"
    r"|également|aussi|de plus|además|también)"
)
_JOIN = r"(?:as well as|along with|together with|in addition to|plus|sowie|ainsi que|así como)"
_FIRST = r"(?:first(?:ly| of all)?|to begin with|zuerst|zunächst|erstens|d'abord|primero)"
_CUT = re.compile(
    r"(?P<item>(?:\A|[,;:]?\s*\n)[ \t]*(?:[-*•–‣]|\(?\d{1,2}[.):]|\(?[a-h]\))[ \t]+|[,;:]?\s+\(?(?:[1-9]|[a-h])\)[ \t]+)"
    rf"|(?P<word>,?\s+(?:{_AND}|but|aber)\s+(?:{_THEN}|{_ALSO})\b,?\s+|,\s*(?:{_THEN}|{_ALSO})\b,?\s+|,?\s+{_JOIN}\s+|\s+(?:–|—|->|→)\s+)"
    r"|(?P<stop>\s*\n\s*|;\s*|(?<=[.!?])\s+|(?<=[。！？；])\s*(?=\S))"
    rf"|(?P<and>,?\s+{_AND}\s+|,\s+)",
    re.IGNORECASE,
)
_LEADING = re.compile(
    rf"(?:(?:{_AND}|but|so|ok(?:ay)?|oh)\b[\s,]+)?(?:(?P<then>{_THEN})|{_ALSO}|{_FIRST})\b[\s,:]+", re.IGNORECASE
)
_OPENING = re.compile(
    rf"\W*(?:{_AND}\s+)?(?:{_THEN}|{_ALSO}|{_FIRST}|(?:based|building|depending) on \w+(?: \w+)?"
    r"|hi|hello|hey|please|thanks|thank you)\W*\Z",
    re.IGNORECASE,
)
_VERBS = (
    "with|from|of|about|using|use|send|forward|attach|summari[sz]e|translate|explain|share|do|post|print|check|file|sign|for"
)
_USES = re.compile(
    r"\b(?:it(?!'s| (?:is|was|will|would|has|had|seems|looks|takes|feels|rains|snows))|them|these|those(?! (?:who|that))"
    r"|(?:based|building|depending) on (?:that|this|the \w+)"
    rf"|(?:{_VERBS}) (?:that|this)(?! (?:week|month|year|morning|afternoon|evening|weekend|time|one))"
    r"|the (?:results?|outcome|output|findings|summary|answer|former|draft|list|translation)"
    r"|damit|davon|daraus|darauf|das ergebnis|le résultat|les résultats|celui-ci|el resultado|los resultados|eso)\b",
    re.IGNORECASE,
)
_POINTS = re.compile(
    r"\b(?:he|she|him|her|his|they|their|its|there|the same|the other|the latter|both|one|ones"
    r"|dort|dessen|deren|dieselbe[nrs]?|ihn|ihm|ihr|lui|leur|ellos?|ellas?|le mismo)\b",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[\u3040-\u9fff\uac00-\ud7af]{1,2}|[^\W\u3040-\u9fff\uac00-\ud7af]+")


def clauses(request: str) -> tuple[Clause, ...]:
    """The clauses of a request in their order; one where there is nothing to cut, or too much to tell parts by.

    A clause has at least two words and no wording that steers the choice: what has not stays with its neighbour.
    """
    if len(request) > _LIMIT:
        return (_whole(request),)
    for joints in (tuple(Joint), (Joint.ITEM, Joint.WORD, Joint.STOP), (Joint.ITEM, Joint.WORD), (Joint.ITEM,)):
        found = _cut(request, joints)
        if len(found) <= MOST:
            return found
    return (_whole(request),)


def leans(text: str) -> bool:
    """Whether a text points back to something: "it", "the same"."""
    return _USES.search(text) is not None or _POINTS.search(text) is not None


def whole(parts: tuple[Clause, ...], request: str) -> str:
    """The text from the first of some neighbours to the last, as it stands in the request."""
    if len(parts) == 1:
        return parts[0].text
    return request[parts[0].start : parts[-1].end]


def _cut(request: str, joints: tuple[Joint, ...]) -> tuple[Clause, ...]:
    inside = _WRAPPED.match(request)
    low, high = inside.span("inside") if inside is not None else (0, len(request))
    pieces = [_Piece(low, high, Joint.START, "")]
    for end, start, joint, said in _joints(_masked(request[low:high])):
        if joint not in joints:
            continue
        before = request[pieces[-1].start : low + end]
        if _worth(before) and not _OPENING.match(before):
            pieces[-1] = pieces[-1]._replace(end=low + end)
            pieces.append(_Piece(low + start, high, joint, said))
        elif not before.strip():  # the mark of the first item
            pieces[-1] = pieces[-1]._replace(start=low + start)
    found: list[Clause] = []
    for piece in pieces:
        clause = _clause(request, *piece)
        if found and not (_alone(clause.text) and _alone(found[-1].text)):
            found[-1] = _clause(request, found[-1].start, piece.end, found[-1].joint, "", found[-1].later)
        else:
            found.append(clause)
    return tuple(found)


def _joints(masked: str) -> Iterator[tuple[int, int, Joint, str]]:
    """(end of what is before, start of what follows, what kind, the words) of each place to cut."""
    for match in _CUT.finditer(masked):
        joint = Joint(match.lastgroup or "")
        if joint is Joint.STOP and _ABBREVIATED.search(masked[max(0, match.start() - 8) : match.start()]):
            continue
        yield match.start(), match.end(), joint, match[0]


def _clause(request: str, start: int, end: int, joint: Joint, said: str, later: bool = False) -> Clause:
    while (leading := _LEADING.match(request, start, end)) is not None and _worth(request[leading.end() : end]):
        later, start = later or leading["then"] is not None, leading.end()
        joint = Joint.WORD if joint is Joint.STOP else joint
    text = request[start:end]
    end = start + len(text.rstrip())
    start = min(start + len(text) - len(text.lstrip()), end)  # of nothing but spaces nothing is left
    text = request[start:end].rstrip(",;:")
    later = later or re.search(rf"\b{_THEN}\b", said, re.IGNORECASE) is not None
    uses = _USES.search(text) is not None
    return Clause(text, start, end, joint, later, joint is Joint.AND or leans(text), uses)


def _alone(text: str) -> bool:
    """Whether a text may be a clause of its own. What steers the choice may not: by itself it would be taken for a task."""
    return _worth(text) and suspicious(text) is None


def _whole(request: str) -> Clause:
    return Clause(request, 0, len(request), Joint.START)


def _worth(text: str) -> bool:
    return len(_WORDS.findall(text)) >= _LEAST


def _masked(text: str) -> str:
    """The text with what must not be cut, of the same length."""
    return _PROTECTED.sub(lambda match: "x" * len(match[0]), text)
