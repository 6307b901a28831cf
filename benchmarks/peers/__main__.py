"""`make benchmark DATA=folder`: delegate and its peers on public rosters; writes docs/benchmark.md.

Interrupted, it goes on where it was; `--fresh` measures everything again. With `--sets`, `--peers`, `--most` or
`--split dev` the page goes to standard output instead, since it is not the whole benchmark.
"""

import argparse
import signal
import sys
import time
from pathlib import Path

from benchmarks.data import MAX_TASKS, DataSet, read_sets
from benchmarks.peers.catalogue import MINILM, PEERS, Peer
from benchmarks.peers.environments import PROJECT, PeerError, environment, prepare, versions
from benchmarks.peers.page import Table, page
from benchmarks.peers.runs import Entrant, labelled_tasks, measure

SETS = (
    "clinc150",
    "metatool",
    "lobehub",
    "sgd",
    "stackoverflow",
    "hint3_sofmattress",
    "subagents_davila7",
    "mcp_bench",
    "toolalpaca",
)
SHARED = ("torch", "sentence-transformers", "transformers", MINILM.partition("==")[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--peers", nargs="+", choices=[peer.name for peer in PEERS], default=[peer.name for peer in PEERS])
    parser.add_argument("--most", type=int, default=MAX_TASKS, help="tasks a set, drawn with a fixed seed")
    parser.add_argument("--split", default="test", choices=("dev", "test"), help="dev: to choose the settings of a peer")
    parser.add_argument("--fresh", action="store_true", help="use no kept answers")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # as an interrupt: the peer's process ends too
    build = PROJECT / "build" / "peers"
    sets = read_sets(options.data, options.split, list(options.sets), options.most)
    sets.sort(key=lambda data: SETS.index(data.name))
    tables = [Table(data.name, len(data.roster), len(data.tasks)) for data in sets]
    facts: dict[str, dict[str, str]] = {}
    for peer in PEERS:
        if peer.name in options.peers:
            facts[peer.name] = run(peer, build, options.data, sets, tables, options.fresh)
    text = page(tables, [peer for peer in PEERS if peer.name in options.peers], facts)
    whole = set(options.sets) == set(SETS) and len(options.peers) == len(PEERS)
    if whole and options.split == "test":
        (PROJECT / "docs" / "benchmark.md").write_text(text, encoding="utf-8")
        print("wrote docs/benchmark.md", file=sys.stderr)
    else:
        print(text)


def run(peer: Peer, build: Path, data: Path, sets: list[DataSet], tables: list[Table], fresh: bool) -> dict[str, str]:
    """Fill the rows of one peer, and return the versions of its packages."""
    try:
        python = environment(build, peer)
        prepare(build, peer, python)
    except PeerError as error:
        for table in tables:
            table.rows.extend((setting, str(error)) for setting in peer.settings)
        return {}
    found = versions(python, [peer.package, *SHARED])
    for setting in peer.settings:
        entrant = Entrant(peer, setting, python, found, build)
        for one, table in zip(sets, tables, strict=True):
            started = time.perf_counter()
            try:
                table.rows.append((setting, measure(entrant, one, labelled_tasks(data, one.name), fresh)))
                outcome = "done"
            except PeerError as error:
                table.rows.append((setting, str(error)))
                outcome = str(error)
            print(
                f"{setting.label}, {one.name}: {outcome} ({time.perf_counter() - started:.0f} s)", file=sys.stderr, flush=True
            )
    return found


if __name__ == "__main__":
    main()
