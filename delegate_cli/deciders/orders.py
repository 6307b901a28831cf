"""One question in several orders, and in groups where it is too long for one prompt. Pure functions.

Models favour positions: a label near the top wins more than it should. Each card stands at different places in different
rotations, and what a place is worth cancels out in the mean of the logarithms; with as many rotations as cards, exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from delegate_cli.deciders.question import Floats, Question

FLOOR = 1e-6  # the least probability that one order may give: none alone can rule a card out
_TINY = 1e-12
_PRIOR = 0.5  # added to each count of votes, so that three of three is no certainty


@dataclass(frozen=True, slots=True)
class View:
    """What one or more orders say. `probability` has shape (cards + 1,), the last is nobody's, and sums to 1.

    `missing` is the probability in [0, 1] that the model put on no label; `raw` is the first order alone.
    """

    probability: Floats
    missing: float = 0.0
    orders: int = 1
    flips: float | None = None
    raw: Floats | None = None


def rotations(cards: int, orders: int) -> list[tuple[int, ...]]:
    """At most `orders` different rotations of `cards` places, evenly spread; the first leaves the cards as they are.

    A rotation lists which card stands at each place.
    """
    wanted = max(1, min(orders, cards))
    starts = [round(step * cards / wanted) % cards for step in range(wanted)]
    return [tuple((start + place) % cards for place in range(cards)) for start in starts]


def in_order(question: Question, rotation: Sequence[int]) -> Question:
    """The same question with its cards in another order."""
    return Question(question.task, tuple(question.cards[card] for card in rotation))


def back(probability: Floats, rotation: Sequence[int]) -> Floats:
    """Probabilities by place, shape (cards + 1,), as probabilities by card; nobody stays last."""
    by_card = np.empty_like(probability)
    by_card[np.asarray(rotation, np.intp)] = probability[:-1]
    by_card[-1] = probability[-1]
    return by_card


def normalised(mass: Floats) -> Floats:
    """Non-negative masses as probabilities; equal ones where there is no mass at all."""
    total = float(mass.sum())
    return mass / total if total > 0 else np.full(len(mass), 1.0 / len(mass))


def average(views: Sequence[View]) -> View:
    """Several orders by card as one: the mean of the logarithms among the cards, and the mean log-odds that nobody fits.

    Apart, since nobody's place never changes: averaged together, the more the orders disagree about the cards, the more would
    be left to nobody. A 135M model that gives the first place 0.45, others 0.06 and nobody 0.30 whatever is asked then says
    0.30 for nobody; together it would be 0.37 with two orders.
    """
    if len(views) == 1:
        return _joined(views, views[0].probability)
    floored = np.array([normalised(np.maximum(view.probability, FLOOR)) for view in views])
    cards, nobody = np.log(floored[:, :-1]), floored[:, -1]
    among = (cards - np.log1p(-nobody)[:, None]).mean(axis=0)
    odds = float((np.log(nobody) - np.log1p(-nobody)).mean())
    somebody = 1.0 / (1.0 + np.exp(odds))
    return _joined(views, np.append(somebody * normalised(np.exp(among - among.max())), 1.0 - somebody))


def votes(views: Sequence[View]) -> View:
    """Several answers without probabilities, each all on one card, as the share of votes, one half added to each."""
    counts = np.sum([view.probability for view in views], axis=0)
    return _joined(views, normalised(counts + _PRIOR))


def samples(views: Sequence[View]) -> View:
    """Votes that were drawn at random: that they differ says nothing of orders, and the first of them is no answer."""
    joined = votes(views)
    return View(joined.probability, joined.missing, joined.orders)


def _joined(views: Sequence[View], probability: Floats) -> View:
    first = [int(np.argmax(view.probability)) for view in views]
    flips = float(np.mean([place != first[0] for place in first[1:]])) if len(views) > 1 else None
    missing = float(np.mean([view.missing for view in views]))
    return View(probability, missing, len(views), flips, views[0].probability)


def groups(cards: int, most: int) -> list[list[int]]:
    """Cards dealt into the fewest groups of at most `most`; the first cards go to different groups, so they can meet later."""
    count = -(-cards // most)
    return [list(range(start, cards, count)) for start in range(count)]


def compose(cards: int, members: Sequence[Sequence[int]], rounds: Sequence[View], final: View) -> View:
    """What the groups said and what was said when their winners met, as one view over all cards.

    By Luce's choice axiom (Individual Choice Behavior, 1959) the ratio of two probabilities does not depend on what else is
    offered: each card has its winner's probability in the final times its own ratio to that winner in the group. For a model
    that follows the axiom this is what one question about all cards would have said.
    """
    raw = None
    if final.raw is not None and all(each.raw is not None for each in rounds):
        raw = _composed(
            cards, members, [np.maximum(each.raw, FLOOR) for each in rounds if each.raw is not None], final.raw, rounds
        )
    probability = _composed(cards, members, [each.probability for each in rounds], final.probability, rounds)
    views = [*rounds, final]
    flips = [each.flips for each in views if each.flips is not None]
    return View(
        probability,
        float(np.mean([each.missing for each in views])),
        min(each.orders for each in views),
        float(np.mean(flips)) if flips else None,
        raw,
    )


def winner(view: View) -> int:
    """The best card of a view, nobody aside; the first of equal ones."""
    return int(np.argmax(view.probability[:-1]))


def _composed(
    cards: int, members: Sequence[Sequence[int]], said: Sequence[Floats], final: Floats, rounds: Sequence[View]
) -> Floats:
    mass = np.zeros(cards + 1)
    for place, (group, probability) in enumerate(zip(members, said, strict=True)):
        own = np.maximum(probability[:-1], _TINY)  # where all of a group is nobody's, its cards are equal
        mass[list(group)] = final[place] * own / own[winner(rounds[place])]
    mass[-1] = final[-1]
    return normalised(mass)
