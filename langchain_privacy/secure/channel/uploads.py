"""Request bodies sealed piece by piece, as the HTTP library asks for them."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_privacy.secure.channel.exchange import Exchange


def seal_stream(exchange: Exchange, stream: Any) -> Iterator[bytes]:
    """Seal a synchronous body."""
    yield exchange.begin()
    for chunk in stream:
        yield exchange.seal(chunk, last=False)
    yield exchange.seal(b"", last=True)


async def seal_async_stream(exchange: Exchange, stream: Any) -> AsyncIterator[bytes]:
    """Seal an asynchronous body."""
    yield exchange.begin()
    async for chunk in stream:
        yield exchange.seal(chunk, last=False)
    yield exchange.seal(b"", last=True)
