"""HTTP transports that examine what is really sent, and count it; for httpx and for httpx2.

`EgressGuard.transport`, `http_client` and their asynchronous twins are made of these functions.
`openai>=3` is built on httpx2, older versions and most other clients on httpx. Nothing is patched:
hand the client or the transport over.

```python
ChatOpenAI(model="gpt-4o-mini", http_client=guard.http_client())
```

A request inside a guarded model's call counts towards that crossing; any other request, also one
that was redirected to another host, is a crossing of its own. Bytes are those of request and
response bodies as they are on the wire (compressed where they are), without headers and TLS.
"""

import functools
import gzip
import zlib
from collections.abc import AsyncIterator, Iterator
from importlib import import_module
from types import TracebackType
from typing import Any, Self

from langchain_privacy.egress.crossing import (
    Door,
    OpenCrossing,
    Outcome,
    crossing_in_progress,
    outcome_of,
)
from langchain_privacy.egress.destination import UNKNOWN, host_of
from langchain_privacy.egress.payload import Payload
from langchain_privacy.errors import ConfigurationError, EgressBlockedError
from langchain_privacy.subclassing import subclass

_SECRET_HEADERS = frozenset({"authorization", "api-key", "x-api-key", "cookie", "x-goog-api-key"})
_PLAIN_HEADERS = frozenset(
    {"host", "content-length", "content-type", "accept", "accept-encoding", "connection"}
)


def transport_of(guard: Door, library: str | None, inner: Any, *, asynchronous: bool) -> Any:
    """See `EgressGuard.transport`."""
    http, transports = _library(library or _library_of(inner))
    if asynchronous:
        return transports[1](guard, inner or http.AsyncHTTPTransport())
    return transports[0](guard, inner or http.HTTPTransport())


def client_of(
    guard: Door, library: str | None, settings: dict[str, Any], *, asynchronous: bool
) -> Any:
    """See `EgressGuard.http_client`."""
    inner = settings.pop("transport", None)
    name = library or _library_of(inner)
    http, _ = _library(name)
    settings["transport"] = transport_of(guard, name, inner, asynchronous=asynchronous)
    # As the OpenAI SDK's own clients: a model may think for minutes.
    settings.setdefault("timeout", http.Timeout(600, connect=10))
    settings.setdefault("follow_redirects", True)
    return (http.AsyncClient if asynchronous else http.Client)(**settings)


def _library_of(inner: Any) -> str:
    if inner is not None:
        for cls in type(inner).__mro__:
            if (root := cls.__module__.partition(".")[0]) in ("httpx", "httpx2"):
                return root
    try:
        version = str(import_module("openai").__version__)
        return "httpx2" if int(version.split(".")[0]) >= 3 else "httpx"
    except (ImportError, ValueError):
        return "httpx"


@functools.cache
def _library(name: str) -> tuple[Any, tuple[Any, Any]]:
    """Return a library and the transports made for it; both libraries have the same interface."""
    if name not in ("httpx", "httpx2"):
        msg = f"library must be 'httpx' or 'httpx2', not {name!r}."
        raise ConfigurationError(msg)
    try:
        http: Any = import_module(name)
    except ImportError:
        msg = f"{name} is not installed: pip install {name}"
        raise ConfigurationError(msg) from None
    body = subclass(http.SyncByteStream, {}, _CountedBody, prefix="Counted")
    async_body = subclass(http.AsyncByteStream, {}, _AsyncCountedBody, prefix="Counted")
    return http, (
        subclass(http.BaseTransport, {"_body": body}, _Transport, prefix="Guarded"),
        subclass(http.AsyncBaseTransport, {"_body": async_body}, _AsyncTransport, prefix="Guarded"),
    )


class _Exchange:
    """One HTTP request and its answer: part of the crossing in progress, or one of its own.

    A crossing of its own stays open until the answer's body is closed, after the `with` has ended.
    """

    def __init__(self, guard: Door, request: Any, body: bytes) -> None:
        self._payload = _examined(request, body)
        self._host = host_of(request.url) or UNKNOWN
        around = crossing_in_progress.get()
        self._door = guard if around is None else around.door
        # To another host than that of its crossing: no policy allowed that yet.
        self._own = around is None or _bare(around.destination) not in (UNKNOWN, self._host)
        self._crossing: OpenCrossing | None = None if self._own else around
        self._ended = False

    def _where(self) -> dict[str, Any]:
        return {
            "destination": self._host,
            "model": "",
            "purpose": "http",
            "sender": self._door,
        }

    def __enter__(self) -> Self:
        if self._crossing is None:
            self._crossing = self._door.open(self._payload, **self._where())
        else:
            self._door.check(self._payload, self._host)
        self._crossing.sent(self._payload)
        return self

    async def __aenter__(self) -> Self:
        if self._crossing is None:
            self._crossing = await self._door.aopen(self._payload, **self._where())
        else:
            await self._door.acheck(self._payload, self._host)
        self._crossing.sent(self._payload)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None or self._ended:
            self.close(outcome_of(kind))

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None or self._ended:
            await self.aclose(outcome_of(kind))

    def answered(self, response: Any, body: Any) -> Any:
        """Have the answer's body counted as it arrives, or at once when it is here already."""
        self._ended = response.is_closed  # an inner transport that caches
        if self._ended:
            self.arrived(response.content)
        else:
            response.stream = body(response.stream, self)
        return response

    def arrived(self, chunk: bytes) -> None:
        """Count a part of the answer."""
        assert self._crossing is not None
        self._crossing.response_bytes += len(chunk)

    def close(self, outcome: Outcome) -> None:
        """Close a crossing of its own."""
        if self._own and self._crossing is not None:
            self._crossing.close(outcome)

    async def aclose(self, outcome: Outcome) -> None:
        """Like `close`, without blocking the event loop."""
        if self._own and self._crossing is not None:
            await self._crossing.aclose(outcome)


def _bare(destination: str) -> str:
    return destination.removesuffix(":443").removesuffix(":80")


def _examined(request: Any, body: bytes) -> Payload:
    """Take a request apart: its body decoded, its URL and its headers."""
    encoding = request.headers.get("content-encoding", "")
    plain = body
    try:
        if encoding == "gzip":
            plain = gzip.decompress(body)
        elif encoding == "deflate":
            plain = zlib.decompress(body)
        elif encoding not in ("", "identity"):
            raise ValueError
    except (OSError, ValueError, zlib.error):
        msg = (
            f"Nothing was sent: a body encoded as {encoding!r} cannot be examined; send it plain, "
            "or as gzip."
        )
        destination = host_of(request.url)
        raise EgressBlockedError(msg, rule="body_unreadable", destination=destination) from None
    text = plain.decode("utf-8", "replace")
    headers = [
        value
        for name, value in request.headers.items()
        if name.lower() not in _SECRET_HEADERS | _PLAIN_HEADERS
    ]
    url = str(request.url.copy_with(userinfo=b""))
    return Payload(data=body, content=[text], structure=[url, *headers])


class _Transport:
    """Examines, records, counts, then sends."""

    _body: Any

    def __init__(self, guard: Door, inner: Any) -> None:
        self._guard, self._inner = guard, inner

    def handle_request(self, request: Any) -> Any:
        with _Exchange(self._guard, request, request.read()) as exchange:
            return exchange.answered(self._inner.handle_request(request), self._body)

    def close(self) -> None:
        self._inner.close()


class _AsyncTransport:
    """Examines, records, counts, then sends."""

    _body: Any

    def __init__(self, guard: Door, inner: Any) -> None:
        self._guard, self._inner = guard, inner

    async def handle_async_request(self, request: Any) -> Any:
        async with _Exchange(self._guard, request, await request.aread()) as exchange:
            response = await self._inner.handle_async_request(request)
            return exchange.answered(response, self._body)

    async def aclose(self) -> None:
        await self._inner.aclose()


class _CountedBody:
    """The body of an answer, counted as it is read. Not read to its end, it was abandoned."""

    def __init__(self, inner: Any, exchange: _Exchange) -> None:
        self._inner, self._exchange = inner, exchange
        self._outcome: Outcome = "abandoned"

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._inner:
                self._exchange.arrived(chunk)
                yield chunk
        except Exception:
            self._outcome = "failed"
            raise
        self._outcome = "answered"

    def close(self) -> None:
        try:
            self._inner.close()
        finally:
            self._exchange.close(self._outcome)


class _AsyncCountedBody:
    """The asynchronous twin of `_CountedBody`."""

    def __init__(self, inner: Any, exchange: _Exchange) -> None:
        self._inner, self._exchange = inner, exchange
        self._outcome: Outcome = "abandoned"

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._inner:
                self._exchange.arrived(chunk)
                yield chunk
        except Exception:
            self._outcome = "failed"
            raise
        self._outcome = "answered"

    async def aclose(self) -> None:
        try:
            await self._inner.aclose()
        finally:
            await self._exchange.aclose(self._outcome)
