"""The compiled encoder at run time: tokenizers and onnxruntime, nothing else (this is their home file).

Every text is encoded on its own: dynamic quantisation scales by the whole batch, so that in a batch a vector would
depend on its neighbours.
"""

from pathlib import Path
from weakref import WeakValueDictionary

import numpy as np
import onnxruntime
import tokenizers

from delegate_cli.encoders import Vectors, catalog
from delegate_cli.errors import EncoderError

MAX_WINDOWS = 8
_CHARS_PER_TOKEN = 12  # far above any language's average, so that cutting the text never cuts a window


_in_use: WeakValueDictionary[tuple[object, ...], "OnnxEncoder"] = WeakValueDictionary()


def open_encoder(folder: Path) -> "OnnxEncoder":
    """The compiled encoder in a folder: the one in use already, unless its files have changed since; loading takes 60 ms.

    Raises:
        EncoderError: the folder holds no whole compiled encoder.
    """
    facts = catalog.read_facts(folder)
    try:
        files = [(folder / name).stat() for name in facts["files"]] if facts is not None else []
    except OSError:  # removed just now
        files = []
    key = (folder.resolve(), *((file.st_ino, file.st_size, file.st_mtime_ns) for file in files))
    encoder = _in_use.get(key)
    if encoder is None:
        _in_use[key] = encoder = OnnxEncoder(folder)
    return encoder


class OnnxEncoder:
    """A compiled encoder; safe to use from several threads.

    Raises:
        EncoderError: the folder holds no whole compiled encoder.
    """

    def __init__(self, folder: Path) -> None:
        facts = catalog.read_facts(folder)
        if facts is None:
            raise EncoderError(f"the compiled encoder in {folder} is missing or damaged", "run: delegate index rebuild")
        self.name: str = facts["name"]
        self.fingerprint: str = folder.name
        self.dimension: int = facts["dimension"]
        self.window: int = facts["window"]  # tokens, with the two special ones
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # a text of a few words is too short to share out
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # done when compiled
        try:
            self._session = onnxruntime.InferenceSession(str(folder / "model.ort"), options, providers=["CPUExecutionProvider"])
            self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # both libraries raise bare Exception subclasses of their own
            raise EncoderError(
                f"the compiled encoder in {folder} cannot be loaded ({str(error)[:120]})",
                "remove that folder and run: delegate index rebuild",
            ) from None
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def encode(self, text: str) -> Vectors:
        """One text → unit vector of shape (dimension,), float32.

        A text longer than one window is cut into at most eight, and their mean is taken.
        """
        text = text[: self.window * MAX_WINDOWS * _CHARS_PER_TOKEN]
        ids = self._tokenizer.encode(text).ids
        if len(ids) <= self.window:
            return self._run(ids)
        first, last, body = ids[:1], ids[-1:], ids[1:-1]
        step = self.window - 2
        starts = range(0, min(len(body), step * MAX_WINDOWS), step)
        total = np.sum([self._run(first + body[start : start + step] + last) for start in starts], axis=0)
        unit: Vectors = (total / max(float(np.linalg.norm(total)), 1e-9)).astype(np.float32)
        return unit

    def _run(self, ids: list[int]) -> Vectors:
        tokens = np.asarray([ids], dtype=np.int64)
        vector: Vectors = self._session.run(None, {"input_ids": tokens, "attention_mask": np.ones_like(tokens)})[0][0]
        return vector
