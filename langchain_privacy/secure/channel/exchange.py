"""One request and its answer on the client's side, without any I/O.

All profiles have the same shape, so that the transports, sync and async, only move bytes.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any, Protocol

from langchain_privacy.errors import ChannelError, EvidenceInvalidError
from langchain_privacy.secure import parsing
from langchain_privacy.secure.channel import Profile, ehbp, sealed
from langchain_privacy.secure.channel.ehbp import Completeness
from langchain_privacy.secure.channel.field_sealing import AciCipher, FieldsExchange, NearCipher
from langchain_privacy.secure.channel.headers import Pairs, end_to_end, first, media_type

MAX_RESPONSE = 64 * 1024 * 1024
"""Largest answer in bytes of plaintext."""

MAX_PROBLEM = 64 * 1024
"""Bytes that are read of an answer which is not sealed."""


class Exchange(Protocol):
    """A request under way.

    Attributes:
        refusals: Statuses of an unsealed answer that may say "another key".
    """

    refusals: frozenset[int]
    method: str
    path: str
    headers: Pairs

    def seal(self, data: bytes, *, last: bool) -> bytes:
        """Seal a piece of the body."""
        ...

    def begin(self) -> bytes:
        """Bytes that come before the body."""
        ...

    def answer(self, status: int, headers: Pairs) -> "Answer":
        """Start to open the answer with this status and these headers."""
        ...

    def wants_new_key(self, status: int, headers: Pairs, problem: bytes) -> bool:
        """Whether an unsealed answer says that the endpoint has another key by now."""
        ...


class Answer(Protocol):
    """An answer being opened."""

    status: int | None
    headers: Pairs

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes; yield plaintext of the body. `status` is set before the first piece."""
        ...

    def finish(self) -> Iterable[bytes]:
        """Raise ChannelError unless the answer is complete; return what is left of it."""
        ...


class _Limit:
    def __init__(self, maximum: int) -> None:
        self._left = maximum

    def take(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left < 0:
            msg = "the answer is larger than the limit"
            raise ChannelError(msg)
        return data


def _problem_type(headers: Pairs, problem: bytes) -> Any:
    if media_type(headers) != "application/problem+json":
        return None
    try:
        content = parsing.strict_json(problem, "problem", limit=MAX_PROBLEM)
    except EvidenceInvalidError:
        return None
    return content.get("type") if isinstance(content, dict) else None


def _untrusted(status: int) -> ChannelError:
    # The body is not read into the message: whoever is on the path may have written it.
    return ChannelError(
        f"an answer with status {status} came back unsealed, so it is not from the attested "
        "endpoint and is not used"
    )


class SealedExchange:
    """An exchange in the profile `"x-wing"`."""

    refusals = frozenset({422})

    def __init__(
        self, key: bytes, method: str, path: str, headers: Pairs, *, outer: Pairs, limit: int
    ) -> None:
        self._sealer = sealed.RequestSealer(key)
        self._head = sealed.RequestHead(method, path, end_to_end(headers))
        self._limit = limit
        self.method, self.path = "POST", sealed.PATH
        self.headers = [
            ("content-type", sealed.REQUEST_MEDIA_TYPE),
            ("accept", sealed.RESPONSE_MEDIA_TYPE),
            *outer,
        ]

    def begin(self) -> bytes:
        """Key id, encapsulation and the sealed head."""
        return self._sealer.prefix + self._sealer.seal(sealed.dump_head(self._head))

    def seal(self, data: bytes, *, last: bool) -> bytes:
        """Seal a piece of the body; the last one is marked."""
        return self._sealer.seal(data, final=last)

    def answer(self, status: int, headers: Pairs) -> "SealedAnswer":
        """Open an answer, which must be of our media type."""
        if status != 200 or first(headers, "content-type") != sealed.RESPONSE_MEDIA_TYPE:
            raise _untrusted(status)
        return SealedAnswer(self._sealer.opener, self._limit)

    def wants_new_key(self, status: int, headers: Pairs, problem: bytes) -> bool:
        """Whether this is the gateway's "unknown key"."""
        return status == 422 and _problem_type(headers, problem) == sealed.KEY_MISMATCH


class SealedAnswer:
    """An answer in the profile `"x-wing"`."""

    def __init__(self, opener: Callable[[bytes], Any], limit: int) -> None:
        self._opener_for = opener
        self._opener: Any = None
        self._nonce = b""
        self._limit = _Limit(limit)
        self.status: int | None = None
        self.headers: Pairs = []

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes: nonce, head, then body."""
        if self._opener is None:
            self._nonce += data
            if len(self._nonce) < sealed.NONCE:
                return
            data = self._nonce[sealed.NONCE :]
            self._opener = self._opener_for(self._nonce[: sealed.NONCE])
        for plaintext in self._opener.feed(data):
            if self.status is None:
                head = sealed.parse_response_head(plaintext)
                self.status, self.headers = head.status, end_to_end(head.headers)
            elif plaintext:
                yield self._limit.take(plaintext)

    def finish(self) -> Iterable[bytes]:
        """Raise unless the marked last frame has arrived."""
        if self._opener is None:
            msg = "the answer ended before it began"
            raise ChannelError(msg)
        self._opener.finish()
        return ()


class EhbpExchange:
    """An exchange in the profile `"ehbp-x25519"`."""

    refusals = frozenset({422})

    def __init__(
        self, key: bytes, method: str, path: str, headers: Pairs, *, outer: Pairs, limit: int
    ) -> None:
        self._sealer = ehbp.RequestSealer(key)
        self._limit = limit
        self.method, self.path = method, path
        kept = [(n, v) for n, v in end_to_end(headers) if not n.lower().startswith("ehbp-")]
        self.headers = [*kept, *outer, (ehbp.REQUEST_HEADER, self._sealer.enc.hex())]

    def begin(self) -> bytes:
        """Nothing: the encapsulation is in a header."""
        return b""

    def seal(self, data: bytes, *, last: bool) -> bytes:  # noqa: ARG002  EHBP has no last frame
        """Seal a piece of the body."""
        return b"".join(self._sealer.seal(data))

    def answer(self, status: int, headers: Pairs) -> "EhbpAnswer":
        """Open an answer, which must carry exactly one nonce."""
        nonces = [value for name, value in headers if name.lower() == ehbp.RESPONSE_HEADER]
        if not nonces:
            raise _untrusted(status)
        if len(nonces) > 1:
            msg = "the answer has more than one EHBP nonce"
            raise ChannelError(msg)
        opener = self._sealer.opener(ehbp.header_bytes(nonces[0]))
        kept = [(n, v) for n, v in end_to_end(headers) if not n.lower().startswith("ehbp-")]
        return EhbpAnswer(opener, status, kept, self._limit)

    def wants_new_key(self, status: int, headers: Pairs, problem: bytes) -> bool:
        """Whether this is EHBP's "key configuration mismatch"."""
        return status == 422 and _problem_type(headers, problem) == ehbp.KEY_MISMATCH


class EhbpAnswer:
    """An answer in the profile `"ehbp-x25519"`."""

    def __init__(self, opener: ehbp.Opener, status: int, headers: Pairs, limit: int) -> None:
        self.status: int | None = status
        self.headers = headers
        self._opener = opener
        self._limit = _Limit(limit)
        self._whole = Completeness(first(headers, "content-type"), max_buffer=limit)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes of framed ciphertext."""
        for plaintext in self._opener.feed(data):
            self._whole.feed(plaintext)
            yield self._limit.take(plaintext)

    def finish(self) -> Iterable[bytes]:
        """Raise unless the last frame is whole and the content shows its own end."""
        self._opener.finish()
        self._whole.finish()
        return ()


_FIELD_CIPHERS: dict[str, Callable[[bytes], AciCipher | NearCipher]] = {
    "aci-e2ee-v2": AciCipher,
    "near-ed25519-v2": NearCipher,
}


def open_exchange(
    profile: Profile,
    key: bytes,
    method: str,
    path: str,
    headers: Pairs,
    *,
    outer: Pairs,
    limit: int = MAX_RESPONSE,
) -> Exchange:
    """Start an exchange.

    Args:
        profile: The channel that the policy fixes.
        key: The endpoint's attested public key.
        method: Method of the request.
        path: Its path and query.
        headers: Its headers.
        outer: Headers to send in clear besides.
        limit: Largest answer in bytes.
    """
    if (cipher := _FIELD_CIPHERS.get(profile)) is not None:
        sent = [*end_to_end(headers), *outer]
        return FieldsExchange(cipher(key), method, path, sent, limit=limit)
    kind = SealedExchange if profile == "x-wing" else EhbpExchange
    return kind(key, method, path, headers, outer=outer, limit=limit)


# ---- Request bodies sealed piece by piece, as the HTTP library asks for them.


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
