"""What is released: a wheel made from the source archive has everything, and runs without the source tree beside it."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from shell import SMALL, TIMEOUT, environment

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as for a release: the source archive first, the wheel from that."""
    folder = tmp_path_factory.mktemp("dist")
    source = folder / "source"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for folder_name in ("delegate_cli", "man"):
        shutil.copytree(ROOT / folder_name, source / folder_name, ignore=ignored)
    for path in (each for each in ROOT.iterdir() if each.is_file()):
        shutil.copy(path, source)
    command = [sys.executable, "-m", "build", "--no-isolation", "-o", str(folder), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


def test_the_wheel_has_every_file_of_the_package(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    package = {str(path.relative_to(ROOT)) for path in (ROOT / "delegate_cli").rglob("*") if path.is_file()}
    assert {name for name in package if "__pycache__" not in name} <= inside
    assert any(name.endswith("share/man/man1/delegate.1") for name in inside)
    assert not [name for name in inside if name.startswith(("tests/", "benchmarks/", "training/"))]


def test_the_wheel_runs_without_its_source(wheel: Path, tmp_path: Path, kept: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    env = environment({"PYTHONPATH": str(tmp_path / "site"), "DELEGATE_HOME": str(kept)})
    command = [sys.executable, "-m", "delegate_cli", "route", "--agents", SMALL, "--format", "id", "Pay the invoice"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode in (0, 1), done.stderr
    assert done.stdout.strip()
    where = "import delegate_cli; print(delegate_cli.__file__)"
    found = subprocess.run([sys.executable, "-c", where], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert found.stdout.startswith(str(tmp_path))
