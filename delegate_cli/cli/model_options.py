"""The options with which a model is asked, one group for all commands that decide, and what they are made into."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from delegate_cli.cli import groups, streams
from delegate_cli.errors import UsageError

if TYPE_CHECKING:
    from delegate_cli.cli.served import Served
    from delegate_cli.connecting import Manner
    from delegate_cli.deciders.question import ModelDecider, Question
    from delegate_cli.pipeline import Delegator
    from delegate_cli.settings import Settings


class Decider(StrEnum):
    """Who decides."""

    AUTO = "auto"
    HEAD = "head"
    CHAT = "chat"
    DECISIONS = "decisions"
    SYSTEMONE = "systemone"


class Form(StrEnum):
    """How a chat model is asked."""

    LABELS = "labels"
    ASSIGNED = "assigned"


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """What was given on the command line; None where nothing was."""

    decider: Annotated[
        Decider | None,
        typer.Option("--decider", help="auto asks a model, where one is set, only when the head is unsure. [default: auto]"),
    ] = None
    always: Annotated[bool, typer.Option("--always-ask-model", help="Ask the model also where the head is sure.")] = False
    form: Annotated[
        Form | None, typer.Option("--ask", help="Ask for a label, or for a last line ASSIGNED: agent. [default: labels]")
    ] = None
    base_url: Annotated[
        str | None, typer.Option("--base-url", metavar="URL", help="The endpoint, such as http://127.0.0.1:8080/v1.")
    ] = None
    model: Annotated[str | None, typer.Option("--model", metavar="NAME", help="The model to ask there.")] = None
    shortlist: Annotated[
        int | None, typer.Option("--model-shortlist", min=1, help="How many agents the model is shown. [default: 6]")
    ] = None
    orders: Annotated[int | None, typer.Option("--orders", min=1, help="In how many orders it is shown them. [default: 2]")] = (
        None
    )
    budget_usd: Annotated[
        float | None, typer.Option("--budget-usd", min=0, help="Spend no more in this run; needs prices.")
    ] = None
    max_calls: Annotated[int | None, typer.Option("--max-calls", min=0, help="Send no more requests in this run.")] = None
    timeout: Annotated[float | None, typer.Option("--timeout", min=0, help="Seconds for one request. [default: 60]")] = None
    concurrency: Annotated[int | None, typer.Option("--concurrency", min=1, help="Requests at the same time. [default: 8]")] = (
        None
    )
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Ask again what was asked before.")] = False
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 3 or 4 where the model fails, instead of the head deciding.")
    ] = False
    rubric: Annotated[bool, typer.Option("--rubric", help="Also let the model rate the best three from 1 to 5.")] = False
    redact: Annotated[bool, typer.Option("--redact", help="Send placeholders for names, addresses, numbers and keys.")] = False
    show_prompt: Annotated[bool, typer.Option("--show-prompt", help="Show on stderr what the model is told.")] = False
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the requests as JSON Lines and send nothing.")] = False

    def flags(self) -> dict[str, Any]:
        """As `settings.resolve` takes them.

        Raises:
            UsageError: options that do not go together.
        """
        if self.form is Form.ASSIGNED and self.decider not in (None, Decider.AUTO, Decider.CHAT):
            raise UsageError(f"--ask assigned and --decider {self.decider} do not go together", "leave out one of them")
        names = ("base_url", "model", "shortlist", "orders", "budget_usd", "max_calls", "concurrency")
        llm = {name: getattr(self, name) for name in names} | {"timeout_s": self.timeout}
        return {"decider": None if self.decider is None else self.decider.value, "llm": llm}

    def manner(self, settings: "Settings") -> "Manner":
        """How the model is asked."""
        from delegate_cli.connecting import Manner

        redactor = None
        if self.redact or settings.llm.redact:
            from delegate_cli.deciders.redact import Redactor

            redactor = Redactor(settings.llm.redact_patterns)
        return Manner(
            always=self.always,
            form=(self.form or Form.LABELS).value,
            strict=self.strict,
            rubric=self.rubric,
            cache=not self.no_cache,
            redact=redactor,
            watch=_show if self.show_prompt else None,
        )


NOTHING = ModelOptions()


def takes(*without: str) -> Callable[[Any], Any]:
    """Give a command the options of `ModelOptions`, but for some, in the place of its parameter `asking`."""
    return groups.takes("asking", ModelOptions, "model_", without)


def summarise(delegator: "Delegator | Served", quiet: bool) -> None:
    """Say on stderr what asking a model came to, where there is one."""
    if delegator.adviser is not None and not quiet:
        from delegate_cli.render.prompts import summary_line

        streams.note(summary_line(delegator.adviser.spent()))


def _show(question: "Question", model: "ModelDecider") -> None:
    from delegate_cli.render.prompts import prompt_text

    streams.note(prompt_text(model.requests(question)))
