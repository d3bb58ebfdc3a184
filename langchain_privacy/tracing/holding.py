"""What was traced is kept back until its trace is over.

A run is traced when it begins, with its inputs; the vault learns their values a moment later, when
the masker has read them, or seconds later, where a function works before it calls what is private.
So nothing of a trace is sent before its first run ends: what was masked within it is known then.
There are two limits. A part that has waited for `HOLD` seconds is sent, cleaned of what is known
by then, so that runs of hours can be seen. And what waits takes no more than `LIMIT` bytes: of
what is over that, beginning with the oldest trace, only the frame is sent.

Example:
    ```python
    held.hold("trace", operation, 4_000, now)
    held.end("trace")  # [operation]
    ```
"""

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")

HOLD = 60.0
"""Seconds for which a part of a trace waits for the trace's end at most."""
LIMIT = 64 << 20
"""Bytes that may wait so."""


class Holding(Generic[T]):
    """Parts of traces that are not over, each trace's in their order. Not thread-safe."""

    def __init__(self, seconds: float, limit: int = LIMIT) -> None:
        self.seconds = seconds
        self.limit = limit
        self._traces: dict[Hashable, deque[tuple[T, int, float]]] = {}
        self._bytes = 0

    def __len__(self) -> int:
        """Of how many traces something waits."""
        return len(self._traces)

    def hold(self, trace: Hashable, part: T, size: int, now: float) -> None:
        """Keep a part of `size` bytes back."""
        self._traces.setdefault(trace, deque()).append((part, size, now))
        self._bytes += size

    def end(self, trace: Hashable) -> list[T]:
        """Return all that waits of a trace."""
        parts = self._traces.pop(trace, ())
        self._bytes -= sum(size for _, size, _ in parts)
        return [part for part, _, _ in parts]

    def end_all(self) -> list[T]:
        """Return all that waits."""
        return [part for trace in list(self._traces) for part in self.end(trace)]

    def overdue(self, now: float) -> list[T]:
        """Return what has waited for long enough."""
        found: list[T] = []
        for trace, parts in list(self._traces.items()):
            while parts and now - parts[0][2] >= self.seconds:
                part, size, _ = parts.popleft()
                self._bytes -= size
                found.append(part)
            if not parts:
                del self._traces[trace]
        return found

    def excess(self) -> list[T]:
        """Return what there is no room for."""
        found: list[T] = []
        while self._bytes > self.limit:
            found += self.end(next(iter(self._traces)))
        return found
