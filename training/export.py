"""A trained encoder → the adapter in the package: for each matrix the best low-rank approximation of what training changed.

By singular values (Eckart and Young 1936); singular vectors as int8, whose error is far below what is cut off. Training all
weights and cutting the change down afterwards gives the low rank that keeps most of what was learned.
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer

from delegate_cli.encoders import adapter, catalog
from delegate_cli.encoders.compile import packaged

RANK = 94


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
        up, down = left[:, :rank], right[:rank]
        widest = up.abs().amax(dim=0), down.abs().amax(dim=1)
        parts[f"{name}.up"] = (up / widest[0] * 127).round().to(torch.int8).contiguous()
        parts[f"{name}.down"] = (down / widest[1][:, None] * 127).round().to(torch.int8).contiguous()
        parts[f"{name}.scale"] = (values[:rank] * widest[0] * widest[1] / 127**2).float()
        kept += float(values[:rank].square().sum())
    save_file(parts, str(target), {adapter.BASE: catalog.PACKAGED_SHA256, "card": json.dumps(card, sort_keys=True)})
    return kept, total


if __name__ == "__main__":
    main()
