"""The bytes of a request, and what is read from an answer. Imports nothing heavy, so that a dry run needs no SDK."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from delegate_cli.endpoints import Request

_UNSAID = 1024  # output tokens that a request without a limit is taken to cost


def encode_body(body: Mapping[str, Any]) -> bytes:
    """The body exactly as it is sent: what a dry run prints, what is hashed for the cache, and what the server receives."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8", "replace")


def answer_key(base_url: str, model: str, path: str, data: bytes) -> bytes:
    """SHA-256 under which an answer is kept."""
    digest = hashlib.sha256()
    for part in (base_url.encode(), model.encode(), path.encode(), data):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def estimated_tokens(request: Request) -> tuple[int, int]:
    """Input and output tokens that a request may cost: three bytes a token, which is on the high side, and its own limit."""
    body = request.body
    if request.path == "embeddings":
        return len(encode_body(body)) // 3 + 1, 0
    limit = body.get("max_completion_tokens") or body.get("max_tokens") or _UNSAID
    return len(encode_body(body)) // 3 + 1, int(limit) * int(body.get("n") or 1)


def counted_tokens(body: Mapping[str, Any]) -> tuple[int, int]:
    """Input and output tokens as the server counted them; 0 where it does not say."""
    usage = body.get("usage")
    if not isinstance(usage, Mapping):
        return 0, 0
    inputs = _count(usage, "prompt_tokens", "input_tokens")
    return inputs, _count(usage, "completion_tokens", "output_tokens")


def _count(usage: Mapping[str, Any], *names: str) -> int:
    for name in names:
        value = usage.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9:
            return value
    return 0
