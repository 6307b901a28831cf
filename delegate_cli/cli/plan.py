"""`delegate plan`: what to do about a task, by what success costs."""

import typer

from delegate_cli.cli import plan_of
from delegate_cli.cli.default_command import TASK, TaskGroup

app = typer.Typer(
    help="What to do about a task, by what success costs. TASK alone is the same as: of TASK.",
    no_args_is_help=True,
    rich_markup_mode=None,
    cls=TaskGroup,
)
app.command(TASK, epilog=plan_of.EXAMPLES)(plan_of.of)
