"""What all requests together may hold in memory, counted as their bytes arrive."""

from collections.abc import Iterator
from contextlib import contextmanager

from langchain_privacy.secure.gateway.http import RefusedError


class Memory:
    """A budget of bytes, shared by all requests of a gateway."""

    def __init__(self, limit: int) -> None:
        self.left = limit

    @contextmanager
    def hold(self) -> Iterator["Held"]:
        """The share of one request, given back at the end."""
        held = Held(self)
        try:
            yield held
        finally:
            self.left += held.taken


class Held:
    """What one request holds."""

    def __init__(self, memory: Memory) -> None:
        self._memory, self.taken = memory, 0

    def grow(self, size: int) -> None:
        """Take more, or refuse the request with 503."""
        if size > self._memory.left:
            raise RefusedError(503)
        self._memory.left -= size
        self.taken += size
