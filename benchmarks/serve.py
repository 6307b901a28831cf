"""`make bench-serve`: the time of a warm decision over HTTP and a Unix socket against the same in the process, 50 at a time,
the CPU time of `route` with and without a server, and schemathesis on the published description.

Ways take turns, and the best round of each counts, since other programs run beside it. Needs the development tools.
"""

import argparse
import concurrent.futures
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.cold import cpu
from delegate_cli import Delegator, load_roster
from delegate_cli.serving.client import Client

TASKS = [f"Please send the money for scanner {number} that I returned" for number in range(100)]
AT_ONCE = 50
BOUND = 2.0
ROUNDS = 7


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", default="agents.yaml")
    parser.add_argument("--examples", type=int, default=100, help="requests a path for schemathesis; 0 sends none")
    options = parser.parse_args()
    own = Delegator(load_roster(options.agents))
    own.decide(TASKS[0])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "socket"
        command = [sys.executable, "-m", "delegate_cli", "serve", "--agents", options.agents, "--no-journal", "--port", "0"]
        with subprocess.Popen([*command, "--socket", str(path)], stderr=subprocess.PIPE, text=True) as server:
            assert server.stderr is not None
            found = re.search(r"http://\S+", server.stderr.readline())
            assert found is not None, "the server did not start"
            try:
                ratio = latency(own, found[0], f"unix:{path}", server.pid)
                parallel(found[0], f"unix:{path}")
                cold(options.agents)
                failed = options.examples and schemathesis(found[0], options.examples)
            finally:
                server.terminate()
    return int(ratio > BOUND or bool(failed))


def latency(own: Delegator, url: str, path: str, server: int) -> float:
    """The median over HTTP as a multiple of the one in the process: of each way the best of some rounds, in turn."""
    with Client(url) as http, Client(path) as unix:
        ways: dict[str, Callable[[str], Any]] = {"in process": own.decide, "HTTP": http.decide, "socket": unix.decide}
        median = dict.fromkeys(ways, float("inf"))
        spent = dict.fromkeys(ways, float("inf"))
        for round_ in range(ROUNDS + 1):  # the first only warms up
            for name, decide in ways.items():
                times, before = [], seconds(server)
                for task in TASKS:
                    started = time.perf_counter()
                    decide(task)
                    times.append(time.perf_counter() - started)
                if round_:
                    median[name] = min(median[name], 1e3 * statistics.median(times))
                    spent[name] = min(spent[name], 1e3 * (seconds(server) - before) / len(TASKS))
    for name, value in median.items():
        ratios = f"{value / median['in process']:.2f} × in process, CPU of both sides {spent[name] / spent['in process']:.2f} ×"
        print(f"p50 {name:<11} {value:6.2f} ms   {ratios} ({spent[name]:.2f} ms)")
    print(f"ratio {median['HTTP'] / median['in process']:.2f} (bound {BOUND:g})")
    return median["HTTP"] / median["in process"]


def seconds(server: int) -> float:
    """CPU time of this process and of the server, as far as the system says."""
    own = time.process_time()
    try:
        user, system = Path(f"/proc/{server}/stat").read_text().split()[13:15]
    except OSError:
        return own
    return own + (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def parallel(*addresses: str) -> None:
    """Fifty threads at a time, each with connections of its own."""

    def one(address: str) -> str | None:
        with Client(address) as client:
            return client.decide(TASKS[0]).agent

    for address in addresses:
        started = time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            agents = set(pool.map(one, [address] * 6 * AT_ONCE))
        rate = 6 * AT_ONCE / (time.perf_counter() - started)
        print(f"{6 * AT_ONCE} decisions, {AT_ONCE} at a time, over {address.partition(':')[0]}: no error, {rate:.0f} a second")
        assert len(agents) == 1


def cold(agents: str) -> None:
    """CPU time of whole processes, best of five."""
    command = str(Path(sys.executable).with_name("delegate"))
    route = [command, "route", "--agents", agents, "--no-journal", "--format", "json", TASKS[0], "--server"]
    best = {way: min(cpu([*route, way]) for _ in range(5)) for way in ("off", "auto")}
    share = best["auto"] / best["off"]
    print(f"route alone {1e3 * best['off']:.0f} ms of CPU, with --server auto {1e3 * best['auto']:.0f} ms ({share:.2f} of it)")


def schemathesis(url: str, examples: int) -> bool:
    """Whether it finds anything."""
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json", "-n", str(examples)]
    command += ["--continue-on-failure", "--suppress-health-check", "all", "--request-timeout", "60", "--seed", "1"]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=folder, env={**os.environ, "NO_COLOR": "1"}
        )
    tail = done.stdout[done.stdout.find("= SUMMARY =") :] if done.returncode == 0 else done.stdout
    print(tail.strip() or done.stderr)
    return done.returncode != 0


if __name__ == "__main__":
    sys.exit(main())
