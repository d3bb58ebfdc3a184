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

import asyncio
import copy
import random
import re
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import import_module
from typing import Any, Self

from langchain_privacy.errors import (
    AttestationError,
    ChannelError,
    ConfigurationError,
    EndpointUnavailableError,
    EvidenceInvalidError,
    PolicyMismatchError,
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
from langchain_privacy.secure.endpoint import ATTESTATION_SECONDS, AttestedEndpoint
from langchain_privacy.secure.fetch import DocumentReader, tls_spki
from langchain_privacy.secure.policy.attestation import AttestationPolicy
from langchain_privacy.secure.report import AttestationReport
from langchain_privacy.subclassing import subclass

_STEP_SECONDS = {"connect": 10.0, "read": 20.0, "write": 10.0, "pool": 10.0}
"""Longest time for each step while evidence is fetched; a client's shorter ones go first."""

_TRIES = 10
_FIRST_PAUSE, _LONGEST_PAUSE, _LONGEST_ASKED = 0.02, 1.0, 30.0
"""Seconds between tries at an endpoint that has no answer: doubled each time, or as asked for."""

_KEY_TRIES, _ROUNDS, _MEETINGS = 16, 6, 3
"""Sealings of one request while the machines behind an address turn out to have other keys;
rounds of challenges between them, and challenges of a round. What remains is sent to known keys."""

_BUSY = frozenset({408, 429, 502, 503, 504})
"""Statuses by which whoever stands before an endpoint says that there is no answer now."""

_INCOMPLETE = "the connection broke, so the answer is incomplete"
_BROKEN = "the connection broke while evidence was fetched"
_EXPIRED = "the verdict ran out before the request was sealed"
_SLOW = "the evidence takes too long"


class _Patience:
    """How long to wait for an endpoint that has no answer now."""

    def __init__(self, tries: int) -> None:
        self._left, self._pause = tries, _FIRST_PAUSE

    def pause(self, error: EndpointUnavailableError) -> float:
        """Seconds to wait before the next try; raises the error when there is none."""
        self._left -= 1
        asked = error.retry_after or 0.0
        if self._left < 1 or asked > _LONGEST_ASKED:
            raise error
        # Not all at once: clients that were turned away together come back one by one.
        own = self._pause * random.uniform(0.5, 1.5)  # noqa: S311
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        return asked + own


class _Turn:
    """One request of a client on its way, through all its tries.

    Attributes:
        request: The client's.
        reports: Those whose keys it was sealed to.
        nonce: Its own, the same in each try, so that no machine takes it twice.
        refused: Why a machine that was met on the way is not accepted.
        meetings: How often machines were looked for that have another key.
    """

    def __init__(
        self, request: Any, library: "_Library", tries: int, reports: list[AttestationReport]
    ) -> None:
        self.request, self.reports = request, reports
        self.nonce: bytes | None = None
        self.refused: AttestationError | None = None
        # Only a body that is held in memory can be sealed a second time.
        self._held = isinstance(request.stream, library.http.ByteStream)
        self._patience, self._broke, self._keys_left = _Patience(tries), False, _KEY_TRIES
        self.meetings = 0

    def again_after_a_break(self, exchange: Exchange) -> bool:
        """Whether to send once more after the connection broke."""
        again = exchange.repeatable and self._held and not self._broke
        self._broke = True
        return again

    def wants_new_key(self, response: Any, exchange: Exchange, problem: bytes) -> bool:
        """Whether to seal anew to more keys; raises ChannelError when that is no use."""
        if not exchange.wants_new_key(response.status_code, _pairs(response), problem):
            return False
        self._keys_left -= 1 if exchange.several else _KEY_TRIES - 1
        if self._held and self._keys_left > 0:
            return True
        if self.refused is not None:
            raise self.refused
        msg = "the endpoint refuses the key that it attested just now"
        raise ChannelError(msg)

    def pause(self, unavailable: EndpointUnavailableError, exchange: Exchange) -> float:
        """Seconds before the next try; raises when there is none, or it could be done twice."""
        if not (exchange.repeatable and self._held):
            raise unavailable
        return self._patience.pause(unavailable)


def _asked(response: Any) -> float | None:
    """Seconds of a Retry-After header, where it gives seconds."""
    value: str = response.headers.get("retry-after", "")
    return float(value) if re.fullmatch(r"[0-9]{1,6}", value, re.ASCII) else None


def _joined(flight: "Future[None]") -> None:
    """Wait for whoever attests, and end alike."""
    try:
        flight.result(ATTESTATION_SECONDS)
    except TimeoutError:
        raise EndpointUnavailableError(_SLOW, check="fetch") from None
    except Exception as error:  # noqa: BLE001  whatever it was, a copy: others raise it too
        raise copy.copy(error) from None


async def _ajoined(flight: "Future[None]") -> None:
    """The asynchronous twin of `_joined`."""
    try:
        async with asyncio.timeout(ATTESTATION_SECONDS):
            await asyncio.shield(asyncio.wrap_future(flight))
    except TimeoutError:
        raise EndpointUnavailableError(_SLOW, check="fetch") from None
    except Exception as error:  # noqa: BLE001
        raise copy.copy(error) from None


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
        proxy: URL of an HTTP proxy that the default `inner` connects through; it sees what any hop
            sees. Proxies in the environment are not used.
        tries: How often a request is sent to an endpoint that has no answer, before it is an error.
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
        proxy: str | None = None,
        tries: int = _TRIES,
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
        self._proxy, self._tries = proxy, tries
        # To an http origin there is never TLS, and loading the web's authorities takes a while.
        self._verify = verify if self.endpoint.scheme == "https" else False

    dropped: frozenset[str] = frozenset()
    """Headers of a request that do not travel, in lower case."""

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
        self, library: "_Library", turn: "_Turn", upload: Callable[..., Any]
    ) -> tuple[Exchange, Any]:
        """The exchange for a request, and what to send; `upload` seals a body that is streamed."""
        http, profile, request = library.http, self.endpoint.policy.profile, turn.request
        turn.reports = self.endpoint.reports or turn.reports
        SEALED_UNDER.set(turn.reports[0])
        exchange = open_exchange(
            profile,
            [report.channel_keys[profile] for report in turn.reports],
            request.method,
            request.url.raw_path.decode("ascii"),
            [(n, v) for n, v in _pairs(request) if n.lower() not in self.dropped],
            outer=self._outer,
            limit=self._max_response,
            nonce=turn.nonce,
        )
        turn.nonce = exchange.nonce
        if not exchange.several:
            turn.reports = turn.reports[:1]
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
        given = extensions.get("timeout", {})
        steps = {n: min(most, given.get(n) or most) for n, most in _STEP_SECONDS.items()}
        own = {**extensions, "timeout": steps}
        request = library.http.Request("GET", url, headers=headers, extensions=own)
        return nonce, request

    @staticmethod
    def _check_document(response: Any) -> None:
        status = response.status_code
        # The gateway's own 500 says that it can make no evidence; that is no matter of waiting.
        ours = response.headers.get("content-type") == "application/problem+json"
        if status in _BUSY or (status == 500 and not ours):
            msg = f"the endpoint has no evidence now (status {status})"
            raise EndpointUnavailableError(msg, check="fetch", retry_after=_asked(response))
        if status != 200:
            msg = f"the endpoint answered {status} when asked for evidence"
            raise EvidenceInvalidError(msg, check="fetch")

    def _check_connection(self, reports: list[AttestationReport], response: Any) -> None:
        """Raise unless the connection ends at one of these machines, where that can be seen."""
        bound = [r for r in reports if r.claims.get("tls_spki_sha256")]
        if not bound and not self.endpoint.policy.require_tls_binding:
            return
        spki, refused = tls_spki(response), None
        for report in reports:
            try:
                self.endpoint.check_tls(report, spki)
            except PolicyMismatchError as error:
                refused = error
            else:
                return
        if refused is not None:
            raise refused

    @staticmethod
    def _may_name_another_key(response: Any, exchange: Exchange) -> bool:
        sealed = "ehbp-response-nonce" in response.headers
        return response.status_code in exchange.refusals and not sealed

    @staticmethod
    def _unavailable(response: Any) -> EndpointUnavailableError | None:
        """The error of an unsealed answer that says that there is none now; `None` for others."""
        sealed = "ehbp-response-nonce" in response.headers
        status = response.status_code
        if sealed or status not in (*_BUSY, 500):
            return None
        msg = f"there is no answer now: status {status} came back unsealed"
        return EndpointUnavailableError(msg, check="fetch", retry_after=_asked(response))

    def _steps(self, turn: "_Turn", exchange: Exchange) -> int:
        """Return how often to attest until another machine is met; 0 when it was tried enough."""
        if not exchange.several:
            self.endpoint.forget(turn.reports[0])
        # A balancer that takes machines in turn would meet a client of one step each with the same
        # ones for ever, so the steps grow until another machine is met.
        turn.meetings += 1
        return 0 if turn.meetings > _ROUNDS else min(turn.meetings, _MEETINGS)

    def _has_met_another(self, turn: "_Turn") -> bool:
        """Whether there is a key by now that the request was not sealed to."""
        profile = self.endpoint.policy.profile
        known = {report.channel_keys[profile] for report in turn.reports}
        return any(report.channel_keys[profile] not in known for report in self.endpoint.reports)

    def _opened(self, answer: Answer, turn: "_Turn", response: Any) -> None:
        """Note which machine answered: the stamp is of its report, and TLS must end there too."""
        report = turn.reports[answer.answered]
        self._check_connection([report], response)
        self.endpoint.answered(report)
        SEALED_UNDER.set(report)

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
        return self._attested(_library(library), {})

    def _connection(self, library: "_Library") -> Any:
        if self._inner is None:
            self._inner = library.http.HTTPTransport(verify=self._verify, proxy=self._proxy)
        return self._inner

    def _attested(
        self, library: "_Library", extensions: Any, besides: Collection[AttestationReport] = ()
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
        report = self.endpoint.report
        if report is None:
            raise EndpointUnavailableError(_EXPIRED, check="fetch")
        return report

    def _fetch(self, library: "_Library", extensions: Any) -> None:
        patience = _Patience(self._tries)
        while True:
            try:
                self._fetch_once(library, extensions)
            except EndpointUnavailableError as error:
                time.sleep(patience.pause(error))
            else:
                return

    def _fetch_once(self, library: "_Library", extensions: Any) -> None:
        reader = DocumentReader(seconds=ATTESTATION_SECONDS)
        nonce, request = self._challenge_request(library, extensions)
        response = self._connection(library).handle_request(request)
        try:
            self._check_document(response)
            for chunk in response.stream:
                reader.feed(chunk)
            self.endpoint.accept(reader.finish(), nonce, tls_spki(response))
        except library.http.TransportError:
            raise EndpointUnavailableError(_BROKEN, check="fetch") from None
        finally:
            response.close()

    def _handle(self, request: Any) -> Any:
        library = _library_of(request)
        self._check_target(request.url)
        first = self._attested(library, request.extensions)
        turn = _Turn(request, library, self._tries, [first])
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
                if self._may_name_another_key(response, exchange):
                    problem = DocumentReader(MAX_PROBLEM)
                    for chunk in response.stream:
                        problem.feed(chunk)
                    if turn.wants_new_key(response, exchange, problem.finish()):
                        response.close()
                        self._meet(library, turn, exchange)
                        continue
                if unavailable := self._unavailable(response):
                    response.close()
                    time.sleep(turn.pause(unavailable, exchange))
                    continue
                answer = exchange.answer(response.status_code, _pairs(response))
                return self._open(library, response, answer, turn)
            except BaseException:
                response.close()
                raise

    def _meet(self, library: "_Library", turn: "_Turn", exchange: Exchange) -> None:
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

    def _open(self, library: "_Library", response: Any, answer: Answer, turn: "_Turn") -> Any:
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
        self._opened(answer, turn, response)

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
        return await self._attested(_library(library), {})

    def _connection(self, library: "_Library") -> Any:
        if self._inner is None:
            self._inner = library.http.AsyncHTTPTransport(verify=self._verify, proxy=self._proxy)
        return self._inner

    async def _attested(
        self, library: "_Library", extensions: Any, besides: Collection[AttestationReport] = ()
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
        report = self.endpoint.report
        if report is None:
            raise EndpointUnavailableError(_EXPIRED, check="fetch")
        return report

    async def _fetch(self, library: "_Library", extensions: Any) -> None:
        patience = _Patience(self._tries)
        while True:
            try:
                async with asyncio.timeout(ATTESTATION_SECONDS):
                    await self._fetch_once(library, extensions)
            except TimeoutError:
                raise EndpointUnavailableError(_SLOW, check="fetch") from None
            except EndpointUnavailableError as error:
                await asyncio.sleep(patience.pause(error))
            else:
                return

    async def _fetch_once(self, library: "_Library", extensions: Any) -> None:
        reader = DocumentReader(seconds=ATTESTATION_SECONDS)
        nonce, request = self._challenge_request(library, extensions)
        response = await self._connection(library).handle_async_request(request)
        try:
            self._check_document(response)
            async for chunk in response.stream:
                reader.feed(chunk)
            spki = tls_spki(response)
            # Verifying takes milliseconds, and an adapter may fetch collateral: not in the loop.
            await asyncio.to_thread(self.endpoint.accept, reader.finish(), nonce, spki)
        except library.http.TransportError:
            raise EndpointUnavailableError(_BROKEN, check="fetch") from None
        finally:
            await response.aclose()

    async def _handle(self, request: Any) -> Any:
        library = _library_of(request)
        self._check_target(request.url)
        turn = _Turn(
            request, library, self._tries, [await self._attested(library, request.extensions)]
        )
        while True:
            exchange, outgoing = self._seal(library, turn, _sealed_pieces_async)
            try:
                response = await self._connection(library).handle_async_request(outgoing)
            except library.broken:
                if not turn.again_after_a_break(exchange):
                    raise
                continue
            try:
                self._check_connection(turn.reports, response)
                if self._may_name_another_key(response, exchange):
                    problem = DocumentReader(MAX_PROBLEM)
                    async for chunk in response.stream:
                        problem.feed(chunk)
                    if turn.wants_new_key(response, exchange, problem.finish()):
                        await response.aclose()
                        await self._meet(library, turn, exchange)
                        continue
                if unavailable := self._unavailable(response):
                    await response.aclose()
                    await asyncio.sleep(turn.pause(unavailable, exchange))
                    continue
                answer = exchange.answer(response.status_code, _pairs(response))
                return await self._open(library, response, answer, turn)
            except BaseException:
                await response.aclose()
                raise

    async def _meet(self, library: "_Library", turn: "_Turn", exchange: Exchange) -> None:
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

    async def _open(self, library: "_Library", response: Any, answer: Answer, turn: "_Turn") -> Any:
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
    except http.TransportError as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            msg = (
                "the endpoint's TLS certificate is of an authority that is not trusted here; give "
                "verify= (tls= of a model, --ca of a command) your own"
            )
            raise EvidenceInvalidError(msg, check="fetch") from None
        msg = "the endpoint cannot be reached"
        raise EndpointUnavailableError(msg, check="fetch") from None


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
