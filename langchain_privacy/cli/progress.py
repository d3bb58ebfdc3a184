"""A line on stderr while a command works, for a person who waits.

    with working("Scanning", total=3) as advance:
        for file in files:
            scan(file)
            advance()  # or advance(of=40), where only the work itself says how much there is

Only a terminal sees it, and it is gone when the work is done: a program that reads stderr finds
what was said and nothing of how long it took.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text


class _Count(MofNCompleteColumn):
    """How many of how many, once it is known how many there are."""

    def render(self, task: Task) -> Text:
        return Text() if task.total is None else super().render(task)


@contextmanager
def working(what: str, total: int | None = None) -> Iterator[Callable[..., None]]:
    """Show what is worked on and for how long; call what is given for each piece that is done.

    Args:
        what: In the person's language.
        total: How many pieces there are; `None` where nobody knows, or not yet.
    """
    console = Console(stderr=True)
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        _Count(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
        # What a command prints goes where the shell sends it, and never to stderr instead.
        redirect_stdout=False,
        redirect_stderr=False,
    ) as shown:
        task = shown.add_task(what, total=total)

        def advance(of: int | None = None) -> None:
            if of is not None:
                shown.update(task, total=of)
            shown.advance(task)

        yield advance
