"""The manual page `delegate.1`, in roff, from the help texts of the commands."""

import re

from delegate_cli import __version__

INTRODUCTION = (
    "reads a roster of agents (AI agents, tools, people, teams) and says which of them should do a task, how probable it is"
    " that this is right, and whether to hand over at once, ask a person, or give the task to nobody. It runs offline,"
    " without a key."
)
EXIT = {
    "0": "decided; for a batch: every line was answered",
    "1": "a person should be asked, or nobody fits (a single task)",
    "2": "usage, roster or settings",
    "3": "credentials: the model endpoint wants a key, or another one",
    "4": "model endpoint: no usable answer, or the budget is used up",
    "5": "a batch ended, and some of its lines could not be read",
    "6": "no eligible agent: constraints left nobody",
    "7": "a gate of eval is not met",
    "70": "a bug in delegate",
    "130": "interrupted",
    "141": "the reader of a pipe went away",
}
ENVIRONMENT = {
    "DELEGATE_HOME": "the folder of encoders, indexes, caches and the journal; else the platform's data folder",
    "DELEGATE_AGENTS": "the roster, where --agents is not given; else agents.yaml in the current folder",
    "DELEGATE_LLM_BASE_URL, DELEGATE_LLM_MODEL": "the model endpoint, and the model to ask",
    "DELEGATE_ENCODER, DELEGATE_TARGET_ERROR, ...": "any setting of the roster's `settings` block; flags go before them",
    "NO_COLOR": "no colours",
}


def page(helps: dict[str, str]) -> str:
    """The whole page.

    Args:
        helps: what each command says for `--help`, by its words; `delegate` itself first.
    """
    names = [name for name in helps if name != "delegate"]
    parts = [
        f'.TH DELEGATE 1 "" "delegate {__version__}" "User Commands"',
        ".SH NAME\ndelegate \\- who should do this task?",
        ".SH SYNOPSIS\n.B delegate\n.I command\n[options]",
        f".SH DESCRIPTION\n.B delegate\n{_text(INTRODUCTION)}",
        ".SH COMMANDS\n" + "\n".join(_command(name, helps[name]) for name in names),
        ".SH EXIT STATUS\n" + _list(EXIT),
        ".SH ENVIRONMENT\n" + _list(ENVIRONMENT),
        ".SH SEE ALSO\n.BR jq (1)",
    ]
    return "\n".join(parts) + "\n"


def _command(name: str, text: str) -> str:
    body = re.sub(r"\AUsage: .*\n+", "", text)
    usage = text.partition("\n")[0].removeprefix("Usage: ")
    return f".SS {_text(name)}\n.B {_text(usage)}\n.PP\n.nf\n{_text(body)}\n.fi"


def _list(entries: dict[str, str]) -> str:
    return "\n".join(f".TP\n.B {_text(name)}\n{_text(text)}" for name, text in entries.items())


def _text(text: str) -> str:
    """Plain text as roff reads it: backslashes and hyphens are meant as they are, and no line begins a request."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in escaped.splitlines())
