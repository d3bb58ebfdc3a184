"""The model server behind the gateway, on the same machine or in the same TEE.

A small HTTP/1.1 client: one request costs a fraction of a millisecond and a thousand at once do not
queue for each other, which general clients with their connection pools do. `httptools` parses the
answers; everything else of HTTP/1.1 (RFC 9112) that is needed is here.

```python
upstream = Upstream("http://127.0.0.1:8000", paths=DEFAULT_PATHS, max_seconds=600)
async with upstream.send("POST", "/v1/chat/completions", headers, body) as (status, got, parts):
    async for part, last in parts:
        ...
```
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.secure.asgi import RefusedError
from langchain_privacy.secure.channel.headers import Pairs, end_to_end

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
_MAX_HEAD = 64 * 1024
_READ = 64 * 1024
_CONNECT_SECONDS = 10.0
_MAX_IDLE = 64

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a name (RFC 9110, section 5.6.2)
_TARGET = re.compile(r"[!-~]+")  # path and query, ASCII without white space
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")  # no control characters but the tab


class UpstreamFailedError(Exception):
    """The model server cannot be reached, broke off, or does not speak HTTP."""


def request_head(method: str, target: str, headers: Pairs) -> bytes:
    """Request line and headers, with the empty line after them.

    Raises:
        RefusedError: 400, if a part is not what may stand there, e.g. has a line break in it.
    """
    if not (_TOKEN.fullmatch(method) and _TARGET.fullmatch(target)):
        raise RefusedError(400)
    lines = [f"{method} {target} HTTP/1.1"]
    for name, value in headers:
        if not (_TOKEN.fullmatch(name) and _VALUE.fullmatch(value)):
            raise RefusedError(400)
        lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def parser_library() -> Any:
    """The module `httptools`."""
    try:
        import httptools
    except ImportError:
        msg = 'the gateway needs httptools: pip install "langchain-privacy[gateway]"'
        raise ConfigurationError(msg) from None
    return httptools


class AnswerParser:
    """One answer to a GET or a POST, from the bytes that a connection brings.

    Attributes:
        status: The final status; informational answers are passed over.
        headers: Its headers, names in lower case.
        begun: Whether all headers have arrived.
        ended: Whether the body has ended where its framing says.
        reusable: Whether the connection takes another request after the end.
    """

    def __init__(self) -> None:
        library = parser_library()
        self._errors = (library.HttpParserError, library.HttpParserUpgrade)
        self._parser = library.HttpResponseParser(self)
        self._pieces: list[bytes] = []
        self._head_left = _MAX_HEAD
        self.status = 0
        self.headers: Pairs = []
        self.begun = self.ended = self.reusable = False

    def feed(self, data: bytes) -> bytes:
        """Take bytes, none at the end of the connection; give what they hold of the body.

        Raises:
            UpstreamFailedError: If they are no HTTP or the answer is cut.
        """
        if not data:
            # Without a length and without chunks, the end of the connection is the body's.
            framed = any(n in ("content-length", "transfer-encoding") for n, _ in self.headers)
            if not self.begun or framed:
                raise UpstreamFailedError
            self.ended = True
            return b""
        if not self.begun:
            self._head_left -= len(data)
        try:
            self._parser.feed_data(data)
        except self._errors:
            raise UpstreamFailedError from None
        if not self.begun and self._head_left < 0:
            raise UpstreamFailedError
        pieces, self._pieces = self._pieces, []
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def on_message_begin(self) -> None:
        """Called by the parser. Nobody asked for a second answer."""
        if self.ended:
            raise UpstreamFailedError

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser, for trailers too."""
        if not self.begun:
            self.headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        self.status = self._parser.get_status_code()
        if self.status < 200:
            self.headers.clear()
        else:
            self.begun = True
            self.reusable = self._parser.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        """Called by the parser."""
        self._pieces.append(data)

    def on_message_complete(self) -> None:
        """Called by the parser, also after an informational answer."""
        self.ended = self.begun


@dataclass
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    reusable: bool = False

    @property
    def usable(self) -> bool:
        return self.reusable and not self.writer.is_closing() and not self.reader.at_eof()


class Upstream:
    """Passes opened requests on.

    Args:
        url: Where the model server listens, e.g. `"http://127.0.0.1:8000"`.
        paths: Paths that are passed on.
        max_seconds: Longest silence of the server.
    """

    def __init__(self, url: str, *, paths: Sequence[str], max_seconds: float) -> None:
        parser_library()
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            msg = "the upstream must be an http(s) URL without credentials"
            raise ConfigurationError(msg)
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
        return _Connection(reader, writer)

    async def _read(self, connection: _Connection, answer: AnswerParser) -> bytes:
        try:
            async with asyncio.timeout(self._max_seconds):
                data = await connection.reader.read(_READ)
        except (OSError, TimeoutError):
            raise UpstreamFailedError from None
        return answer.feed(data)

    def _head(self, method: str, path: str, headers: Pairs, length: int) -> bytes:
        if method not in ("GET", "POST"):
            raise RefusedError(405)
        fixed = [("host", self._authority), ("accept-encoding", "identity")]
        if length or method == "POST":
            fixed.append(("content-length", str(length)))
        kept = [(n, v) for n, v in end_to_end(headers) if n.lower() not in _NOT_FORWARDED]
        return request_head(method, self._prefix + path, [*fixed, *kept])

    async def _body(
        self, connection: _Connection, answer: AnswerParser, first: bytes
    ) -> AsyncIterator[tuple[bytes, bool]]:
        """Pieces of the answer's body, and of each whether it is the last."""
        yield first, answer.ended
        while not answer.ended:
            piece = await self._read(connection, answer)
            yield piece, answer.ended

    @asynccontextmanager
    async def send(
        self, method: str, path: str, headers: Pairs, body: bytes
    ) -> AsyncIterator[tuple[int, Pairs, AsyncIterator[tuple[bytes, bool]]]]:
        """Send a request; give status, headers and the stream of the answer's body.

        Raises:
            RefusedError: 502, if the server cannot be reached or breaks off before its answer.
        """
        head = self._head(method, path, headers, len(body))
        connection = None
        while self._idle and connection is None:
            candidate = self._idle.pop()
            if candidate.usable:
                connection, candidate.reusable = candidate, False
            else:
                candidate.writer.close()
        try:
            if connection is None:
                connection = await self._connect()
            try:
                connection.writer.write(head + body)
                await connection.writer.drain()
            except OSError:
                raise UpstreamFailedError from None
            answer = AnswerParser()
            first = b""
            while not answer.begun:
                first = await self._read(connection, answer)
            given = [(n, v) for n, v in end_to_end(answer.headers) if n not in _NOT_RETURNED]
            yield answer.status, given, self._body(connection, answer, first)
            connection.reusable = answer.ended and answer.reusable
        except UpstreamFailedError:
            raise RefusedError(502) from None
        finally:
            if connection is not None:
                self._release(connection)

    def _release(self, connection: _Connection) -> None:
        if connection.usable and len(self._idle) < _MAX_IDLE:
            self._idle.append(connection)
        else:
            connection.writer.close()
