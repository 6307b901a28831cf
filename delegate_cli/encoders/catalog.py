"""Which encoder a name means, where its compiled form lies, and whether it is there. Imports nothing heavy.

`openai:MODEL` is a model of OpenAI's (or of OPENAI_BASE_URL), `https://HOST/v1#MODEL` one of any compatible server.

`all-MiniLM-L6-v2` means the packaged model with the adapter that comes with delegate, `all-MiniLM-L6-v2@base` the model as
published. A compiled encoder is a folder `encoders/<fingerprint>` with `encoder.json`, `model.ort` and `tokenizer.json`.
"""

import errno
import hashlib
import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from delegate_cli.errors import EncoderError
from delegate_cli.settings import OPENAI, check_url

PACKAGED = "all-MiniLM-L6-v2"
BASE = f"{PACKAGED}@base"
ADAPTER = Path(__file__).with_name("delegation.safetensors")
# Of that file; hashing it at every start would cost 3 ms.
ADAPTER_SHA256 = "24cd598caa60b5054256b76f93407a7d49278195f8a00b8c965ae5e0f3ac5652"
PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TUNED = "+"  # in a fingerprint, before that of an adapter which was tuned for one roster
COMPILER = 1  # raise when compile.py makes other files than before


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where embeddings are asked for, and of which model."""

    url: str
    model: str


@dataclass(frozen=True, slots=True)
class Tuned:
    """An adapter that was trained for one roster: its file, that file's hash, and the fingerprint of the encoder it changes."""

    path: Path
    sha256: str
    base: str

    @property
    def fingerprint(self) -> str:
        """Of the encoder with the adapter."""
        return f"{self.base}{TUNED}{self.sha256[:12]}"


@dataclass(frozen=True, slots=True)
class EncoderSource:
    """What to compile: a name for people, the path or hub name to load, and a fingerprint of it.

    With `endpoint` there is nothing to compile: vectors come from there.
    """

    name: str
    location: str | None  # None: the packaged files
    fingerprint: str
    adapter: Path | None = None
    endpoint: Endpoint | None = None
    tuned: Tuned | None = None

    def with_tuned(self, tuned: Tuned) -> "EncoderSource":
        """The same with an adapter on top."""
        return replace(self, name=f"{self.name}+tuned", fingerprint=tuned.fingerprint, tuned=tuned)

    def known_fingerprint(self, home: Path) -> str:
        """What an index says it was made with; of an endpoint the dimension is part of it, once that was found out."""
        if self.endpoint is None:
            return self.fingerprint
        facts = read_facts(self.folder(home))
        return f"{self.fingerprint}-{facts['dimension'] if facts is not None else 'unknown'}"

    def folder(self, home: Path) -> Path:
        """Where the compiled form is kept."""
        return home / "encoders" / self.fingerprint

    def make_room(self, home: Path) -> None:
        """Make the folder that the compiled form will lie in, before anything is loaded that takes seconds.

        Raises:
            EncoderError: nothing can be written there.
        """
        place = self.folder(home).parent
        try:
            place.mkdir(parents=True, exist_ok=True)
            if not os.access(place, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as error:
            raise unwritable(place, error) from None


def unwritable(place: Path, error: OSError) -> EncoderError:
    """That a compiled encoder cannot be kept there."""
    fix = "free some space, or set DELEGATE_HOME to a folder that you may write"
    return EncoderError(f"cannot write to {place}: {error.strerror or error}", fix)


def find(name: str) -> EncoderSource:
    """The encoder that a setting names: the packaged one, a local folder, or a sentence-transformers name.

    Raises:
        EncoderError: it looks like a path, but there is no such folder, or like a variant that there is not.
    """
    if name == PACKAGED:
        return EncoderSource(PACKAGED, None, f"{PACKAGED}-{ADAPTER_SHA256[:12]}-{COMPILER}", ADAPTER)
    if name in (BASE, f"sentence-transformers/{PACKAGED}"):
        return EncoderSource(BASE, None, f"{PACKAGED}-{PACKAGED_SHA256[:12]}-{COMPILER}")
    if not name.strip() or not name.isprintable():
        raise EncoderError(f"{name!r} names no encoder", f"correct `encoder`, or use {PACKAGED}")
    if name.startswith(("openai:", "http://", "https://")):
        return _remote(name)
    path = Path(name).expanduser()
    if path.is_dir():
        return EncoderSource(path.name, str(path.resolve()), f"{_slug(path.name)}-{_fingerprint(path)}-{COMPILER}")
    if "@" in name:  # no name on the hub has one
        raise EncoderError(f"{name!r} names no encoder", f"use {PACKAGED}, or {BASE} for the model as it was published")
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise EncoderError(f"no encoder folder {name!r}", f"correct `encoder`, or use {PACKAGED}")
    return EncoderSource(name, name, f"{_slug(name)}-hub-{COMPILER}")


def _remote(name: str) -> EncoderSource:
    if name.startswith("openai:"):
        url, model = os.environ.get("OPENAI_BASE_URL") or OPENAI, name.removeprefix("openai:")
    else:
        url, _, model = name.partition("#")
    url = check_url(url.rstrip("/"), "encoder")
    if not model:
        raise EncoderError(f"the encoder {name!r} names no model", "write it as openai:MODEL or https://HOST/v1#MODEL")
    digest = hashlib.sha256(f"{url}#{model}".encode()).hexdigest()[:12]
    shown = f"{model} at {url.split('/')[2]}"
    return EncoderSource(shown, None, f"{_slug(model)}-{digest}-remote", endpoint=Endpoint(url, model))


def read_facts(folder: Path) -> dict[str, Any] | None:
    """What `encoder.json` says, or None when the encoder is not compiled or was left half written."""
    try:
        facts: dict[str, Any] = json.loads((folder / "encoder.json").read_bytes())
        whole = all((folder / name).stat().st_size == size for name, size in facts["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return facts if whole else None


def _fingerprint(folder: Path) -> str:
    """Hash of names, sizes and times: hashing the weights would cost more than encoding."""
    facts = [
        (str(file.relative_to(folder)), file.stat().st_size, file.stat().st_mtime_ns)
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    ]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:12]


def _slug(name: str) -> str:
    return re.sub(r"[^\w.]+", "-", name).strip("-.")[:80] or "encoder"
