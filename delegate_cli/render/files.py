"""Files that a command was asked to write: whole or not at all."""

import contextlib
import os
import uuid
from pathlib import Path

from delegate_cli.errors import OutputError


def check_writable(path: Path) -> None:
    """Find out before long work whether a file can be written there.

    Raises:
        OutputError: its folder is missing or may not be written, or something stands there that is no file.
    """
    if path.exists() and not path.is_file():
        raise OutputError(f"cannot write {path}: there is something that is not a file", "name another file")
    if not path.parent.is_dir():
        raise OutputError(f"cannot write {path}: there is no folder {path.parent}", "make it first, or name another")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write {path}: the folder {path.parent} may not be written", "name another folder")


def make_folder(folder: Path) -> None:
    """Make a folder for files, and those above it.

    Raises:
        OutputError: it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(f"cannot make the folder {folder}: {reason}", "name another folder") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"the folder {folder} may not be written", "name another folder")


def write_file(path: Path, content: bytes) -> None:
    """Write a file beside its place and rename it there; a reader never sees half of it.

    Raises:
        OutputError: it cannot be written.
    """
    check_writable(path)
    draft = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with draft.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"cannot write {path}: {reason}", "free some space, or name another file") from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
