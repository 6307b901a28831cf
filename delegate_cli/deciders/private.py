"""Finds what is private in a text: secrets, addresses, numbers of people and accounts, and people's names.

phonenumbers (telephone numbers of the world), Faker (lists of given names and surnames) and regex (patterns of the user with a
time limit) have their home here; only `redact` reaches this file. Everything is rules and lists, no model:

- Caught: private keys, tokens of well-known services, passwords and keys that are called so, long random strings, URLs with
  credentials, e-mail addresses, IBANs and card numbers with a right check digit, telephone numbers, IP addresses, numbers
  that are called an account, customer, policy, tax number or the like, US social security numbers, and digits from nine up.
- Names are caught after a title, a greeting or a closing, after "my name is", and where a listed given name (about 7,000, of
  languages in Latin script) is written with a capital, with the capitalised surname after it.
- Not caught: names in lower case or in other scripts, unlisted names without such context, surnames alone, streets and towns,
  companies, dates of birth, user names, what a person could infer from the rest.
- Kept on purpose: order and invoice numbers, versions, dates, prices, hashes of commits, UUIDs.
"""

import ipaddress
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module
from itertools import chain
from typing import Any, NamedTuple

import phonenumbers
import regex

from delegate_cli.errors import SettingsError

REGIONS = ("US", "GB", "DE", "FR")  # whose national ways of writing a telephone number are known without a country code
SECONDS = 1.0  # for one pattern of the user in one text
_LOCALES = (
    "en_US en_GB en_IN en_NG de_DE fr_FR es_ES it_IT nl_NL pl_PL sv_SE pt_BR tr_TR da_DK no_NO fi_FI cs_CZ ro_RO hu_HU hr_HR ga_IE"
).split()  # noqa: SIM905
# Given names that are rather words, places, months or products: they count only with a listed surname or a title.
_AMBIGUOUS = frozenset(
    """ada alexa amber angel april art ash asia august aurora austin autumn bay berlin bill blessing blue brook buddy carol charity chase
    chelsea china cherry christian claude clay cliff crystal dakota dale dan dawn dean denver desire destiny drew earl earnest ebony eden
    ella even ever faith fern flora florence forest frank gale gene genesis georgia german ginger gold grace grant gray guy hank harmony
    haven hazel heath heather holly honor hope hunter india iris israel ivory ivy jack jade january jasmine jasper jean jersey jewel jewels jordan joy
    juli julia julian june juni juno justice kai kent kenya king lance laurel law lee lily london long love lucky lux mac madison mai major
    malta mandarin marine mark mars mason matrix max may melody mercy mia mike miles milan mina mini misty mo nell noble nova
    ocean olive opal orlando paige paris pascal pat patience peace pearl penny perl phoenix pierce piper porsche pride prince princess
    prosper rain randy ray reed reggae rich river rob robin rocky rod rose rowan ruby rust rusty sage sally salt sam sandy savannah sahara scala
    scout shell sienna sierra skip sky skye solid sonny star stella sterling stone storm stormy sue summer sunday sunny sun sydney temple
    terra theo tiffany today tommy trinity true vera vienna violet virginia vita wade ward wayne wendy west will willow win winter woody
    york young yuki zion an al am as at ben bo by de do ed el en er es ha he hi in io is it ja jo la le li lo lu ma me my ni no nu of on or
    os ra re sa se si so ta te ti to tu um un up us va vi we ya ye yo data delta linus marvin otto siri watson ansel apollo bali bergen carolina gen jan mar server worth""".split()  # noqa: SIM905
)
# Words that begin a sentence or stand in a greeting where a surname could stand.
_NO_NAME = frozenset(
    """i'd i'm i'll i've it's all and any anyone are both bug bot but can check colleague colleagues could customer customers dear desk does everybody everyone
    everything experts folk folks for friend friends from guys has have hello help here hi how i if in is it just ladies let madam manager
    mate my need new no not of office on order our please regards sales sir sirs someone staff sir/madam support team teams thank
    thanks that the their them then there these they this those to today tomorrow we what when where which who whom why will with world would you your
    bitte damen danke das dem den der die ein eine frage guten herren hier ich ihr ihre ist kann können liebe leute mit sehr und
    unser unsere vielen von was wie wir zusammen bonjour le la les mesdames messieurs merci nous vous equipo estimado todos gracias
    agent assistant bot api app server service order invoice ticket issue project release version code docs email mail phone
    monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september october
    november december montag dienstag mittwoch donnerstag freitag samstag sonntag""".split()  # noqa: SIM905
)
_WORDS = _AMBIGUOUS | _NO_NAME
_UPPER = r"\p{Lu}[\p{Ll}\p{Lu}'’]*\p{Ll}(?:-\p{Lu}\p{Ll}+)*"
_INITIAL = r"\p{Lu}\."
_PARTICLE = r"(?:von|van|der|den|de|da|di|del|della|dos|la|le|zu|zur|bin|al|ter|ten)"
_TOKEN = regex.compile(rf"(?<![\p{{L}}\p{{N}}_@.-]){_UPPER}(?![\p{{L}}\p{{N}}_@])")
_REST = regex.compile(rf"(?:[ \t]+(?:{_INITIAL}|(?P<middle>{_UPPER})(?=[ \t]+\p{{Lu}})))?(?:[ \t]+{_PARTICLE}){{0,2}}[ \t]+(?P<last>{_UPPER})(?![\p{{L}}\p{{N}}_@])")
_LAST = regex.compile(rf"(?:[ \t]+{_PARTICLE}){{0,2}}[ \t]+(?P<last>{_UPPER})(?![\p{{L}}\p{{N}}_@])")
_PLACE = regex.compile(r"\b(?:San|Santa|São|St\.?|Saint|North|South|New|Mount|Lake|Port|Fort)[ \t]+$")
_CONTEXT = regex.compile(
    rf"""(?:
      \b(?:Mr|Mrs|Ms|Mx|Dr|Prof|Sr|Sra|Mme|Mlle|Hr|Fr)\.?[ \t]+ | \b(?:Professor|Herrn?|Frau|Monsieur|Madame|Se[ñn]ora?|Sir|Lady)[ \t]+
    | (?:^|[\n.!?][ \t]*)(?i:dear|hi|hello|hey|hallo|liebe[rs]?|sehr\ geehrte[rs]?|bonjour|hola|ciao|estimad[oa])[ \t]+
    | (?i:\b(?:regards|cheers|thanks|thank\ you|sincerely|best|wishes|yours|grüßen|grüße|gruß|cordialement|saludos))[ \t]*[,\n][ \t\n]*
    | (?i:\b(?:my\ name\ is|(?:is|was|am)\ (?:called|named)|mein\ name\ ist|ich\ hei(?:ß|ss)e|je\ m'appelle|me\ llamo|signed\ by|attn:?))[ \t]+
    )(?:(?:Mr|Mrs|Ms|Dr|Prof|Herrn?|Frau)\.?[ \t]+){{0,3}}
    (?P<name>(?:{_UPPER}|{_INITIAL})(?:[ \t]+(?:(?:{_PARTICLE}[ \t]+){{0,2}}{_UPPER}|{_INITIAL})){{0,3}})(?![\p{{L}}\p{{N}}_@])""",
    regex.VERBOSE,
)
_CALLED = r"(?:account|acct|a/c|customer|client|patient|member(?:ship)?|policy|passport|licen[cs]e|social\ security|ssn|tax|vat\ id|employee|insurance|nhs|konto|kunden|kundin|versicherungs|personal|steuer|mitglieds|ausweis)"
_SECRET_WORD = r"(?:pass(?:word|wd|phrase|code)?|pwd|secret|api[_\ -]?key|access[_\ -]?key|private[_\ -]?key|auth[_\ -]?token|access[_\ -]?token|refresh[_\ -]?token|client[_\ -]?secret|token|credential|pin|kennwort|passwort|mot\ de\ passe|contraseña)"
_RULES: tuple[tuple[str, str], ...] = (
    ("SECRET", r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"),
    ("URL", r"\b[a-z][a-z0-9+.-]*://[^\s/:@<>\"']+:[^\s/@<>\"']+@[^\s<>\"']+"),
    ("SECRET", r"(?<=[?&;](?:access_token|token|api_?key|key|sig|signature|secret|password|auth|code)=)[^\s&#\"'<>]{6,}"),
    ("SECRET", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{20,}\b|\bgithub_pat_\w{20,}\b|\bglpat-[\w-]{16,}"),
    ("SECRET", r"\b(?:sk|pk|rk)[-_](?:live|test|proj|ant|or|svcacct)?[-_]?[A-Za-z0-9_-]{16,}|\bwhsec_\w{16,}"),
    ("SECRET", r"\bxox[abeoprs]-[\w-]{10,}|\bAIza[\w-]{30,}|\bya29\.[\w-]{20,}|\b(?:hf|npm|dop_v1|shpat)_[A-Za-z0-9]{16,}|\bpypi-[\w-]{16,}|\bSG\.[\w-]{16,}\.[\w-]{16,}"),
    ("SECRET", r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"),
    ("SECRET", r"(?i:\b(?:bearer|basic)[ \t]+)\K[\w+/.~-]{12,}=*"),
    ("SECRET", rf"(?i:\b{_SECRET_WORD}(?:[ \t]+(?:is|was|lautet|ist|est|es))?[ \t]*[:=][ \t]*[\"']?)\K[^\s\"',;<>]{{3,}}(?<![.!?)])"),
    ("SECRET", rf"(?i:\b{_SECRET_WORD}[ \t]+(?:is|was|lautet|ist)[ \t]+[\"']?)\K(?=\S*[\d\W])[^\s\"',;<>]{{4,}}(?<![.!?)])"),
    ("EMAIL", r"(?<![\w.+%'-])[\p{L}\p{N}_.+%'-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.\p{L}{2,}"),
)  # fmt: skip
_LATER: tuple[tuple[str, str], ...] = (
    ("ACCOUNT", rf"(?i:\b{_CALLED}[ \t]*-?(?:number|numbers|no\.?|nr\.?|nummer|id|\#|code)?[ \t]*(?:is|was|ist|lautet)?[ \t]*[:\#]?[ \t]*)\K(?=[A-Z]{{0,4}}[- ]?\d)[A-Z0-9][A-Z0-9/.-]{{3,}}(?<![./-])"),
    ("ACCOUNT", r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"),
)  # fmt: skip
_COMPILED = tuple((kind, regex.compile(pattern)) for kind, pattern in _RULES)
_COMPILED_LATER = tuple((kind, regex.compile(pattern)) for kind, pattern in _LATER)
_IBAN = regex.compile(r"\b[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,3})?\b")
_CARD = regex.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])")
_IP = regex.compile(r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7}(?:\.\d{1,3}){0,3})(?![\w:]|\.\d)")
_VERSION = regex.compile(r"(?i:\b(?:v|ver|version|release|build|firmware)\.?[ \t]*)$")
_PHONE_WORD = regex.compile(
    r"(?i:\b(?:phone|tel|telephone|telefon|mobile|mobil|cell|handy|fax|call(?:\s+(?:me|him|her|us|back))?|whatsapp|sms|text|ring|rufnummer|reach\s+\w+)"
    r"(?:[ \t]+(?:number|nummer|no|is|at|on|unter|an|under))*[ \t]*[.:#]*[ \t]*)\K\+?\(?\d(?:[ ()/.-]{0,2}\d){5,14}(?!\w)"
)
_DIGITS = regex.compile(r"(?<![\w.,-])\d{9,}(?![\w-]|[.,]\d)")
_KEPT_NUMBER = regex.compile(r"(?i:\b(?:order|invoice|isbn|ean|gtin|sku|upc|part|article|serial|tracking|ticket|case|issue)\b[ \t]*(?:number|no\.?|id|\#)?[ \t:\#]*)$")
_LONG = regex.compile(r"(?<![\w+/=-])[A-Za-z0-9+/_-]{24,}={0,2}(?![\w+/=-])")
_HASH_WORD = regex.compile(r"(?i:\b(?:commit|sha-?\d*|revision|rev|checksum|md5|digest|hash|merge|tag)s?\b[ \t:=#(]*)$")
_UUID = regex.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Span(NamedTuple):
    """`text[start:end]` is private, of this kind."""

    start: int
    end: int
    kind: str


class Pattern(NamedTuple):
    """One pattern of the user; `kind` is its name as it stands in placeholders."""

    name: str
    kind: str
    compiled: Any


def compile_patterns(patterns: Iterable[Mapping[str, str]]) -> tuple[Pattern, ...]:
    """The patterns of the settings, each a mapping with `name` and `pattern`.

    Raises:
        SettingsError: one is not a regular expression, or has no usable name.
    """
    found = []
    for each in patterns:
        name, pattern = each.get("name", ""), each.get("pattern", "")
        kind = regex.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_")
        if not kind:
            raise SettingsError(f"llm.redact: the name {name!r} has no letter or digit", "name it, such as `name: ticket`")
        try:
            found.append(Pattern(name, kind, regex.compile(pattern)))
        except regex.error as error:
            raise SettingsError(f"llm.redact: the pattern {name!r} is no regular expression: {error}", "correct it") from None
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


def repeated(kinds: Mapping[str, str]) -> Any:
    """A pattern for the values that are replaced wherever they stand; None for none. A name that is also a word is not."""
    values = [value for value, kind in kinds.items() if len(value) >= 4 and not (kind == "NAME" and value.casefold() in _WORDS)]
    if not values:
        return None
    return regex.compile(rf"(?<!\w)(?:{'|'.join(map(regex.escape, sorted(values, key=len, reverse=True)))})(?!\w)")


def joined(text: str, spans: Iterable[Span], again: Any, kinds: Mapping[str, str]) -> list[Span]:
    """The spans of a text, and where values found elsewhere (`again`, of `repeated`) stand in it."""
    if again is None:
        return list(spans)
    others = (Span(match.start(), match.end(), kinds[match.group()]) for match in again.finditer(text))
    return _without_overlaps(text, chain(spans, others))


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
    yield from (_span(match, "NUMBER") for match in _DIGITS.finditer(text) if not _KEPT_NUMBER.search(text, max(0, match.start() - 24), match.start()))
    yield from (_span(match, "SECRET") for match in _LONG.finditer(text) if _is_random(text, match))
    yield from names(text, kept)


def _of_user(text: str, pattern: Pattern) -> Iterator[Span]:
    try:
        for match in pattern.compiled.finditer(text, timeout=SECONDS):
            yield _span(match, pattern.kind)
    except TimeoutError:
        raise SettingsError(
            f"llm.redact: the pattern {pattern.name!r} takes more than {SECONDS:g} s in one text, so nothing was sent",
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


def names(text: str, kept: frozenset[str] = frozenset()) -> Iterator[Span]:
    """People's names, the surest first; words of `kept` are left alone unless a title or greeting stands before them."""
    for match in _CONTEXT.finditer(text):
        words = [word.strip(".").casefold() for word in match.group("name").split()]
        if words[0] in _NO_NAME or words[0] in kept:
            continue
        if not _NO_NAME.isdisjoint(words):  # "Dear Payroll Team"
            continue
        yield Span(match.start("name"), match.end("name"), "NAME")
    for match in _TOKEN.finditer(text):
        first = match.group().casefold()
        if not _is_given(first) or first in kept or _PLACE.search(text, max(0, match.start() - 8), match.start()):
            continue
        rest = _REST.match(text, match.end())
        if rest and rest.group("middle") and not _is_given(rest.group("middle").casefold()):
            rest = _LAST.match(text, match.end())
        last = rest.group("last").casefold() if rest else ""
        listed = last in _lists()[1] or any(part in _lists()[1] for part in last.split("-"))
        if first in _AMBIGUOUS:
            if listed and last not in kept and last not in _AMBIGUOUS and last not in _NO_NAME:
                yield Span(match.start(), rest.end(), "NAME")
        else:
            whole = bool(last) and last not in _NO_NAME and last not in kept
            yield Span(match.start(), rest.end() if whole else match.end(), "NAME")


def is_person(name: str) -> bool:
    """Whether the whole of an agent's name is a person's: with a title, or a given name and a surname that are both listed."""
    words = regex.findall(r"[\p{L}'’-]+", name)
    if any(span.start > 0 and span.end == len(name) for span in names(name) if _CONTEXT.match(name)):
        return True
    given, surnames = _lists()
    return 2 <= len(words) <= 3 and words[0].casefold() in given and words[-1].casefold() in surnames and words[-1][0].isupper()


def _is_given(word: str) -> bool:
    return word in _lists()[0] or ("-" in word and word.split("-")[0] in _lists()[0])


@cache
def _lists() -> tuple[frozenset[str], frozenset[str]]:
    """Given names and surnames of Faker's locales in Latin script, in lower case."""
    given: set[str] = set()
    surnames: set[str] = set()
    for locale in _LOCALES:
        provider = import_module(f"faker.providers.person.{locale}").Provider
        given.update(name.casefold() for name in getattr(provider, "first_names", ()) if len(name) > 2)
        surnames.update(name.casefold() for name in getattr(provider, "last_names", ()) if len(name) > 2)
    return frozenset(given), frozenset(surnames)
