"""The way of a request: attest where no report is in force, seal, send, judge, open.

`BaseTransport` has this way once, as coroutines. It leaves to the two transports below it
(`attested`) what differs between them: how something is sent, read, closed and waited for. The
asynchronous one awaits the coroutines; in the synchronous one nothing ever waits for an event loop,
so each of them runs to its end in one step.
"""

import logging
import random
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

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
from langchain_privacy.secure.transport.http import Library, library_of, pairs, parsed

# ---- One request on its way: what was tried, what is left to try, and how long to wait between
#
# A transport makes a `Turn` for each request of its client, and asks it after every answer that is
# none.


TRIES = 10
"""How often an endpoint that has no answer is asked, unless a transport is told otherwise."""

_FIRST_PAUSE, _LONGEST_PAUSE, _LONGEST_ASKED = 0.02, 1.0, 30.0
"""Seconds between tries at an endpoint that has no answer: doubled each time, or as asked for."""

_BREAKS = 3
"""How often a request whose connection broke is sent again; a server closes idle ones in herds."""

_KEY_TRIES = 16
"""Sealings of one request while the machines behind an address turn out to have other keys."""

BUSY = frozenset({408, 429, 502, 503, 504})
"""Statuses by which whoever stands before an endpoint says that there is no answer now."""

NO_ANSWER = BUSY | {500}
"""Statuses of an unsealed answer that is none; the request may be sent again."""

SEALED = "ehbp-response-nonce"
"""Header that only a sealed answer has, whatever its status says."""


@dataclass
class Patience:
    """How long to wait for an endpoint that has no answer now.

    Attributes:
        tries: How often it may still be asked.
    """

    tries: int
    _pause: float = _FIRST_PAUSE

    def pause(self, error: EndpointUnavailableError) -> float:
        """Seconds to wait before the next try; raises the error when there is none."""
        self.tries -= 1
        asked = error.retry_after or 0.0
        if self.tries < 1 or asked > _LONGEST_ASKED:
            raise error
        # Not all at once: clients that were turned away together come back one by one.
        own = self._pause * random.uniform(0.5, 1.5)  # noqa: S311
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        return asked + own


@dataclass(eq=False, repr=False)
class Turn:
    """One request of a client on its way, through all its tries.

    Attributes:
        request: The client's.
        library: What it is of.
        patience: How often an endpoint that has no answer may be asked.
        reports: Those whose keys it was sealed to.
        nonce: Its own, the same in each try, so that no machine takes it twice.
        refused: Why a machine that was met on the way is not accepted.
        meetings: How often machines were looked for that have another key.
    """

    request: Any
    library: Library
    patience: Patience
    reports: list[AttestationReport]
    nonce: bytes | None = None
    refused: AttestationError | None = None
    meetings: int = 0
    _breaks_left: int = _BREAKS
    _keys_left: int = _KEY_TRIES

    @property
    def _held(self) -> bool:
        """Whether its body is held in memory; no other can be sealed a second time."""
        return isinstance(self.request.stream, self.library.http.ByteStream)

    def again_after_a_break(self, exchange: Exchange) -> bool:
        """Whether to send once more after the connection broke."""
        self._breaks_left -= 1
        return exchange.repeatable and self._held and self._breaks_left >= 0

    def wants_new_key(self, response: Any, exchange: Exchange, problem: bytes) -> bool:
        """Whether to seal anew to more keys; raises ChannelError when that is no use."""
        if not exchange.wants_new_key(response.status_code, pairs(response), problem):
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
        return self.patience.pause(unavailable)


def asked_to_wait(response: Any) -> float | None:
    """Seconds of a Retry-After header, where it gives seconds."""
    value: str = response.headers.get("retry-after", "")
    return float(value) if re.fullmatch(r"[0-9]{1,6}", value, re.ASCII) else None


NOWHERE = "attested.invalid"
"""A host that never exists (RFC 6761), under which a transport takes requests for its endpoint.

A client of another kind that is given this address by mistake reaches nobody.
"""

_STEP_SECONDS = {"connect": 10.0, "read": 20.0, "write": 10.0, "pool": 10.0}
"""Longest time for each step while evidence is fetched; a client's shorter ones go first."""

_ROUNDS, _MEETINGS = 6, 3
"""Rounds of challenges while the machines behind an address turn out to have other keys, and
challenges of a round. What remains is sent to known keys."""

INCOMPLETE = "the connection broke, so the answer is incomplete"
BROKEN = "the connection broke while evidence was fetched"
EXPIRED = "the verdict ran out before the request was sealed"
SLOW = "the evidence takes too long"

Opener = Callable[[bytes | None], Iterator[bytes]]
"""Opens what was read of an answer; `None` is its end."""

SEALED_UNDER: ContextVar[AttestationReport] = ContextVar("sealed_under")
"""The report under which this context's latest request was sealed; set before it is sent."""

_logger = logging.getLogger(__name__)


class BaseTransport(ABC):
    """What both transports share: the whole way of a request, but for how I/O is done.

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
        tries: int = TRIES,
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

    # ---- how I/O is done: what the two transports say

    @abstractmethod
    async def _send(self, library: Library, request: Any) -> Any:
        """Send a request through the inner transport; return the response."""

    @abstractmethod
    def _chunks(self, response: Any) -> Any:
        """Return the iterator over what comes back."""

    @abstractmethod
    async def _next(self, chunks: Any) -> bytes | None:
        """Read on; `None` at the end."""

    @abstractmethod
    async def _close(self, response: Any) -> None:
        """Give the connection of a response back."""

    @abstractmethod
    async def _sleep(self, seconds: float) -> None:
        """Wait."""

    @abstractmethod
    async def _joined(self, flight: "Future[None]") -> None:
        """Wait for whoever attests already, and end alike."""

    @abstractmethod
    async def _accept(self, document: bytes, nonce: bytes, spki: str | None) -> None:
        """Have the endpoint verify evidence."""

    @abstractmethod
    def _limit(self) -> AbstractAsyncContextManager[Any]:
        """Raise `TimeoutError` inside of this where evidence takes too long."""

    @abstractmethod
    def _begin(self, renewal: Coroutine[Any, Any, None]) -> None:
        """Have a renewal run beside the request; it ends with the transport."""

    @abstractmethod
    def _sealed(self, exchange: Exchange, stream: Any) -> Any:
        """Seal a body that is streamed."""

    @abstractmethod
    def _body(
        self, library: Library, response: Any, early: list[bytes], chunks: Any, opened: Opener
    ) -> Any:
        """Return the body of an opened answer: what was opened early, then what is read on."""

    # ---- attesting

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
                await self._joined(flight)
        if reports := self.endpoint.reports:
            return reports[0]
        raise EndpointUnavailableError(EXPIRED, check="fetch")

    async def _fetch(self, library: Library, extensions: Any) -> None:
        patience = Patience(self._tries)
        while True:
            try:
                async with self._limit():
                    await self._fetch_once(library, extensions)
            except TimeoutError:
                raise EndpointUnavailableError(SLOW, check="fetch") from None
            except EndpointUnavailableError as error:
                await self._sleep(patience.pause(error))
            else:
                return

    async def _fetch_once(self, library: Library, extensions: Any) -> None:
        reader = DocumentReader(seconds=ATTESTATION_SECONDS)
        nonce, request = self._challenge_request(library, extensions)
        try:
            response = await self._send(library, request)
        except library.broken:
            raise EndpointUnavailableError(BROKEN, check="fetch") from None
        try:
            self._check_document(response)
            document = await self._read(response, reader)
            await self._accept(document, nonce, tls_spki(response))
        except library.http.TransportError:
            raise EndpointUnavailableError(BROKEN, check="fetch") from None
        finally:
            await self._close(response)

    async def _renewed(self, library: Library) -> None:
        """Attest ahead of time; what fails is said only, as the verdict holds until its end."""
        try:
            async with self._limit():
                await self._fetch_once(library, {})
        except (PrivacyError, TimeoutError, library.http.TransportError) as error:
            why = error if isinstance(error, PrivacyError) else type(error).__name__
            _logger.warning("the attestation of %s was not renewed: %s", self.endpoint.origin, why)

    async def _read(self, response: Any, reader: DocumentReader) -> bytes:
        chunks = self._chunks(response)
        while (chunk := await self._next(chunks)) is not None:
            reader.feed(chunk)
        return reader.finish()

    # ---- one request

    async def _handle(self, request: Any) -> Any:
        """Attest if need be, seal, send, open."""
        library = library_of(request)
        self._check_target(request.url)
        first = await self._attested(library, request.extensions)
        if self.endpoint.renewal_is_due():
            self._begin(self._renewed(library))
        turn = Turn(request, library, Patience(self._tries), [first])
        while True:
            exchange, outgoing = self._seal(library, turn)
            try:
                response = await self._send(library, outgoing)
            except library.broken:
                if not turn.again_after_a_break(exchange):
                    raise
                continue
            try:
                self._check_connection(turn.reports, response)
                unsealed = SEALED not in response.headers
                if unsealed and response.status_code in exchange.refusals:
                    problem = await self._read(response, DocumentReader(MAX_PROBLEM))
                    if turn.wants_new_key(response, exchange, problem):
                        await self._close(response)
                        await self._meet(library, turn, exchange)
                        continue
                if unsealed and response.status_code in NO_ANSWER:
                    await self._close(response)
                    await self._sleep(turn.pause(self._unavailable(response), exchange))
                    continue
                answer = exchange.answer(response.status_code, pairs(response))
                return await self._open(library, response, answer, turn)
            except BaseException:
                await self._close(response)
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
        chunks = self._chunks(response)
        early: list[bytes] = []
        try:
            while answer.status is None:
                chunk = await self._next(chunks)
                if chunk is None:
                    raise ChannelError(INCOMPLETE)
                self._in_time(deadline)
                early.extend(answer.feed(chunk))
        except library.http.TransportError:
            raise ChannelError(INCOMPLETE) from None
        self._opened(answer, turn, response)
        if 300 <= answer.status < 400:
            msg = "the endpoint redirects; redirects are not followed"
            raise ChannelError(msg)

        def opened(chunk: bytes | None) -> Iterator[bytes]:
            try:
                if chunk is None:
                    yield from answer.finish()
                else:
                    self._in_time(deadline)
                    yield from answer.feed(chunk)
            except PrivacyError as error:
                raise self._raised(error) from None

        body = self._body(library, response, early, chunks, opened)
        return library.http.Response(
            answer.status, headers=answer.headers, stream=body, extensions=response.extensions
        )

    # ---- the parts of it that wait for nothing

    def _check_target(self, url: Any) -> None:
        port = url.port or (443 if url.scheme == "https" else 80)
        endpoint = self.endpoint
        if (url.scheme, url.host, port) == ("https", NOWHERE, 443):
            return
        if (url.scheme, url.host, port) != (endpoint.scheme, endpoint.hostname, endpoint.port):
            msg = "the request is for another origin than the attested one; nothing was sent"
            raise ChannelError(msg)

    def _seal(self, library: Library, turn: Turn) -> tuple[Exchange, Any]:
        """The exchange for a request, and what to send."""
        http, profile, request = library.http, self.endpoint.policy.profile, turn.request
        turn.reports = self.endpoint.reports or turn.reports
        SEALED_UNDER.set(turn.reports[0])
        exchange = open_exchange(
            profile,
            [report.channel_keys[profile] for report in turn.reports],
            request.method,
            request.url.raw_path.decode("ascii"),
            [(n, v) for n, v in pairs(request) if n.lower() not in self.dropped],
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
            body = {"content": self._sealed(exchange, request.stream)}
        url = parsed(http.URL, self.endpoint.origin + exchange.path)
        outgoing = http.Request(
            exchange.method, url, headers=headers, extensions=request.extensions, **body
        )
        return exchange, outgoing

    def _challenge_request(self, library: Library, extensions: Any) -> tuple[bytes, Any]:
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
        if status in BUSY or (status == 500 and not ours):
            msg = f"the endpoint has no evidence now (status {status})"
            raise EndpointUnavailableError(msg, check="fetch", retry_after=asked_to_wait(response))
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
    def _unavailable(response: Any) -> EndpointUnavailableError:
        """The error of an unsealed answer that says that there is none now."""
        msg = f"there is no answer now: status {response.status_code} came back unsealed"
        return EndpointUnavailableError(msg, check="fetch", retry_after=asked_to_wait(response))

    def _steps(self, turn: Turn, exchange: Exchange) -> int:
        """Return how often to attest until another machine is met; 0 when it was tried enough."""
        if not exchange.several:
            self.endpoint.forget(turn.reports[0])
        # A balancer that takes machines in turn would meet a client of one step each with the same
        # ones for ever, so the steps grow until another machine is met.
        turn.meetings += 1
        return 0 if turn.meetings > _ROUNDS else min(turn.meetings, _MEETINGS)

    def _has_met_another(self, turn: Turn) -> bool:
        """Whether there is a key by now that the request was not sealed to."""
        profile = self.endpoint.policy.profile
        known = {report.channel_keys[profile] for report in turn.reports}
        return any(report.channel_keys[profile] not in known for report in self.endpoint.reports)

    def _opened(self, answer: Answer, turn: Turn, response: Any) -> None:
        """Note which machine answered: the stamp is of its report, and TLS must end there too."""
        report = turn.reports[answer.answered]
        self._check_connection([report], response)
        self.endpoint.answered(report)
        SEALED_UNDER.set(report)

    def _in_time(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            msg = f"the answer took longer than {self._max_seconds:g} s, so it is incomplete"
            raise ChannelError(msg)
