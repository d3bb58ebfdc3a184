"""The session of the run in progress, for parts that no argument reaches."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from langchain_privacy.vault.base import VaultSession

_current: ContextVar[VaultSession | None] = ContextVar("langchain_privacy_session", default=None)


def current_session() -> VaultSession | None:
    """Return the session of the run in progress, if one was opened."""
    return _current.get()


@contextmanager
def session_scope(session: VaultSession) -> Iterator[VaultSession]:
    """Make `session` the current one inside a `with` block."""
    token = _current.set(session)
    try:
        yield session
    finally:
        _current.reset(token)
