"""HTTP transports that examine what is really sent, and count it; for httpx and for httpx2.

`openai>=3` is built on httpx2, older versions and most other clients on httpx. Nothing is patched:
hand the client or the transport over. A request inside a guarded model's call counts towards that
crossing; any other request, also one that was redirected to another host, is a crossing of its
own. Bytes are those of request and response bodies as they are on the wire (compressed where they
are), without headers and TLS.
"""

import functools
import gzip
import zlib
from collections.abc import AsyncIterator, Iterator
from importlib import import_module
from typing import Any

from langchain_privacy.egress.destination import UNKNOWN, host_of
from langchain_privacy.egress.guard import EgressGuard, OpenCrossing, crossing_in_progress
from langchain_privacy.egress.payload import Payload
from langchain_privacy.errors import ConfigurationError, EgressBlockedError

_SECRET_HEADERS = frozenset({"authorization", "api-key", "x-api-key", "cookie", "x-goog-api-key"})
_PLAIN_HEADERS = frozenset(
    {"host", "content-length", "content-type", "accept", "accept-encoding", "connection"}
)


def transport(guard: EgressGuard, library: str | None, inner: Any, *, asynchronous: bool) -> Any:
    """See `EgressGuard.transport`."""
    name = library or _library_of(inner)
    sync_class, async_class, http = _classes(name)
    if asynchronous:
        return async_class(guard, inner or http.AsyncHTTPTransport())
    return sync_class(guard, inner or http.HTTPTransport())


def client_of(
    guard: EgressGuard, library: str | None, client: dict[str, Any], *, asynchronous: bool
) -> Any:
    """See `EgressGuard.http_client`."""
    inner = client.pop("transport", None)
    name = library or _library_of(inner)
    http = _load(name)
    client["transport"] = transport(guard, name, inner, asynchronous=asynchronous)
    # As the OpenAI SDK's own clients: a model may think for minutes.
    client.setdefault("timeout", http.Timeout(600, connect=10))
    client.setdefault("follow_redirects", True)
    return (http.AsyncClient if asynchronous else http.Client)(**client)


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


def _load(name: str) -> Any:
    if name not in ("httpx", "httpx2"):
        msg = f"library must be 'httpx' or 'httpx2', not {name!r}."
        raise ConfigurationError(msg)
    try:
        return import_module(name)
    except ImportError:
        msg = f"{name} is not installed: pip install {name}"
        raise ConfigurationError(msg) from None


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


def _elsewhere(crossing: OpenCrossing, request: Any) -> bool:
    """Tell whether a request goes to another host than its crossing: no policy allowed that yet."""
    meant = crossing.destination.removesuffix(":443").removesuffix(":80")
    return meant not in (UNKNOWN, host_of(request.url))


def _own(guard: EgressGuard, request: Any, payload: Payload) -> dict[str, Any]:
    return {
        "payload": payload,
        "destination": host_of(request.url) or UNKNOWN,
        "model": "",
        "purpose": "http",
        "sender": guard,
    }


@functools.cache
def _classes(name: str) -> tuple[Any, Any, Any]:
    """Make the transports for a library; the two libraries have the same interface."""
    http = _load(name)
    byte_stream: Any = http.SyncByteStream
    async_byte_stream: Any = http.AsyncByteStream
    base: Any = http.BaseTransport
    async_base: Any = http.AsyncBaseTransport

    class Counting(byte_stream):  # type: ignore[misc]
        def __init__(self, inner: Any, crossing: OpenCrossing, *, owned: bool) -> None:
            self._inner, self._crossing, self._owned = inner, crossing, owned
            self._outcome = "abandoned"

        def __iter__(self) -> Iterator[bytes]:
            try:
                for chunk in self._inner:
                    self._crossing.response_bytes += len(chunk)
                    yield chunk
            except Exception:
                self._outcome = "failed"
                raise
            self._outcome = "answered"

        def close(self) -> None:
            try:
                self._inner.close()
            finally:
                if self._owned:
                    self._owned = False
                    self._crossing.close(self._outcome)

    class AsyncCounting(async_byte_stream):  # type: ignore[misc]
        def __init__(self, inner: Any, crossing: OpenCrossing, *, owned: bool) -> None:
            self._inner, self._crossing, self._owned = inner, crossing, owned
            self._outcome = "abandoned"

        async def __aiter__(self) -> AsyncIterator[bytes]:
            try:
                async for chunk in self._inner:
                    self._crossing.response_bytes += len(chunk)
                    yield chunk
            except Exception:
                self._outcome = "failed"
                raise
            self._outcome = "answered"

        async def aclose(self) -> None:
            try:
                await self._inner.aclose()
            finally:
                if self._owned:
                    self._owned = False
                    await self._crossing.aclose(self._outcome)

    class GuardedTransport(base):  # type: ignore[misc]
        """Examines, records, counts, then sends."""

        def __init__(self, guard: EgressGuard, inner: Any) -> None:
            self._guard, self._inner = guard, inner

        def handle_request(self, request: Any) -> Any:
            body = request.read()
            payload = _examined(request, body)
            crossing = crossing_in_progress.get()
            owned = crossing is None or _elsewhere(crossing, request)
            if crossing is None or owned:
                guard = self._guard if crossing is None else crossing.guard
                crossing = guard.open(**_own(guard, request, payload))
            else:
                crossing.guard.check(payload, host_of(request.url) or UNKNOWN)
            crossing.requests += 1
            crossing.request_bytes += len(body)
            crossing.digest = payload.digest
            try:
                response = self._inner.handle_request(request)
            except BaseException:
                if owned:
                    crossing.close("failed")
                raise
            if response.is_closed:  # an inner transport that caches gives answers already read
                crossing.response_bytes += len(response.content)
                if owned:
                    crossing.close("answered")
                return response
            response.stream = Counting(response.stream, crossing, owned=owned)
            return response

        def close(self) -> None:
            self._inner.close()

    class AsyncGuardedTransport(async_base):  # type: ignore[misc]
        """Examines, records, counts, then sends."""

        def __init__(self, guard: EgressGuard, inner: Any) -> None:
            self._guard, self._inner = guard, inner

        async def handle_async_request(self, request: Any) -> Any:
            body = await request.aread()
            payload = _examined(request, body)
            crossing = crossing_in_progress.get()
            owned = crossing is None or _elsewhere(crossing, request)
            if crossing is None or owned:
                guard = self._guard if crossing is None else crossing.guard
                crossing = await guard.aopen(**_own(guard, request, payload))
            else:
                await crossing.guard.acheck(payload, host_of(request.url) or UNKNOWN)
            crossing.requests += 1
            crossing.request_bytes += len(body)
            crossing.digest = payload.digest
            try:
                response = await self._inner.handle_async_request(request)
            except BaseException:
                if owned:
                    await crossing.aclose("failed")
                raise
            if response.is_closed:  # an inner transport that caches gives answers already read
                crossing.response_bytes += len(response.content)
                if owned:
                    await crossing.aclose("answered")
                return response
            response.stream = AsyncCounting(response.stream, crossing, owned=owned)
            return response

        async def aclose(self) -> None:
            await self._inner.aclose()

    return GuardedTransport, AsyncGuardedTransport, http
