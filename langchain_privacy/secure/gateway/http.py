"""The little of HTTP and ASGI that the gateway needs."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_TITLES = {
    400: "the request is malformed",
    403: "only sealed requests are taken here",
    404: "there is nothing here",
    405: "another method is wanted",
    408: "the request took too long",
    409: "this request was taken already",
    413: "the request is too large",
    422: "the request is sealed to an unknown key",
    500: "the gateway failed",
    502: "the model server failed",
    503: "the gateway is busy",
}


class RefusedError(Exception):
    """A request is refused with this status; carries no text from the request."""

    def __init__(self, status: int, kind: str = "about:blank") -> None:
        super().__init__(status)
        self.status, self.kind = status, kind


class DisconnectedError(Exception):
    """The client has gone."""


class BodyReader:
    """Reads a request body under limits of size and time.

    Args:
        receive: ASGI's receive.
        limit: Bytes.
        seconds: For the whole body.
    """

    def __init__(self, receive: Receive, *, limit: int, seconds: float) -> None:
        self._receive, self._left = receive, limit
        self._deadline = asyncio.get_running_loop().time() + seconds
        self.ended = False

    async def read(self) -> bytes:
        """The next piece, empty at the end."""
        while not self.ended:
            try:
                async with asyncio.timeout_at(self._deadline):
                    message = await self._receive()
            except TimeoutError:
                raise RefusedError(408) from None
            if message["type"] == "http.disconnect":
                raise DisconnectedError
            self.ended = not message.get("more_body", False)
            data: bytes = message.get("body", b"")
            self._left -= len(data)
            if self._left < 0:
                raise RefusedError(413)
            if data:
                return data
        return b""


def header_values(scope: Scope, name: str) -> list[str]:
    """All values of a request header."""
    wanted = name.encode("ascii")
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == wanted]


async def send_bytes(
    send: Send, status: int, body: bytes, media_type: str, extra: Mapping[str, str] | None = None
) -> None:
    """Send a whole answer."""
    headers = {
        "content-type": media_type,
        "content-length": str(len(body)),
        "cache-control": "no-store",
        **(extra or {}),
    }
    pairs = [(k.encode("ascii"), v.encode("latin-1")) for k, v in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


async def send_problem(send: Send, refused: RefusedError) -> None:
    """Send a coarse problem document (RFC 9457)."""
    title = _TITLES.get(refused.status, "refused")
    body = json.dumps({"type": refused.kind, "title": title, "status": refused.status}).encode()
    # The rest of the body is not read, so the connection cannot be used again.
    await send_bytes(
        send, refused.status, body, "application/problem+json", {"connection": "close"}
    )


# ---- What all requests together may hold in memory, counted as their bytes arrive.


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
