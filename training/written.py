"""Rosters that this project wrote for training (`training/rosters/<kind>/<name>.txt`) → pools.

A file begins with `roster:` and what it is; then agents, `== Name | card` or `== Name`, each with a line a request:
`- ` in English, `de `, `es `, `ja `, `zh ` in those languages, `x ` one that only looks like this agent's. The last,
`== nobody`, has the requests that no agent of the roster should get.
"""

from dataclasses import dataclass
from pathlib import Path

from delegate_cli.encoders.batches import Candidate, Pool
from delegate_cli.index.parts import PASSAGE, cut, sentences, spoken

HERE = Path(__file__).parent / "rosters"
ENGLISH, WRONG = "-", "x"
LANGUAGES = ("de", "es", "ja", "zh")
NOBODY = "nobody"
FAMILY = "written"


@dataclass(frozen=True, slots=True)
class Written:
    """An agent of a file (or `nobody`), with its requests by the mark of their line."""

    name: str
    card: str
    requests: dict[str, tuple[str, ...]]

    def asked(self, *marks: str) -> tuple[str, ...]:
        """The requests with these marks."""
        return tuple(text for mark in marks for text in self.requests.get(mark, ()))


def read_pools(folder: Path = HERE) -> list[Pool]:
    """A pool a file. Its family is `written`, so that leaving out a family of public sets leaves none of them out."""
    return [pool_of(path) for path in sorted(folder.glob("*/*.txt"))]


def pool_of(path: Path) -> Pool:
    """The pool of one file."""
    agents, nobody = [], []
    for each in read_file(path):
        asked, wrong, name = each.asked(ENGLISH, *LANGUAGES), each.asked(WRONG), spoken(each.name)
        if each.name == NOBODY:
            nobody += asked
        else:
            agents.append(Candidate(each.name, asked, (passages(name, each.card),), said(each.card), name, wrong))
    return Pool(f"{path.parent.name}/{path.stem}", FAMILY, tuple(agents), {}, tuple(nobody))


def read_file(path: Path) -> list[Written]:
    """The agents of one file, and nobody.

    Raises:
        ValueError: a line is none of those above, or an agent is there twice or without a request; says where.
    """
    found: dict[str, Written] = {}
    head, *blocks = path.read_text(encoding="utf-8").split("\n== ")
    if not head.startswith("roster:"):
        raise ValueError(f"{path}: the first line is not `roster: what it is`")
    for block in blocks:
        title, *lines = block.splitlines()
        name, _, card = (part.strip() for part in title.partition("|"))
        requests: dict[str, tuple[str, ...]] = {}
        for line in filter(str.strip, lines):
            mark, _, text = line.partition(" ")
            if mark not in (ENGLISH, WRONG, *LANGUAGES) or not text.strip():
                raise ValueError(f"{path}: {name}: not a request: {line}")
            requests[mark] = (*requests.get(mark, ()), text.strip())
        if name in found or not requests.keys() - {WRONG}:
            raise ValueError(f"{path}: {name}: " + ("twice" if name in found else "no request"))
        found[name] = Written(name, card, requests)
    return list(found.values())


def passages(name: str, description: str) -> tuple[str, ...]:
    """A card as an index would cut it."""
    return tuple(f"{name}: {passage}" for passage in cut(description, PASSAGE)) or (name,)


def said(description: str) -> tuple[str, ...]:
    """The sentences of a card that are long enough to stand for a request."""
    return tuple(sentence for sentence in sentences(description) if len(sentence) >= 20)
