"""The `delegate` command: its subcommands, and the one place where errors become a line and an exit code."""

import importlib
import itertools
import os
import sys
from typing import Annotated, Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # vectors of 384 numbers are too short to share out; saves 20 ms
os.environ.setdefault("OMP_NUM_THREADS", "1")

import typer

from delegate_cli import __version__
from delegate_cli.cli import options, streams
from delegate_cli.errors import DelegateError, UsageError

# Name → module, function, and its line in the list of commands; a group has no function, but an `app`.
COMMANDS = {
    "route": ("route", "route", "Decide which agent should do a task, and how sure that is."),
    "split": ("split", "split", "Say whether a request is several tasks, and who gets each."),
    "run": ("run", "run", "Hand a request, or each of its parts, to its agent."),
    "runs": ("runs", "", "List, show and export what was run."),
    "process": ("process", "process", "Run many requests, and compare with one agent alone."),
    "eval": ("evaluate", "evaluate", "Measure accuracy and calibration on labelled tasks."),
    "calibrate": ("calibrate", "calibrate", "Fit the probabilities on labelled tasks."),
    "tune": ("tune", "tune", "Train the encoder on labelled tasks."),
    "review": ("review", "review", "Answer the tasks that wait for a person."),
    "feedback": ("feedback", "feedback", "Say who was right, or how the work went."),
    "learn": ("learn", "learn", "Learn from what people said of decisions."),
    "why": ("journal", "why", "Show all reasons and evidence of a decision."),
    "replay": ("replay", "replay", "Decide recorded tasks again, with today's roster."),
    "journal": ("journal", "", "Decisions that were made, and what was said of them."),
    "index": ("index", "", "The index of a roster: made once, renewed by itself."),
    "skills": ("skills", "", "What agents are measured to be good at."),
    "difficulty": ("difficulty", "", "How likely agents are to fail at a task."),
    "plan": ("plan", "", "What to do about a task, by what success costs."),
    "agents": ("agents", "", "List, check, import, export and compare agents."),
    "serve": ("serve", "serve", "Decide over HTTP, with the roster in memory."),
    "mcp": ("mcp", "mcp", "Decide for assistants, by the Model Context Protocol."),
    "doctor": ("doctor", "doctor", "Check what is installed and where things are kept."),
    "schema": ("schema", "schema", "Print JSON Schemas of what is read and written."),
}


def command_line(only: str | None = None) -> typer.Typer:
    """All commands, or one: loading and reading the options of all takes 50 ms."""
    app = typer.Typer(
        name="delegate",
        help="Who should do this task? Reads agents from agents.yaml and says which one, how sure it is, and why.",
        rich_markup_mode=None,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_root)
    for name, (module_name, function, line) in COMMANDS.items():
        if only not in (None, name):
            continue
        module = importlib.import_module(f"delegate_cli.cli.{module_name}")
        if not function:
            app.add_typer(module.app, name=name, short_help=line)
            continue
        examples = module.WHY_EXAMPLES if name == "why" else module.EXAMPLES
        app.command(name=name, epilog=examples, short_help=line)(getattr(module, function))
    return app


def _version(wanted: bool) -> None:
    if wanted:
        streams.write(f"delegate {__version__}\n")
        raise typer.Exit()


def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a bug.")] = False,
) -> None:
    pass


def main() -> None:
    """Run the command and end the process with its exit code."""
    code = run(sys.argv[1:])
    try:
        streams.flush()
    except BrokenPipeError:
        code = 141
    except DelegateError as error:
        streams.note(f"error: {error.message} ({error.fix})")
        code = code or error.exit_code
    # a thread may still be waiting for stdin; everything is written, so nothing is left to wait for
    os._exit(code)


def run(arguments: list[str]) -> int:
    """The exit code of a command line; every error is shown here."""
    try:
        _check(arguments)
        result = command_line(_named(arguments))(arguments, prog_name="delegate", standalone_mode=False)
        if result == 130:  # Typer turns an interrupt into this code and says nothing
            raise KeyboardInterrupt
        return result if isinstance(result, int) else 0
    except DelegateError as error:
        return _show(error, arguments)
    except typer.TyperException as error:
        return _usage(error, arguments)
    except BrokenPipeError:
        return 141  # as a program ends that SIGPIPE stops: quietly
    except (KeyboardInterrupt, typer.Abort, EOFError):
        streams.note("interrupted")
        return 130
    except Exception as error:  # a bug of ours: one line, the traceback only when asked for
        return _bug(error, arguments)
    finally:
        options.stop_progress()


def _check(arguments: list[str]) -> None:
    """Refuse what paths would be made of before anybody can look at it: an empty one would be the current folder."""
    if any("\0" in argument for argument in arguments):
        raise UsageError("an argument has a null character in it", "take it out")
    pairs = itertools.pairwise(arguments)
    if "--agents=" in arguments or any(name in ("--agents", "-a") and not value for name, value in pairs):
        raise UsageError("--agents is empty", "name a file or folder; the current folder is .")


def _named(arguments: list[str]) -> str | None:
    """The command that a command line names, unless all are to be known: for help, for completion, and for what names none."""
    if "_DELEGATE_COMPLETE" in os.environ:
        return None
    first = next((argument for argument in arguments if not argument.startswith("-")), None)
    return first if first in COMMANDS else None


def _usage(error: Any, arguments: list[str]) -> int:
    message = error.format_message()
    if not message or message.startswith("Usage: "):  # no arguments, also of a group: the help is the answer
        streams.write(error.ctx.get_help() + "\n")
        return 2
    path = error.ctx.command_path if getattr(error, "ctx", None) is not None else "delegate"
    message = message[:1].lower() + message[1:]
    return _show(UsageError(message.rstrip("."), f"see {path} --help"), arguments)


def _show(error: DelegateError, arguments: list[str]) -> int:
    from delegate_cli.render.text import clean

    fix = f" ({clean(error.fix)})" if error.fix else ""
    streams.note(f"error: {clean(error.message)}{fix}")
    if _wants_json(arguments):
        from delegate_cli.render.jsonl import dumps, error_record

        streams.write(dumps(error_record(error.as_dict())) + "\n")
    return error.exit_code


def _wants_json(arguments: list[str]) -> bool:
    pairs = zip(arguments, [*arguments[1:], ""], strict=True)
    joined = {f"{name}={value}" for name, value in pairs if name in ("--format", "-f")}
    return bool(({*arguments} | joined) & {"--format=json", "-f=json", "-fjson", "--format=jsonl", "-f=jsonl", "-fjsonl"})


def _bug(error: Exception, arguments: list[str]) -> int:
    if "--debug" in arguments:
        import traceback

        streams.note(traceback.format_exc())
    line = str(error).replace("\n", " ")[:200]
    streams.note(f"bug: {type(error).__name__}: {line} (please report it with the output of: delegate --debug …)")
    return 70
