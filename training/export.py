"""A trained encoder → the adapter in the package: for each matrix the best low-rank approximation of what training changed.

By singular values (Eckart and Young 1936), in half precision. Training all weights and cutting the change down afterwards
keeps more than training with the same number of parameters from the start.
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer

from delegate_cli.encoders import adapter, catalog
from delegate_cli.encoders.compile import packaged

RANK = 46


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trained", type=Path, help="folder that training wrote")
    parser.add_argument("target", type=Path)
    parser.add_argument("--rank", type=int, default=RANK)
    options = parser.parse_args()
    card = json.loads((options.trained / "card.json").read_text()) if (options.trained / "card.json").exists() else {}
    kept, total = export(options.trained / "model", options.target, options.rank, card)
    print(
        f"{options.target}: {options.target.stat().st_size:,} bytes, rank {options.rank}, {kept / total:.1%} of the change kept"
    )


def export(trained: Path, target: Path, rank: int, card: dict[str, object]) -> tuple[float, float]:
    """Write the adapter; returns the squared norm of the change that it keeps, and of the whole change."""
    base = SentenceTransformer(str(packaged()), device="cpu").state_dict()
    after = SentenceTransformer(str(trained), device="cpu").state_dict()
    parts: dict[str, torch.Tensor] = {}
    kept = total = 0.0
    for name, weight in base.items():
        if not weight.is_floating_point() or torch.equal(weight, after[name]):
            continue
        change = (after[name] - weight).double()
        total += float(change.square().sum())
        if change.ndim < 2:
            parts[name] = change.half()
            kept += float(change.square().sum())
            continue
        left, values, right = torch.linalg.svd(change, full_matrices=False)
        root = values[:rank].sqrt()
        parts[f"{name}.up"] = (left[:, :rank] * root).half().contiguous()
        parts[f"{name}.down"] = (root[:, None] * right[:rank]).half().contiguous()
        kept += float(values[:rank].square().sum())
    save_file(parts, str(target), {adapter.BASE: catalog.PACKAGED_SHA256, "card": json.dumps(card, sort_keys=True)})
    return kept, total


if __name__ == "__main__":
    main()
