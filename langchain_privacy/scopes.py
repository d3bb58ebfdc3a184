"""Context variables that hold inside a block, and are put back where they were set.

    with scope(_current, session):
        ...  # _current.get() is session

A coroutine that nobody waits for any more (its event loop is closed, its task was never awaited) is
closed by the garbage collector, in whatever context that runs in. There the block was never
entered, and nothing is to be put back: Python's own `reset` raises `ValueError` there, in the place
of what ended the coroutine. So every variable of this package is set here.
"""

from contextvars import ContextVar, Token
from typing import Generic, TypeVar

T = TypeVar("T")


class scope(Generic[T]):  # noqa: N801 - it is called as a function
    """Set a context variable inside a `with` block."""

    __slots__ = ("_token", "_value", "_variable")

    def __init__(self, variable: ContextVar[T], value: T) -> None:
        self._variable, self._value = variable, value

    def __enter__(self) -> T:
        self._token = self._variable.set(self._value)
        return self._value

    def __exit__(self, *_: object) -> None:
        put_back(self._variable, self._token)


def put_back(variable: ContextVar[T], token: Token[T]) -> bool:
    """Put a variable back to what it was before it was set.

    Returns:
        Whether this is the context that it was set in; else nothing is done.
    """
    try:
        variable.reset(token)
    except ValueError:  # Python's way to say that the token is of another context
        return False
    return True
