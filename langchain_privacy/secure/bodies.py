"""Bodies of opened answers, as streams of the HTTP library in use: httpx or httpx2."""

from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from importlib import import_module
from typing import Any


class _Ending:
    """Remembers whether the text that was passed on has announced its own end.

    Clients of event streams stop reading at `[DONE]`. What follows then is only the last frame; it
    is read on close, so that the end is authenticated and the connection can be used again.
    """

    def __init__(self) -> None:
        self._tail = b""

    def see(self, piece: bytes) -> bytes:
        self._tail = (self._tail + piece)[-32:]
        return piece

    @property
    def announced(self) -> bool:
        return self._tail.rstrip().endswith(b"[DONE]")


class _Opened:
    """Body of an opened answer, synchronous."""

    def __init__(self, pieces: Iterator[bytes], close: Callable[[], None]) -> None:
        self._pieces, self._close = pieces, close
        self._ending = _Ending()

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            yield self._ending.see(piece)

    def close(self) -> None:
        try:
            if self._ending.announced:
                for piece in self._pieces:
                    self._ending.see(piece)
        finally:
            self._close()


class _AsyncOpened:
    """Body of an opened answer, asynchronous."""

    def __init__(self, pieces: AsyncIterator[bytes], close: Callable[[], Any]) -> None:
        self._pieces, self._close = pieces, close
        self._ending = _Ending()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._pieces:
            yield self._ending.see(piece)

    async def aclose(self) -> None:
        try:
            if self._ending.announced:
                async for piece in self._pieces:
                    self._ending.see(piece)
        finally:
            await self._close()


@cache
def library_named(name: str) -> Any:
    """The module `httpx` or `httpx2`."""
    return import_module(name)


@cache
def bodies_of(name: str) -> tuple[Any, Any]:
    """The classes of a synchronous and an asynchronous body."""
    library = library_named(name)
    return (
        type("OpenedBody", (_Opened, library.SyncByteStream), {}),
        type("AsyncOpenedBody", (_AsyncOpened, library.AsyncByteStream), {}),
    )
