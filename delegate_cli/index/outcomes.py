"""What became of tasks, kept beside the index: one file OUTCOMES, swapped in by one rename, that only its owner may read."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from delegate_cli.encoders import Vectors
from delegate_cli.index import store
from delegate_cli.index.sealed import forget, replace_file

NAME = "OUTCOMES"


class Kept(NamedTuple):
    """Unit vectors of shape (tasks, dimension), the id of who did each, and its success in [0, 1], shape (tasks,)."""

    vectors: Vectors
    agents: tuple[str, ...]
    success: Vectors


def read(folder: Path, encoder: str) -> Kept | None:
    """The outcomes of a roster; None where there are none.

    Raises:
        Unusable: the file is damaged, or was made with another encoder.
    """
    try:
        arrays = load((folder / NAME).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, SafetensorError) as error:
        raise store.Unusable(f"it cannot be read ({str(error)[:60]})") from None
    agents = tuple(bytes(arrays["agents"]).decode("utf-8").split("\n"))
    if bytes(arrays["encoder"]).decode("utf-8") != encoder:
        raise store.Unusable("it was made with another encoder")
    return Kept(arrays["vectors"], agents, arrays["success"])


def write(folder: Path, encoder: str, vectors: Vectors, agents: Sequence[str], success: Sequence[float]) -> None:
    """Replace the outcomes, under `store.lock`; without any the file is removed. `encoder` is a fingerprint.

    Raises:
        IndexUnavailable: it cannot be written; the former one stays.
    """
    if not len(agents):
        forget(folder / NAME)
        return
    names, made_with = (np.frombuffer(text.encode("utf-8"), dtype=np.uint8) for text in ("\n".join(agents), encoder))
    arrays = {"vectors": np.ascontiguousarray(vectors, dtype=np.float32), "agents": names, "encoder": made_with}
    replace_file(folder / NAME, save(arrays | {"success": np.array(success, dtype=np.float32)}))
