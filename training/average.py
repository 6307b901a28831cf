"""Several trained encoders → one with their mean weights, which does better on rosters that none of them saw than each alone.

Runs that start from the same weights end close enough for that (Wortsman et al. 2022).
"""

import argparse
import json
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", help="folders that training wrote")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    average(options.runs, options.out)


def average(runs: list[Path], out: Path) -> None:
    """Write the mean encoder, and a card with those of the runs."""
    model = SentenceTransformer(str(runs[0] / "model"), device="cpu")
    states = [SentenceTransformer(str(run / "model"), device="cpu").state_dict() for run in runs]
    with torch.no_grad():
        for name, weight in model.state_dict().items():
            if weight.is_floating_point():
                weight.copy_(torch.stack([state[name].double() for state in states]).mean(dim=0))
    out.mkdir(parents=True, exist_ok=True)
    model.save(str(out / "model"))
    cards = [json.loads((run / "card.json").read_text()) for run in runs]
    sets = sorted({name for card in cards for name in card["sets"]})
    (out / "card.json").write_text(json.dumps({"sets": sets, "runs": cards}, indent=1) + "\n")


if __name__ == "__main__":
    main()
