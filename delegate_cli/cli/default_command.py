"""A group of commands that takes a task, too: `delegate difficulty "…"` beside `delegate difficulty fit …`."""

from typing import Any

from typer.core import TyperGroup

TASK = "of"


class TaskGroup(TyperGroup):
    """A group whose command `of` is meant where the first argument names no command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments, with `of` before them where they begin with a task or an option of it."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [TASK, *args]
        return super().parse_args(ctx, args)
