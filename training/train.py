"""`make train DATA=folder`: fine-tunes the packaged encoder for telling agents apart.

Each step draws one roster, some of its agents (rivals among them), their requests and cards; every text must be nearer to
those of its own agent than to all others in the batch (InfoNCE, van den Oord et al. 2018, with several right answers), while
the similarities of general sentences stay what they were. Deterministic from its seed on one machine; a checkpoint every
few minutes, from which an interrupted run goes on.
"""

import argparse
import json
import os
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

from delegate_cli.encoders.batches import Batch, Pool, draw
from delegate_cli.encoders.compile import packaged
from delegate_cli.encoders.learn import WINDOW, contrast, encode, rate_at, rivals_of, vectors_of
from training.pools import field, general_sentences, read_pools, share
from training.written import FAMILY as WRITTEN

ANCHORS = 24  # general sentences a step
CHECKPOINT = 180.0  # seconds
CHECKS = 4  # batches of each family for validation
VALIDATE = 100  # steps from one validation to the next


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("build/encoder"))
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--rate", type=float, default=3e-5)
    parser.add_argument("--anchor", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--hold", type=float, default=0.0, help="weight of: no wrong pair nearer than it was")
    parser.add_argument("--leave", nargs="*", default=[], help="families to leave out")
    options = parser.parse_args()
    train(options)


def load() -> SentenceTransformer:
    model = SentenceTransformer(str(packaged()), device="cpu")
    model.max_seq_length = WINDOW
    return model


def train(options: argparse.Namespace) -> None:
    """The whole run: `options` are those of the command line."""
    options.out.mkdir(parents=True, exist_ok=True)
    every = read_pools(options.data)
    pools = [pool for pool in every if pool.family not in options.leave]
    model, published = load().eval(), load().eval()
    rivals = Rivals(published)
    anchors = general_sentences(options.data)
    base = torch.from_numpy(vectors_of(model, anchors))
    print(f"{len(pools)} rosters, {len(anchors)} general sentences", flush=True)
    families = [[pool for pool in every if pool.family == family] for family in sorted({pool.family for pool in every})]
    checks = [drawn(family, every, rivals, random.Random(number)) for family in families for number in range(CHECKS)]
    for name, parameter in model.named_parameters():
        parameter.requires_grad = ".layer." in name  # the vocabulary stays: rare words and other languages are left alone
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=options.rate, weight_decay=0.01)
    start = resume(options.out, model, optimiser)
    saved = started = time.monotonic()
    for step in range(start, options.steps):
        chance = random.Random(f"{options.seed} {step}")
        pool, batch = drawn(pools, pools, rivals, chance)
        torch.manual_seed(options.seed * 1_000_003 + step)  # dropout
        model.train()
        vectors = encode(model, list(batch.texts))
        loss = contrast(vectors, batch)
        if options.hold:
            loss = loss + options.hold * nearer(vectors, torch.from_numpy(vectors_of(published, list(batch.texts))), batch)
        drift = torch.zeros(())
        if anchors:
            rows = chance.sample(range(len(anchors)), min(ANCHORS, len(anchors)))
            now = encode(model, [anchors[row] for row in rows])
            drift = ((now @ now.T - base[rows] @ base[rows].T) ** 2).mean()
        for group in optimiser.param_groups:
            group["lr"] = options.rate * rate_at(step, options.steps)
        (loss + options.anchor * drift).backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        optimiser.zero_grad()
        log(options.out, {"step": step, "set": pool.name, "loss": round(loss.item(), 4), "drift": round(drift.item(), 5)})
        if (step + 1) % VALIDATE == 0:
            log(options.out, {"step": step, "validation": validate(model, checks)})
        if time.monotonic() - saved > CHECKPOINT:
            save_checkpoint(options.out, step + 1, model, optimiser)
            saved = time.monotonic()
    print(f"{options.steps - start} steps in {time.monotonic() - started:.0f} s", flush=True)
    finish(options, model, pools)


def nearer(now: torch.Tensor, before: torch.Tensor, batch: Batch) -> torch.Tensor:
    """By how much wrong pairs have come nearer than they were, squared, on average.

    Only order counts for the other loss; whether anybody fits is seen by how near the nearest is.
    """
    owner = torch.from_numpy(batch.owner)
    wrong = (owner[:, None] != owner[None, :]) & torch.from_numpy(batch.allowed)
    return torch.relu(now @ now.T - before @ before.T)[wrong].square().mean()


class Rivals:
    """Rivals of each pool by the published model, found when first asked for: of hundreds of rosters that takes minutes."""

    def __init__(self, published: SentenceTransformer) -> None:
        self._published = published
        self._known: dict[str, NDArray[np.int64]] = {}

    def of(self, pool: Pool) -> NDArray[np.int64]:
        """As `rivals_of` gives them."""
        if pool.name not in self._known:
            self._known[pool.name] = rivals_of(self._published, pool)
        return self._known[pool.name]


def drawn(pools: list[Pool], every: list[Pool], rivals: Rivals, chance: random.Random) -> tuple[Pool, Batch]:
    """One of the pools by its share, and a batch of it, with requests of other fields that nobody in it fits."""
    pool = chance.choices(pools, [share(pool) for pool in pools])[0]
    others = [other for other in every if field(other) != field(pool)]
    return pool, draw(pool, others, rivals.of(pool), chance)


def validate(model: SentenceTransformer, checks: list[tuple[Pool, Batch]]) -> dict[str, float]:
    """Mean loss by family over fixed batches of all families, those left out of the training among them."""
    model.eval()
    losses: dict[str, list[float]] = {}
    with torch.inference_mode():
        for pool, batch in checks:
            losses.setdefault(pool.family, []).append(contrast(encode(model, list(batch.texts)), batch).item())
    return {family: round(sum(each) / len(each), 4) for family, each in sorted(losses.items())}


def log(out: Path, facts: dict[str, Any]) -> None:
    with (out / "log.jsonl").open("a") as file:
        file.write(json.dumps(facts) + "\n")


def finish(options: argparse.Namespace, model: SentenceTransformer, pools: list[Pool]) -> None:
    """Write the trained encoder and how it was made."""
    recipe = {name: getattr(options, name) for name in ("steps", "rate", "anchor", "hold", "seed")}
    sets = dict.fromkeys(WRITTEN if pool.family == WRITTEN else pool.name for pool in pools)
    card = {**recipe, "sets": list(sets), "date": time.strftime("%Y-%m-%d"), "torch": torch.__version__}
    model.max_seq_length = 256
    model.eval().save(str(options.out / "model"))
    (options.out / "card.json").write_text(json.dumps(card, indent=1) + "\n")


def save_checkpoint(out: Path, step: int, model: SentenceTransformer, optimiser: torch.optim.Optimizer) -> None:
    path = out / "checkpoint.pt"
    torch.save({"step": step, "model": model.state_dict(), "optimiser": optimiser.state_dict()}, path.with_suffix(".new"))
    os.replace(path.with_suffix(".new"), path)


def resume(out: Path, model: SentenceTransformer, optimiser: torch.optim.Optimizer) -> int:
    path = out / "checkpoint.pt"
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["step"])


if __name__ == "__main__":
    main()
