"""HTTP transports that attest first and encrypt always, for httpx and for httpx2.

Both libraries have one interface; which one is in use is seen from the request. Nothing is sent
before the endpoint has proven itself, nothing in clear, nothing to another origin, and no answer is
used that was not sealed to this request.
"""

import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Self

from langchain_privacy.errors import (
    ChannelError,
    ConfigurationError,
    EvidenceInvalidError,
    PrivacyError,
)
from langchain_privacy.secure.adapters.base import Adapter
from langchain_privacy.secure.bodies import bodies_of, library_named
from langchain_privacy.secure.channel.exchange import (
    MAX_PROBLEM,
    MAX_RESPONSE,
    Answer,
    Exchange,
    open_exchange,
)
from langchain_privacy.secure.channel.uploads import one_chunk, seal_async_stream, seal_stream
from langchain_privacy.secure.documents import DocumentReader
from langchain_privacy.secure.endpoint import AttestedEndpoint
from langchain_privacy.secure.policy.attestation import AttestationPolicy
from langchain_privacy.secure.report import AttestationReport
from langchain_privacy.secure.tls import tls_spki

_INCOMPLETE = "the connection broke, so the answer is incomplete"


class _Transport:
    """What both transports share.

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
        self._max_response, self._max_seconds, self._verify = (
            max_response_bytes,
            max_seconds,
            verify,
        )

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

    def _exchange(self, request: Any, report: AttestationReport) -> Exchange:
        policy = self.endpoint.policy
        return open_exchange(
            policy.profile,
            report.channel_keys[policy.profile],
            request.method,
            request.url.raw_path.decode("ascii"),
            [(n.decode("latin-1"), v.decode("latin-1")) for n, v in request.headers.raw],
            outer=self._outer,
            limit=self._max_response,
        )

    def _outgoing(self, library: Any, exchange: Exchange, content: Any, request: Any) -> Any:
        headers = [("host", self.endpoint.authority), *exchange.headers]
        if isinstance(content, bytes):
            headers.append(("content-length", str(len(content))))
            body = {"stream": library.ByteStream(content)}
        else:
            body = {"content": content}
        url = _parsed(library.URL, self.endpoint.origin + exchange.path)
        extensions = request.extensions
        return library.Request(exchange.method, url, headers=headers, extensions=extensions, **body)

    def _challenge_request(self, library: Any, extensions: Any) -> tuple[bytes, Any]:
        nonce, challenge = self.endpoint.challenge()
        headers = [
            ("host", self.endpoint.authority),
            ("accept", challenge.accept),
            ("accept-encoding", "identity"),
            *self._outer,
        ]
        url = self.endpoint.origin + challenge.path
        request = library.Request("GET", url, headers=headers, extensions=extensions)
        return nonce, request

    @staticmethod
    def _check_document(response: Any) -> None:
        if response.status_code != 200:
            msg = f"the endpoint answered {response.status_code} when asked for evidence"
            raise EvidenceInvalidError(msg, check="fetch")

    def _resend(self, response: Any, exchange: Exchange, problem: bytes, *, again: bool) -> bool:
        """Whether to send once more under a new key; raises ChannelError when that is no use."""
        headers = _pairs(response)
        if not exchange.wants_new_key(response.status_code, headers, problem):
            return False
        if not again:
            msg = "the endpoint refuses the key that it attested just now"
            raise ChannelError(msg)
        return True

    def _refuse_unprotected(self, body: bytes) -> None:
        if not body and self.endpoint.policy.profile == "ehbp-x25519":
            msg = "EHBP protects no request without a body, so it is not sent"
            raise ChannelError(msg)

    def _binds_tls(self, report: AttestationReport) -> bool:
        return self.endpoint.policy.require_tls_binding or bool(
            report.claims.get("tls_spki_sha256")
        )

    def _deadline(self) -> float:
        return time.monotonic() + self._max_seconds

    def _in_time(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            msg = f"the answer took longer than {self._max_seconds:g} s, so it is incomplete"
            raise ChannelError(msg)

    def _response(self, library: Any, answer: Answer, stream: Any, response: Any) -> Any:
        assert answer.status is not None
        if 300 <= answer.status < 400:
            msg = "the endpoint redirects; redirects are not followed"
            raise ChannelError(msg)
        return library.Response(
            answer.status, headers=answer.headers, stream=stream, extensions=response.extensions
        )


def _pairs(response: Any) -> list[tuple[str, str]]:
    return [(n.decode("latin-1"), v.decode("latin-1")) for n, v in response.headers.raw]


@lru_cache(maxsize=64)
def _parsed(kind: Callable[[str], Any], url: str) -> Any:
    """A URL object: parsing costs more than sealing, and the address is nearly always the same."""
    return kind(url)


def _broken(library: Any) -> tuple[type[Exception], ...]:
    return (library.ReadError, library.WriteError, library.RemoteProtocolError)


def _library_of(request: Any) -> str:
    return type(request).__module__.partition(".")[0]


def _is_plain(response: Any) -> bool:
    return response.status_code == 422 and "ehbp-response-nonce" not in response.headers


class AttestedTransport(_Transport):
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
        return self._attested(library_named(library), {})

    def _connection(self, library: Any) -> Any:
        if self._inner is None:
            self._inner = library.HTTPTransport(verify=self._verify)
        return self._inner

    def _attested(self, library: Any, extensions: Any) -> AttestationReport:
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
            except library.TransportError:
                raise _no_evidence() from None
            finally:
                response.close()

    def _handle(self, request: Any) -> Any:
        name = _library_of(request)
        library = library_named(name)
        self._check_target(request.url)
        report = self._attested(library, request.extensions)
        # Only a body that is held in memory can be sealed a second time.
        again = isinstance(request.stream, library.ByteStream)
        while True:
            exchange = self._exchange(request, report)
            content: Any
            if again or isinstance(request.stream, library.ByteStream):
                body = b"".join(request.stream)
                self._refuse_unprotected(body)
                content = exchange.begin() + exchange.seal(body, last=True)
                if self.endpoint.policy.profile == "ehbp-x25519":
                    content = iter((content,))  # EHBP bodies are chunked
            else:
                content = seal_stream(exchange, request.stream)
            outgoing = self._outgoing(library, exchange, content, request)
            try:
                response = self._connection(library).handle_request(outgoing)
            except _broken(library):
                if not isinstance(content, bytes):
                    raise
                # An idle connection was closed meanwhile. The very same bytes go out again: the
                # gateway takes an encapsulation once, so nothing can be done twice.
                response = self._connection(library).handle_request(outgoing)
            try:
                if self._binds_tls(report):
                    self.endpoint.check_tls(report, tls_spki(response))
                if _is_plain(response):
                    problem = DocumentReader(MAX_PROBLEM)
                    for chunk in response.stream:
                        problem.feed(chunk)
                    if self._resend(response, exchange, problem.finish(), again=again):
                        response.close()
                        self.endpoint.forget(report)
                        report, again = self._attested(library, request.extensions), False
                        continue
                answer = exchange.answer(response.status_code, _pairs(response))
                return self._open(name, response, answer)
            except BaseException:
                response.close()
                raise

    def _open(self, name: str, response: Any, answer: Answer) -> Any:
        library, deadline = library_named(name), self._deadline()
        raw = iter(response.stream)
        early: list[bytes] = []
        try:
            while answer.status is None:
                chunk = next(raw, None)
                if chunk is None:
                    raise ChannelError(_INCOMPLETE)
                self._in_time(deadline)
                early.extend(answer.feed(chunk))
        except library.TransportError:
            raise ChannelError(_INCOMPLETE) from None

        def pieces() -> Iterator[bytes]:
            try:
                yield from early
                for chunk in raw:
                    self._in_time(deadline)
                    yield from answer.feed(chunk)
                yield from answer.finish()
            except library.TransportError:
                raise self._raised(ChannelError(_INCOMPLETE)) from None
            except PrivacyError as error:
                raise self._raised(error) from None

        stream = bodies_of(name)[0](pieces(), response.close)
        return self._response(library, answer, stream, response)


class AsyncAttestedTransport(_Transport):
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
        return await self._attested(library_named(library), {})

    def _connection(self, library: Any) -> Any:
        if self._inner is None:
            self._inner = library.AsyncHTTPTransport(verify=self._verify)
        return self._inner

    async def _attested(self, library: Any, extensions: Any) -> AttestationReport:
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
            except library.TransportError:
                raise _no_evidence() from None
            finally:
                await response.aclose()

    async def _handle(self, request: Any) -> Any:
        name = _library_of(request)
        library = library_named(name)
        self._check_target(request.url)
        report = await self._attested(library, request.extensions)
        again = isinstance(request.stream, library.ByteStream)
        while True:
            exchange = self._exchange(request, report)
            content: Any
            if again or isinstance(request.stream, library.ByteStream):
                body = b"".join(request.stream)
                self._refuse_unprotected(body)
                content = exchange.begin() + exchange.seal(body, last=True)
                if self.endpoint.policy.profile == "ehbp-x25519":
                    content = one_chunk(content)
            else:
                content = seal_async_stream(exchange, request.stream)
            outgoing = self._outgoing(library, exchange, content, request)
            try:
                response = await self._connection(library).handle_async_request(outgoing)
            except _broken(library):
                if not isinstance(content, bytes):
                    raise
                response = await self._connection(library).handle_async_request(outgoing)
            try:
                if self._binds_tls(report):
                    self.endpoint.check_tls(report, tls_spki(response))
                if _is_plain(response):
                    problem = DocumentReader(MAX_PROBLEM)
                    async for chunk in response.stream:
                        problem.feed(chunk)
                    if self._resend(response, exchange, problem.finish(), again=again):
                        await response.aclose()
                        self.endpoint.forget(report)
                        report = await self._attested(library, request.extensions)
                        again = False
                        continue
                answer = exchange.answer(response.status_code, _pairs(response))
                return await self._open(name, response, answer)
            except BaseException:
                await response.aclose()
                raise

    async def _open(self, name: str, response: Any, answer: Answer) -> Any:
        library, deadline = library_named(name), self._deadline()
        raw = aiter(response.stream)
        early: list[bytes] = []
        try:
            while answer.status is None:
                chunk = await anext(raw, None)
                if chunk is None:
                    raise ChannelError(_INCOMPLETE)
                self._in_time(deadline)
                early.extend(answer.feed(chunk))
        except library.TransportError:
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
            except library.TransportError:
                raise self._raised(ChannelError(_INCOMPLETE)) from None
            except PrivacyError as error:
                raise self._raised(error) from None

        stream = bodies_of(name)[1](pieces(), response.aclose)
        return self._response(library, answer, stream, response)


def _no_evidence() -> EvidenceInvalidError:
    return EvidenceInvalidError("the connection broke while evidence was fetched", check="fetch")
