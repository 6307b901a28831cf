"""Text as it looks: invisible characters go, letters that only look like Latin ones become Latin. Pure functions, no library.

Words of other scripts stay as they are: a Cyrillic or Greek letter is taken for a Latin one only in a word that has Latin
letters too, or in a text whose letters of that script all look Latin.
"""

import re
import unicodedata

_CYRILLIC = dict(zip("АВЕЅІЈКМНОРСТУХҮԛԜаеѕіјорсухԁһӏԝүԍ", "ABESIJKMHOPCTYXYqWaesijopcyxdhlwyg", strict=True))
_GREEK = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαικνορτυχϲ", "ABEZHIKMNOPTYXaikvoptuxc", strict=True))
_OTHER = dict(zip("ɑɡɩօԁցոսհѵᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "agiodgnuhvabcdefghijklmnoprstuvwyz", strict=True))
_CHEROKEE = dict(zip("ᎪᏴᏟᎠᎬᏀᎻᎥᎫᏦᏞᎷᏢᎡᏚᎢᏙᎳᎩᏃ", "ABCDEGHiJKLMPRSTVWYZ", strict=True))
_LISU = dict(zip("ꓮꓐꓚꓓꓰꓝꓖꓧꓲꓙꓗꓡꓟꓠꓳꓑꓣꓢꓔꓴꓦꓪꓫꓬꓜ", "ABCDEFGHIJKLMNOPRSTUVWXYZ", strict=True))
_ALIKE = {**_CYRILLIC, **_GREEK, **_OTHER, **_CHEROKEE, **_LISU}
_FRAMED = {0x1F150: "A", 0x1F170: "A", 0x249C: "a"}  # letters in circles, squares and brackets that Unicode does not decompose
_JOINERS = "\u200c\u200d"  # Persian, Hindi and emoji need them; between Latin letters they hide something
_ODD = re.compile(r"[^\x20-\x7e\n\t\r]")
_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|.)")
_BACKWARDS = re.compile(r"\u202e([^\u202c\n]*)\u202c?")  # shown from right to left, so that a reader sees it turned round
_PILED = re.compile(r"(?<=[A-Za-z])[\u0300-\u036f\u0489]{3,}")
# Raised and lowered letters make formulas and ordinals; three in a row make words.
_RAISED = re.compile("[\u02b0-\u02b8\u02e1-\u02e3\u1d2c-\u1d6a\u1d78\u1d9b-\u1dbf\u2071\u207f\u2090-\u209c]{3,}")
_HIDING = "\x1b\u200b\u202a\u202b\u202d\u202e\u2066\u2067\u2068"
_WORD = re.compile(r"[^\W\d_]+")


def plain(text: str) -> str:
    """A text as it looks to a reader; ASCII without control characters, and other scripts, come back as they are."""
    if _ODD.search(text) is None:
        return text
    text = _ANSI.sub("", text)
    text = _BACKWARDS.sub(lambda match: match.group(1)[::-1], text)
    text = _PILED.sub("", text)
    text = _RAISED.sub(lambda match: unicodedata.normalize("NFKC", match.group()), text)
    text = "".join(_seen(char) for char in text).strip()
    text = re.sub(rf"(?<=[A-Za-z])[{_JOINERS}]+|[{_JOINERS}]+(?=[A-Za-z])", "", text)
    text = unicodedata.normalize("NFC", text)
    text = re.sub(r"(?<=[A-Za-z])[\u0300-\u036f\u0489]+", "", text)  # marks that make no letter of any language
    if not any(char in _ALIKE for char in text):
        return text
    whole = {script for script in _SCRIPTS if all(char in _ALIKE for char in text if _script(char) == script)}
    return _WORD.sub(lambda match: _latin(match.group(), whole), text)


def hides(text: str) -> bool:
    """Whether a text has characters that hide or disguise others; accents, emoji and odd spaces are none."""
    if _ODD.search(text) is None:
        return False
    if any(char in _HIDING or "\U000e0000" <= char <= "\U000e007f" for char in text) or _PILED.search(text):
        return True
    return _letters(plain(text)) != _letters(unicodedata.normalize("NFC", text))


def _letters(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


def _seen(char: str) -> str:
    if char.isascii():
        return char if char.isprintable() or char in "\n\t\r" else " "
    category = unicodedata.category(char)
    if category in ("Cc", "Zs", "Zl", "Zp"):
        return " "
    for first, letter in _FRAMED.items():
        if first <= ord(char) < first + 26:
            return chr(ord(letter) + ord(char) - first)
    if category == "Cs":
        return "\ufffd"
    hidden = category == "Cf" and char not in _JOINERS
    if hidden or 0xFE00 <= ord(char) <= 0xFE0F or 0xE0000 <= ord(char) <= 0xE01EF or char in "\u115f\u1160\u3164\uffa0\u034f":
        return ""
    if category in ("Lu", "Ll", "Lo", "Nd", "So", "Po", "Sm", "Ps", "Pe") and char not in "ªº":
        wide = unicodedata.normalize("NFKC", char)
        if len(wide) == 1 and wide.isascii():
            return wide
    return char


_SCRIPTS = ("CYRILLIC", "GREEK", "CHEROKEE", "LISU")
_BLOCKS = (
    ("\u0370", "\u03ff", "GREEK"),
    ("\u1f00", "\u1fff", "GREEK"),
    ("\u0400", "\u052f", "CYRILLIC"),
    ("\u13a0", "\u13fd", "CHEROKEE"),
    ("\ua4d0", "\ua4ff", "LISU"),
)


def _script(char: str) -> str:
    return "" if char < "\u0370" else next((name for first, last, name in _BLOCKS if first <= char <= last), "")


def _latin(word: str, whole: set[str]) -> str:
    """A word with look-alikes as Latin letters, if it is Latin but for them."""
    if word.isascii() or not all(char.isascii() or char in _ALIKE or _is_latin(char) for char in word):
        return word
    foreign = [char for char in word if _script(char)]
    if any(map(_is_latin, word)) or not foreign or (len(foreign) > 1 and all(_script(char) in whole for char in foreign)):
        return "".join(_ALIKE.get(char, char) for char in word)
    return word


def _is_latin(char: str) -> bool:
    return (char.isascii() and char.isalpha()) or "\u00c0" <= char <= "\u024f"
