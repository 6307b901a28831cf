"""Model endpoints: what is asked of a server, what came back, and what it cost. Light; `client` is the part that talks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


def is_loopback(base_url: str) -> bool:
    """Whether what is sent there stays on this machine: localhost, 127.0.0.0/8 or ::1. A name is not looked up."""
    from ipaddress import ip_address  # 3 ms, and only where an endpoint is configured
    from urllib.parse import urlsplit

    host = (urlsplit(base_url).hostname or "").rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it is sent: `body` is JSON for `path`, which is relative to the endpoint's base URL."""

    path: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. Tokens are the server's own count; `cost_usd` is None where no price is set."""

    body: Mapping[str, Any]
    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    cached: bool = False
    request: Request | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an endpoint can do, probed once for a base URL and model. `top_logprobs` of 0: it gives none."""

    top_logprobs: int = 20
    json_schema: bool = True
    reasoning: bool = False


class Asker(Protocol):
    """What deciders need of an endpoint; `client.Client` is the real one.

    Every method raises an EndpointError (or a subclass: CredentialsError, BudgetError) when there is no answer after retries.
    """

    @property
    def model(self) -> str: ...

    async def ask(self, request: Request) -> Reply:
        """One request, answered from the cache where it was asked before, within budget, limits and retries."""
        ...

    async def capabilities(self) -> Capabilities:
        """Probed at the first call, remembered afterwards, also by later processes."""
        ...
