"""`make train DATA=folder`: fine-tunes the packaged encoder for telling agents apart.

Each step draws one roster, some of its agents (rivals among them), their requests and cards; every text must be nearer to
those of its own agent than to all others in the batch (InfoNCE, van den Oord et al. 2018, with several right answers), while
the similarities of general sentences stay what they were. Deterministic from its seed on one machine; a checkpoint every
few minutes, from which an interrupted run goes on.
"""

import argparse
import json
import math
import os
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from delegate_cli.encoders.compile import packaged
from training.batches import Batch, draw
from training.pools import SHARE, Pool, general_sentences, read_pools

SCALE = 20.0
WINDOW = 64  # tokens in training
TOGETHER = 24  # texts of like length that are encoded at once
ANCHORS = 24  # general sentences a step
CHECKPOINT = 180.0  # seconds
RIVALS = 12
CHECKS = 24  # batches for validation
VALIDATE = 100  # steps from one validation to the next


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("build/encoder"))
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--rate", type=float, default=3e-5)
    parser.add_argument("--anchor", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--leave", nargs="*", default=[], help="families to leave out")
    options = parser.parse_args()
    train(options)


def load() -> SentenceTransformer:
    model = SentenceTransformer(str(packaged()), device="cpu")
    model.max_seq_length = WINDOW
    return model


def encode(model: SentenceTransformer, texts: list[str]) -> torch.Tensor:
    """Unit vectors with gradients, shape (texts, dimension); texts of like length together, since padding costs time."""
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    found = []
    for start in range(0, len(order), TOGETHER):
        some = [texts[row] for row in order[start : start + TOGETHER]]
        tokens = model.tokenizer(some, padding=True, truncation=True, max_length=WINDOW, return_tensors="pt")
        with torch.autocast("cpu", torch.bfloat16):
            out = model(dict(tokens))["sentence_embedding"]
        found.append(torch.nn.functional.normalize(out.float(), dim=-1))
    return torch.cat(found)[torch.argsort(torch.tensor(order))]


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


def base_vectors(model: SentenceTransformer, texts: list[str]) -> Any:
    """Unit vectors of the encoder as it is, shape (texts, dimension)."""
    found = np.empty((len(texts), 384), dtype=np.float32)
    order = np.argsort([len(text) for text in texts])
    with torch.inference_mode():
        for start in range(0, len(texts), 64):
            rows = order[start : start + 64]
            found[rows] = encode(model, [texts[row] for row in rows]).numpy()
    return found


def rivals_of(model: SentenceTransformer, pool: Pool) -> Any:
    """Places of the nearest agents by mean vector of the base encoder, shape (agents, RIVALS)."""
    texts = [[agent.cards[0][0], *agent.requests[:4]] for agent in pool.agents]
    flat = base_vectors(model, [text for each in texts for text in each])
    sums = np.add.reduceat(flat, np.cumsum([0] + [len(each) for each in texts[:-1]]), axis=0)
    sums /= np.linalg.norm(sums, axis=1, keepdims=True)
    near = sums @ sums.T
    np.fill_diagonal(near, -2)
    return np.argsort(-near, axis=1)[:, :RIVALS]


def train(options: argparse.Namespace) -> None:
    """The whole run: `options` are those of the command line."""
    options.out.mkdir(parents=True, exist_ok=True)
    every = read_pools(options.data)
    pools = [pool for pool in every if pool.family not in options.leave]
    model = load().eval()
    rivals = {pool.name: rivals_of(model, pool) for pool in every}
    anchors = general_sentences(options.data)
    base = torch.from_numpy(base_vectors(model, anchors))
    print(f"{len(pools)} rosters, {len(anchors)} general sentences", flush=True)
    checks = [drawn(every, rivals, random.Random(number)) for number in range(CHECKS)]
    for name, parameter in model.named_parameters():
        parameter.requires_grad = ".layer." in name  # the vocabulary stays: rare words and other languages are left alone
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=options.rate, weight_decay=0.01)
    start = resume(options.out, model, optimiser)
    saved = started = time.monotonic()
    for step in range(start, options.steps):
        chance = random.Random(f"{options.seed} {step}")
        pool, batch = drawn(pools, rivals, chance)
        torch.manual_seed(options.seed * 1_000_003 + step)  # dropout
        model.train()
        loss = contrast(encode(model, list(batch.texts)), batch)
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


def drawn(pools: list[Pool], rivals: dict[str, Any], chance: random.Random) -> tuple[Pool, Batch]:
    """A roster by its share, and a batch of it."""
    pool = chance.choices(pools, [SHARE.get(pool.name, 1.0) for pool in pools])[0]
    others = [other for other in pools if other.family != pool.family]
    return pool, draw(pool, others, rivals[pool.name], chance)


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
    recipe = {name: getattr(options, name) for name in ("steps", "rate", "anchor", "seed")}
    card = {**recipe, "sets": [pool.name for pool in pools], "date": time.strftime("%Y-%m-%d"), "torch": torch.__version__}
    model.max_seq_length = 256
    model.eval().save(str(options.out / "model"))
    (options.out / "card.json").write_text(json.dumps(card, indent=1) + "\n")


def rate_at(step: int, steps: int) -> float:
    """Warm-up over a tenth, then down along a cosine."""
    warm = steps * 0.1
    return (step + 1) / warm if step < warm else 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm)))


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
