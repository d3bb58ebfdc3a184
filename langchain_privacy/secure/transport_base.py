"""What a transport does before it sends and after it receives, alike when sync and when async."""

import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from langchain_privacy.errors import (
    ChannelError,
    ConfigurationError,
    EvidenceInvalidError,
    PrivacyError,
)
from langchain_privacy.secure.adapters.base import Adapter
from langchain_privacy.secure.channel.exchange import MAX_RESPONSE, Answer, Exchange, open_exchange
from langchain_privacy.secure.endpoint import AttestedEndpoint
from langchain_privacy.secure.policy.attestation import AttestationPolicy
from langchain_privacy.secure.report import AttestationReport
from langchain_privacy.secure.tls import tls_spki


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

    def _sealed(
        self, library: Any, request: Any, report: AttestationReport, upload: Callable[..., Any]
    ) -> tuple[Exchange, Any]:
        """The exchange for a request, and what to send; `upload` seals a body that is streamed."""
        exchange = self._exchange(request, report)
        headers = [("host", self.endpoint.authority), *exchange.headers]
        body: dict[str, Any]
        if isinstance(request.stream, library.ByteStream):
            plaintext = b"".join(request.stream)
            self._refuse_unprotected(plaintext)
            content = exchange.begin() + exchange.seal(plaintext, last=True)
            chunked = self.endpoint.policy.profile == "ehbp-x25519"  # the protocol asks for it
            length = ("content-length", str(len(content)))
            headers.append(("transfer-encoding", "chunked") if chunked else length)
            body = {"stream": library.ByteStream(content)}
        else:
            body = {"content": upload(exchange, request.stream)}
        url = _parsed(library.URL, self.endpoint.origin + exchange.path)
        outgoing = library.Request(
            exchange.method, url, headers=headers, extensions=request.extensions, **body
        )
        return exchange, outgoing

    def _may_repeat(self, library: Any, outgoing: Any) -> bool:
        """Whether the very same bytes may go out again when an idle connection had been closed.

        The gateway takes a request once, so nothing is done twice; other services may do it.
        """
        held = isinstance(outgoing.stream, library.ByteStream)
        return held and self.endpoint.policy.profile == "x-wing"

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
        headers = pairs(response)
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

    def _check_connection(self, report: AttestationReport, response: Any) -> None:
        bound = report.claims.get("tls_spki_sha256")
        if bound or self.endpoint.policy.require_tls_binding:
            self.endpoint.check_tls(report, tls_spki(response))

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


def pairs(response: Any) -> list[tuple[str, str]]:
    """Headers of a response."""
    return [(n.decode("latin-1"), v.decode("latin-1")) for n, v in response.headers.raw]


@lru_cache(maxsize=64)
def _parsed(kind: Callable[[str], Any], url: str) -> Any:
    """A URL object: parsing costs more than sealing, and the address is nearly always the same."""
    return kind(url)


def broken(library: Any) -> tuple[type[Exception], ...]:
    """Errors of a connection that broke."""
    return (library.ReadError, library.WriteError, library.RemoteProtocolError)


def library_of(request: Any) -> str:
    """`"httpx"` or `"httpx2"`."""
    return type(request).__module__.partition(".")[0]


def is_refusal(response: Any, exchange: Exchange) -> bool:
    """Whether an unsealed answer came back that may say "another key"."""
    sealed = "ehbp-response-nonce" in response.headers
    return response.status_code in exchange.refusals and not sealed
