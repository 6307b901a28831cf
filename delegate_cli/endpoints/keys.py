"""The key of an endpoint: from a command or the environment, at the moment it is needed. It is never kept or shown."""

import os
import subprocess
from urllib.parse import urlsplit

from delegate_cli.errors import CredentialsError
from delegate_cli.settings import OPENAI, Llm

FALLBACK = "OPENAI_API_KEY"
_PATIENCE = 60  # seconds: a password store may ask its user


def read_key(llm: Llm) -> str | None:
    """The key, or None where the endpoint needs none.

    OPENAI_API_KEY goes only to hosts that the user's own environment names, or OpenAI's: a roster from elsewhere could
    otherwise point `base_url` at a stranger, who would receive it.

    Raises:
        CredentialsError: the variable is not set, or the command fails.
    """
    if llm.key_command is not None:
        return _from_command(llm.key_command)
    if llm.key_env is not None:
        key = os.environ.get(llm.key_env, "").strip()
        if not key:
            raise CredentialsError(f"the variable {llm.key_env} of llm.key_env is not set", f"export {llm.key_env}=…")
        return _checked(key, f"the variable {llm.key_env}")
    if not is_own_host(llm.url):
        return None
    key = os.environ.get(FALLBACK, "").strip()
    if not key and _origin(llm.url) == _origin(OPENAI):
        raise CredentialsError("there is no key for api.openai.com", f"set {FALLBACK}, llm.key_env or llm.key_command")
    return _checked(key, FALLBACK) if key else None


def is_own_host(url: str) -> bool:
    """Whether the address is OpenAI's, or one that the environment names."""
    named = (os.environ.get("OPENAI_BASE_URL"), os.environ.get("DELEGATE_LLM_BASE_URL"), OPENAI)
    return _origin(url) in {_origin(each) for each in named if each}


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def _from_command(command: tuple[str, ...]) -> str:
    what = f"the key command {command[0]!r}"
    fix = "run it by hand, or correct llm.key_command"
    try:
        done = subprocess.run(command, capture_output=True, timeout=_PATIENCE, check=False, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise CredentialsError(f"{what} did not end within {_PATIENCE} s", fix) from None
    except (OSError, ValueError) as error:
        raise CredentialsError(f"{what} cannot be run ({getattr(error, 'strerror', None) or 'not a command'})", fix) from None
    if done.returncode:
        raise CredentialsError(f"{what} failed with exit code {done.returncode}", fix)
    key = done.stdout.decode("utf-8", "replace").strip()
    if not key:
        raise CredentialsError(f"{what} printed no key", fix)
    return _checked(key, what)


def _checked(key: str, source: str) -> str:
    if not key.isascii() or not key.isprintable() or " " in key:
        raise CredentialsError(f"what {source.removeprefix('the ')} holds is not a key", "a key is one word in ASCII")
    return key
