"""Every test runs with an empty home. The encoder is compiled once a session and the small roster indexed once."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import filelock
import llm
import pytest
import shell
import yaml
from hypothesis import settings

if TYPE_CHECKING:
    from serving import Running

    from delegate_cli.journal.store import Journal

# The same examples everywhere, and none is too slow: a run that passes here passes there.
settings.register_profile("delegate", derandomize=True, deadline=None)
settings.load_profile("delegate")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Hide the real home directory and every setting of the shell that runs the tests."""
    for name in list(os.environ):
        if name.startswith(("DELEGATE_", "_DELEGATE", "XDG_", "COMP_", "OPENAI_")) or name in (
            "NO_COLOR",
            "FORCE_COLOR",
            "COLUMNS",
        ):
            monkeypatch.delenv(name)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("DELEGATE_HOME", str(tmp_path / "kept"))
    return folder


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A DELEGATE_HOME with the encoder compiled and the small roster indexed, by the real command.

    The encoder stays open, so that commands inside this process share it.
    """
    from delegate_cli.encoders.onnx import open_encoder

    alone = "PYTEST_XDIST_WORKER" not in os.environ
    base = tmp_path_factory.getbasetemp()
    folder = (base if alone else base.parent) / "compiled"
    with filelock.FileLock(f"{folder}.lock"):  # several workers share what the first one makes
        if not folder.exists():
            env = {**os.environ, "HOME": str(folder), "DELEGATE_HOME": str(folder)}
            command = [sys.executable, "-m", "delegate_cli", "index", "rebuild", "--agents", shell.SMALL]
            done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=3 * shell.TIMEOUT)
            assert done.returncode == 0, done.stderr
    opened = [open_encoder(each) for each in (folder / "encoders").glob("all-*")]
    yield folder
    del opened


@pytest.fixture
def kept(tmp_path: Path, compiled: Path) -> Path:
    """This test's own DELEGATE_HOME: the session's encoder, and a copy of the small roster's index."""
    folder = tmp_path / "kept"
    folder.mkdir()
    (folder / "encoders").symlink_to(compiled / "encoders")
    shutil.copytree(compiled / "indexes", folder / "indexes")
    return folder


@pytest.fixture
def delegate(kept: Path) -> Callable[..., shell.Result]:
    """The real command as a process."""
    return shell.execute


@pytest.fixture
def invoke(kept: Path) -> Callable[..., shell.Result]:
    """The command inside this process."""
    return shell.invoke


@pytest.fixture
def terminal(kept: Path) -> Callable[..., shell.Result]:
    """The real command with a terminal."""
    return shell.at_terminal


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A copy of the small roster that a test may change."""
    return Path(shutil.copy(shell.SMALL, tmp_path / "small.yaml"))


@pytest.fixture(scope="module")
def server(compiled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Running"]:
    """`delegate serve` for the small roster, in a thread of this process."""
    from serving import copied, engine_of, running

    from delegate_cli.serving import web

    home = copied(compiled, tmp_path_factory.mktemp("serve") / "home")
    engine = engine_of(home)
    with running(engine, web.application(engine, (), None), home) as found:
        yield found


@pytest.fixture
def journal(tmp_path: Path) -> Iterator["Journal"]:
    """The journal that commands of this test use, too."""
    from delegate_cli.journal.store import Journal

    with Journal(tmp_path / "kept" / "journal.sqlite") as opened:
        yield opened


@pytest.fixture(scope="session")
def small_agents() -> list[dict[str, object]]:
    """The agents of the small roster as plain data."""
    agents: list[dict[str, object]] = yaml.safe_load(Path(shell.SMALL).read_text())["agents"]
    return agents


@pytest.fixture(scope="session")
def llama() -> Iterator[llm.Llama]:
    """A real llama.cpp server with a real small model."""
    with llm.run_llama() as server:
        yield server


@pytest.fixture
def scripted() -> Iterator[llm.Scripted]:
    """A server that answers from a script and records every request."""
    with llm.run_scripted() as server:
        yield server
