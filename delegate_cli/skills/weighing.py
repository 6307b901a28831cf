"""Which skills a task needs, by its own words: the skills whose names or descriptions are nearest to it."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

LEAST = 0.2  # cosine similarity below which a skill has nothing to do with a task
BAND = 0.15  # below the nearest skill, where others still count
SOFT = 0.08  # of the similarities: a skill this much farther than the nearest has a weight of 0.37
MOST = 5
Vectors = NDArray[np.float32]


def described(skill: str, descriptions: Mapping[str, str]) -> str:
    """The text of a skill that tasks are compared with."""
    words = skill.replace("_", " ").replace("-", " ").replace(":", " ").strip()
    return f"{words}: {descriptions[skill]}" if skill in descriptions else words


def weigh(skills: Sequence[str], vectors: Vectors, task: Vectors) -> dict[str, float]:
    """Weights in (0, 1] of the skills that the task is near to, the nearest first; empty where none is.

    Args:
        vectors: unit vectors of the skills, shape (skills, dimension).
        task: a unit vector of shape (dimension,).
    """
    if not len(skills):
        return {}
    similarity = np.asarray(vectors @ task, dtype=np.float64)
    best = float(similarity.max())
    if best < LEAST:
        return {}
    order = np.argsort(-similarity, kind="stable")[:MOST].tolist()
    near = [at for at in order if similarity[at] >= max(LEAST, best - BAND)]
    return {skills[at]: round(float(np.exp((similarity[at] - best) / SOFT)), 3) for at in near}
