"""The transports: synchronous and asynchronous, twin beside twin; a change here is one there.

`AttestedTransport` is for `httpx.Client` and `httpx2.Client`, `AsyncAttestedTransport` for their
asynchronous clients; `attest` and `aattest` are the check alone, `attested_clients` both clients
of a chat model.
"""

import asyncio
import copy
import threading
import time
from collections.abc import AsyncIterator, Collection, Iterator
from concurrent.futures import Future
from importlib import import_module
from typing import Any, Self
from urllib.parse import urlsplit

from langchain_privacy.errors import (
    AttestationError,
    ChannelError,
    ConfigurationError,
    EndpointUnavailableError,
    PrivacyError,
)
from langchain_privacy.secure.adapters.base import Adapter
from langchain_privacy.secure.channel.exchange import MAX_PROBLEM, Answer, Exchange
from langchain_privacy.secure.endpoint import ATTESTATION_SECONDS, AttestedEndpoint
from langchain_privacy.secure.fetch import DocumentReader, tls_spki
from langchain_privacy.secure.policy.attestation import AttestationPolicy
from langchain_privacy.secure.report import AttestationReport
from langchain_privacy.secure.transport.base import (
    BROKEN,
    EXPIRED,
    INCOMPLETE,
    NO_ANSWER,
    NOWHERE,
    SEALED,
    SLOW,
    BaseTransport,
    Patience,
    Turn,
)
from langchain_privacy.secure.transport.http import Library, library_of, name_for, pairs, reaching
from langchain_privacy.secure.transport.http import library as http_library

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
            return self._handle(request)
        except PrivacyError as error:
            raise self._raised(error) from None

    def attest(self, library: str = "httpx") -> AttestationReport:
        """Attest now, unless a verdict is in force; return the report.

        Args:
            library: `"httpx"` or `"httpx2"`, whichever the inner transport is of.
        """
        return self._attested(http_library(library), {})

    def _connection(self, library: Library) -> Any:
        if self._inner is None:
            self._inner = library.http.HTTPTransport(verify=self._verify, proxy=self._proxy)
        return self._inner

    def _attested(
        self, library: Library, extensions: Any, besides: Collection[AttestationReport] = ()
    ) -> AttestationReport:
        """Attest unless a report is in force, other than those that are not enough."""
        entered = self.endpoint.enter(besides)
        if entered is not None:
            flight, leads = entered
            if leads:
                try:
                    self._fetch(library, extensions)
                except BaseException as error:
                    self.endpoint.leave(flight, error)
                    raise
                self.endpoint.leave(flight)
            else:
                _joined(flight)
        if reports := self.endpoint.reports:
            return reports[0]
        raise EndpointUnavailableError(EXPIRED, check="fetch")

    def _fetch(self, library: Library, extensions: Any) -> None:
        patience = Patience(self._tries)
        while True:
            try:
                self._fetch_once(library, extensions)
            except EndpointUnavailableError as error:
                time.sleep(patience.pause(error))
            else:
                return

    def _fetch_once(self, library: Library, extensions: Any) -> None:
        reader = DocumentReader(seconds=ATTESTATION_SECONDS)
        nonce, request = self._challenge_request(library, extensions)
        try:
            response = self._connection(library).handle_request(request)
        except library.broken:
            raise EndpointUnavailableError(BROKEN, check="fetch") from None
        try:
            self._check_document(response)
            for chunk in response.stream:
                reader.feed(chunk)
            self.endpoint.accept(reader.finish(), nonce, tls_spki(response))
        except library.http.TransportError:
            raise EndpointUnavailableError(BROKEN, check="fetch") from None
        finally:
            response.close()

    def _renew(self, library: Library) -> None:
        """Attest ahead of time, in a thread that ends with it; no request waits."""
        if not self.endpoint.renewal_is_due():
            return

        def renew() -> None:
            try:
                self._fetch_once(library, {})
            except (PrivacyError, library.http.TransportError) as error:
                self._not_renewed(error)

        self._renewal = threading.Thread(target=renew, name="attestation", daemon=True)
        self._renewal.start()

    def _handle(self, request: Any) -> Any:
        library = library_of(request)
        self._check_target(request.url)
        first = self._attested(library, request.extensions)
        self._renew(library)
        turn = Turn(request, library, Patience(self._tries), [first])
        while True:
            exchange, outgoing = self._seal(library, turn, _sealed_pieces)
            try:
                response = self._connection(library).handle_request(outgoing)
            except library.broken:
                if not turn.again_after_a_break(exchange):
                    raise
                continue
            try:
                self._check_connection(turn.reports, response)
                unsealed = SEALED not in response.headers
                if unsealed and response.status_code in exchange.refusals:
                    problem = DocumentReader(MAX_PROBLEM)
                    for chunk in response.stream:
                        problem.feed(chunk)
                    if turn.wants_new_key(response, exchange, problem.finish()):
                        response.close()
                        self._meet(library, turn, exchange)
                        continue
                if unsealed and response.status_code in NO_ANSWER:
                    response.close()
                    time.sleep(turn.pause(self._unavailable(response), exchange))
                    continue
                answer = exchange.answer(response.status_code, pairs(response))
                return self._open(library, response, answer, turn)
            except BaseException:
                response.close()
                raise

    def _meet(self, library: Library, turn: Turn, exchange: Exchange) -> None:
        """Attest the machine that has another key, or another one of the same address."""
        for _ in range(self._steps(turn, exchange)):
            try:
                self._attested(library, turn.request.extensions, besides=turn.reports)
            except AttestationError as error:
                turn.refused = error
                if self.endpoint.report is None:
                    raise
            if self._has_met_another(turn):
                return

    def _open(self, library: Library, response: Any, answer: Answer, turn: Turn) -> Any:
        deadline = time.monotonic() + self._max_seconds
        raw = iter(response.stream)
        early: list[bytes] = []
        try:
            while answer.status is None:
                chunk = next(raw, None)
                if chunk is None:
                    raise ChannelError(INCOMPLETE)
                self._in_time(deadline)
                early.extend(answer.feed(chunk))
        except library.http.TransportError:
            raise ChannelError(INCOMPLETE) from None
        self._opened(answer, turn, response)

        def pieces() -> Iterator[bytes]:
            try:
                yield from early
                for chunk in raw:
                    self._in_time(deadline)
                    yield from answer.feed(chunk)
                yield from answer.finish()
            except library.http.TransportError:
                raise self._raised(ChannelError(INCOMPLETE)) from None
            except PrivacyError as error:
                raise self._raised(error) from None

        stream = library.body(pieces(), response.close)
        return self._response(library, answer, stream, response)


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


def _joined(flight: "Future[None]") -> None:
    """Wait for whoever attests, and end alike."""
    try:
        flight.result(ATTESTATION_SECONDS)
    except TimeoutError:
        raise EndpointUnavailableError(SLOW, check="fetch") from None
    except Exception as error:  # noqa: BLE001  whatever it was, a copy: others raise it too
        raise copy.copy(error) from None


def _sealed_pieces(exchange: Exchange, stream: Any) -> Iterator[bytes]:
    yield exchange.begin()
    for chunk in stream:
        yield exchange.seal(chunk, last=False)
    yield exchange.seal(b"", last=True)


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

    def _connection(self, library: Library) -> Any:
        if self._inner is None:
            self._inner = library.http.AsyncHTTPTransport(verify=self._verify, proxy=self._proxy)
        return self._inner

    async def _attested(
        self, library: Library, extensions: Any, besides: Collection[AttestationReport] = ()
    ) -> AttestationReport:
        """Attest unless a report is in force, other than those that are not enough."""
        entered = self.endpoint.enter(besides)
        if entered is not None:
            flight, leads = entered
            if leads:
                try:
                    await self._fetch(library, extensions)
                except BaseException as error:
                    self.endpoint.leave(flight, error)
                    raise
                self.endpoint.leave(flight)
            else:
                await _ajoined(flight)
        if reports := self.endpoint.reports:
            return reports[0]
        raise EndpointUnavailableError(EXPIRED, check="fetch")

    async def _fetch(self, library: Library, extensions: Any) -> None:
        patience = Patience(self._tries)
        while True:
            try:
                async with asyncio.timeout(ATTESTATION_SECONDS):
                    await self._fetch_once(library, extensions)
            except TimeoutError:
                raise EndpointUnavailableError(SLOW, check="fetch") from None
            except EndpointUnavailableError as error:
                await asyncio.sleep(patience.pause(error))
            else:
                return

    async def _fetch_once(self, library: Library, extensions: Any) -> None:
        reader = DocumentReader(seconds=ATTESTATION_SECONDS)
        nonce, request = self._challenge_request(library, extensions)
        try:
            response = await self._connection(library).handle_async_request(request)
        except library.broken:
            raise EndpointUnavailableError(BROKEN, check="fetch") from None
        try:
            self._check_document(response)
            async for chunk in response.stream:
                reader.feed(chunk)
            spki = tls_spki(response)
            # Verifying takes milliseconds, and an adapter may fetch collateral: not in the loop.
            await asyncio.to_thread(self.endpoint.accept, reader.finish(), nonce, spki)
        except library.http.TransportError:
            raise EndpointUnavailableError(BROKEN, check="fetch") from None
        finally:
            await response.aclose()

    def _renew(self, library: Library) -> None:
        """Attest ahead of time, in a task that ends with it; no request waits."""
        if not self.endpoint.renewal_is_due():
            return

        async def renew() -> None:
            try:
                async with asyncio.timeout(ATTESTATION_SECONDS):
                    await self._fetch_once(library, {})
            except (PrivacyError, TimeoutError, library.http.TransportError) as error:
                self._not_renewed(error)

        # The loop refers to its tasks weakly.
        self._renewal = asyncio.get_running_loop().create_task(renew())

    async def _handle(self, request: Any) -> Any:
        library = library_of(request)
        self._check_target(request.url)
        first = await self._attested(library, request.extensions)
        self._renew(library)
        turn = Turn(request, library, Patience(self._tries), [first])
        while True:
            exchange, outgoing = self._seal(library, turn, _asealed_pieces)
            try:
                response = await self._connection(library).handle_async_request(outgoing)
            except library.broken:
                if not turn.again_after_a_break(exchange):
                    raise
                continue
            try:
                self._check_connection(turn.reports, response)
                unsealed = SEALED not in response.headers
                if unsealed and response.status_code in exchange.refusals:
                    problem = DocumentReader(MAX_PROBLEM)
                    async for chunk in response.stream:
                        problem.feed(chunk)
                    if turn.wants_new_key(response, exchange, problem.finish()):
                        await response.aclose()
                        await self._meet(library, turn, exchange)
                        continue
                if unsealed and response.status_code in NO_ANSWER:
                    await response.aclose()
                    await asyncio.sleep(turn.pause(self._unavailable(response), exchange))
                    continue
                answer = exchange.answer(response.status_code, pairs(response))
                return await self._open(library, response, answer, turn)
            except BaseException:
                await response.aclose()
                raise

    async def _meet(self, library: Library, turn: Turn, exchange: Exchange) -> None:
        """Attest the machine that has another key, or another one of the same address."""
        for _ in range(self._steps(turn, exchange)):
            try:
                await self._attested(library, turn.request.extensions, besides=turn.reports)
            except AttestationError as error:
                turn.refused = error
                if self.endpoint.report is None:
                    raise
            if self._has_met_another(turn):
                return

    async def _open(self, library: Library, response: Any, answer: Answer, turn: Turn) -> Any:
        deadline = time.monotonic() + self._max_seconds
        raw = aiter(response.stream)
        early: list[bytes] = []
        try:
            while answer.status is None:
                chunk = await anext(raw, None)
                if chunk is None:
                    raise ChannelError(INCOMPLETE)
                self._in_time(deadline)
                early.extend(answer.feed(chunk))
        except library.http.TransportError:
            raise ChannelError(INCOMPLETE) from None
        self._opened(answer, turn, response)

        async def pieces() -> AsyncIterator[bytes]:
            try:
                for piece in early:
                    yield piece
                async for chunk in raw:
                    self._in_time(deadline)
                    for piece in answer.feed(chunk):
                        yield piece
                for piece in answer.finish():
                    yield piece
            except library.http.TransportError:
                raise self._raised(ChannelError(INCOMPLETE)) from None
            except PrivacyError as error:
                raise self._raised(error) from None

        stream = library.async_body(pieces(), response.aclose)
        return self._response(library, answer, stream, response)


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


async def _ajoined(flight: "Future[None]") -> None:
    """The asynchronous twin of `_joined`."""
    try:
        async with asyncio.timeout(ATTESTATION_SECONDS):
            await asyncio.shield(asyncio.wrap_future(flight))
    except TimeoutError:
        raise EndpointUnavailableError(SLOW, check="fetch") from None
    except Exception as error:  # noqa: BLE001
        raise copy.copy(error) from None


async def _asealed_pieces(exchange: Exchange, stream: Any) -> AsyncIterator[bytes]:
    yield exchange.begin()
    async for chunk in stream:
        yield exchange.seal(chunk, last=False)
    yield exchange.seal(b"", last=True)
