"""BM25 over character 4-grams of each agent's card and sample requests.

bm25s computes the weights when the index is built; at run time a task's score is a sum of stored numbers. (bm25s
imports scipy where it finds it, 200 ms, so this file reaches it only to build.) Words do worse: on the public dev sets
4-grams give a log loss of 0.492 against 0.513 with words, and both together 0.500.
"""

import logging
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delegate_cli.agents import Agent
from delegate_cli.index.parts import spoken

SIZE = 4
K1 = 1.2
B = 0.75
MAX_TASK = 20_000  # characters of a task that are looked at
_WORD = re.compile(r"[^\W_]+")
Scores = NDArray[np.float32]


def grams(text: str) -> list[str]:
    """The character 4-grams of a text's words, lower case, with single spaces between words and at both ends."""
    line = " " + " ".join(_WORD.findall(text[:MAX_TASK].casefold())) + " "
    return [line[start : start + SIZE] for start in range(max(1, len(line) - SIZE + 1))]


def document(agent: Agent, examples: Sequence[str]) -> str:
    """The text of an agent that tasks are compared with word by word."""
    return " ".join((spoken(agent.name), agent.description, *examples))


def build(documents: Sequence[Sequence[str]], vocabulary: dict[str, int]) -> dict[str, Any]:
    """BM25 weights (Lucene's form) of documents given as lists of grams, as a matrix by gram.

    Args:
        documents: one list of grams an agent.
        vocabulary: gram → number; grams outside it are left out.

    Returns:
        `bm25_weight` and `bm25_agent` of shape (entries,), `bm25_start` of shape (grams + 1,), `bm25_idf` of shape
        (grams,).
    """
    import bm25s

    logging.getLogger("bm25s").setLevel(logging.WARNING)
    ids = [[vocabulary[gram] for gram in document if gram in vocabulary] for document in documents]
    model = bm25s.BM25(k1=K1, b=B, method="lucene", dtype="float32", int_dtype="int32")
    model.index((ids, vocabulary), create_empty_token=False, show_progress=False)
    start = np.asarray(model.scores["indptr"], dtype=np.int64)
    frequency = np.diff(start)
    return {
        "bm25_weight": np.asarray(model.scores["data"], dtype=np.float32),
        "bm25_agent": np.asarray(model.scores["indices"], dtype=np.int32),
        "bm25_start": start,
        "bm25_idf": np.log(1 + (len(documents) - frequency + 0.5) / (frequency + 0.5)).astype(np.float32),
    }


def blend(more: dict[str, Any], less: dict[str, Any], weight: float, agents: int) -> dict[str, Any]:
    """The mean of two of what `build` gives, with this weight on the first; every entry of the second is one of the first."""
    keys = [
        np.repeat(np.arange(len(each["bm25_start"]) - 1), np.diff(each["bm25_start"])) * agents + each["bm25_agent"]
        for each in (more, less)
    ]
    order = np.argsort(keys[0], kind="stable")
    mean = weight * more["bm25_weight"]
    mean[order[np.searchsorted(keys[0][order], keys[1])]] += (1 - weight) * less["bm25_weight"]
    idf = weight * more["bm25_idf"] + (1 - weight) * less["bm25_idf"]
    return {**more, "bm25_weight": mean.astype(np.float32), "bm25_idf": idf.astype(np.float32)}


class LexicalIndex:
    """BM25 scores of a task against every agent, as a share of the highest score a task's grams could give."""

    def __init__(self, arrays: dict[str, Any], vocabulary: dict[str, int], agents: int) -> None:
        self._weight = arrays["bm25_weight"]
        self._agent = arrays["bm25_agent"]
        self._start = arrays["bm25_start"]
        self._idf = arrays["bm25_idf"]
        self._vocabulary = vocabulary
        self._agents = agents
        self._unknown = float(np.log(1 + (agents + 0.5) / 0.5))  # the inverse document frequency of an unseen gram

    def scores(self, text: str) -> Scores:
        """Shape (agents,), in [0, 1): 0 where no gram is shared."""
        counts = Counter(grams(text))
        known = [number for gram in counts if (number := self._vocabulary.get(gram)) is not None]
        if not known:
            return np.zeros(self._agents, dtype=np.float32)
        most = float(self._idf[known].sum()) + self._unknown * (len(counts) - len(known))
        spans = [slice(self._start[number], self._start[number + 1]) for number in known]
        agents = np.concatenate([self._agent[span] for span in spans])
        weights = np.concatenate([self._weight[span] for span in spans])
        total = np.bincount(agents, weights=weights, minlength=self._agents)
        return (total / most).astype(np.float32)
