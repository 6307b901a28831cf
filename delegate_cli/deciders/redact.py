"""Redaction of a question before it leaves the machine: private values become placeholders such as <EMAIL_1>.

The same value has the same placeholder in the whole question, task and cards; what stands for what is known to the `Restorer`
alone, which never leaves this process. What is found and what is not is said in `private`; it is a net, not a wall.
Light: the libraries of the extra `redact` are loaded when the first Redactor is made.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from delegate_cli.deciders.question import Card, Question
from delegate_cli.errors import UsageError

if TYPE_CHECKING:
    from types import ModuleType


_PLACEHOLDER = re.compile(r"[<‹]([A-Z0-9_]+)[>›]")  # prompts show angle brackets as the latter (`untrusted.neutral`)


class Restorer:
    """Placeholders and the values they stand for."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = values

    def restore(self, text: str) -> str:
        """A text with its values back. A placeholder that was never given stays as it is."""
        return _PLACEHOLDER.sub(lambda match: self.values.get(f"<{match.group(1)}>", match.group()), text)


class Redactor:
    """Replaces what is private in questions.

    Args:
        patterns: the user's own, name → regular expression, as in `llm.redact_patterns`.

    Raises:
        UsageError: the extra `redact` is not installed.
        SettingsError: a pattern is no regular expression.
    """

    def __init__(self, patterns: Mapping[str, str] | None = None) -> None:
        self._private = _load()
        self._patterns = self._private.compile_patterns(patterns or {})

    def question(self, question: Question) -> tuple[Question, Restorer]:
        """The question without private values, and what puts them back.

        Names of agents stay, since they are what is chosen from, unless the whole name is a person's. `Card.agent`, by
        which the answer is known here, is never changed and must not be sent.

        Raises:
            SettingsError: a pattern of the user takes too long.
        """
        people = frozenset(card.name for card in question.cards if self._private.is_person(card.name))
        names = " ".join(card.name for card in question.cards if card.name not in people)
        kept = frozenset(re.findall(r"[^\W_]+", names.casefold()))
        texts = [question.task]
        for card in question.cards:
            texts += [card.name, card.description, *card.examples, *card.not_for, *card.facts]
        redacted, labels = self._texts(texts, kept, people)
        task, parts = redacted[0], iter(redacted[1:])
        seen: set[str] = set()
        cards = []
        for card in question.cards:
            name = next(parts)
            if name in seen and card.name in people:  # of one name, but they must be told apart
                name = labels.another("NAME", card.name)
            seen.add(name)
            new = Card(
                agent=card.agent,
                name=name,
                description=next(parts),
                examples=tuple(next(parts) for _ in card.examples),
                not_for=tuple(next(parts) for _ in card.not_for),
                facts=tuple(next(parts) for _ in card.facts),
            )
            cards.append(new)
        return Question(task, tuple(cards)), Restorer(labels.values)

    def text(self, text: str) -> tuple[str, Restorer]:
        """One text by itself."""
        (redacted,), labels = self._texts([text], frozenset(), frozenset())
        return redacted, Restorer(labels.values)

    def _texts(self, texts: Sequence[str], kept: frozenset[str], people: frozenset[str]) -> tuple[list[str], "_Labels"]:
        """All texts with one set of placeholders.

        What was found in one place is replaced wherever it stands, also where nothing around gives it away.
        """
        found = [self._private.find(text, self._patterns, kept, text in people) for text in texts]
        kinds = {text[start:end]: kind for text, spans in zip(texts, found, strict=True) for start, end, kind in spans}
        again = self._private.repeated(kinds)
        labels = _Labels(texts)
        redacted = []
        for text, spans in zip(texts, found, strict=True):
            pieces, last = [], 0
            for start, end, kind in self._private.joined(text, spans, again, kinds):
                pieces += [text[last:start], labels.of(kind, text[start:end])]
                last = end
            redacted.append("".join((*pieces, text[last:])))
        return redacted, labels


class _Labels:
    """Placeholders, numbered by kind, none of which stands in any text already."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._taken = set(_PLACEHOLDER.findall("\n".join(texts)))
        self._counts: dict[str, int] = {}
        self._given: dict[tuple[str, str], str] = {}
        self.values: dict[str, str] = {}

    def of(self, kind: str, value: str) -> str:
        """The placeholder of this value."""
        if (kind, value) not in self._given:
            self._given[kind, value] = self.another(kind, value)
        return self._given[kind, value]

    def another(self, kind: str, value: str) -> str:
        """A placeholder of its own."""
        while True:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            name = f"{kind}_{self._counts[kind]}"
            if name not in self._taken:
                self.values[f"<{name}>"] = value
                return f"<{name}>"


def _load() -> "ModuleType":
    try:
        from delegate_cli.deciders import private  # phonenumbers, Faker and regex: 0.2 s
    except ModuleNotFoundError as error:
        raise UsageError(
            f"--redact needs {error.name}, which is not installed", "run: pip install 'delegate-cli[redact]'"
        ) from None
    return private
