"""The ranking that head and model make together, and from where on it is handed over."""

from dataclasses import dataclass

import numpy as np

from delegate_cli.confidence import fusion, threshold
from delegate_cli.loaded import Floats, Ranking
from delegate_cli.opinion import Advice, masses


def trust(advice: Advice) -> float:
    """How much the answer counts, in (0, 1]."""
    return fusion.trust(advice.answer.missing_mass, advice.answer.flips)


def fuse(ranking: Ranking, advice: Advice, weights: fusion.Weights) -> Ranking:
    """The head's ranking with the model's answer in it; agents that were not shown share what is left for them."""
    said = masses(ranking, advice.places)
    joined = fusion.pool(said, advice.answer.probability, trust(advice), weights)
    hidden, left = max(1.0 - float(said.sum()), 0.0), max(1.0 - float(joined.sum()), 0.0)
    probability = ranking.probability * (left / hidden if hidden > 1e-9 else 1.0)
    at = np.argsort(ranking.places)
    probability[at[np.searchsorted(ranking.places, advice.places, sorter=at)]] = joined[:-1]
    order = np.lexsort((ranking.places, -probability))
    probability, none = probability[order], float(joined[-1])
    share = probability / max(float(probability.sum()), 1e-12)
    return Ranking(ranking.places[order], probability, share, none, ranking.views, ranking.missed)


@dataclass(frozen=True, slots=True)
class FusionFit:
    """What was fitted for one model.

    `rows` has shape (tasks, 4): the joined probability of the first candidate by what was fitted without the task, whether it
    is right, the task's weight, and the head's own probability; empty where the threshold is not fitted.
    """

    weights: fusion.Weights
    rows: Floats
    tasks: int

    def threshold(self, target_error: float, usual: float, grey: bool) -> float:
        """The least probability for handing over.

        Args:
            usual: the head's threshold.
            grey: whether the head alone would not hand this task over: such tasks have a curve of their own, since the errors
                that the target allows are made among the others already.
        """
        rows = self.rows[self.rows[:, 3] < usual] if grey else self.rows
        if len(rows) < threshold.MIN_REQUESTS:
            return unfitted(target_error, usual, grey)
        return threshold.at(threshold.fit_curve(rows[:, 0], rows[:, 1] > 0, rows[:, 2]), target_error).probability


def unfitted(target_error: float, usual: float, grey: bool) -> float:
    """The threshold of joined probabilities that were not calibrated.

    What the head would hand over needs no more than before; what only the model makes sure needs as much as true
    probabilities would.
    """
    return max(usual, threshold.without_data(target_error).probability) if grey else usual
