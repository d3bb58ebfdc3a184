"""What the transports need of httpx and of httpx2: one interface, two libraries.

Which one is in use is seen from a request's class. The transports take messages apart and make
answers with what is here, so that nothing else imports either library.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import import_module
from typing import Any

from langchain_privacy.errors import (
    AttestationError,
    ConfigurationError,
    EndpointUnavailableError,
    EvidenceInvalidError,
)
from langchain_privacy.subclassing import subclass


@contextmanager
def reaching(library: str) -> Iterator[None]:
    """Turns the error of an endpoint that cannot be reached into ours; see `attest`."""
    try:
        http = import_module(library)
    except ImportError:
        msg = 'attested endpoints need httpx: pip install "langchain-privacy[secure]"'
        raise ConfigurationError(msg) from None
    try:
        yield
    except http.TransportError as error:
        raise unreached(error) from None


def unreached(error: BaseException) -> AttestationError:
    """Return our error for one of a connection that never was, or for one that it caused."""
    cause: BaseException | None = error
    while cause is not None:
        if "CERTIFICATE_VERIFY_FAILED" in str(cause):
            msg = (
                "the endpoint's TLS certificate is of an authority that is not trusted here; give "
                "verify= (tls= of a model, --ca of a command) your own"
            )
            return EvidenceInvalidError(msg, check="fetch")
        cause = cause.__cause__
    return EndpointUnavailableError("the endpoint cannot be reached", check="fetch")


class _Body:
    """Body of an opened answer.

    Clients of event streams stop reading at `[DONE]`. What follows then is only the last frame; it
    is read on close, so that the end is authenticated and the connection can be used again.
    """

    def __init__(self, pieces: Iterator[bytes], close: Callable[[], None]) -> None:
        self._pieces, self._close, self._tail = pieces, close, b""

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self._tail = (self._tail + piece)[-32:]
            yield piece

    def close(self) -> None:
        try:
            if self._tail.rstrip().endswith(b"[DONE]"):
                for _ in self._pieces:
                    pass
        finally:
            self._close()


class _AsyncBody:
    """The asynchronous twin of `_Body`."""

    def __init__(self, pieces: AsyncIterator[bytes], close: Callable[[], Any]) -> None:
        self._pieces, self._close, self._tail = pieces, close, b""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._pieces:
            self._tail = (self._tail + piece)[-32:]
            yield piece

    async def aclose(self) -> None:
        try:
            if self._tail.rstrip().endswith(b"[DONE]"):
                async for _ in self._pieces:
                    pass
        finally:
            await self._close()


@dataclass(frozen=True)
class Library:
    """httpx or httpx2.

    Attributes:
        http: The module.
        body: Class of the bodies of opened answers; the library takes subclasses of its own only.
        async_body: The same for asynchronous clients.
        broken: Errors of a connection that broke.
    """

    http: Any
    body: Any
    async_body: Any
    broken: tuple[type[Exception], ...]


@cache
def library(name: str) -> Library:
    """One of the two, by its name."""
    http = import_module(name)
    return Library(
        http,
        subclass(http.SyncByteStream, {}, _Body),
        subclass(http.AsyncByteStream, {}, _AsyncBody),
        (http.ReadError, http.WriteError, http.RemoteProtocolError),
    )


def library_of(request: Any) -> Library:
    """The one that a request is of."""
    return library(type(request).__module__.partition(".")[0])


def name_for(client: type) -> str:
    """The name of the one that a class of clients is made from, e.g. `openai`'s."""
    roots = {cls.__module__.partition(".")[0] for cls in client.__mro__}
    return "httpx2" if "httpx2" in roots else "httpx"


def pairs(message: Any) -> list[tuple[str, str]]:
    """Headers of a request or a response."""
    return [(n.decode("latin-1"), v.decode("latin-1")) for n, v in message.headers.raw]


@lru_cache(maxsize=64)
def parsed(kind: Callable[[str], Any], url: str) -> Any:
    """A URL object: parsing costs more than sealing, and the address is nearly always the same."""
    return kind(url)
