"""HTTP transports that attest first and encrypt always, for httpx and for httpx2; and `attest`.

Both libraries have one interface; which one is in use is seen from the request. Nothing is sent
before the endpoint has proven itself, nothing in clear, nothing to another origin, and no answer is
used that was not sealed to this request.

```python
policy = AttestationPolicy(require=[SevSnpPolicy(measurements=["7a1e..."])])
transport = AttestedTransport("https://llm.example.com", policy)
with httpx.Client(transport=transport) as client:
    client.post("https://llm.example.com/v1/chat/completions", json=request)
```

`SecureChatModel` has one transport of each kind. What both kinds do alike is in `BaseTransport`;
the two below it differ in `async` and `await` alone.
"""

import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import import_module
from typing import Any, Self

from langchain_privacy.errors import (
    ChannelError,
    ConfigurationError,
    EvidenceInvalidError,
    PrivacyError,
)
from langchain_privacy.secure.adapters.base import Adapter
from langchain_privacy.secure.channel.exchange import (
    MAX_PROBLEM,
    MAX_RESPONSE,
    Answer,
    Exchange,
    open_exchange,
)
from langchain_privacy.secure.endpoint import AttestedEndpoint
from langchain_privacy.secure.fetch import DocumentReader, tls_spki
from langchain_privacy.secure.policy.attestation import AttestationPolicy
from langchain_privacy.secure.report import AttestationReport
from langchain_privacy.subclassing import subclass

_IN_TIME = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), 30.0)}
"""Seconds for each step where there is no request of a client that says how long it waits."""

_INCOMPLETE = "the connection broke, so the answer is incomplete"


SEALED_UNDER: ContextVar[AttestationReport] = ContextVar("sealed_under")
"""The report under which this context's latest request was sealed; set before it is sent."""


class BaseTransport:
    """What both transports share: all that is not I/O.

    Args:
        endpoint: URL of the endpoint, or an `AttestedEndpoint` that several transports share.
        policy: What the endpoint must prove; not with an `AttestedEndpoint`.
        adapter: How it is asked; the gateway of this package by default.
        inner: Transport that carries the sealed bytes; a plain one of the same library by default.
        outer_headers: Headers to send in clear, e.g. for a load balancer.
        max_response_bytes: Largest answer.
        max_seconds: Longest time that one answer may take, however slowly it drips.
        verify: TLS verification of the default `inner`: an `ssl.SSLContext`, or `True`.
    """

    def __init__(
        self,
        endpoint: str | AttestedEndpoint,
        policy: AttestationPolicy | None = None,
        *,
        adapter: Adapter | None = None,
        inner: Any = None,
        outer_headers: Mapping[str, str] | None = None,
        max_response_bytes: int = MAX_RESPONSE,
        max_seconds: float = 3600.0,
        verify: Any = True,
    ) -> None:
        if isinstance(endpoint, AttestedEndpoint):
            if policy is not None or adapter is not None:
                msg = "policy and adapter belong to the AttestedEndpoint that was given"
                raise ConfigurationError(msg)
            self.endpoint = endpoint
        else:
            if policy is None:
                msg = "a transport needs policy=AttestationPolicy(...): attested, or nothing"
                raise ConfigurationError(msg)
            self.endpoint = AttestedEndpoint(endpoint, policy, adapter=adapter)
        self._inner = inner
        self._outer = [(k.lower(), v) for k, v in (outer_headers or {}).items()]
        self._max_response, self._max_seconds = max_response_bytes, max_seconds
        # To an http origin there is never TLS, and loading the web's authorities takes a while.
        self._verify = verify if self.endpoint.scheme == "https" else False

    @property
    def report(self) -> AttestationReport | None:
        """The report in force, or `None` before the first request."""
        return self.endpoint.report

    def _raised(self, error: PrivacyError) -> Exception:
        """What is raised for an error; a subclass may dress it for its client."""
        return error

    def _check_target(self, url: Any) -> None:
        port = url.port or (443 if url.scheme == "https" else 80)
        endpoint = self.endpoint
        if (url.scheme, url.host, port) != (endpoint.scheme, endpoint.hostname, endpoint.port):
            msg = "the request is for another origin than the attested one; nothing was sent"
            raise ChannelError(msg)

    def _seal(
        self,
        library: "_Library",
        request: Any,
        report: AttestationReport,
        upload: Callable[..., Any],
    ) -> tuple[Exchange, Any]:
        """The exchange for a request, and what to send; `upload` seals a body that is streamed."""
        http, profile = library.http, self.endpoint.policy.profile
        SEALED_UNDER.set(report)
        exchange = open_exchange(
            profile,
            report.channel_keys[profile],
            request.method,
            request.url.raw_path.decode("ascii"),
            _pairs(request),
            outer=self._outer,
            limit=self._max_response,
        )
        headers = [("host", self.endpoint.authority), *exchange.headers]
        body: dict[str, Any]
        if isinstance(request.stream, library.http.ByteStream):
            content = exchange.begin() + exchange.seal(b"".join(request.stream), last=True)
            length = ("content-length", str(len(content)))
            headers.append(("transfer-encoding", "chunked") if exchange.chunked else length)
            body = {"stream": http.ByteStream(content)}
        else:
            body = {"content": upload(exchange, request.stream)}
        url = _parsed(http.URL, self.endpoint.origin + exchange.path)
        outgoing = http.Request(
            exchange.method, url, headers=headers, extensions=request.extensions, **body
        )
        return exchange, outgoing

    def _challenge_request(self, library: "_Library", extensions: Any) -> tuple[bytes, Any]:
        nonce, challenge = self.endpoint.challenge()
        headers = [
            ("host", self.endpoint.authority),
            ("accept", challenge.accept),
            ("accept-encoding", "identity"),
            *self._outer,
        ]
        url = self.endpoint.origin + challenge.path
        request = library.http.Request("GET", url, headers=headers, extensions=extensions)
        return nonce, request

    @staticmethod
    def _check_document(response: Any) -> None:
        if response.status_code != 200:
            msg = f"the endpoint answered {response.status_code} when asked for evidence"
            raise EvidenceInvalidError(msg, check="fetch")

    def _check_connection(self, report: AttestationReport, response: Any) -> None:
        bound = report.claims.get("tls_spki_sha256")
        if bound or self.endpoint.policy.require_tls_binding:
            self.endpoint.check_tls(report, tls_spki(response))

    @staticmethod
    def _may_name_another_key(response: Any, exchange: Exchange) -> bool:
        sealed = "ehbp-response-nonce" in response.headers
        return response.status_code in exchange.refusals and not sealed

    @staticmethod
    def _names_another_key(
        response: Any, exchange: Exchange, problem: bytes, *, again: bool
    ) -> bool:
        """Whether to send once more under a new key; raises ChannelError when that is no use."""
        if not exchange.wants_new_key(response.status_code, _pairs(response), problem):
            return False
        if not again:
            msg = "the endpoint refuses the key that it attested just now"
            raise ChannelError(msg)
        return True

    def _in_time(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            msg = f"the answer took longer than {self._max_seconds:g} s, so it is incomplete"
            raise ChannelError(msg)

    @staticmethod
    def _response(library: "_Library", answer: Answer, stream: Any, response: Any) -> Any:
        assert answer.status is not None
        if 300 <= answer.status < 400:
            msg = "the endpoint redirects; redirects are not followed"
            raise ChannelError(msg)
        return library.http.Response(
            answer.status, headers=answer.headers, stream=stream, extensions=response.extensions
        )


class AttestedTransport(BaseTransport):
    """A synchronous transport that attests first, for `httpx.Client` and `httpx2.Client`.

    `httpx.Client(transport=AttestedTransport("https://llm.example.com", policy))`
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the inner transport."""
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
        return self._attested(_library(library), _IN_TIME)

    def _connection(self, library: "_Library") -> Any:
        if self._inner is None:
            self._inner = library.http.HTTPTransport(verify=self._verify)
        return self._inner

    def _attested(self, library: "_Library", extensions: Any) -> AttestationReport:
        with self.endpoint.lock:
            if (report := self.endpoint.report) is not None:
                return report
            nonce, request = self._challenge_request(library, extensions)
            response = self._connection(library).handle_request(request)
            try:
                self._check_document(response)
                reader = DocumentReader()
                for chunk in response.stream:
                    reader.feed(chunk)
                return self.endpoint.accept(reader.finish(), nonce, tls_spki(response))
            except library.http.TransportError:
                msg = "the connection broke while evidence was fetched"
                raise EvidenceInvalidError(msg, check="fetch") from None
            finally:
                response.close()

    def _handle(self, request: Any) -> Any:
        library = _library_of(request)
        self._check_target(request.url)
        report = self._attested(library, request.extensions)
        # Only a body that is held in memory can be sent, or sealed, a second time.
        again = held = isinstance(request.stream, library.http.ByteStream)
        while True:
            exchange, outgoing = self._seal(library, request, report, _sealed_pieces)
            try:
                response = self._connection(library).handle_request(outgoing)
            except library.broken:
                if not (exchange.repeatable and held):
                    raise
                response = self._connection(library).handle_request(outgoing)
            try:
                self._check_connection(report, response)
                if self._may_name_another_key(response, exchange):
                    problem = DocumentReader(MAX_PROBLEM)
                    for chunk in response.stream:
                        problem.feed(chunk)
                    if self._names_another_key(response, exchange, problem.finish(), again=again):
                        response.close()
                        self.endpoint.forget(report)
                        report, again = self._attested(library, request.extensions), False
                        continue
                answer = exchange.answer(response.status_code, _pairs(response))
                return self._open(library, response, answer)
            except BaseException:
                response.close()
                raise

    def _open(self, library: "_Library", response: Any, answer: Answer) -> Any:
        deadline = time.monotonic() + self._max_seconds
        raw = iter(response.stream)
        early: list[bytes] = []
        try:
            while answer.status is None:
                chunk = next(raw, None)
                if chunk is None:
                    raise ChannelError(_INCOMPLETE)
                self._in_time(deadline)
                early.extend(answer.feed(chunk))
        except library.http.TransportError:
            raise ChannelError(_INCOMPLETE) from None

        def pieces() -> Iterator[bytes]:
            try:
                yield from early
                for chunk in raw:
                    self._in_time(deadline)
                    yield from answer.feed(chunk)
                yield from answer.finish()
            except library.http.TransportError:
                raise self._raised(ChannelError(_INCOMPLETE)) from None
            except PrivacyError as error:
                raise self._raised(error) from None

        stream = library.body(pieces(), response.close)
        return self._response(library, answer, stream, response)


class AsyncAttestedTransport(BaseTransport):
    """The asynchronous twin, for `httpx.AsyncClient` and `httpx2.AsyncClient`."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the inner transport."""
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
        return await self._attested(_library(library), _IN_TIME)

    def _connection(self, library: "_Library") -> Any:
        if self._inner is None:
            self._inner = library.http.AsyncHTTPTransport(verify=self._verify)
        return self._inner

    async def _attested(self, library: "_Library", extensions: Any) -> AttestationReport:
        async with self.endpoint.loop_lock():
            if (report := self.endpoint.report) is not None:
                return report
            nonce, request = self._challenge_request(library, extensions)
            response = await self._connection(library).handle_async_request(request)
            try:
                self._check_document(response)
                reader = DocumentReader()
                async for chunk in response.stream:
                    reader.feed(chunk)
                return self.endpoint.accept(reader.finish(), nonce, tls_spki(response))
            except library.http.TransportError:
                msg = "the connection broke while evidence was fetched"
                raise EvidenceInvalidError(msg, check="fetch") from None
            finally:
                await response.aclose()

    async def _handle(self, request: Any) -> Any:
        library = _library_of(request)
        self._check_target(request.url)
        report = await self._attested(library, request.extensions)
        again = held = isinstance(request.stream, library.http.ByteStream)
        while True:
            exchange, outgoing = self._seal(library, request, report, _sealed_pieces_async)
            try:
                response = await self._connection(library).handle_async_request(outgoing)
            except library.broken:
                if not (exchange.repeatable and held):
                    raise
                response = await self._connection(library).handle_async_request(outgoing)
            try:
                self._check_connection(report, response)
                if self._may_name_another_key(response, exchange):
                    problem = DocumentReader(MAX_PROBLEM)
                    async for chunk in response.stream:
                        problem.feed(chunk)
                    if self._names_another_key(response, exchange, problem.finish(), again=again):
                        await response.aclose()
                        self.endpoint.forget(report)
                        report = await self._attested(library, request.extensions)
                        again = False
                        continue
                answer = exchange.answer(response.status_code, _pairs(response))
                return await self._open(library, response, answer)
            except BaseException:
                await response.aclose()
                raise

    async def _open(self, library: "_Library", response: Any, answer: Answer) -> Any:
        deadline = time.monotonic() + self._max_seconds
        raw = aiter(response.stream)
        early: list[bytes] = []
        try:
            while answer.status is None:
                chunk = await anext(raw, None)
                if chunk is None:
                    raise ChannelError(_INCOMPLETE)
                self._in_time(deadline)
                early.extend(answer.feed(chunk))
        except library.http.TransportError:
            raise ChannelError(_INCOMPLETE) from None

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
                raise self._raised(ChannelError(_INCOMPLETE)) from None
            except PrivacyError as error:
                raise self._raised(error) from None

        stream = library.async_body(pieces(), response.aclose)
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


@contextmanager
def reaching(library: str) -> Iterator[None]:
    """Turns the error of an endpoint that cannot be reached into ours; see `attest`."""
    try:
        http = import_module(library)
    except ImportError:
        msg = 'attested endpoints need httpx: pip install "langchain-privacy[secure]"'
        raise ConfigurationError(msg) from None
    try:
        yield
    except http.TransportError:
        msg = "the endpoint cannot be reached"
        raise EvidenceInvalidError(msg, check="fetch") from None


# Bodies on their way out and back, and what differs between httpx and httpx2.


def _sealed_pieces(exchange: Exchange, stream: Any) -> Iterator[bytes]:
    yield exchange.begin()
    for chunk in stream:
        yield exchange.seal(chunk, last=False)
    yield exchange.seal(b"", last=True)


async def _sealed_pieces_async(exchange: Exchange, stream: Any) -> AsyncIterator[bytes]:
    yield exchange.begin()
    async for chunk in stream:
        yield exchange.seal(chunk, last=False)
    yield exchange.seal(b"", last=True)


class _Body:
    """Body of an opened answer.

    Clients of event streams stop reading at `[DONE]`. What follows then is only the last frame; it
    is read on close, so that the end is authenticated and the connection can be used again.
    """

    def __init__(self, pieces: Iterator[bytes], close: Callable[[], None]) -> None:
        self._pieces, self._close, self._tail = pieces, close, b""

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self._tail = (self._tail + piece)[-32:]
            yield piece

    def close(self) -> None:
        try:
            if self._tail.rstrip().endswith(b"[DONE]"):
                for _ in self._pieces:
                    pass
        finally:
            self._close()


class _AsyncBody:
    """The asynchronous twin of `_Body`."""

    def __init__(self, pieces: AsyncIterator[bytes], close: Callable[[], Any]) -> None:
        self._pieces, self._close, self._tail = pieces, close, b""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._pieces:
            self._tail = (self._tail + piece)[-32:]
            yield piece

    async def aclose(self) -> None:
        try:
            if self._tail.rstrip().endswith(b"[DONE]"):
                async for _ in self._pieces:
                    pass
        finally:
            await self._close()


@dataclass(frozen=True)
class _Library:
    """httpx or httpx2.

    Attributes:
        http: The module.
        body: Class of the bodies of opened answers; the library takes subclasses of its own only.
        async_body: The same for asynchronous clients.
        broken: Errors of a connection that broke.
    """

    http: Any
    body: Any
    async_body: Any
    broken: tuple[type[Exception], ...]


@cache
def _library(name: str) -> _Library:
    http = import_module(name)
    return _Library(
        http,
        subclass(http.SyncByteStream, {}, _Body),
        subclass(http.AsyncByteStream, {}, _AsyncBody),
        (http.ReadError, http.WriteError, http.RemoteProtocolError),
    )


def _library_of(request: Any) -> _Library:
    return _library(type(request).__module__.partition(".")[0])


def _pairs(message: Any) -> list[tuple[str, str]]:
    """Headers of a request or a response."""
    return [(n.decode("latin-1"), v.decode("latin-1")) for n, v in message.headers.raw]


@lru_cache(maxsize=64)
def _parsed(kind: Callable[[str], Any], url: str) -> Any:
    """A URL object: parsing costs more than sealing, and the address is nearly always the same."""
    return kind(url)
