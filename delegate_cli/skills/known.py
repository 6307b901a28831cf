"""Inferred profiles as `route` reads them: told figures of each agent and skill, and the skills' vectors. Light."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from delegate_cli.index import store
from delegate_cli.skills.weighing import weigh

NAME = "SKILLS"
FORMAT = 1  # raise when an array means something else than before
ARRAYS = ("mean", "std", "low", "high")
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Told:
    """One skill of one agent; `trials` of None: it was inferred, 0: measured, and nobody counted."""

    skill: str
    weight: float
    mean: float
    std: float
    trials: int | None
    bounded: bool = True

    @property
    def observed(self) -> bool:
        return self.trials is not None

    def __str__(self) -> str:
        """Such as `math 0.91 (120 trials)` or `code 0.84 ± 0.05 inferred`."""
        places = 2 if self.bounded else 0
        number = f"{self.skill} {self.mean:.{places}f}"
        if self.trials is None:
            return f"{number} ± {self.std:.{places}f} inferred"
        return f"{number} observed" + (f" ({self.trials} trials)" if self.trials else "")


@dataclass(frozen=True, slots=True)
class Known:
    """Figures by name, shape (agents, skills); `trials` is -1 for what was inferred; vectors of shape (skills, dimension)."""

    agents: tuple[str, ...]
    skills: tuple[str, ...]
    bounded: tuple[bool, ...]
    figures: Mapping[str, Vectors]
    trials: Vectors
    vectors: Vectors
    encoder: str
    digest: str

    def weights(self, task: Vectors) -> dict[str, float]:
        """Which skills a task needs (`weighing.weigh`)."""
        return weigh(self.skills, self.vectors, task)

    def told(self, agent: str, weights: Mapping[str, float]) -> list[Told]:
        """These skills of an agent, the weightiest first; empty for an agent without a profile."""
        if agent not in self.agents:
            return []
        row = self.agents.index(agent)
        places = [(self.skills.index(name), weight) for name, weight in weights.items()]
        return [
            Told(
                self.skills[at],
                weight,
                float(self.figures["mean"][row, at]),
                float(self.figures["std"][row, at]),
                None if self.trials[row, at] < 0 else int(self.trials[row, at]),
                self.bounded[at],
            )
            for at, weight in sorted(places, key=lambda each: (-each[1], self.skills[each[0]]))
        ]

    def packed(self) -> bytes:
        """As a file."""
        words: dict[str, Any] = {name: getattr(self, name) for name in ("agents", "skills", "bounded", "encoder", "digest")}
        text = np.frombuffer(json.dumps({"format": FORMAT, **words}).encode(), dtype=np.uint8)
        arrays = {name: np.ascontiguousarray(self.figures[name], dtype=np.float32) for name in ARRAYS}
        trials, vectors = (np.ascontiguousarray(each, dtype=np.float32) for each in (self.trials, self.vectors))
        return bytes(save({**arrays, "trials": trials, "vectors": vectors, "words": text}))


def read(folder: Path) -> Known | None:
    """The profiles of a roster; None where nothing was inferred.

    Raises:
        Unusable: the file is damaged, or was made by another version.
    """
    try:
        arrays = load((folder / NAME).read_bytes())
        words = json.loads(bytes(arrays["words"]))
        if words["format"] != FORMAT:
            raise store.Unusable("it was made by another version")
        figures = {name: arrays[name] for name in ARRAYS}
        names = (tuple(words["agents"]), tuple(words["skills"]), tuple(words["bounded"]))
        shape = (len(names[0]), len(names[1]))
        if any(each.shape != shape for each in (*figures.values(), arrays["trials"])) or len(arrays["vectors"]) != shape[1]:
            raise store.Unusable("it is damaged")
        return Known(*names, figures, arrays["trials"], arrays["vectors"], words["encoder"], words["digest"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise store.Unusable(f"it cannot be read ({error.strerror})") from None
    except (SafetensorError, KeyError, ValueError, TypeError):
        raise store.Unusable("it is damaged") from None
