"""What of an agent's card may be shown as evidence for a task, and which words of a text carry meaning."""

import numpy as np

from delegate_cli.decision import Evidence, EvidenceKind
from delegate_cli.encoders import Vectors
from delegate_cli.index.parts import Part

_EVIDENCE_KIND = {
    Part.CARD: EvidenceKind.CARD,
    Part.SENTENCE: EvidenceKind.CARD,
    Part.EXAMPLE: EvidenceKind.EXAMPLE,
    Part.NOT_FOR: EvidenceKind.NOT_FOR,
}
_CLEARLY = 0.1  # similarity by which a passage must be nearer than any sentence or request to stand as evidence
_FUNCTION_WORDS = frozenset(
    """about after also been before could does each every from have here into just like more most much need only other over
    please some such than that their them then there these they this those very want were what when where which while will
    with would your""".split()  # noqa: SIM905  (a list of quoted words would fill a page)
)


class Quotable:
    """One agent's parts, and which of them may stand as evidence: sentences and requests rather than the whole card."""

    def __init__(self, parts: list[tuple[Part, str]]) -> None:
        self._parts = parts
        rows = [row for row, (kind, _) in enumerate(parts) if kind is not Part.NOT_FOR]
        self._usable = np.array(rows)
        self._specific = np.array([row for row in rows if parts[row][0] is not Part.CARD] or rows)

    def nearest(self, similarity: Vectors) -> Evidence:
        """The part that is nearest to the task; `similarity` has shape (parts,)."""
        row = int(self._specific[similarity[self._specific].argmax()])
        whole = int(self._usable[similarity[self._usable].argmax()])
        if self._parts[whole][0] is Part.CARD and similarity[whole] > similarity[row] + _CLEARLY:
            row = whole  # a passage of a long card, beyond the sentences that have vectors of their own
        kind, text = self._parts[row]
        return Evidence(_EVIDENCE_KIND[kind], text, float(similarity[row]))


def content_words(text: str) -> list[str]:
    """The words of a text of four letters and more, lower case, without the commonest function words."""
    words = "".join(char if char.isalnum() else " " for char in text.casefold()).split()
    return [word for word in words if len(word) > 3 and word not in _FUNCTION_WORDS]
