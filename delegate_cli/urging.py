"""How much a sentence urges whoever decides, rather than says what is to be done: a linear model over classes of words.

A sentence is seen as counts of classes (`urging_words`), pairs of them, and how much of it belongs to none. Its weights were
fitted on sentences made for it against cards and development tasks of public rosters (`training/urging.py`).
"""

import re
from functools import lru_cache

from delegate_cli.urging_weights import INTERCEPT, WEIGHTS
from delegate_cli.urging_words import CLASSES, PAIRS, WORDS

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*|\d+|%")
_ENDINGS = ("s", "es", "ed", "d", "ing", "ly", "'s")
_TELLING = CLASSES.index("stop")  # the classes before it tell something
_VERBS = frozenset(CLASSES.index(name) for name in ("select", "dismiss", "answer"))
_DECISIONS = frozenset(CLASSES.index(name) for name in ("answer", "entry", "select", "machine"))
_OTHERS = ("content", "content share", "imperative", "letter", "number", "short", "long")
FEATURES = (
    *CLASSES,
    *(f"{one}+{two}" for place, one in enumerate(CLASSES[:_TELLING]) for two in CLASSES[place + 1 : _TELLING]),
    *_OTHERS,
)


@lru_cache(maxsize=8192)
def classes_of(word: str) -> tuple[int, ...]:
    """The classes of a word in lower case, whatever its English ending."""
    found = WORDS.get(word)
    if found is not None:
        return found
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) > len(ending) + 2:
            base = word[: -len(ending)]
            for form in (base, base + "e", base[:-1] if base[-1:] == base[-2:-1] else base):
                if form in WORDS:
                    return WORDS[form]
    return ()


def is_decision_word(word: str) -> bool:
    """Whether a word in lower case can name a decision or what is decided about."""
    return not _DECISIONS.isdisjoint(classes_of(word))


def is_decider(word: str) -> bool:
    """Whether a word in lower case can name who decides."""
    return 0 in classes_of(word)


def features(sentence: str) -> list[float]:
    """What the model sees of a sentence, in the order of `FEATURES`."""
    raw = _WORD.findall(sentence)
    words = [word.casefold().replace("’", "'") for word in raw]
    seen = [0] * len(CLASSES)
    first: tuple[int, ...] = ()
    content = place = 0
    while place < len(words):
        word = words[place]
        found: tuple[int, ...] = ()
        if word in PAIRS and place + 1 < len(words):
            found = WORDS.get(f"{word}_{words[place + 1]}", ())
            place += bool(found)
        found = found or classes_of(word)
        first = first or found
        for each in found:
            seen[each] += 1
        content += not found and word != "%" and not word.isdigit()
        place += 1
    there = [count > 0 for count in seen[:_TELLING]]
    pairs = [float(one and two) for place, one in enumerate(there) for two in there[place + 1 :]]
    return [
        *(float(min(count, 2)) for count in seen),
        *pairs,
        min(content, 12) / 4,
        content / max(len(words), 1),
        float(not _VERBS.isdisjoint(first)),
        float(any(len(word) == 1 and word.isupper() and word not in "IA" for word in raw)),
        float(any(word.isdigit() or word == "%" for word in words)),
        float(len(words) < 5),
        float(len(words) > 25),
    ]


@lru_cache(maxsize=1024)
def urging(sentence: str) -> float:
    """Log-odds that a sentence urges whoever decides; far below 0 for nearly all sentences of tasks and cards."""
    return INTERCEPT + sum(value * weight for value, weight in zip(features(sentence), WEIGHTS, strict=True) if value)
