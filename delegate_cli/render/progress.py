"""Progress bars for stderr."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn


def new_bar() -> Progress:
    """A bar that counts things and goes away when it ends."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


def batch_bar() -> Progress:
    """A bar for a batch: share of the input where its size is known, and tasks answered."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[tasks]} tasks"),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=5)
