"""LangSmith's asynchronous client, which has nothing between its methods and HTTP.

It becomes an instance of a class of its own, which holds the scrubbers: its slots have no room.
"""

from typing import Any

import langsmith

from langchain_privacy.tracing.client import cleaned
from langchain_privacy.tracing.scrub import Scrubber


def protect_async(client: langsmith.AsyncClient, scrubber: Scrubber) -> None:
    """Make an asynchronous client send no vault value in the body of a request."""
    client.__class__ = _class_of(_plain(client), (*scrubbers_of(client), scrubber))


def unprotect_async(client: langsmith.AsyncClient, scrubber: Scrubber) -> None:
    """Take a guard's scrubber from a client; without the last it is as it was."""
    kept = tuple(each for each in scrubbers_of(client) if each is not scrubber)
    client.__class__ = _class_of(_plain(client), kept) if kept else _plain(client)


def scrubbers_of(client: langsmith.AsyncClient) -> tuple[Scrubber, ...]:
    """Return the scrubbers of a client, one for each guard."""
    return getattr(type(client), "_scrubbers", ())


def _plain(client: langsmith.AsyncClient) -> Any:
    return getattr(type(client), "_plain", type(client))


def _class_of(plain: Any, scrubbers: tuple[Scrubber, ...]) -> Any:
    class Protected(plain):  # type: ignore[misc]
        __slots__ = ()
        _plain = plain
        _scrubbers = scrubbers

        async def _arequest_with_retries(self, method: str, endpoint: str, **kwargs: Any) -> Any:
            for scrubber in scrubbers:
                if content := kwargs.get("content"):
                    [kwargs["content"]] = scrubber.json(content)
                if "json" in kwargs:
                    kwargs["json"] = cleaned(scrubber, kwargs["json"])
            return await super()._arequest_with_retries(method, endpoint, **kwargs)

    Protected.__name__, Protected.__qualname__ = plain.__name__, plain.__qualname__
    return Protected
