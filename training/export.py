"""A trained encoder → the adapter in the package: what training changed in each weight, as finely as the file's size allows.

All weights of the layers are trained, and the change is rounded afterwards (`delegate_cli.encoders.adapter`).
"""

import argparse
import json
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer

from delegate_cli.encoders import adapter, catalog
from delegate_cli.encoders.compile import packaged

MOST = 4_000_000  # bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trained", type=Path, help="folder that training wrote")
    parser.add_argument("target", type=Path)
    options = parser.parse_args()
    card = json.loads((options.trained / "card.json").read_text()) if (options.trained / "card.json").exists() else {}
    kept = export(options.trained / "model", options.target, card)
    print(f"{options.target}: {options.target.stat().st_size:,} bytes, {kept:.1%} of the change kept")
    print(f"sha256 {adapter.file_hash(options.target)}")


def export(trained: Path, target: Path, card: dict[str, object], most: int = MOST) -> float:
    """Write the adapter; returns the share of the change, by squared norm, that it keeps."""
    base = SentenceTransformer(str(packaged()), device="cpu").state_dict()
    after = SentenceTransformer(str(trained), device="cpu").state_dict()
    changed = [name for name, weight in base.items() if weight.is_floating_point() and not torch.equal(weight, after[name])]
    change = {name: (after[name] - base[name]).double().numpy() for name in changed}
    return adapter.save(change, target, {adapter.BASE: catalog.PACKAGED_SHA256, "card": json.dumps(card, sort_keys=True)}, most)


if __name__ == "__main__":
    main()
