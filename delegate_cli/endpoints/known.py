"""An endpoint as far as it is known without asking it: what a dry run shows requests for. It sends nothing."""

from dataclasses import dataclass

from delegate_cli.endpoints import Capabilities, Reply, Request, probe
from delegate_cli.endpoints.cache import FILE, AnswerCache
from delegate_cli.errors import EndpointError
from delegate_cli.settings import Settings, home


@dataclass(frozen=True, slots=True)
class Known:
    """An `Asker` that never asks; `can` is what an earlier run found out, or None."""

    model: str
    can: Capabilities | None

    @classmethod
    def of(cls, settings: Settings) -> "Known":
        """The endpoint of these settings."""
        llm = settings.llm
        kept = AnswerCache(home() / FILE) if (home() / FILE).exists() and llm.cache_mb else None
        return cls(llm.model or "", probe.recall(llm.url, llm.model or "", kept))

    async def ask(self, request: Request) -> Reply:
        raise EndpointError("a dry run sends nothing", "leave out --dry-run")

    async def capabilities(self) -> Capabilities:
        return self.can or Capabilities()
