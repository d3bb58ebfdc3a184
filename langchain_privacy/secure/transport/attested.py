"""The transports: synchronous and asynchronous, with one way of a request.

`AttestedTransport` is for `httpx.Client` and `httpx2.Client`, `AsyncAttestedTransport` for their
asynchronous clients. The way is in `base.BaseTransport`; here stands how each of them sends, reads
and waits. `attest` and `aattest` are the check alone, `attested_clients` both clients of a chat
model.
"""

import asyncio
import copy
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import nullcontext
from importlib import import_module
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from langchain_privacy.errors import (
    ChannelError,
    ConfigurationError,
    EndpointUnavailableError,
    PrivacyError,
)
from langchain_privacy.secure.adapters.base import Adapter
from langchain_privacy.secure.channel.exchange import Exchange
from langchain_privacy.secure.endpoint import ATTESTATION_SECONDS, AttestedEndpoint
from langchain_privacy.secure.policy.attestation import AttestationPolicy
from langchain_privacy.secure.report import AttestationReport
from langchain_privacy.secure.transport.base import (
    INCOMPLETE,
    NOWHERE,
    SLOW,
    BaseTransport,
    Opener,
)
from langchain_privacy.secure.transport.http import Library, name_for, reaching
from langchain_privacy.secure.transport.http import library as http_library

T = TypeVar("T")

# ---- The synchronous transport, for `httpx.Client` and `httpx2.Client`; and `attest`, its check


class AttestedTransport(BaseTransport):
    """A synchronous transport that attests first, for `httpx.Client` and `httpx2.Client`.

    `httpx.Client(transport=AttestedTransport("https://llm.example.com", policy))`
    """

    _renewal: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the inner transport; a renewal under way ends first."""
        if self._renewal is not None:
            self._renewal.join()
        if self._inner is not None:
            self._inner.close()

    def handle_request(self, request: Any) -> Any:
        """Attest if need be, seal, send, open.

        Raises:
            AttestationError: If the endpoint does not prove what the policy asks for.
            ChannelError: If anything between here and the attested endpoint is wrong.
        """
        try:
            return _run(self._handle(request))
        except PrivacyError as error:
            raise self._raised(error) from None

    def attest(self, library: str = "httpx") -> AttestationReport:
        """Attest now, unless a verdict is in force; return the report.

        Args:
            library: `"httpx"` or `"httpx2"`, whichever the inner transport is of.
        """
        return _run(self._attested(http_library(library), {}))

    async def _send(self, library: Library, request: Any) -> Any:
        if self._inner is None:
            self._inner = library.http.HTTPTransport(verify=self._verify, proxy=self._proxy)
        return self._inner.handle_request(request)

    def _chunks(self, response: Any) -> Any:
        return iter(response.stream)

    async def _next(self, chunks: Any) -> bytes | None:
        return next(chunks, None)

    async def _close(self, response: Any) -> None:
        response.close()

    async def _sleep(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251 - there is no event loop

    async def _joined(self, flight: "Future[None]") -> None:
        try:
            flight.result(ATTESTATION_SECONDS)
        except TimeoutError:
            raise EndpointUnavailableError(SLOW, check="fetch") from None
        except Exception as error:  # noqa: BLE001  whatever it was, a copy: others raise it too
            raise copy.copy(error) from None

    async def _accept(self, document: bytes, nonce: bytes, spki: str | None) -> None:
        self.endpoint.accept(document, nonce, spki)

    def _limit(self) -> nullcontext[None]:
        return nullcontext()  # the reader of evidence has a limit of its own

    def _begin(self, renewal: Coroutine[Any, Any, None]) -> None:
        self._renewal = threading.Thread(
            target=_run, args=(renewal,), name="attestation", daemon=True
        )
        self._renewal.start()

    def _sealed(self, exchange: Exchange, stream: Any) -> Iterator[bytes]:
        yield exchange.begin()
        for chunk in stream:
            yield exchange.seal(chunk, last=False)
        yield exchange.seal(b"", last=True)

    def _body(
        self, library: Library, response: Any, early: list[bytes], chunks: Any, opened: Opener
    ) -> Any:
        def pieces() -> Iterator[bytes]:
            yield from early
            try:
                for chunk in chunks:
                    yield from opened(chunk)
            except library.http.TransportError:
                raise self._raised(ChannelError(INCOMPLETE)) from None
            yield from opened(None)

        return library.body(pieces(), response.close)


def _run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine of the synchronous transport, which never waits, in one step."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    coroutine.close()
    msg = "a synchronous client was given an asynchronous transport"
    raise ConfigurationError(msg)


def attest(
    endpoint: str | AttestedEndpoint,
    policy: AttestationPolicy | None = None,
    *,
    adapter: Adapter | None = None,
    verify: Any = True,
) -> AttestationReport:
    """Attest an endpoint now.

    Args:
        endpoint: Its URL, e.g. `"https://llm.example.com/v1"`; the origin is attested.
        policy: What it must prove.
        adapter: How it is asked; the gateway of this package by default.
        verify: TLS verification: an `ssl.SSLContext`, or `True`.

    Returns:
        The report: checks made, checks skipped, claims, attested keys.

    Raises:
        AttestationError: If the endpoint does not prove what the policy asks for.
        ConfigurationError: If URL or policy cannot be used.
    """
    with (
        reaching("httpx"),
        AttestedTransport(endpoint, policy, adapter=adapter, verify=verify) as transport,
    ):
        return transport.attest()


# ---- Both HTTP clients that a chat model needs, of which neither can send in clear
#
# A chat model of LangChain takes one client for `invoke` and another for `ainvoke`, and makes a
# plain one of what is left out. So they come together, with a base URL under which only they reach
# the endpoint: its host is `attested.invalid`, which no name service knows, and a client that does
# not attest reaches nobody.


def attested_clients(
    endpoint: str,
    policy: AttestationPolicy,
    *,
    library: str | None = None,
    timeout: float = 600.0,
    **settings: Any,
) -> dict[str, Any]:
    """Clients for `ChatOpenAI` and its kind, as the keywords that it takes.

    Args:
        endpoint: URL of the endpoint, e.g. `"https://llm.example.com/v1"`.
        policy: What it must prove.
        library: `"httpx"` or `"httpx2"`; the one that the installed `openai` takes by default.
        timeout: Longest time in seconds for each step of a request.
        settings: Of the transports, e.g. `adapter`, `verify`, `proxy`; see `BaseTransport`.

    Returns:
        `base_url`, `http_client` and `http_async_client`. Both share one verdict. Whoever made them
        closes them.

    Raises:
        ConfigurationError: If URL or policy cannot be used, or the library is missing.
    """
    attested = AttestedEndpoint(endpoint, policy, adapter=settings.pop("adapter", None))
    try:
        http = import_module(library or name_for(import_module("openai").DefaultHttpxClient))
    except ImportError:
        msg = 'attested clients need httpx: pip install "langchain-privacy[secure]"'
        raise ConfigurationError(msg) from None
    # No proxies from the environment, and redirects are never followed.
    fixed: Any = {"timeout": timeout, "trust_env": False, "follow_redirects": False}
    return {
        "base_url": f"https://{NOWHERE}{urlsplit(endpoint).path.rstrip('/') or '/v1'}",
        "http_client": http.Client(transport=AttestedTransport(attested, **settings), **fixed),
        "http_async_client": http.AsyncClient(
            transport=AsyncAttestedTransport(attested, **settings), **fixed
        ),
    }


# ---- The asynchronous transport, for `httpx.AsyncClient` and `httpx2.AsyncClient`; and `aattest`


class AsyncAttestedTransport(BaseTransport):
    """The asynchronous twin, for `httpx.AsyncClient` and `httpx2.AsyncClient`."""

    _renewal: "asyncio.Task[None] | None" = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the inner transport; a renewal under way is given up."""
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.gather(self._renewal, return_exceptions=True)
        if self._inner is not None:
            await self._inner.aclose()

    async def handle_async_request(self, request: Any) -> Any:
        """Attest if need be, seal, send, open; see `AttestedTransport.handle_request`."""
        try:
            return await self._handle(request)
        except PrivacyError as error:
            raise self._raised(error) from None

    async def attest(self, library: str = "httpx") -> AttestationReport:
        """Attest now, unless a verdict is in force; return the report."""
        return await self._attested(http_library(library), {})

    async def _send(self, library: Library, request: Any) -> Any:
        if self._inner is None:
            self._inner = library.http.AsyncHTTPTransport(verify=self._verify, proxy=self._proxy)
        return await self._inner.handle_async_request(request)

    def _chunks(self, response: Any) -> Any:
        return aiter(response.stream)

    async def _next(self, chunks: Any) -> bytes | None:
        return await anext(chunks, None)

    async def _close(self, response: Any) -> None:
        await response.aclose()

    async def _sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _joined(self, flight: "Future[None]") -> None:
        try:
            async with asyncio.timeout(ATTESTATION_SECONDS):
                await asyncio.shield(asyncio.wrap_future(flight))
        except TimeoutError:
            raise EndpointUnavailableError(SLOW, check="fetch") from None
        except Exception as error:  # noqa: BLE001
            raise copy.copy(error) from None

    async def _accept(self, document: bytes, nonce: bytes, spki: str | None) -> None:
        # Verifying takes milliseconds, and an adapter may fetch collateral: not in the loop.
        await asyncio.to_thread(self.endpoint.accept, document, nonce, spki)

    def _limit(self) -> asyncio.Timeout:
        return asyncio.timeout(ATTESTATION_SECONDS)

    def _begin(self, renewal: Coroutine[Any, Any, None]) -> None:
        # The loop refers to its tasks weakly.
        self._renewal = asyncio.get_running_loop().create_task(renewal)

    async def _sealed(self, exchange: Exchange, stream: Any) -> AsyncIterator[bytes]:
        yield exchange.begin()
        async for chunk in stream:
            yield exchange.seal(chunk, last=False)
        yield exchange.seal(b"", last=True)

    def _body(
        self, library: Library, response: Any, early: list[bytes], chunks: Any, opened: Opener
    ) -> Any:
        async def pieces() -> AsyncIterator[bytes]:
            for piece in early:
                yield piece
            try:
                async for chunk in chunks:
                    for piece in opened(chunk):
                        yield piece
            except library.http.TransportError:
                raise self._raised(ChannelError(INCOMPLETE)) from None
            for piece in opened(None):
                yield piece

        return library.async_body(pieces(), response.aclose)


async def aattest(
    endpoint: str | AttestedEndpoint,
    policy: AttestationPolicy | None = None,
    *,
    adapter: Adapter | None = None,
    verify: Any = True,
) -> AttestationReport:
    """The asynchronous twin of `attest`."""
    with reaching("httpx"):
        async with AsyncAttestedTransport(
            endpoint, policy, adapter=adapter, verify=verify
        ) as transport:
            return await transport.attest()
