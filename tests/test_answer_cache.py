"""The cache of answers: many processes, a limit, and every way in which its file can be unusable."""

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as run_settings
from hypothesis import strategies as st
from llm import Scripted
from test_endpoints import ask, question, settings

from delegate_cli.endpoints.cache import AnswerCache, Kept
from delegate_cli.endpoints.client import Client
from delegate_cli.endpoints.wire import answer_key


def test_what_is_kept_comes_back_also_in_another_process(tmp_path: Path) -> None:
    path = tmp_path / "home" / "answers.sqlite"
    AnswerCache(path).put(b"key", "gpt", b'{"a":1}')
    assert AnswerCache(path).get(b"key") == Kept("gpt", b'{"a":1}')
    assert AnswerCache(path).get(b"other") is None
    assert {stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()} == {0o600}


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    path.touch(0o644)
    AnswerCache(path).put(b"key", "m", b"{}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_answers_are_asked_for_once(scripted: Scripted, tmp_path: Path) -> None:
    said: list[str] = []
    for run in range(2):
        client = Client(settings(scripted), cache=AnswerCache(tmp_path / "answers.sqlite", say=said.append))
        replies = ask(client, question("one"), question("two"))
        assert [reply.cached for reply in replies] == [run == 1] * 2
        assert [reply.model for reply in replies] == [Scripted.model] * 2
        assert sum(reply.input_tokens for reply in replies) == (200 if run == 0 else 0)
    other = Client(settings(scripted, model="another"), cache=AnswerCache(tmp_path / "answers.sqlite"))
    assert not ask(other, question("one"))[0].cached
    assert said == []


@given(st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3), st.text(max_size=3), st.binary(max_size=3)), unique=True))
@run_settings(max_examples=50)
def test_different_requests_have_different_keys(parts: list[tuple[str, str, str, bytes]]) -> None:
    assert len({answer_key(*each) for each in parts}) == len(parts)


def test_the_least_recently_used_is_forgotten_first(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    cache = AnswerCache(path, limit_mb=0.02)
    for number in range(10):
        cache.put(b"%d" % number, "m", b"x" * 1000)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE answers SET used = used - 1000 + key")  # hours ago, in order
    connection.close()
    assert cache.get(b"0") is not None  # now the most recently used
    for number in range(10, 25):
        cache.put(b"%d" % number, "m", b"x" * 1000)
    found = [number for number in range(25) if cache.get(b"%d" % number) is not None]
    assert found[0] == 0
    assert found[1:] == list(range(25 - len(found) + 1, 25))
    assert 14 <= len(found) <= 20
    cache.put(b"large", "m", b"x" * 30_000)
    assert cache.get(b"large") is None
    assert path.stat().st_size < 100_000


def damaged(path: Path) -> None:
    path.write_bytes(b"this is no database " * 500)


def cut(path: Path) -> None:
    cache = AnswerCache(path)
    cache.put(b"key", "m", b"x" * 50_000)
    cache.close()
    with path.open("r+b") as stream:
        stream.truncate(9000)


def folder(path: Path) -> None:
    path.mkdir()


def missing_table(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 1")
    connection.close()


def no_folder(path: Path) -> None:
    path.parent.rmdir()
    path.parent.write_text("a file where the folder should be")


@pytest.mark.parametrize("spoil", [damaged, cut, folder, missing_table, no_folder])
def test_work_goes_on_without_a_cache_and_one_line_says_so(spoil, scripted: Scripted, tmp_path: Path) -> None:
    path = tmp_path / "home2" / "answers.sqlite"
    path.parent.mkdir()
    spoil(path)
    said: list[str] = []
    client = Client(settings(scripted), cache=AnswerCache(path, say=said.append))
    found = ask(client, *[question(str(number)) for number in range(4)])
    assert not [each for each in found if isinstance(each, Exception)]
    assert len(said) == 1
    assert str(path) in said[0]
    assert said[0].startswith("going on without the answer cache")


def test_a_locked_database_is_not_waited_for_at_every_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("delegate_cli.endpoints.cache._PATIENCE", 0.1)
    path = tmp_path / "answers.sqlite"
    AnswerCache(path).put(b"key", "m", b"{}")
    said: list[str] = []
    holder = sqlite3.connect(path, isolation_level=None)
    try:
        holder.execute("BEGIN EXCLUSIVE")
        cache = AnswerCache(path, say=said.append)
        for number in range(5):
            cache.put(b"%d" % number, "m", b"{}")
    finally:
        holder.close()
    assert len(said) == 1
    assert "locked" in said[0]


def test_a_full_disk(tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk: SQLite meets the same failure of a write."""
    code = """
import resource, signal, sys
from pathlib import Path
from delegate_cli.endpoints.cache import AnswerCache
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
cache = AnswerCache(Path(sys.argv[1]), say=print)
for number in range(20):
    cache.put(b"%d" % number, "m", b"x" * 50_000)
print("done")
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.sqlite")], capture_output=True, text=True, timeout=60)
    lines = done.stdout.splitlines()
    assert (len(lines), lines[-1]) == (2, "done"), done
    assert "going on without" in lines[0]


def test_many_processes_at_once(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from delegate_cli.endpoints.cache import AnswerCache
cache = AnswerCache(Path(sys.argv[1]), say=print)
for number in range(60):
    cache.put(b"%d" % number, "m", b"x" * number)
    assert cache.get(b"%d" % number).body == b"x" * number
    cache.put(f"{sys.argv[2]}-{number}".encode(), "m", b"y")
"""
    path = tmp_path / "answers.sqlite"
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(path), str(number)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for number in range(6)
    ]
    results = [(process.communicate(timeout=120)[0], process.returncode) for process in running]
    assert results == [(b"", 0)] * 6
    cache = AnswerCache(path)
    assert all(cache.get(f"{who}-{number}".encode()) for who in range(6) for number in range(60))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    said: list[str] = []
    cache = AnswerCache(tmp_path / "answers.sqlite", say=said.append)
    cache.put(b"key", "m", b"{}")
    assert cache.get(b"key") is None
    assert len(said) == 1


def test_facts_about_endpoints(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path / "answers.sqlite")
    assert cache.facts(b"key") is None
    cache.keep_facts(b"key", {"top_logprobs": 5})
    assert AnswerCache(tmp_path / "answers.sqlite").facts(b"key") == {"top_logprobs": 5}
    cache.keep_facts(b"key", None)
    assert cache.facts(b"key") is None
