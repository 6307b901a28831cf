"""An encoder that is an endpoint: texts go to /v1/embeddings of OpenAI or a compatible server, each text once.

Vectors are kept by text in the answer cache. Whole cards and tasks leave the machine, unless the endpoint is on it: a roster
or an agent with `local_only`, and a roster that wants its texts redacted, may not use it.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from delegate_cli.encoders import Vectors, catalog
from delegate_cli.encoders.catalog import EncoderSource, Endpoint
from delegate_cli.endpoints import Reply, Request, is_loopback
from delegate_cli.endpoints.background import Background
from delegate_cli.endpoints.cache import FILE, AnswerCache
from delegate_cli.endpoints.client import Client
from delegate_cli.endpoints.wire import answer_key
from delegate_cli.errors import EncoderError
from delegate_cli.settings import Llm, Settings

BATCH = 32  # texts in a request, which is what the strictest servers take
_LONGEST = 8000  # characters of a text; the usual limit is 8,192 tokens
_PROBE = "dimension"


class RemoteEncoder:
    """Vectors of an endpoint; safe to use from several threads.

    Args:
        source: which endpoint and model.
        home: DELEGATE_HOME, where vectors and the dimension are kept.
        settings: `llm` has time limit, retries, pace, concurrency and, for the same host, the key. Its budget and its limit
            of calls are for deciding: they do not count embeddings.
        local_only: whether the roster or one of its agents may not leave this machine.

    Raises:
        EncoderError: texts may not be sent there, or what comes back are no vectors.
        EndpointError: there is no answer.
    """

    def __init__(
        self, source: EncoderSource, home: Path, settings: Settings, local_only: bool, say: Callable[[str], None]
    ) -> None:
        assert source.endpoint is not None
        _check_may_send(source.endpoint, settings, local_only)
        self.name = source.name
        self._endpoint = source.endpoint
        self._folder = source.folder(home)
        self._cache = AnswerCache(home / FILE, settings.llm.cache_mb, say)
        self._client = Client(_llm_of(source.endpoint, settings.llm))
        self._background = Background(self._client.close)
        self._ahead: dict[str, Vectors] = {}
        facts = catalog.read_facts(self._folder)
        try:
            self.dimension: int = int(facts["dimension"]) if facts is not None else self._find_dimension()
        except BaseException:
            self.close()
            raise
        self.fingerprint: str = source.known_fingerprint(home)

    def encode(self, text: str) -> Vectors:
        """One text → unit vector of shape (dimension,), float32; of a very long text the beginning counts."""
        text = text[:_LONGEST]
        vector = self._ahead.pop(text, None)
        if vector is None:
            vector = self._kept(text)
        if vector is None:
            vector = self._ask([text])[0]
            self._keep(text, vector)
        return self._checked(vector)

    def prefetch(self, texts: Sequence[str], progress: Callable[[int, int], None]) -> None:
        """Ask for many texts in few requests; `encode` then has them at hand. Vectors are kept as they come."""
        wanted = []
        for text in dict.fromkeys(text[:_LONGEST] for text in texts):
            vector = self._kept(text)
            if vector is None:
                wanted.append(text)
            else:
                self._ahead[text] = vector
        for start in range(0, len(wanted), BATCH):
            progress(start, len(wanted))
            group = wanted[start : start + BATCH]
            for text, vector in zip(group, self._ask(group), strict=True):
                self._keep(text, vector)
                self._ahead[text] = vector

    def close(self) -> None:
        """End connections and thread; also done when the encoder is forgotten or the program ends."""
        self._background.close()
        self._cache.close()

    def _ask(self, texts: list[str]) -> list[Vectors]:
        body = {"model": self._endpoint.model, "input": texts, "encoding_format": "float"}
        reply: Reply = self._background.run(self._client.ask(Request("embeddings", body)))
        try:
            return list(_vectors(reply.body, len(texts)))
        except (KeyError, IndexError, TypeError, ValueError, OverflowError):
            raise EncoderError(
                f"{self.name} answered with something that is no list of {len(texts)} vectors",
                "name a model that makes embeddings, or use the packaged encoder",
            ) from None

    def _key(self, text: str) -> bytes:
        return answer_key(self._endpoint.url, self._endpoint.model, "vector", text.encode("utf-8", "replace"))

    def _kept(self, text: str) -> Vectors | None:
        kept = self._cache.get(self._key(text))
        if kept is None or len(kept.body) != 4 * self.dimension:
            return None
        return np.frombuffer(kept.body, dtype="<f4").astype(np.float32)

    def _keep(self, text: str, vector: Vectors) -> None:
        if len(vector) == self.dimension:
            self._cache.put(self._key(text), self._endpoint.model, vector.astype("<f4").tobytes())

    def _checked(self, vector: Vectors) -> Vectors:
        if len(vector) == self.dimension:
            return vector
        (self._folder / "encoder.json").unlink(missing_ok=True)  # it is found out again, and the index made anew
        raise EncoderError(
            f"{self.name} now gives vectors of {len(vector)} numbers instead of {self.dimension}", "run: delegate index rebuild"
        )

    def _find_dimension(self) -> int:
        """Ask once, and remember it: the index of another dimension is another index."""
        dimension = len(self._ask([_PROBE])[0])
        facts = {"name": self.name, "dimension": dimension, "files": {}, "precision": "remote"}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            work = self._folder / f".encoder-{os.getpid()}"
            work.write_text(json.dumps(facts))
            os.replace(work, self._folder / "encoder.json")
        except OSError as error:
            raise EncoderError(
                f"cannot write to {self._folder}: {error.strerror or error}",
                "free some space, or set DELEGATE_HOME to a folder that you may write",
            ) from None
        return dimension


def _vectors(body: Any, count: int) -> Iterator[Vectors]:
    """Unit vectors in the order of the texts. Raises the error of whatever does not fit."""
    places = {int(each.get("index", place)): each["embedding"] for place, each in enumerate(body["data"])}
    rows = np.asarray([places[place] for place in range(count)], dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=-1)
    if rows.ndim != 2 or len(places) != count or not np.isfinite(lengths).all() or lengths.min() <= 0:
        raise ValueError
    yield from rows / lengths[:, None]


def _llm_of(endpoint: Endpoint, llm: Llm) -> Llm:
    """The settings of the deciding endpoint for this one; its key only where it is the same host."""
    same = urlsplit(endpoint.url)[:2] == urlsplit(llm.url)[:2]
    chosen = replace(llm, base_url=endpoint.url, model=endpoint.model, budget_usd=None, max_calls=None, prices=None)
    return chosen if same else replace(chosen, key_env=None, key_command=None)


def _check_may_send(endpoint: Endpoint, settings: Settings, local_only: bool) -> None:
    if is_loopback(endpoint.url):
        return
    host = urlsplit(endpoint.url).netloc
    fix = f"use an encoder on this machine, such as {catalog.PACKAGED}"
    if local_only or settings.local_only:
        raise EncoderError(f"the encoder would send texts to {host}, but the roster or an agent of it is local_only", fix)
    if settings.llm.redact:
        raise EncoderError(f"the encoder would send texts to {host} as they are, but llm.redact is set", fix)
