"""CPU time of `delegate index rebuild`, as whole processes with the encoder compiled (part of `make bench`).

clinc150's roster from nothing, then with one sample request changed; and 5,000 cards without sample requests against the
bare encoder's time for the same texts.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from delegate_cli.encoders.onnx import OnnxEncoder
from delegate_cli.index.parts import parts_of
from delegate_cli.pipeline import Delegator
from delegate_cli.roster.load import load_roster

CARDS = 5000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    options = parser.parse_args()
    rosters = options.data / "rosters"
    encoder = Delegator(load_roster(rosters / "clinc150" / "roster.yaml")).encoder()
    with tempfile.TemporaryDirectory() as work:
        path = Path(work) / "roster.json"
        agents = cards(rosters / "clinc150" / "roster.yaml", examples=True)
        whole = rebuild(path, agents)
        agents[40]["examples"][2] = "this sample request was changed just now"
        changed = rebuild(path, agents)
        print(f"\nclinc150: rebuild {whole:.1f} s of CPU (bound 25), one sample request changed {changed:.1f} s (bound 3)")
        many = cards(rosters / "seal_tools" / "roster.yaml", examples=False)
        known = {agent["id"] for agent in many}
        more = cards(rosters / "toolalpaca" / "roster.yaml", examples=False)
        many += [agent for agent in more if agent["id"] not in known]
        seconds = rebuild(path, many[:CARDS])
        alone = encoding(encoder, path)
        print(
            f"{CARDS:,} cards: rebuild {seconds:.1f} s of CPU, encoder alone {alone:.1f} s: {seconds / alone:.1f} × (bound 10)"
        )


def cards(path: Path, examples: bool) -> list[dict[str, Any]]:
    """The agents of a roster as plain objects."""
    return [
        {
            "id": agent.id,
            "name": agent.name,
            "description": agent.description,
            "examples": list(agent.examples) * examples,
        }
        for agent in load_roster(path)
    ]


def rebuild(path: Path, agents: list[dict[str, Any]]) -> float:
    """User and system seconds of the command."""
    path.write_text(json.dumps(agents), encoding="utf-8")
    command = [sys.executable, "-m", "delegate_cli", "index", "rebuild", "--agents", str(path), "--quiet"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ.copy())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def encoding(encoder: OnnxEncoder, path: Path) -> float:
    texts = parts_of(load_roster(path)).texts
    started = time.process_time()
    for text in texts:
        encoder.encode(text)
    return time.process_time() - started


if __name__ == "__main__":
    main()
