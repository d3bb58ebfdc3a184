"""A line on stderr while a command works, for a person who waits.

    with working("Scanning", total=3) as advance:
        for file in files:
            scan(file)
            advance()

Only a terminal sees it, and it is gone when the work is done: a program that reads stderr finds
what was said and nothing of how long it took.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


@contextmanager
def working(what: str, total: int | None = None) -> Iterator[Callable[[], None]]:
    """Show what is worked on and for how long; call what is given for each piece that is done.

    Args:
        what: In the person's language.
        total: How many pieces there are; `None` where nobody knows.
    """
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(
        *(columns if total is None else (*columns[:2], MofNCompleteColumn(), columns[2])),
        console=console,
        transient=True,
        disable=not console.is_terminal,
        # What a command prints goes where the shell sends it, and never to stderr instead.
        redirect_stdout=False,
        redirect_stderr=False,
    ) as shown:
        task = shown.add_task(what, total=total)
        yield lambda: shown.advance(task)
