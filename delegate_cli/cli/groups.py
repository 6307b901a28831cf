"""Groups of options: Typer knows none, so a command's signature is given one parameter for each field of a dataclass."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Any, get_type_hints


def takes(parameter: str, group: type[Any], prefix: str = "", without: tuple[str, ...] = ()) -> Callable[[Any], Any]:
    """Give a command the options of a group in the place of one of its parameters, but for some.

    Args:
        group: a dataclass whose annotations are Typer's, each field with a default.
        prefix: of the names of the parameters; a command may have one of such a name itself.
    """

    def decorate(command: Callable[..., int]) -> Callable[..., int]:
        own = [field for field in fields(group) if field.name not in without]
        hints = get_type_hints(group, include_extras=True)
        parameters: list[inspect.Parameter] = []
        for each in inspect.signature(command).parameters.values():
            if each.name != parameter:
                parameters.append(each)
                continue
            kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
            parameters += [
                inspect.Parameter(prefix + field.name, kind, default=field.default, annotation=hints[field.name])
                for field in own
            ]

        @functools.wraps(command)
        def run(**given: Any) -> int:
            chosen = {field.name: given.pop(prefix + field.name) for field in own}
            return command(**given, **{parameter: group(**chosen)})

        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return run

    return decorate
