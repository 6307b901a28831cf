"""The next turn of a conversation: "yes, the second one" needs the turn before it, "and cancel my subscription" does not.

Two readings, by itself and as a follow-up, are mixed by the probability that the task depends on what came before. As a
follow-up it belongs to the agent that asked, or to whom context and task together point.
"""

import math
import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from delegate_cli.ask import Ask
from delegate_cli.circumstances import FollowUp
from delegate_cli.encoders import Vectors
from delegate_cli.loaded import Loaded, Ranking
from delegate_cli.retrievers.fused import Query

# Fitted on tests/data/dialogues.jsonl and, as turns that do not depend, the labelled tasks each with an unrelated context:
# constant, log of the words, starts like an answer, points back, and the log-odds of what the head says of the task alone.
WEIGHTS = (5.4, -3.75, 1.2, 0.6, -0.51)
_EDGE = 0.02  # keeps those log-odds within -4 and 4
STAYS = 0.9  # of the turns that depend, those that stay with the agent that asked, where it and the context are both known
LEADS = 0.5  # from here on the task is looked up together with its context
SURE = 0.97  # the most that the reading as a follow-up may count
CONTEXT = 400  # characters of the end of a context: the encoder reads about 128 tokens, and the task must be among them
# Patterns are compiled when there is an earlier turn, which most tasks do not have.
_SPEAKER = r"(?im)^\s*(user|agent|assistant|customer|human|ai|bot|system)\s*:\s*"
_WORD = r"[\u3040-\u9fff\uac00-\ud7af]{1,2}|[^\W\u3040-\u9fff\uac00-\ud7af]+"  # two characters of Chinese are a word
_BACK = "that this those these them they it its both neither either one ones first second third last former latter other same"
_ANSWER = f"yes yeah yep no nope not ok okay sure please exactly right fine and but then with without only by {_BACK}"
_STARTS = rf"(?i)\W*(the\s+)?({'|'.join(_ANSWER.split())}|as|for|in|at|on|from|to)\b"
_POINTS = rf"(?i)\b({'|'.join(_BACK.split())}|him|her|instead|then)\b"


def read(
    ready: Loaded, task: str, vector: Vectors | None, ask: Ask, previous: int | None, ranked: Callable[[Query], Ranking]
) -> tuple[Query, Ranking, FollowUp | None]:
    """The task as it is looked up, and the head's ranking: by itself, and where something came before, with that.

    Args:
        vector: the task's, if it is known already.
        previous: the place of the agent that had the task before, if that is an eligible one.
        ranked: ranks the eligible agents.
    """
    query = ready.query(task, vector)
    alone = ranked(query)
    if ask.context is None and previous is None:
        return query, alone, None
    weight = depends(task, float(alone.probability[0]))
    joint = None
    if ask.context is not None:
        both = ready.query(joined(ask.context, task))
        joint = ranked(both)
        query = both if weight >= LEADS else query
    turn = FollowUp(weight, ask.context is not None, None if previous is None else ask.previous)
    return query, mixed(alone, joint, previous, weight), turn


def depends(task: str, clear: float) -> float:
    """The probability, in [0, 1], that a task cannot be understood without the turn before it.

    Args:
        clear: what the likeliest agent gets for the task alone, in [0, 1].
    """
    words = max(len(re.findall(_WORD, task)), 1)
    alone = math.log((clear + _EDGE) / (1.0 - clear + _EDGE))
    features = (
        1.0,
        math.log(words),
        float(re.match(_STARTS, task) is not None),
        float(re.search(_POINTS, task) is not None),
        alone,
    )
    return 1.0 / (1.0 + math.exp(-sum(weight * feature for weight, feature in zip(WEIGHTS, features, strict=True))))


def joined(context: str, task: str) -> str:
    """The end of a context, without the names of the speakers, and the task."""
    return f"{re.sub(_SPEAKER, '', context).strip()[-CONTEXT:]}\n{task}"


def mixed(alone: Ranking, joint: Ranking | None, previous: int | None, weight: float) -> Ranking:
    """Both readings in one ranking of the same agents.

    Args:
        joint: of context and task together, or None without a context.
        previous: place of the agent that asked, one of the ranked ones, or None.
        weight: the probability that the task depends on what came before.
    """
    chances = _spread(alone)
    after = np.zeros_like(chances) if joint is None else _spread(joint)
    if previous is not None:
        stays = 1.0 if joint is None else STAYS
        after *= 1.0 - stays
        after[previous] += stays
    chances = (1.0 - SURE * weight) * chances + SURE * weight * after
    none = max(1.0 - float(chances.sum()), 0.0)
    probability = chances[alone.places]
    order = np.lexsort((alone.places, -probability))
    probability = probability[order]
    share = probability / max(float(probability.sum()), 1e-12)
    leading = alone if joint is None or weight < LEADS else joint
    return Ranking(alone.places[order], probability, share, none, leading.views, leading.missed)


def _spread(ranking: Ranking) -> NDArray[np.float64]:
    """Probabilities by place."""
    spread = np.zeros(int(ranking.places.max()) + 1)
    spread[ranking.places] = ranking.probability
    return spread
