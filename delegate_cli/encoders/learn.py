"""What training an encoder takes: gradients, the loss, the rate, and low-rank matrices as what learns.

Shared by `delegate tune` and by the recipe of the shipped adapter. The second home file of torch; only training reaches it.
"""

import math
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch.nn.utils import parametrize

from delegate_cli.encoders import Vectors, adapter, catalog
from delegate_cli.encoders.batches import Batch, Pool
from delegate_cli.errors import EncoderError

SCALE = 20.0
WINDOW = 64  # tokens in training
TOGETHER = 24  # texts of like length that are encoded at once
RIVALS = 12
ANCHORS = 24  # general texts a step
MOST_THREADS = 4


@dataclass(frozen=True, slots=True)
class Recipe:
    """How low-rank changes are trained: `steps` at most, rank of each matrix's change, weight of the anchor."""

    steps: int
    seed: int
    rate: float = 5e-4
    rank: int = 16
    anchor: float = 10.0


def encode(model: Any, texts: list[str], window: int = WINDOW, exact: bool = False) -> torch.Tensor:
    """Unit vectors with gradients, shape (texts, dimension); texts of like length together, since padding costs time.

    Args:
        model: a SentenceTransformer.
        window: tokens; what is longer is cut off.
        exact: in full precision, which takes half as long again.
    """
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    found = []
    for start in range(0, len(order), TOGETHER):
        some = [texts[row] for row in order[start : start + TOGETHER]]
        tokens = model.tokenizer(some, padding=True, truncation=True, max_length=window, return_tensors="pt")
        with torch.autocast("cpu", torch.bfloat16, enabled=not exact and _has_bfloat16()):
            out = model(dict(tokens))["sentence_embedding"]
        found.append(torch.nn.functional.normalize(out.float(), dim=-1))
    return torch.cat(found)[torch.argsort(torch.tensor(order))]


def _has_bfloat16() -> bool:
    """Whether this processor computes in bfloat16; where it does not, that would take longer than full precision."""
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)())


def vectors_of(model: Any, texts: list[str], window: int = WINDOW, exact: bool = False) -> Vectors:
    """Unit vectors of the encoder as it is, shape (texts, dimension)."""
    order = np.argsort([len(text) for text in texts])
    found = []
    with torch.inference_mode():
        for start in range(0, len(texts), 64):
            rows = order[start : start + 64]
            found.append(encode(model, [texts[row] for row in rows], window, exact).numpy())
    vectors: Vectors = np.concatenate(found)[np.argsort(order)] if found else np.empty((0, 0), dtype=np.float32)
    return vectors


def contrast(vectors: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Mean over texts of −log P(right | all others), over all right ones of each text."""
    owner = torch.from_numpy(batch.owner)
    allowed = torch.from_numpy(batch.allowed)
    logits = (SCALE * vectors @ vectors.T).masked_fill(~allowed, -math.inf)
    same = (owner[:, None] == owner[None, :]) & (owner[:, None] >= 0) & allowed
    wrong = torch.logsumexp(logits.masked_fill(same, -math.inf), dim=1, keepdim=True)
    each = torch.logaddexp(logits, wrong) - logits
    card = torch.from_numpy(batch.card)
    weight = same.float() * torch.where(card[:, None] & card[None, :], 0.0, 1.0)
    rows = weight.sum(dim=1)
    loss = torch.where(weight > 0, each, 0.0).sum(dim=1) / rows.clamp(min=1)
    return loss[rows > 0].mean()


def rivals_of(model: Any, pool: Pool) -> NDArray[np.int64]:
    """Places of the nearest agents by mean vector of the encoder, shape (agents, RIVALS)."""
    texts = [[agent.cards[0][0], *agent.requests[:4]] for agent in pool.agents]
    flat = vectors_of(model, [text for each in texts for text in each])
    sums = np.add.reduceat(flat, np.cumsum([0] + [len(each) for each in texts[:-1]]), axis=0)
    sums /= np.linalg.norm(sums, axis=1, keepdims=True)
    near = sums @ sums.T
    np.fill_diagonal(near, -2)
    return np.argsort(-near, axis=1)[:, :RIVALS]


def rate_at(step: int, steps: int) -> float:
    """Warm-up over a tenth, then down along a cosine."""
    warm = steps * 0.1
    return (step + 1) / warm if step < warm else 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm)))


class _LowRank(torch.nn.Module):  # type: ignore[misc]
    """A matrix → the matrix + up @ down, of which only the two learn (Hu et al. 2022). `up` starts at 0."""

    def __init__(self, rows: int, columns: int, rank: int) -> None:
        super().__init__()
        self.up = torch.nn.Parameter(torch.zeros(rows, rank))
        self.down = torch.nn.Parameter(torch.zeros(rank, columns))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight + self.up @ self.down


@dataclass(slots=True)
class Run:
    """One training run between its steps: how many it had, and the weights and moments that are its own."""

    steps: int
    weights: list[torch.Tensor]
    optimiser: dict[str, Any]


class Learner:
    """An encoder with low-rank changes of its layers that learn. Several runs may take turns in it.

    Args:
        model: the encoder to start from; its own weights never change.
        general: texts whose similarities are to stay what they are.
        recipe: how it is trained.

    Raises:
        EncoderError: the encoder has no layers of the usual kind.
    """

    def __init__(self, model: Any, general: Sequence[str], recipe: Recipe) -> None:
        torch.set_num_threads(max(1, min(MOST_THREADS, (os.cpu_count() or 1) // 2)))
        self.recipe = recipe
        self._window = int(model.max_seq_length or 256)
        self.model = model.requires_grad_(False).eval()
        self._general = list(general)
        self._meant = torch.from_numpy(vectors_of(model, self._general))
        self._changes = _with_low_rank(model, recipe.rank)
        self._learning = [weight for change in self._changes.values() for weight in (change.up, change.down)]

    def start(self) -> Run:
        """A run that has learnt nothing yet."""
        random = torch.Generator().manual_seed(self.recipe.seed)
        for change in self._changes.values():
            torch.nn.init.zeros_(change.up)
            torch.nn.init.normal_(change.down, std=change.down.shape[1] ** -0.5, generator=random)
        return Run(0, self._weights(), {})

    def train(self, run: Run, draw: Callable[[random.Random], Batch], until: int, stepped: Callable[[], None]) -> None:
        """Go on with a run, to this number of steps in all.

        Args:
            draw: gives a batch, from a generator that the seed and the step decide.
        """
        recipe = self.recipe
        optimiser = torch.optim.AdamW(self._learning, lr=recipe.rate, weight_decay=0.01)
        self.put(run)
        if run.optimiser:
            optimiser.load_state_dict(run.optimiser)
        self.model.train()
        for step in range(run.steps, until):
            chance = random.Random(f"{recipe.seed} {step}")
            torch.manual_seed(recipe.seed * 1_000_003 + step)  # dropout
            batch = draw(chance)
            loss = contrast(encode(self.model, list(batch.texts)), batch)
            for group in optimiser.param_groups:
                group["lr"] = recipe.rate * rate_at(step, recipe.steps)
            (loss + recipe.anchor * self._drift(chance)).backward()
            torch.nn.utils.clip_grad_norm_(self._learning, 1.0)
            optimiser.step()
            optimiser.zero_grad()
            stepped()
        self.model.eval()
        run.steps, run.weights, run.optimiser = until, self._weights(), optimiser.state_dict()

    def put(self, run: Run) -> None:
        """Let the model be as this run left it."""
        with torch.no_grad():
            for weight, kept in zip(self._learning, run.weights, strict=True):
                weight.copy_(kept)

    def vectors(self, texts: list[str]) -> Vectors:
        """Unit vectors of shape (texts, dimension), over the whole window, in full precision."""
        return vectors_of(self.model, texts, self._window, exact=True)

    def save(self, path: Path, base: str, card: str) -> None:
        """Write the adapter as it is now, for the encoder with this fingerprint (`encoders.adapter` has the format)."""
        parts: dict[str, torch.Tensor] = {}
        for name, change in self._changes.items():
            up, down = change.up.detach(), change.down.detach()
            widest = up.abs().amax(dim=0).clamp(min=1e-12), down.abs().amax(dim=1).clamp(min=1e-12)
            parts[f"{name}.up"] = (up / widest[0] * 127).round().to(torch.int8).contiguous()
            parts[f"{name}.down"] = (down / widest[1][:, None] * 127).round().to(torch.int8).contiguous()
            parts[f"{name}.scale"] = (widest[0] * widest[1] / 127**2).float()
        save_file(parts, str(path), {adapter.BASE: base, "card": card})

    def _drift(self, chance: random.Random) -> torch.Tensor:
        rows = chance.sample(range(len(self._general)), min(ANCHORS, len(self._general)))
        now = encode(self.model, [self._general[row] for row in rows])
        return ((now @ now.T - self._meant[rows] @ self._meant[rows].T) ** 2).mean()

    def _weights(self) -> list[torch.Tensor]:
        return [weight.detach().clone() for weight in self._learning]


def _with_low_rank(model: Any, rank: int) -> dict[str, _LowRank]:
    """Give each linear layer a low-rank change, by the name of its matrix."""
    found = {}
    for name, layer in list(model.named_modules()):
        if isinstance(layer, torch.nn.Linear) and ".layer." in name:
            rows, columns = layer.weight.shape
            change = _LowRank(rows, columns, rank)
            parametrize.register_parametrization(layer, "weight", change)
            found[f"{name}.weight"] = change
    if not found:
        raise EncoderError("this encoder has no layers that can be tuned", f"use {catalog.PACKAGED}")
    return found
