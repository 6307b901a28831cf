"""`delegate review` in a real terminal: every answer is kept at once, undo works, and quitting loses nothing."""

import contextlib
import fcntl
import os
import pty
import select
import shlex
import shutil
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from shell import COMMAND, SMALL, TIMEOUT, at_terminal, environment, invoke

from benchmarks.journal import decision
from delegate_cli import Journal, Recorder
from delegate_cli.cli.review import matching
from delegate_cli.decision import Status
from delegate_cli.journal.entries import Feedback, Filter, Origin, Verdict
from delegate_cli.learning.answers import Sort, sort_of
from delegate_cli.roster.load import load_roster
from delegate_cli.settings import Settings

NASTY = "refund \x1b[31mred\x1b[0m [bold]\u202eme"
KEYS = "q quit"


class Screen:
    """The command in a terminal of its own, key by key."""

    def __init__(self, *arguments: str, env: dict[str, str] | None = None) -> None:
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.shown = ""
        self._read = 0
        self.process = subprocess.Popen(
            [*COMMAND, "review", *arguments],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env=environment({"TERM": "xterm-256color", **(env or {})}),
            start_new_session=True,
            preexec_fn=lambda: self._own_terminal(),
        )

    def _own_terminal(self) -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C reaches it
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell ignores it for what runs in the background

    def until(self, words: str) -> str:
        """Wait for words that were not there before; what was shown since the last call."""
        end = time.monotonic() + TIMEOUT
        while (found := self.shown.find(words, self._read)) < 0:
            assert time.monotonic() < end, self.shown
            if select.select([self.master], [], [], 1)[0]:
                self.shown += os.read(self.master, 1 << 16).decode(errors="replace")
        since = self.shown[self._read : found + len(words)]
        self._read = found + len(words)
        return since

    def press(self, text: str) -> None:
        os.write(self.master, text.encode())

    def end(self) -> int:
        """Wait for the command's end; its exit code."""
        return self.process.wait(TIMEOUT)

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait(TIMEOUT)
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def screen() -> Iterator[Callable[..., Screen]]:
    """Opens terminals, which are closed at the end."""
    opened: list[Screen] = []

    def make(*arguments: str, env: dict[str, str] | None = None) -> Screen:
        opened.append(Screen(*arguments, env=env))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def waiting(journal: Journal, *tasks: str, status: Status = Status.ASK) -> list[str]:
    """Record tasks that wait for a person, or have another status; their ids."""
    recorder = Recorder(journal, Settings(), origin=Origin.PIPELINE)
    roster = {"path": SMALL, "sha256": "0" * 64}
    made = [replace(decision(task), roster=roster, ref=task[:3], status=status) for task in tasks]
    for each in made:
        recorder.record(each)
    return [each.id for each in made]


def answers(journal: Journal, ids: list[str]) -> list[str | None]:
    """The right agent of each, `nobody`, or None."""
    said = [journal.get(each).answer for each in ids]
    return [None if each is None else each.agent or "nobody" for each in said]


def test_answers_are_kept_at_once_and_can_be_undone(journal: Journal, screen: Callable[..., Screen]) -> None:
    ids = waiting(journal, "first task", "second task", NASTY)
    at = screen()
    shown = at.until(KEYS)
    assert "1 of 3 · 0 answered" in shown
    assert "first task" in shown
    assert "█" in shown
    assert "a reason of the length that reasons have" in shown
    assert "u undo" not in shown
    at.press("2")
    shown = at.until(KEYS)
    assert "saved: Billing (billing)" in shown
    assert "2 of 3 · 1 answered" in shown
    assert answers(journal, ids) == ["billing", None, None]
    at.press("u")
    assert "first task" in at.until(KEYS)
    assert answers(journal, ids) == [None, None, None]
    at.press("n")
    at.until(KEYS)
    at.press("s")
    shown = at.until(KEYS)
    assert answers(journal, ids) == ["nobody", None, None]
    assert "[bold]" in shown
    assert "\x1b[31m" not in shown.partition("[bold]")[0].rpartition("refund")[2]
    assert "\u202e" not in shown
    at.press("1")
    at.until("that was the last one")
    at.press("u")
    assert "3 of 3" in at.until(KEYS)
    at.press("\x1b[A9xe")  # an arrow, and keys that mean nothing; then the reasons
    assert "clarity" in at.until(KEYS)
    at.press("3")
    at.until("that was the last one")
    at.press("q")
    at.until("2 answered, 1 skipped, 1 still wait")
    assert at.end() == 0
    assert answers(journal, ids) == ["nobody", None, "payroll"]
    assert {each.origin for each in journal.get(ids[0]).feedback} == {Origin.REVIEW}
    assert termios.tcgetattr(at.slave) == at.before


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_in_tmux(journal: Journal, tmp_path: Path) -> None:
    """What a person sees on the screen, and that what was answered is kept when the terminal goes away."""
    ids = waiting(journal, "first task", "second task", "third task")
    tmux = ["tmux", "-S", str(tmp_path / "tmux"), "-f", "/dev/null"]

    def act(*words: str) -> str:
        return subprocess.run(
            [*tmux, *words], env=environment(), capture_output=True, text=True, timeout=TIMEOUT, check=True
        ).stdout

    def until(words: str) -> str:
        end = time.monotonic() + TIMEOUT
        while words not in (shown := act("capture-pane", "-p")):
            assert time.monotonic() < end, shown
            time.sleep(0.05)
        return shown

    command = shlex.join([*COMMAND, "review"])
    act("new-session", "-d", "-x", "100", "-y", "60", f"{command}; echo ended with $?; exec cat")
    try:
        assert "first task" in until("1 of 3 · 0 answered")
        act("send-keys", "2")
        assert "saved: Billing (billing)" in until("2 of 3 · 1 answered")
        assert answers(journal, ids) == ["billing", None, None]
        act("send-keys", "u")
        until("undone")
        assert answers(journal, ids) == [None, None, None]
        act("send-keys", "n")
        until("saved: nobody")
        act("send-keys", "1")
        until("3 of 3 · 2 answered")
        act("send-keys", "q")
        until("ended with 0")
    finally:
        act("kill-server")
    assert answers(journal, ids) == ["nobody", "refunds", None]


def test_tasks_that_were_handed_over_are_drawn_for_checking(journal: Journal, screen: Callable[..., Screen]) -> None:
    left = waiting(journal, "left to a person")
    handed = waiting(journal, *(f"handed over {number}" for number in range(6)), status=Status.DECIDED)
    rows = [invoke("review", "--check", "2", "--format", "jsonl").rows for _ in range(60)]
    assert {len(each) for each in rows} == {2}
    assert {row["id"] for each in rows for row in each} == set(handed)  # one in 10⁹ is not drawn at all
    at = screen("--check", "6")
    assert "handed over 0" in at.until(KEYS)
    at.press("1")
    at.until(KEYS)
    at.press("q")
    assert at.end() == 0
    entry = journal.get(handed[0])
    assert (answers(journal, handed)[0], sort_of(entry)) == ("refunds", Sort.LOOKED)
    assert {row["id"] for row in invoke("review", "--check", "9", "--format", "jsonl").rows} == set(handed[1:])
    line = f'{{"id": "{handed[1]}", "right": true, "drawn": true}}\n{{"id": "{handed[2]}", "wrong": true}}\n'
    assert invoke("feedback", "-", stdin=line.encode()).code == 0
    assert [sort_of(journal.get(each)) for each in handed[1:3]] == [Sort.LOOKED, Sort.COMPLAINED]
    assert [row["id"] for row in invoke("review", "--format", "jsonl").rows] == left
    assert "nothing was handed over" in at_terminal("review", "--check", "3", "--agent", "payroll").out


def test_an_agent_is_found_by_name(journal: Journal, screen: Callable[..., Screen]) -> None:
    ids = waiting(journal, "first task", "second task")
    at = screen()
    at.until(KEYS)
    at.press("/")
    at.until("agent: ")
    at.press("no such thing at all\r")
    assert "no such agent" in at.until(KEYS)
    at.press("/")
    at.until("agent: ")
    at.press("desk trav\r")
    assert "Travel Desk" in at.until("any other key goes back")
    at.press("x")
    at.until(KEYS)
    at.press("/")
    at.until("agent: ")
    at.press("übersetzung\r1")  # typed ahead
    assert "saved: Übersetzung Deutsch (translate-german)" in at.until(KEYS)
    at.press("q")
    assert at.end() == 0
    assert answers(journal, ids) == ["translate-german", None]


def test_everything_typed_ahead(journal: Journal) -> None:
    ids = waiting(journal, "first task", "second task", "third task")
    result = at_terminal("review", typed=b"1nu3q")
    assert result.code == 0
    assert answers(journal, ids) == ["refunds", "payroll", None]
    assert "2 answered, 0 skipped, 1 still wait" in result.out
    result = at_terminal("review", "--limit", "5", typed=b"\x04")  # the end of input
    assert result.code == 0
    assert "0 answered" in result.out


@pytest.mark.parametrize(("stop", "code"), [("\x03", 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)])
def test_a_stopped_review_loses_nothing(journal: Journal, screen: Callable[..., Screen], stop: str | int, code: int) -> None:
    ids = waiting(journal, "first task", "second task")
    at = screen()
    at.until(KEYS)
    at.press("1")
    at.until(KEYS)
    if isinstance(stop, str):
        at.press(stop)
    else:
        at.process.send_signal(stop)
    assert at.end() == code
    assert answers(journal, ids) == ["refunds", None]
    if stop != signal.SIGKILL:
        assert termios.tcgetattr(at.slave) == at.before


def test_two_reviewers(journal: Journal, screen: Callable[..., Screen]) -> None:
    ids = waiting(journal, "first task", "second task", "third task")
    at = screen()
    at.until(KEYS)
    journal.say(Feedback(ids[0], Verdict.NOBODY))
    journal.say(Feedback(ids[1], Verdict.NOBODY))
    at.press("2")
    shown = at.until("third task")
    assert "not saved: somebody else answered it meanwhile" in shown
    assert "the next one was answered by somebody else meanwhile" in shown
    at.until(KEYS)
    at.press("q")
    at.end()
    assert answers(journal, ids) == ["nobody", "nobody", None]


def test_the_queue_may_be_narrowed(journal: Journal) -> None:
    waiting(journal, "first task", "second task")
    assert "1 of 1 " in at_terminal("review", "--limit", "1", typed=b"q").out
    assert at_terminal("review", "--agent", "payroll").out == "nothing waits for review\n"
    assert "nothing waits" in at_terminal("review", "--since", "2100-01-01").out
    assert "first task" in at_terminal("review", "--format", "table").out
    assert "first task" in at_terminal("review", pipe_stdout=True).out


def test_without_a_terminal_it_lists(journal: Journal) -> None:
    ids = waiting(journal, "first task", NASTY)
    rows = invoke("review", "--format", "jsonl").rows
    assert [(row["id"], row["status"], row["task"]) for row in rows] == [(ids[0], "ask", "first task"), (ids[1], "ask", NASTY)]
    assert invoke("review", "--format", "json", "--limit", "1").json == rows[:1]
    lines = invoke("review").out.splitlines()
    assert [line.split("\t")[0] for line in lines] == ids
    assert "\x1b" not in "".join(lines)
    answered = "".join(f'{{"id": "{row["id"]}", "agent": "{row["candidates"][1]["agent"]}"}}\n' for row in rows)
    assert invoke("feedback", "-", stdin=answered.encode()).code == 0
    assert (answers(journal, ids), journal.queue(Filter())) == (["billing", "billing"], [])


def test_a_decision_of_nobody(journal: Journal) -> None:
    made = replace(decision(), status=Status.NONE, agent=None, candidates=())
    Recorder(journal, Settings(), origin=Origin.PIPELINE).record(made)
    assert at_terminal("review", typed=b"1nq").code == 0  # there is no candidate 1
    assert answers(journal, [made.id]) == ["nobody"]


def test_matching() -> None:
    roster = load_roster(SMALL)
    assert matching(roster, "RE")[0].id in {"refunds", "release-notes"}
    assert [each.id for each in matching(roster, "notes release")] == ["release-notes"]
    assert [each.id for each in matching(roster, "bugtriage")] == ["bug-triage"]
    assert matching(roster, "zzzzzz") == []
    assert len(matching(roster, "e")) <= 9
