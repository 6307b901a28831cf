"""Similarity search over parts. The home file of FAISS; outside it there are similarities only, never distances."""

from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from delegate_cli.encoders import Vectors

FLAT_LIMIT = 50_000  # vectors; above it an HNSW graph is searched
faiss.omp_set_num_threads(1)


class PartIndex:
    """FAISS inner-product index of unit vectors, so that scores are cosine similarities in [-1, 1]."""

    def __init__(self, index: Any) -> None:
        self._index = index
        self.vectors: Vectors = index.reconstruct_n(0, index.ntotal)  # shape (parts, dimension)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @classmethod
    def build(cls, vectors: Vectors, flat_limit: int = FLAT_LIMIT) -> "PartIndex":
        """Index unit vectors of shape (parts, dimension)."""
        dimension = vectors.shape[1]
        if len(vectors) <= flat_limit:
            index: Any = faiss.IndexFlatIP(dimension)
        else:
            index = faiss.IndexHNSWFlat(dimension, 32, faiss.METRIC_INNER_PRODUCT)
            index.hnsw.efConstruction = 80
            index.hnsw.efSearch = 256
        index.add(np.ascontiguousarray(vectors, dtype=np.float32))
        return cls(index)

    @classmethod
    def from_bytes(cls, data: bytes) -> "PartIndex":
        """Read what `to_bytes` wrote; raises RuntimeError when it is damaged."""
        return cls(faiss.deserialize_index(np.frombuffer(data, dtype=np.uint8)))

    def to_bytes(self) -> bytes:
        """The index as FAISS writes it."""
        return bytes(faiss.serialize_index(self._index).tobytes())

    def search(
        self, vector: Vectors, count: int, allowed: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], Vectors]:
        """The nearest parts (rows, similarities), best first; `allowed` restricts the rows."""
        if allowed is not None:  # exact: FAISS's filtered graph search stops early and may come back with nothing
            near = self.vectors[allowed] @ vector
            best = np.lexsort((allowed, -near))[:count]
            return allowed[best], near[best]
        similarity, rows = self._index.search(vector[None], min(count, len(self)))
        found = rows[0] >= 0
        return rows[0][found], similarity[0][found]
