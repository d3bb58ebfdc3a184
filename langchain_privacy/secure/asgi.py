"""The little of ASGI that the gateway and the proxy need: one frame, bodies under limits, refusals.

```python
memory = Memory(left=512 * 1024 * 1024)
with BodyReader(receive, memory, limit=10**6, seconds=60) as body:
    while data := await body.read():
        ...
await send_bytes(send, 200, document, "application/json")
```
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Self

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

    def __init__(
        self, status: int, kind: str = "about:blank", *, retry_after: int | None = None
    ) -> None:
        super().__init__(status)
        self.status, self.kind, self.retry_after = status, kind, retry_after


class DisconnectedError(Exception):
    """The client has gone."""


@dataclass
class Memory:
    """What all requests of a gateway together may hold in memory.

    Attributes:
        left: Bytes that nobody holds.
    """

    left: int


class BodyReader:
    """Reads a request body under limits of size, time and memory.

    Leaving the block gives back the memory that the body took.

    Args:
        receive: ASGI's receive.
        memory: What all requests share; 503 when it is used up.
        limit: Bytes of this body; 413 when it is longer.
        seconds: For the whole body; 408 when it takes longer.
    """

    def __init__(self, receive: Receive, memory: Memory, *, limit: int, seconds: float) -> None:
        self._receive, self._memory, self._limit = receive, memory, limit
        self._deadline = asyncio.get_running_loop().time() + seconds
        self._taken = 0
        self.ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._memory.left += self._taken

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
            if self._taken + len(data) > self._limit:
                raise RefusedError(413)
            if len(data) > self._memory.left:
                raise RefusedError(503, retry_after=1)
            self._memory.left -= len(data)
            self._taken += len(data)
            if data:
                return data
        return b""


async def serve(
    scope: Scope,
    receive: Receive,
    send: Send,
    route: Callable[[Scope, Receive, Send], Awaitable[None]],
    close: Callable[[], Awaitable[None]],
) -> None:
    """Serve one ASGI scope.

    Args:
        scope: ASGI's scope.
        receive: ASGI's receive.
        send: ASGI's send.
        route: Answers a request; what it refuses is sent as a problem document.
        close: Called when the server shuts down.
    """
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await close()
        await send({"type": "lifespan.shutdown.complete"})
    if scope["type"] != "http":
        return
    try:
        await route(scope, receive, send)
    except RefusedError as refused:
        await send_problem(send, refused)
    except DisconnectedError:
        return


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
    extra = {"connection": "close"}
    if refused.retry_after is not None:
        extra["retry-after"] = str(refused.retry_after)
    await send_bytes(send, refused.status, body, "application/problem+json", extra)
