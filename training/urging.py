"""Sentences made for it, cards and development tasks → the weights of `delegate_cli.urging`: `make urging DATA=folder`.

The cards and tasks of public rosters, and of this repository, are what must not be taken for urging. No case of
`tests/data/adversarial.jsonl` is trained on.
"""

import argparse
import json
import random
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from benchmarks.data import read_tasks
from delegate_cli.agents import Roster
from delegate_cli.injection import pieces_of
from delegate_cli.roster.load import load_roster
from delegate_cli.urging import features
from training.urging_sentences import sentences

HERE = Path(__file__).parent.parent
OUT = HERE / "delegate_cli" / "urging_weights.py"
EACH = 6  # sentences made of each template
C = 0.3  # inverse strength of the ridge
MADE, OWN = 10.0, 5.0  # weight of a made sentence, and of one of this repository's rosters and tasks
MOST_CARDS, MOST_TASKS = 6000, 4000  # sentences of each public roster


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    made, public, own = sentences(EACH), _public(parser.parse_args().data), _own()
    rows = np.array([features(text) for text in (*made, *public, *own)], dtype=np.float32)
    urges = np.repeat((1.0, 0.0), (len(made), len(public) + len(own)))
    weight = np.repeat((MADE, 1.0, OWN), (len(made), len(public), len(own)))
    model = LogisticRegression(C=C, max_iter=3000).fit(rows, urges, sample_weight=weight)
    OUT.write_text(_module(float(model.intercept_[0]), model.coef_[0]))
    print(f"{len(made)} made sentences, {len(public)} and {len(own)} others: wrote {OUT.name}")


def _public(data: Path) -> list[str]:
    """Sentences of cards and development tasks."""
    found: list[str] = []
    for folder in sorted((data / "rosters").iterdir()):
        if (folder / "tasks.jsonl").exists():
            cards = sorted(set(_said(load_roster(folder / "roster.yaml"))))
            tasks = sorted({piece for each in read_tasks(folder / "tasks.jsonl", "dev") for piece in pieces_of(each.task)})
            for texts, most in ((cards, MOST_CARDS), (tasks, MOST_TASKS)):
                random.Random(1).shuffle(texts)
                found += texts[:most]
    return found


def _own() -> list[str]:
    """Sentences of this repository's rosters, tasks and conversations."""
    data = HERE / "tests" / "data"
    found = [text for path in (HERE / "agents.yaml", data / "small.yaml") for text in _said(load_roster(path))]
    for name in ("tasks", "dialogues"):
        for line in (data / f"{name}.jsonl").read_text().splitlines():
            found += [piece for value in json.loads(line).values() if isinstance(value, str) for piece in pieces_of(value)]
    return sorted(set(found))


def _said(roster: Roster) -> list[str]:
    texts = (text for agent in roster for text in (agent.description, *agent.examples, *agent.not_for))
    return [piece for text in texts for piece in pieces_of(text)]


def _module(intercept: float, weights: NDArray[np.float64]) -> str:
    lines = ['"""Weights of `urging` in logits, in the order of its features: made by `make urging DATA=folder`."""', ""]
    lines += [f"INTERCEPT = {intercept:.2f}", "WEIGHTS = ("]
    line = "   "
    for weight in weights:
        text = f" {round(float(weight), 2):g},"
        if len(line) + len(text) > 126:
            lines.append(line)
            line = "   "
        line += text
    return "\n".join([*lines, line, ")", ""])


if __name__ == "__main__":
    main()
