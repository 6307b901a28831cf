"""`make bench-cold`: CPU time of a cold `delegate route` over that of a floor script, which imports the libraries that the
route needs, loads the same files, encodes one text and searches. Both are whole processes; the best of seven counts.
"""

import argparse
import os
import resource
import subprocess
import sys
from pathlib import Path

from delegate_cli.encoders import catalog
from delegate_cli.index import store
from delegate_cli.pipeline import Delegator
from delegate_cli.roster.load import load_roster

FLOOR = """
import sys, yaml, numpy as np, faiss, onnxruntime as ort, tokenizers
roster, encoder, generation, task = sys.argv[1:]
yaml.load(open(roster, "rb"), Loader=yaml.CSafeLoader)
options = ort.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
session = ort.InferenceSession(encoder + "/model.ort", options, providers=["CPUExecutionProvider"])
tokenizer = tokenizers.Tokenizer.from_file(encoder + "/tokenizer.json")
for name in ("model.safetensors", "grams.txt", "manifest.json"):
    open(generation + "/" + name, "rb").read()
index = faiss.read_index(generation + "/vectors.faiss")
ids = np.array([tokenizer.encode(task).ids])
vector = session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0]
print(index.search(vector, 50)[1][0, 0])
"""
TASK = "Please send the money for the scanner that I returned"
RUNS = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", default="agents.yaml")
    options = parser.parse_args()
    delegator = Delegator(load_roster(options.agents))
    delegator.decide(TASK)
    encoder = catalog.find(delegator.settings.encoder).folder(delegator.folder)
    manifest = store.read_manifest(store.folder_of(delegator.folder, delegator.roster))
    floor = [sys.executable, "-c", FLOOR, options.agents, str(encoder), str(manifest["generation"]), TASK]
    command = Path(sys.executable).with_name("delegate")
    route = [str(command), "route", "--agents", options.agents, "--format", "json", TASK]
    times: dict[str, list[float]] = {"floor": [], "route": []}
    for _ in range(RUNS):  # in turn, so that both see the same machine
        times["floor"].append(cpu(floor))
        times["route"].append(cpu(route))
    best = {name: min(values) for name, values in times.items()}
    print(f"floor {1e3 * best['floor']:.0f} ms, route {1e3 * best['route']:.0f} ms of CPU (best of {RUNS})")
    print(f"ratio {best['route'] / best['floor']:.3f} (bound 1.35)")


def cpu(command: list[str]) -> float:
    """User and system seconds of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    subprocess.run(command, check=False, capture_output=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


if __name__ == "__main__":
    main()
