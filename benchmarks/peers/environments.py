"""One virtual environment a peer under `build/peers/NAME/.venv`, made once for each list of requirements.

The project's pins of what encoders run on hold in all of them, so that every peer has the same torch and the same
sentence-transformers; other pins are delegate's own, and some peers need other versions. The environment of a process
holds nothing of the caller's but where programs and memory are.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.peers.catalogue import DELEGATE, Peer

PROJECT = Path(__file__).resolve().parents[2]
ADAPTERS = Path(__file__).resolve().parent / "adapters"
CONSTRAINTS = PROJECT / "constraints.txt"
SHARED = ("numpy", "safetensors", "sentence-transformers", "tokenizers", "torch", "transformers")
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "LD_LIBRARY_PATH")

VERSIONS = """
import json, sys
from importlib.metadata import PackageNotFoundError, version
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = version(name)
    except PackageNotFoundError:
        pass
print(json.dumps(found))
"""


class PeerError(Exception):
    """A peer that cannot take part; the message is the reason that the page gives."""


def environment(build: Path, peer: Peer) -> Path:
    """The Python of the peer's environment, which is made first where it is missing or out of date.

    Raises:
        PeerError: its packages cannot be installed.
    """
    folder = build / peer.name / ".venv"
    python, stamp = folder / "bin" / "python", folder / "installed"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted(peer):
        return python
    print(f"installing {peer.name}", file=sys.stderr, flush=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    what = ["-e", str(PROJECT)] if peer.name == DELEGATE else list(peer.requirements)
    pins = build / peer.name / "constraints.txt"
    pins.write_text(pinned(peer), encoding="utf-8")
    command = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-c", str(pins), *what]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PeerError(f"cannot be installed: {last_line(done.stderr)}")
    stamp.write_text(wanted(peer), encoding="utf-8")
    return python


def prepare(build: Path, peer: Peer, python: Path) -> None:
    """What happens once a machine and not once a roster: delegate compiles its encoder, unless it is there."""
    if peer.name == DELEGATE:
        command = [str(python), str(ADAPTERS / peer.script), "--prepare"]
        subprocess.run(command, check=True, env=variables(build, peer), stdout=subprocess.DEVNULL)


def wanted(peer: Peer) -> str:
    """What an environment depends on."""
    own = (PROJECT / "pyproject.toml").read_bytes() if peer.name == DELEGATE else b""
    pins = hashlib.sha256(pinned(peer).encode() + own).hexdigest()
    return "\n".join((*peer.requirements, pins))


def pinned(peer: Peer) -> str:
    """The lines of the project's constraints that hold for a peer."""
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if peer.name == DELEGATE or line.partition("==")[0] in SHARED)


def variables(build: Path, peer: Peer) -> dict[str, str]:
    """The environment variables of a peer's processes: no hub, no files of the caller's."""
    home = (build / peer.name / "home").resolve()
    home.mkdir(parents=True, exist_ok=True)
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    return kept | {
        "HOME": str(home),
        "DELEGATE_HOME": str(home / "delegate"),
        "OMP_NUM_THREADS": "1",  # two threads that wait for each other on short texts time the machine, not the peer
        "OPENBLAS_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
    }


def versions(python: Path, names: list[str]) -> dict[str, str]:
    """Installed versions by the name of the package; a package that is not there has none."""
    done = subprocess.run([str(python), "-c", VERSIONS, *names], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def last_line(text: str) -> str:
    """The last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"
