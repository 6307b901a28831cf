"""A chat model behind an OpenAI-compatible endpoint: a system prompt of its own, and no tools, so that it can only answer."""

from dataclasses import replace
from typing import Any

from delegate_cli.agents import Agent
from delegate_cli.endpoints import Request, is_loopback
from delegate_cli.endpoints.client import Client
from delegate_cli.errors import CredentialsError, EndpointError, RefusedRequest, SettingsError
from delegate_cli.running.blocks import Block
from delegate_cli.running.handover import told_model
from delegate_cli.running.work import Answer, End, Failure, Work
from delegate_cli.settings import Llm, Prices, Settings


class OpenAI:
    """Asks a model, once for each call; counting, waiting and asking again are the engine's business.

    Args:
        settings: their model endpoint is used where the block names no `base_url`.
    """

    def __init__(self, agent: Agent, block: Block, settings: Settings, local_only: bool) -> None:
        self._block = block
        self._system = block.keys.get("system") or _system(agent)
        self.llm = endpoint(block, settings)
        self._local_only = local_only or settings.local_only
        self._client: Client | None = None

    @property
    def free(self) -> bool:
        """Whether a call costs nothing, as far as is known: the model runs on this machine and has no price."""
        return is_loopback(self.llm.url) and self.llm.prices is None

    def body(self, work: Work) -> dict[str, Any]:
        """What is sent for a call."""
        messages = [{"role": "system", "content": self._system}, {"role": "user", "content": told_model(work)}]
        keys = ("temperature", "max_tokens")
        return {"model": self.llm.model, "messages": messages} | {
            key: self._block.keys[key] for key in keys if key in self._block.keys
        }

    async def run(self, work: Work) -> Answer:
        try:
            if self._client is None:
                self._client = Client(self.llm, local_only=self._local_only)
            reply = await self._client.ask(Request("chat/completions", self.body(work)), fresh=True)
        except (EndpointError, SettingsError) as error:
            raise _failure(error) from None
        text = _text(reply.body["choices"][0]["message"].get("content"))
        if not text.strip():
            raise Failure(End.FAILED, f"{reply.model} answered without a text", "try another model")
        if len(text.encode()) > self._block.max_output:
            limit = self._block.max_output // 1024
            raise Failure(End.FAILED, f"{reply.model} wrote more than {limit} kB", "lower run.max_tokens", again=False)
        return Answer(self._client.without_key(text.strip()), reply.input_tokens, reply.output_tokens, reply.cost_usd)

    async def close(self) -> None:
        """End its connections."""
        if self._client is not None:
            await self._client.close()


def endpoint(block: Block, settings: Settings) -> Llm:
    """The endpoint of a block: its own, or with what it changes of the settings'. Keys never go from one to the other."""
    keys = block.keys
    base = settings.llm if "base_url" not in keys else Llm(base_url=keys["base_url"])
    changed: dict[str, Any] = {key: keys[key] for key in ("model", "key_env") if key in keys}
    if "key_env" in keys:
        changed["key_command"] = None
    if "prices" in keys:
        changed["prices"] = Prices(**keys["prices"])
    elif keys.get("model", base.model) != base.model:
        changed["prices"] = None  # what is known is the price of another model
    # caps and retries are held for the run as a whole; the endpoint's pace stays its own
    changed |= {"max_calls": None, "budget_usd": None, "retries": 0, "timeout_s": block.timeout_s or base.timeout_s}
    return replace(base, **changed)


def _system(agent: Agent) -> str:
    return f"You are {agent.name}. {agent.description}".strip() + "\nDo the task, and answer with its result alone."


def _text(content: Any) -> str:
    if isinstance(content, list):  # parts, as some servers answer
        content = "".join(each.get("text", "") for each in content if isinstance(each, dict))
    return content.encode("utf-8", "replace").decode("utf-8") if isinstance(content, str) else ""


def _failure(error: EndpointError | SettingsError) -> Failure:
    if isinstance(error, SettingsError | CredentialsError | RefusedRequest):
        return Failure(End.REFUSED, error.message, error.fix, again=False)
    if isinstance(error, EndpointError) and not error.sent:
        return Failure(End.REFUSED, error.message, error.fix, again=error.again, wait=error.wait)
    return Failure(
        End.UNCLEAR, error.message, error.fix, again=getattr(error, "again", False), wait=getattr(error, "wait", None)
    )
