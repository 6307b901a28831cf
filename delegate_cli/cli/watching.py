"""What people see of a run on stderr while it is under way: a tree at a terminal, lines elsewhere."""

import os
import sys
import threading
import time
from typing import Any

from delegate_cli.cli import streams
from delegate_cli.render.runs import plain_event, tree
from delegate_cli.running.engine import Event, Watcher
from delegate_cli.splitting.plan import Plan

_REFRESH = 4.0  # a second


class Progress:
    """Shows events; within `with` the tree is drawn again and again, so that seconds count."""

    def __init__(self, plan: Plan, quiet: bool) -> None:
        self._plan = plan
        self._quiet = quiet
        self._events: dict[str, Event] = {}
        self._since: dict[str, float] = {}
        self._lock = threading.Lock()
        self._live: Any = None

    def __enter__(self) -> Watcher:
        if not self._quiet and streams.is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb":
            from rich.console import Console
            from rich.live import Live

            console = Console(stderr=True, width=streams.width(), no_color=bool(os.environ.get("NO_COLOR")), emoji=False)
            self._live = Live(console=console, refresh_per_second=_REFRESH, get_renderable=self._drawn)
            self._live.start()
        return self._seen

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def _seen(self, event: Event) -> None:
        with self._lock:
            self._events[event.subtask] = event
            if event.state == "running":
                self._since.setdefault(event.subtask, time.monotonic())
            elif event.state != "waiting":
                self._since.pop(event.subtask, None)
        if self._live is None and not self._quiet:
            streams.note(plain_event(event))

    def _drawn(self) -> Any:
        with self._lock:
            now = time.monotonic()
            return tree(self._plan, self._events, {subtask: now - since for subtask, since in self._since.items()})
