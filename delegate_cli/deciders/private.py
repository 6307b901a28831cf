"""Finds what is private in a text: secrets, addresses, numbers of people and accounts, and people's names.

phonenumbers (telephone numbers of the world) has its home here; only `redact` reaches this file. Everything is rules and lists,
no model:

- Caught: private keys, tokens of well-known services, passwords and keys that are called so, long random strings, URLs with
  credentials, e-mail addresses, IBANs and card numbers with a right check digit, telephone numbers, IP addresses, numbers
  that are called an account, customer, policy, tax number or the like, US social security numbers, and digits from nine up.
- Names are caught after a title, a greeting or a closing, after "my name is", and where a listed given name (about 7,000, of
  languages in Latin script) is written with a capital, with the capitalised surname after it.
- Not caught: names in lower case or in other scripts, unlisted names without such context, surnames alone, streets and towns,
  companies, dates of birth, user names, what a person could infer from the rest.
- Kept on purpose: order and invoice numbers, versions, dates, prices, hashes of commits, UUIDs.

On the 107 lines of tests/data/private.jsonl 67 of 75 private values are found (25 of 32 names), and nothing else is;
some of the rules were mended on these lines.
"""

import ipaddress
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

import phonenumbers
import regex

from delegate_cli.deciders.people import WORDS, Span, names
from delegate_cli.deciders.people import is_person as is_person
from delegate_cli.errors import SettingsError

REGIONS = ("US", "GB", "DE", "FR")  # whose national ways of writing a telephone number are known without a country code
SECONDS = 1.0  # for one pattern of the user in one text
_CALLED = (
    r"(?:account|acct|a/c|customer|client|patient|member(?:ship)?|policy|passport|licen[cs]e|social security|ssn|tax|vat id"
    r"|employee|insurance|nhs|konto|kunden|kundin|versicherungs|personal|steuer|mitglieds|ausweis)"
)
_SECRET_WORD = (
    r"(?:pass(?:word|wd|phrase|code)?|pwd|secret|(?:api|access|private)[_ -]?key|(?:auth|access|refresh)[_ -]?token"
    r"|client[_ -]?secret|token|credential|pin|kennwort|passwort|mot de passe|contraseña)"
)
_RULES: tuple[tuple[str, str], ...] = (
    ("SECRET", r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"),
    ("URL", r"\b[a-z][a-z0-9+.-]*://[^\s/:@<>\"']+:[^\s/@<>\"']+@[^\s<>\"']+"),
    ("SECRET", r"(?<=[?&;](?:access_token|token|api_?key|key|sig|signature|secret|password|auth|code)=)[^\s&#\"'<>]{6,}"),
    ("SECRET", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{20,}\b|\bgithub_pat_\w{20,}\b|\bglpat-[\w-]{16,}"),
    ("SECRET", r"\b(?:sk|pk|rk)[-_](?:live|test|proj|ant|or|svcacct)?[-_]?[A-Za-z0-9_-]{16,}|\bwhsec_\w{16,}"),
    ("SECRET", r"\bxox[abeoprs]-[\w-]{10,}|\bAIza[\w-]{30,}|\bya29\.[\w-]{20,}|\b(?:hf|npm|dop_v1|shpat)_[A-Za-z0-9]{16,}"),
    ("SECRET", r"\bpypi-[\w-]{16,}|\bSG\.[\w-]{16,}\.[\w-]{16,}"),
    ("SECRET", r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"),
    ("SECRET", r"(?i:\b(?:bearer|basic)[ \t]+)\K[\w+/.~-]{12,}=*"),
    ("SECRET", rf"(?i:\b{_SECRET_WORD}(?:[ \t]+(?:is|ist|est))?[ \t]*[:=][ \t]*[\"']?)\K[^\s\"',;<>]{{3,}}(?<![.!?)])"),
    ("SECRET", rf"(?i:\b{_SECRET_WORD}[ \t]+(?:is|was|lautet|ist)[ \t]+[\"']?)\K(?=\S*[\d\W])[^\s\"',;<>]{{4,}}(?<![.!?)])"),
    ("EMAIL", r"(?<![\w.+%'-])[\p{L}\p{N}_.+%'-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.\p{L}{2,}"),
)  # fmt: skip
_LATER: tuple[tuple[str, str], ...] = (
    ("ACCOUNT", rf"(?i:\b{_CALLED}[ \t]*-?(?:numbers?|no\.?|nr\.?|nummer|id|\#|code)?[ \t]*(?:is|was|ist)?[ \t]*[:\#]?[ \t]*)"
                r"\K(?=[A-Z]{0,4}[- ]?\d)[A-Z0-9][A-Z0-9/.-]{3,}(?<![./-])"),
    ("ACCOUNT", r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"),
)  # fmt: skip
_COMPILED = tuple((kind, regex.compile(pattern)) for kind, pattern in _RULES)
_COMPILED_LATER = tuple((kind, regex.compile(pattern)) for kind, pattern in _LATER)
_IBAN = regex.compile(r"\b[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,3})?\b")
_CARD = regex.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])")
_IP = regex.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7}(?:\.\d{1,3}){0,3})(?![\w:]|\.\d)"
)
_VERSION = regex.compile(r"(?i:\b(?:v|ver|version|release|build|firmware)\.?[ \t]*)$")
_PHONE_WORD = regex.compile(
    r"(?i:\b(?:phone|tel|telephone|telefon|mobile|mobil|cell|handy|fax|call(?:\s+(?:me|him|her|us|back))?"
    r"|whatsapp|sms|text|ring|rufnummer|reach\s+\w+)"
    r"(?:[ \t]+(?:number|nummer|no|is|at|on|unter|an|under))*[ \t]*[.:#]*[ \t]*)\K\+?\(?\d(?:[ ()/.-]{0,2}\d){5,14}(?!\w)"
)
_DIGITS = regex.compile(r"(?<![\w.,-])\d{9,}(?![\w-]|[.,]\d)")
_KEPT_NUMBER = regex.compile(
    r"(?i:\b(?:order|invoice|isbn|ean|gtin|sku|upc|part|article|serial|tracking|ticket|case|issue)\b"
    r"[ \t]*(?:number|no\.?|id|\#)?[ \t:\#]*)$"
)
_WORD = regex.compile(r"\w+")
_MOST_SAME = 50
_LONG = regex.compile(r"(?<![\w+/=-])[A-Za-z0-9+/_-]{24,}={0,2}(?![\w+/=-])")
_HASH_WORD = regex.compile(r"(?i:\b(?:commit|sha-?\d*|revision|rev|checksum|md5|digest|hash|merge|tag)s?\b[ \t:=#(]*)$")
_UUID = regex.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Pattern(NamedTuple):
    """One pattern of the user; `kind` is its name as it stands in placeholders."""

    name: str
    kind: str
    compiled: Any


def compile_patterns(patterns: Mapping[str, str]) -> tuple[Pattern, ...]:
    """The patterns of the settings: name → regular expression.

    Raises:
        SettingsError: one is not a regular expression, or has no usable name.
    """
    found = []
    for name, pattern in patterns.items():
        kind = regex.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_")
        if not kind:
            raise SettingsError(
                f"llm.redact_patterns: the name {name!r} has no letter or digit", "name it after what it finds, such as ticket"
            )
        try:
            found.append(Pattern(name, kind, regex.compile(pattern)))
        except regex.error as error:
            raise SettingsError(
                f"llm.redact_patterns: the pattern {name!r} is no regular expression: {error}", "correct it"
            ) from None
    return tuple(found)


def find(text: str, patterns: Iterable[Pattern] = (), kept: frozenset[str] = frozenset(), person: bool = False) -> list[Span]:
    """What is private in a text, in order, without overlaps; of two that overlap the surer kind stays.

    Args:
        kept: words, in lower case, that are not taken for names: those of the agents' names.
        person: the whole text is known to be a person's name.

    Raises:
        SettingsError: a pattern of the user takes too long in this text.
    """
    if person:
        return [Span(0, len(text), "NAME")]
    return _without_overlaps(text, _candidates(text, patterns, kept))


Repeated = Mapping[str, list[tuple[int, str]]]


def repeated(kinds: Mapping[str, str]) -> Repeated:
    """The values that are replaced wherever they stand, by their first word and where in them it is.

    A name that is also a word is not among them. At most so many values share a first word: beyond that a long list of
    telephone numbers, which are found by their form anyway, would take time that grows with its square.
    """
    found: dict[str, list[tuple[int, str]]] = {}
    for value, kind in kinds.items():
        word = _WORD.search(value)
        if len(value) >= 4 and word and not (kind == "NAME" and value.casefold() in WORDS):
            same = found.setdefault(word.group(), [])
            if len(same) < _MOST_SAME:
                same.append((word.start(), value))
    return found


def joined(text: str, spans: Iterable[Span], again: Repeated, kinds: Mapping[str, str]) -> list[Span]:
    """The spans of a text, and where values found elsewhere (`again`, of `repeated`) stand in it by themselves."""
    others = []
    for word in _WORD.finditer(text) if again else ():
        for offset, value in again.get(word.group(), ()):
            start, end = word.start() - offset, word.start() - offset + len(value)
            if start >= 0 and text.startswith(value, start) and not _is_word(text, start - 1) and not _is_word(text, end):
                others.append(Span(start, end, kinds[value]))
    return _without_overlaps(text, chain(spans, sorted(others, key=lambda span: span.start - span.end)))


def _is_word(text: str, place: int) -> bool:
    return 0 <= place < len(text) and (text[place].isalnum() or text[place] == "_")


def _without_overlaps(text: str, spans: Iterable[Span]) -> list[Span]:
    taken: list[Span] = []
    free = bytearray(b"\1") * len(text)
    for span in spans:
        if span.start < span.end and free.find(0, span.start, span.end) < 0:
            free[span.start : span.end] = bytes(span.end - span.start)
            taken.append(span)
    return sorted(taken)


def _candidates(text: str, patterns: Iterable[Pattern], kept: frozenset[str]) -> Iterator[Span]:
    """From the surest to the least sure."""
    for pattern in patterns:
        yield from _of_user(text, pattern)
    yield from _by_rules(text, _COMPILED)
    yield from (_span(match, "IBAN") for match in _IBAN.finditer(text) if _right_iban(match.group()))
    yield from (_span(match, "CARD") for match in _CARD.finditer(text) if _right_card(match.group()))
    yield from (_span(match, "IP") for match in _IP.finditer(text) if _is_address(text, match))
    yield from _by_rules(text, _COMPILED_LATER)
    yield from _phones(text)
    yield from (
        _span(match, "NUMBER")
        for match in _DIGITS.finditer(text)
        if not _KEPT_NUMBER.search(text, max(0, match.start() - 24), match.start())
    )
    yield from (_span(match, "SECRET") for match in _LONG.finditer(text) if _is_random(text, match))
    yield from names(text, kept)


def _of_user(text: str, pattern: Pattern) -> Iterator[Span]:
    try:
        for match in pattern.compiled.finditer(text, timeout=SECONDS):
            yield _span(match, pattern.kind)
    except TimeoutError:
        raise SettingsError(
            f"llm.redact_patterns: the pattern {pattern.name!r} takes more than {SECONDS:g} s in one text, so nothing was sent",
            "avoid nested repetitions such as (a+)+",
        ) from None


def _by_rules(text: str, rules: tuple[tuple[str, Any], ...]) -> Iterator[Span]:
    for kind, pattern in rules:
        yield from (_span(match, kind) for match in pattern.finditer(text))


def _span(match: Any, kind: str) -> Span:
    return Span(match.start(), match.end(), kind)


def _right_iban(text: str) -> bool:
    """ISO 7064 mod 97-10."""
    compact = text.replace(" ", "")
    return 15 <= len(compact) <= 34 and int("".join(str(int(char, 36)) for char in compact[4:] + compact[:4])) % 97 == 1


def _right_card(text: str) -> bool:
    """Luhn's check digit."""
    digits = [int(char) for char in reversed(text) if char.isdigit()]
    return sum(digit if place % 2 == 0 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(digits)) % 10 == 0


def _is_address(text: str, match: Any) -> bool:
    try:
        address = ipaddress.ip_address(match.group())
    except ValueError:
        return False
    if address.is_unspecified or address.is_loopback:
        return False
    return not _VERSION.search(text, max(0, match.start() - 20), match.start())


def _phones(text: str) -> Iterator[Span]:
    yield from (_span(match, "PHONE") for match in _PHONE_WORD.finditer(text))
    for region in (None, *REGIONS):
        leniency = phonenumbers.Leniency.VALID if region is None else phonenumbers.Leniency.STRICT_GROUPING
        for match in phonenumbers.PhoneNumberMatcher(text, region, leniency=leniency):
            if region is None or not match.raw_string.isdigit():
                yield Span(match.start, match.end, "PHONE")


def _is_random(text: str, match: Any) -> bool:
    """Long strings as keys have them: of several kinds of characters, with the spread of chance."""
    token = match.group()
    if _UUID.fullmatch(token) or _HASH_WORD.search(text, max(0, match.start() - 20), match.start()):
        return False
    entropy = -sum(count / len(token) * math.log2(count / len(token)) for count in Counter(token).values())
    if regex.fullmatch(r"[0-9a-f]+|[0-9A-F]+", token):
        return len(token) >= 32 and entropy > 3.0
    kinds = sum(bool(regex.search(kind, token)) for kind in (r"[a-z]", r"[A-Z]", r"\d"))
    return kinds == 3 and entropy > 3.7 and len(regex.findall(r"\d", token)) >= 2
