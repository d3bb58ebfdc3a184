"""The model server behind the gateway, on the same machine or in the same TEE.

A small HTTP/1.1 client on `h11`: one request costs a fraction of a millisecond and a thousand at
once do not queue for each other, which general clients with their connection pools do.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.secure.channel.headers import Pairs, end_to_end
from langchain_privacy.secure.gateway.http import RefusedError

DEFAULT_PATHS = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/embeddings",
    "/v1/rerank",
    "/v1/models",
    "/api/chat",
    "/api/generate",
    "/api/embed",
    "/api/tags",
    "/api/show",
)
"""Paths that are passed on: inference only. Model servers have others that show prompts or change
models (`/slots`, `/metrics`, `/api/pull`); those stay closed."""

_NOT_FORWARDED = frozenset({"cookie", "forwarded", "x-forwarded-for", "x-real-ip", "origin"})
_NOT_RETURNED = frozenset({"content-encoding", "set-cookie", "server", "date"})
_READ = 64 * 1024
_CONNECT_SECONDS = 10.0
_MAX_IDLE = 64


class UpstreamFailedError(Exception):
    """The model server cannot be reached, broke off, or does not speak HTTP."""


@dataclass
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    http: Any

    @property
    def usable(self) -> bool:
        return not self.writer.is_closing() and not self.reader.at_eof()


class Upstream:
    """Passes opened requests on.

    Args:
        url: Where the model server listens, e.g. `"http://127.0.0.1:8000"`.
        paths: Paths that are passed on.
        max_seconds: Longest silence of the server.
    """

    def __init__(self, url: str, *, paths: Sequence[str], max_seconds: float) -> None:
        try:
            import h11
        except ImportError:
            msg = 'the gateway needs h11: pip install "langchain-privacy[gateway]"'
            raise ConfigurationError(msg) from None
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            msg = "the upstream must be an http(s) URL without credentials"
            raise ConfigurationError(msg)
        self._h11: Any = h11
        self._host, self._prefix = parts.hostname, parts.path.rstrip("/")
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        self._authority = parts.netloc
        self._paths = frozenset(paths)
        self._max_seconds = max_seconds
        self._idle: list[_Connection] = []

    async def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().writer.close()

    def check(self, path: str) -> None:
        """Raise unless the path is one that is passed on, spelt plainly."""
        route = path.split("?")[0]
        if route not in self._paths or unquote(route) != route:
            raise RefusedError(404)

    async def _connect(self) -> _Connection:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                reader, writer = await asyncio.open_connection(
                    self._host, self._port, ssl=self._tls, limit=4 * _READ
                )
        except (OSError, TimeoutError):
            raise UpstreamFailedError from None
        return _Connection(reader, writer, self._h11.Connection(our_role=self._h11.CLIENT))

    async def _event(self, connection: _Connection) -> Any:
        h11 = self._h11
        while (event := connection.http.next_event()) is h11.NEED_DATA:
            async with asyncio.timeout(self._max_seconds):
                data = await connection.reader.read(_READ)
            connection.http.receive_data(data)
        return event

    async def _begin(
        self, connection: _Connection, method: str, path: str, headers: Pairs, body: bytes
    ) -> Any:
        """Send a request and read the head of its answer."""
        h11 = self._h11
        kept = [(n, v) for n, v in end_to_end(headers) if n.lower() not in _NOT_FORWARDED]
        fixed = [("host", self._authority), ("accept-encoding", "identity")]
        if body or method not in ("GET", "HEAD"):
            fixed.append(("content-length", str(len(body))))
        try:
            request = h11.Request(
                method=method, target=self._prefix + path, headers=[*fixed, *kept]
            )
            head = connection.http.send(request)
            tail = connection.http.send(h11.Data(data=body)) if body else b""
            tail += connection.http.send(h11.EndOfMessage())
        except h11.LocalProtocolError:
            raise RefusedError(400) from None
        try:
            connection.writer.write(head + tail)
            await connection.writer.drain()
            while True:
                event = await self._event(connection)
                if isinstance(event, h11.Response):
                    return event
                if not isinstance(event, h11.InformationalResponse):
                    raise UpstreamFailedError
        except (OSError, TimeoutError, h11.RemoteProtocolError):
            raise UpstreamFailedError from None

    async def _body(self, connection: _Connection) -> AsyncIterator[tuple[bytes, bool]]:
        """Pieces of the answer's body, and of each whether it is known to be the last."""
        h11 = self._h11
        event: Any = None
        try:
            while isinstance(event := event or await self._event(connection), h11.Data):
                # Often the end is in hand already: saying so now spares a frame and a write.
                following = connection.http.next_event()
                if last := isinstance(following, h11.EndOfMessage):
                    self._next_cycle(connection)
                yield bytes(event.data), last
                if last:
                    return
                event = None if following is h11.NEED_DATA else following
        except (OSError, TimeoutError, h11.RemoteProtocolError):
            raise UpstreamFailedError from None
        if not isinstance(event, h11.EndOfMessage):
            raise UpstreamFailedError
        self._next_cycle(connection)

    def _next_cycle(self, connection: _Connection) -> None:
        done = self._h11.DONE
        if connection.http.our_state is done and connection.http.their_state is done:
            connection.http.start_next_cycle()

    @asynccontextmanager
    async def send(
        self, method: str, path: str, headers: Pairs, body: bytes
    ) -> AsyncIterator[tuple[int, Pairs, AsyncIterator[tuple[bytes, bool]]]]:
        """Send a request; give status, headers and the stream of the answer's body.

        Raises:
            RefusedError: 502, if the server cannot be reached or breaks off before its answer.
        """
        connection = None
        while self._idle and connection is None:
            candidate = self._idle.pop()
            if candidate.usable:
                connection = candidate
            else:
                candidate.writer.close()
        try:
            if connection is None:
                connection = await self._connect()
            response = await self._begin(connection, method, path, headers, body)
            given = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in response.headers]
            answer = [(n, v) for n, v in end_to_end(given) if n not in _NOT_RETURNED]
            yield response.status_code, answer, self._body(connection)
        except UpstreamFailedError:
            raise RefusedError(502) from None
        finally:
            if connection is not None:
                self._release(connection)

    def _release(self, connection: _Connection) -> None:
        idle = connection.http.our_state is self._h11.IDLE
        if idle and connection.usable and len(self._idle) < _MAX_IDLE:
            self._idle.append(connection)
        else:
            connection.writer.close()
