"""Several trained encoders → one: the published weights, and of what each run changed in them its share.

Runs that start from the same weights end close enough for that, and do better on rosters that none of them saw than each alone
(Wortsman et al. 2022). Shares need not add up to one (Ilharco et al. 2023): what runs on different data learnt adds up in part.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer

from delegate_cli.encoders.compile import packaged


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", help="folders that training wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--shares", type=float, nargs="+", help="of each run's change; by default their mean")
    options = parser.parse_args()
    average(options.runs, options.out, options.shares or [1 / len(options.runs)] * len(options.runs))


def average(runs: list[Path], out: Path, shares: list[float]) -> None:
    """Write the encoder, and a card with those of the runs."""
    model = SentenceTransformer(str(packaged()), device="cpu")
    states = [SentenceTransformer(str(run / "model"), device="cpu").state_dict() for run in runs]
    with torch.no_grad():
        for name, weight in model.state_dict().items():
            if weight.is_floating_point():
                base = weight.double()
                pairs = zip(states, shares, strict=True)
                weight.copy_(base + sum(share * (state[name].double() - base) for state, share in pairs))
    out.mkdir(parents=True, exist_ok=True)
    model.save(str(out / "model"))
    cards = [card for run, share in zip(runs, shares, strict=True) for card in cards_of(run, share)]
    sets = sorted({name for card in cards for name in card["sets"]})
    (out / "card.json").write_text(json.dumps({"sets": sets, "runs": cards}, indent=1) + "\n")


def cards_of(run: Path, share: float) -> list[dict[str, Any]]:
    """How a run was made, and its share; of an average those of its runs."""
    card = json.loads((run / "card.json").read_text())
    return [{**each, "share": round(share * each.get("share", 1), 4)} for each in card.get("runs", [card])]


if __name__ == "__main__":
    main()
