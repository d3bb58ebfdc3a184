"""One request and its answer on the client's side, without any I/O.

All profiles have the same shape, so that the transports, sync and async, only move bytes:

```python
exchange = open_exchange(profile, key, "POST", "/v1/chat/completions", headers, outer=[])
wire = exchange.begin() + exchange.seal(body, last=True)  # sent with exchange.headers
answer = exchange.answer(status, headers_that_came_back)
pieces = [*answer.feed(bytes_that_came_back), *answer.finish()]
```
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from langchain_privacy.errors import ChannelError, EvidenceInvalidError
from langchain_privacy.secure import parsing
from langchain_privacy.secure.channel import Profile, ehbp, sealed
from langchain_privacy.secure.channel.field_sealing import AciCipher, FieldsExchange, NearCipher
from langchain_privacy.secure.channel.headers import Pairs, end_to_end, first, media_type

MAX_RESPONSE = 64 * 1024 * 1024
"""Largest answer in bytes of plaintext."""

MAX_PROBLEM = 64 * 1024
"""Bytes that are read of an answer which is not sealed."""

_FIELD_CIPHERS: dict[str, Callable[[bytes], AciCipher | NearCipher]] = {
    "aci-e2ee-v2": AciCipher,
    "near-ed25519-v2": NearCipher,
}


class Exchange(Protocol):
    """A request under way.

    Attributes:
        refusals: Statuses of an unsealed answer that may say "another key".
        chunked: Whether the protocol wants the body in chunks, not with a length.
        repeatable: Whether the other end takes a request once, so that sending it again does
            nothing twice.
        several: Whether one request can be sealed to several keys.
        method: Method to send.
        path: Path and query to send.
        headers: Headers to send.
    """

    refusals: frozenset[int]
    chunked: bool
    repeatable: bool
    several: bool
    method: str
    path: str
    headers: Pairs

    @property
    def nonce(self) -> bytes | None:
        """What names this request in each try, where the profile has such a thing."""
        ...

    def begin(self) -> bytes:
        """Bytes that come before the body."""
        ...

    def seal(self, data: bytes, *, last: bool) -> bytes:
        """Seal a piece of the body."""
        ...

    def answer(self, status: int, headers: Pairs) -> "Answer":
        """Start to open the answer with this status and these headers."""
        ...

    def wants_new_key(self, status: int, headers: Pairs, problem: bytes) -> bool:
        """Whether an unsealed answer says that the endpoint has another key by now."""
        ...


class Answer(Protocol):
    """An answer being opened.

    Attributes:
        status: Its status, once it is known.
        headers: Its headers.
        answered: Which of the keys that the request was sealed to answered, by its place; known
            with the status.
    """

    status: int | None
    headers: Pairs
    answered: int

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes; yield plaintext of the body. `status` is set before the first piece."""
        ...

    def finish(self) -> Iterable[bytes]:
        """Raise ChannelError unless the answer is complete; return what is left of it."""
        ...


def open_exchange(
    profile: Profile,
    key: bytes | Sequence[bytes],
    method: str,
    path: str,
    headers: Pairs,
    *,
    outer: Pairs,
    limit: int = MAX_RESPONSE,
    nonce: bytes | None = None,
) -> Exchange:
    """Start an exchange.

    Args:
        profile: The channel that the policy fixes.
        key: The endpoint's attested public key, or those of its machines, the latest first.
        method: Method of the request.
        path: Its path and query.
        headers: Its headers.
        outer: Headers to send in clear besides.
        limit: Largest answer in bytes.
        nonce: That of an earlier attempt at the same request.
    """
    keys = [key] if isinstance(key, bytes) else list(key)
    if (cipher := _FIELD_CIPHERS.get(profile)) is not None:
        sent = [*end_to_end(headers), *outer]
        return FieldsExchange(cipher(keys[0]), method, path, sent, limit=limit)
    if profile == "x-wing":
        return SealedExchange(keys, method, path, headers, outer=outer, limit=limit, nonce=nonce)
    return EhbpExchange(keys[0], method, path, headers, outer=outer, limit=limit)


class _LimitedAnswer:
    """What answers share: status and headers once they are known, and a limit of their size."""

    answered = 0

    def __init__(self, status: int | None, headers: Pairs, limit: int) -> None:
        self.status, self.headers = status, headers
        self._left = limit

    def _counted(self, plaintext: bytes) -> bytes:
        self._left -= len(plaintext)
        if self._left < 0:
            msg = "the answer is larger than the limit"
            raise ChannelError(msg)
        return plaintext


class SealedExchange:
    """An exchange in the profile `"x-wing"`."""

    refusals = frozenset({422})
    chunked, repeatable, several = False, True, True

    def __init__(
        self,
        keys: Sequence[bytes],
        method: str,
        path: str,
        headers: Pairs,
        *,
        outer: Pairs,
        limit: int,
        nonce: bytes | None,
    ) -> None:
        self._sealer = sealed.RequestSealer(*keys[: sealed.MAX_RECIPIENTS], nonce=nonce)
        self.nonce = self._sealer.nonce
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


class SealedAnswer(_LimitedAnswer):
    """An answer in the profile `"x-wing"`."""

    def __init__(self, opener: Callable[[bytes], Any], limit: int) -> None:
        super().__init__(None, [], limit)
        self._opener_for = opener
        self._opener: Any = None
        self._nonce = b""

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
                self.answered = self._opener.answered
            elif plaintext:
                yield self._counted(plaintext)

    def finish(self) -> Iterable[bytes]:
        """Raise unless the marked last frame has arrived."""
        if self._opener is None:
            msg = "the answer ended before it began"
            raise ChannelError(msg)
        self._opener.finish()
        return ()


_NOT_AUTHENTICATED = frozenset(
    {"content-encoding", "x-should-retry", "retry-after", "retry-after-ms"}
)
_NO_RETRY = ("x-should-retry", "false")
"""Header that OpenAI's clients, and those made after them, take as "do not send this again"."""


class EhbpExchange:
    """An exchange in the profile `"ehbp-x25519"`."""

    refusals = frozenset({422})
    chunked, repeatable, several, nonce = True, False, False, None

    def __init__(
        self, key: bytes, method: str, path: str, headers: Pairs, *, outer: Pairs, limit: int
    ) -> None:
        self._sealer = ehbp.RequestSealer(key)
        self._limit = limit
        self.method, self.path = method, path
        self._empty = True
        encapsulation = (ehbp.REQUEST_HEADER, self._sealer.enc.hex())
        self.headers = [*_without_ehbp(headers), *outer, encapsulation]

    def begin(self) -> bytes:
        """Nothing: the encapsulation is in a header."""
        return b""

    def seal(self, data: bytes, *, last: bool) -> bytes:
        """Seal a piece of the body, which must not be empty in all."""
        self._empty = self._empty and not data
        if last and self._empty:
            msg = "EHBP protects no request without a body, so it is not sent"
            raise ChannelError(msg)
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
        # Whoever is on the path may have changed status and headers. A body that was encoded after
        # sealing cannot be opened, so an encoding that is named here is not the endpoint's; and a
        # client that retries by the status would have the request executed once for each change.
        kept = [(n, v) for n, v in _without_ehbp(headers) if n.lower() not in _NOT_AUTHENTICATED]
        return EhbpAnswer(opener, status, [*kept, _NO_RETRY], self._limit)

    def wants_new_key(self, status: int, headers: Pairs, problem: bytes) -> bool:
        """Whether this is EHBP's "key configuration mismatch"."""
        return status == 422 and _problem_type(headers, problem) == ehbp.KEY_MISMATCH


class EhbpAnswer(_LimitedAnswer):
    """An answer in the profile `"ehbp-x25519"`."""

    def __init__(self, opener: ehbp.Opener, status: int, headers: Pairs, limit: int) -> None:
        super().__init__(status, headers, limit)
        self._opener = opener
        self._whole = ehbp.Completeness(first(headers, "content-type"), max_buffer=limit)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes of framed ciphertext."""
        for plaintext in self._opener.feed(data):
            self._whole.feed(plaintext)
            yield self._counted(plaintext)

    def finish(self) -> Iterable[bytes]:
        """Raise unless the last frame is whole and the content shows its own end."""
        self._opener.finish()
        self._whole.finish()
        return ()


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


def _without_ehbp(headers: Pairs) -> Pairs:
    return [(n, v) for n, v in end_to_end(headers) if not n.lower().startswith("ehbp-")]
