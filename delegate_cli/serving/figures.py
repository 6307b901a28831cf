"""Counters of a running server, and their form for Prometheus."""

import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

from delegate_cli import __version__

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)  # seconds
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Figures:
    """What happened since the start; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.started = time.time()
        self.decisions: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.requests: Counter[tuple[str, int]] = Counter()
        self.reloads: Counter[str] = Counter({"ok": 0, "failed": 0})
        self.in_flight = 0
        self._buckets = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0

    def decided(self, status: str, seconds: float) -> None:
        """A decision with this status took so long."""
        with self._lock:
            self.decisions[status] += 1
            self._buckets[bisect_left(BUCKETS, seconds)] += 1
            self._seconds += seconds

    def failed(self, code: str) -> None:
        """A task could not be decided."""
        with self._lock:
            self.errors[code] += 1

    def answered(self, path: str, status: int) -> None:
        """A request was answered."""
        with self._lock:
            self.requests[path, status] += 1

    def text(self, agents: int, loaded_at: float) -> str:
        """All of them as Prometheus reads them.

        Args:
            agents: how many the roster has.
            loaded_at: when it was loaded, in seconds since 1970.
        """
        with self._lock:
            decisions = [(f'status="{status}"', count) for status, count in sorted(self.decisions.items())]
            errors = [(f'code="{code}"', count) for code, count in sorted(self.errors.items())]
            requests = [(f'path="{path}",status="{status}"', count) for (path, status), count in sorted(self.requests.items())]
            buckets, seconds = list(self._buckets), self._seconds
        reloads = [(f'result="{result}"', count) for result, count in sorted(self.reloads.items())]
        parts = [
            _metric("build_info", "gauge", "The version.", [(f'version="{__version__}"', 1)]),
            _metric("start_time_seconds", "gauge", "When the server started.", [("", round(self.started, 3))]),
            _metric("agents", "gauge", "Agents of the roster.", [("", agents)]),
            _metric("roster_loaded_time_seconds", "gauge", "When the roster was loaded.", [("", round(loaded_at, 3))]),
            _metric("roster_reloads_total", "counter", "How often the roster was loaded again.", reloads),
            _metric("requests_in_flight", "gauge", "Requests that are being answered.", [("", self.in_flight)]),
            _metric("requests_total", "counter", "Requests by path and status.", requests),
            _metric("decisions_total", "counter", "Decisions by status.", decisions),
            _metric("decision_errors_total", "counter", "Tasks that could not be decided.", errors),
            _histogram("decision_seconds", "Time of a decision.", buckets, seconds),
        ]
        return "".join(parts)


def _metric(name: str, kind: str, says: str, rows: Sequence[tuple[str, float]]) -> str:
    lines = [f"delegate_{name}{f'{{{labels}}}' if labels else ''} {value}\n" for labels, value in rows]
    return f"# HELP delegate_{name} {says}\n# TYPE delegate_{name} {kind}\n{''.join(lines)}"


def _histogram(name: str, says: str, buckets: list[int], seconds: float) -> str:
    total, lines = 0, []
    for edge, count in zip((*map(str, BUCKETS), "+Inf"), buckets, strict=True):
        total += count
        lines.append(f'delegate_{name}_bucket{{le="{edge}"}} {total}\n')
    lines += [f"delegate_{name}_sum {seconds:.6f}\n", f"delegate_{name}_count {total}\n"]
    return f"# HELP delegate_{name} {says}\n# TYPE delegate_{name} histogram\n{''.join(lines)}"
