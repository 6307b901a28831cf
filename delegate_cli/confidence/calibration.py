"""Views → probabilities: a conditional logit whose weights are shrunk to constants from public data.

P(agent | the task fits somebody) = softmax over candidates of (views · weights − penalty). The weights (and with them the
temperature) start from constants fitted on public dev sets and move towards what the roster's own left-out sample requests
say (McFadden 1974; maximum a posteriori with a normal prior). No extra label is needed.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Weights of (head, card, words) in rosters where every agent has at least two sample requests, and in rosters of cards
# alone; a roster in between gets the mixture. Made by `make constants` on the dev splits of the public rosters.
WITH_EXAMPLES = (1.36, 0.34, 0.55)
CARDS_ALONE = (1.25, 0.36, 0.46)
# Prior standard deviations: of each weight relative to the common scale, and of the logarithm of the scale.
WEIGHT_SD = 0.02
SCALE_SD = 1.0


def prior_weights(share: float) -> Floats:
    """Default weights, shape (views,), for a roster in which this share of agents has sample requests to learn from."""
    return share * np.asarray(WITH_EXAMPLES) + (1 - share) * np.asarray(CARDS_ALONE)


def softmax(logits: Floats) -> Floats:
    """Probabilities along the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    result: Floats = shifted / shifted.sum(axis=-1, keepdims=True)
    return result


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Held-out sample requests: standardised views of every agent, and which one each request belongs to.

    `standard` has shape (requests, agents, views), `gold` shape (requests,).
    """

    standard: NDArray[np.float32]
    gold: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.gold)


def fit_weights(left_out: LeftOut, prior: Floats, sd: float = WEIGHT_SD, scale_sd: float = SCALE_SD) -> Floats:
    """Weights, shape (views,), that make left-out requests most likely, given the prior."""
    from scipy.optimize import minimize  # only while an index is built

    data, rows = left_out.standard, np.arange(len(left_out))
    own = data[rows, left_out.gold]

    def loss(parameters: Floats) -> tuple[float, Floats]:
        scale, shift = np.exp(parameters[0]), parameters[1:]
        weights = scale * (prior + shift)
        probability = softmax(data @ weights)
        value = -np.log(np.maximum(probability[rows, left_out.gold], 1e-12)).sum()
        slope = np.einsum("ta,tav->v", probability, data) - own.sum(axis=0)
        value += parameters[0] ** 2 / (2 * scale_sd**2) + (shift**2).sum() / (2 * sd**2)
        gradient = np.append(slope @ weights + parameters[0] / scale_sd**2, slope * scale + shift / sd**2)
        return float(value), gradient.astype(np.float64)

    best: Any = minimize(loss, np.zeros(1 + len(prior)), jac=True, method="L-BFGS-B")
    weights: Floats = np.exp(best.x[0]) * (prior + best.x[1:])
    return weights
