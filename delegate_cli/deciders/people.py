"""Finds people's names in a text by titles, greetings and lists of names; Faker, whose lists these are, has its home here.

What is caught and what is not is said in `private`, which joins this with all else.
"""

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import NamedTuple

import regex

# Faker's locales in Latin script
_LOCALES = """en_US en_GB en_IN en_NG de_DE fr_FR es_ES it_IT nl_NL pl_PL sv_SE pt_BR tr_TR da_DK no_NO fi_FI cs_CZ ro_RO hu_HU
    hr_HR ga_IE"""
# Given names that are rather words, places, months or products: they count only with a listed surname or a title.
_AMBIGUOUS = frozenset(
    """ada al alexa am amber an angel ansel apollo april art as ash asia at august aurora austin autumn bali bay ben bergen
    berlin bill blessing blue bo brook buddy by carol carolina charity chase chelsea cherry china christian claude clay
    cliff crystal dakota dale dan data dawn de dean delta denver desire destiny do drew earl earnest ebony ed eden el
    ella en er es even ever faith fern flora florence forest frank gale gen gene genesis georgia german ginger gold
    grace grant gray guy ha hank harmony haven hazel he heath heather hi holly honor hope hunter in india io iris is
    israel it ivory ivy ja jack jade jan january jasmine jasper jean jersey jewel jewels jo jordan joy juli julia julian
    june juni juno justice kai kent kenya king la lance laurel law le lee li lily linus lo london long love lu lucky lux
    ma mac madison mai major malta mandarin mar marine mark mars marvin mason matrix max may me melody mercy mia mike
    milan miles mina mini misty mo my nell ni no noble nova nu ocean of olive on opal or orlando os otto paige paris
    pascal pat patience peace pearl penny perl phoenix pierce piper porsche pride prince princess prosper ra rain randy
    ray re reed reggae rich river rob robin rocky rod rose rowan ruby rust rusty sa sage sahara sally salt sam sandy
    savannah scala scout se server shell si sienna sierra siri skip sky skye so solid sonny star stella sterling stone
    storm stormy sue summer sun sunday sunny sydney ta te temple terra theo ti tiffany to today tommy trinity true tu um
    un up us va vera vi vienna violet virginia vita wade ward watson wayne we wendy west will willow win winter woody
    worth ya ye yo york young yuki zion""".split()  # noqa: SIM905  (a list of quoted words would fill a page)
)
# Words that begin a sentence or stand in a greeting where a surname could stand.
_NO_NAME = frozenset(
    """agent all and any anyone api app april are assistant august bitte bonjour bot both bug but can check code colleague
    colleagues could customer customers damen danke das dear december dem den der desk die dienstag docs does donnerstag
    ein eine email equipo estimado everybody everyone everything experts february folk folks for frage freitag friday
    friend friends from gracias guten guys has have hello help here herren hi hier how i i'd i'll i'm i've ich if ihr
    ihre in invoice is issue ist it it's january july june just kann können la ladies le les let leute liebe madam mail
    manager march mate may merci mesdames messieurs mit mittwoch monday montag my need new no not nous november october
    of office on order our phone please project regards release sales samstag saturday sehr september server service sir
    sir/madam sirs someone sonntag staff sunday support team teams thank thanks that the their them then there these
    they this those thursday ticket to today todos tomorrow tuesday und unser unsere version vielen von vous was we
    wednesday what when where which who whom why wie will wir with world would you your zusammen""".split()  # noqa: SIM905
)
WORDS = _AMBIGUOUS | _NO_NAME
_UPPER = r"\p{Lu}[\p{Ll}\p{Lu}'’]*\p{Ll}(?:-\p{Lu}\p{Ll}+)*"
_INITIAL = r"\p{Lu}\."
_PARTICLE = r"(?:von|van|der|den|de|da|di|del|della|dos|la|le|zu|zur|bin|al|ter|ten)"
_END = r"(?![\p{L}\p{N}_@])"
_LAST_NAME = rf"(?:[ \t]+{_PARTICLE}){{0,2}}[ \t]+(?P<last>{_UPPER}){_END}"
_TOKEN = regex.compile(rf"(?<![\p{{L}}\p{{N}}_@.-]){_UPPER}{_END}")
_LAST = regex.compile(_LAST_NAME)
_REST = regex.compile(rf"(?:[ \t]+(?:{_INITIAL}|(?P<middle>{_UPPER})(?=[ \t]+\p{{Lu}})))?{_LAST_NAME}")
_PLACE = regex.compile(r"\b(?:San|Santa|São|St\.?|Saint|North|South|New|Mount|Lake|Port|Fort)[ \t]+$")
_CONTEXT = regex.compile(
    rf"""(?:
      \b(?:Mr|Mrs|Ms|Mx|Dr|Prof|Sr|Sra|Mme|Mlle|Hr|Fr)\.?[ \t]+
    | \b(?:Professor|Herrn?|Frau|Monsieur|Madame|Se[ñn]ora?|Sir|Lady)[ \t]+
    | (?:^|[\n.!?][ \t]*)(?i:dear|hi|hello|hey|hallo|liebe[rs]?|sehr\ geehrte[rs]?|bonjour|hola|ciao|estimad[oa])[ \t]+
    | (?i:\b(?:regards|cheers|thanks|thank\ you|sincerely|best|wishes|yours|grüßen|grüße|gruß|cordialement|saludos))
      [ \t]*[,\n][ \t\n]*
    | (?i:\b(?:my\ name\ is|(?:is|was|am)\ (?:called|named)|mein\ name\ ist|ich\ hei(?:ß|ss)e|je\ m'appelle|me\ llamo
      |signed\ by|attn:?))[ \t]+
    )(?:(?:Mr|Mrs|Ms|Dr|Prof|Herrn?|Frau)\.?[ \t]+){{0,3}}
    (?P<name>(?:{_UPPER}|{_INITIAL})(?:[ \t]+(?:(?:{_PARTICLE}[ \t]+){{0,2}}{_UPPER}|{_INITIAL})){{0,3}}){_END}""",
    regex.VERBOSE,
)


class Span(NamedTuple):
    """`text[start:end]` is private, of this kind."""

    start: int
    end: int
    kind: str


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
    for locale in _LOCALES.split():
        provider = import_module(f"faker.providers.person.{locale}").Provider
        given.update(name.casefold() for name in getattr(provider, "first_names", ()) if len(name) > 2)
        surnames.update(name.casefold() for name in getattr(provider, "last_names", ()) if len(name) > 2)
    return frozenset(given), frozenset(surnames)
