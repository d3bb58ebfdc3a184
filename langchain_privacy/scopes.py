"""Context variables that hold inside a block, and are put back where they were set.

    with scope(_current, session):
        ...  # _current.get() is session

A coroutine that nobody waits for any more (its event loop is closed, its task was never awaited) is
closed by the garbage collector, in whatever context that runs in. There the block was never
entered, and nothing is to be put back: Python's own `reset` raises `ValueError` there, in the place
of what ended the coroutine. So every variable of this package is set here.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar, Token
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def scope(variable: ContextVar[T], value: T) -> Iterator[None]:
    """Set a context variable inside a `with` block."""
    token = variable.set(value)
    try:
        yield
    finally:
        put_back(variable, token)


def put_back(variable: ContextVar[T], token: Token[T]) -> bool:
    """Put a variable back to what it was before it was set.

    Returns:
        Whether this is the context that it was set in; else nothing is done.
    """
    with suppress(ValueError):  # Python's way to say that the token is of another context
        variable.reset(token)
        return True
    return False
