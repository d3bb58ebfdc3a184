"""Our own profile: a whole HTTP exchange inside one sealed POST, post-quantum, with a known end.

Request body:  `"LP1" | key id (8) | X-Wing encapsulation (1120) | request nonce (32) | frames`
Response body: `response nonce (32) | frames`

A fleet behind one address has several keys, and nobody can say which machine a load balancer takes.
A request to it is sealed to each key that was attested, and any of the machines opens it:

Request body: `"LP2" | count (1) | count * (key id (8) | encapsulation (1120) | secrets (80)) |
request nonce (32) | frames`

The secrets under each key are the request's, the same for all, and one for the answer that is this
machine's alone, so that the answer shows whose it is.

An encapsulation opens a session, from whose HPKE context two secrets are exported. A client uses it
for ten minutes, because making and opening it costs more than all the rest; every request still has
keys of its own, from the secret and a fresh nonce, and so has its answer, from both nonces.

Frame: `u32 header | ciphertext`; the header's top bit marks the last frame, its other bits are the
length, and the header is the additional data, so neither can be changed. The first frame is a
JSON head with method, path and headers, or with status and headers; the rest is the body. What an
observer sees is one path, sizes and times.

The labels are our own, as EHBP asks of those who reuse its construction (its section 7.3).

Clients come here through `exchange.SealedExchange`, the gateway directly:

```python
client = RequestSealer(public)
body = client.prefix + client.seal(dump_head(head)) + client.seal(b"...", final=True)

[entry], nonce = read_prefix(body[:PREFIX])
server = RequestOpener(open_session(private, entry.enc), nonce)
head, *content = server.feed(body[PREFIX:])
```
"""

import hashlib
import json
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from langchain_privacy.errors import ChannelError, EvidenceInvalidError
from langchain_privacy.secure import parsing
from langchain_privacy.secure.channel.headers import Pairs
from langchain_privacy.secure.channel.hpke import (
    AeadSequence,
    Context,
    PrivateKey,
    XWingPrivateKey,
    encapsulate,
    exported_sequence,
)

KEM_ID = XWingPrivateKey.kem_id
PATH = "/.well-known/langchain-privacy/exchange"
REQUEST_MEDIA_TYPE = "application/vnd.langchain-privacy.request"
RESPONSE_MEDIA_TYPE = "application/vnd.langchain-privacy.response"
KEY_MISMATCH = "urn:langchain-privacy:error:key"
MAGIC, GROUP_MAGIC = b"LP1", b"LP2"
MAX_RECIPIENTS = 8
NONCE = 32
PREFIX = len(MAGIC) + 8 + 1120 + NONCE
SESSION_SECONDS = 600.0
_INFO = b"langchain-privacy/exchange/v1 session"
_REQUEST = b"langchain-privacy/exchange/v1 request"
_RESPONSE = b"langchain-privacy/exchange/v1 response"
_GROUP_INFO = b"langchain-privacy/exchange/v2 group"
_GROUP = b"langchain-privacy/exchange/v2 group id"
_ENTRY = 8 + 1120 + 2 * 32 + 16

MAX_FRAME = 4 * 1024 * 1024
"""Largest ciphertext of one frame in bytes."""

FRAME = 64 * 1024
"""Plaintext bytes that a sender puts into one frame at most."""

_FINAL = 1 << 31
_TAG = 16
_MAX_HEAD = 64 * 1024
_BREAK = re.compile(r"[\r\n\0]")
_JSON = json.JSONEncoder(separators=(",", ":"))


# Frames, which EHBP has too, without a mark on the last one.


class FrameReader:
    """Cuts a byte stream into (header, ciphertext) frames.

    Args:
        flagged: Whether the top bit of the length marks the last frame (our profile) or belongs to
            the length (EHBP).
    """

    def __init__(self, *, flagged: bool) -> None:
        self._flagged = flagged
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
        """Take bytes; yield header, ciphertext and final flag of each frame that is complete."""
        self._buffer += data
        while len(self._buffer) >= 4:
            header = bytes(self._buffer[:4])
            length = int.from_bytes(header)
            final = False
            if self._flagged:
                final, length = bool(length >> 31), length & 0x7FFFFFFF
            if length > MAX_FRAME:
                msg = f"a frame is longer than {MAX_FRAME} bytes"
                raise ChannelError(msg)
            if len(self._buffer) < 4 + length:
                return
            ciphertext = bytes(self._buffer[4 : 4 + length])
            del self._buffer[: 4 + length]
            yield header, ciphertext, final

    @property
    def pending(self) -> bool:
        """Whether part of a frame is waiting for the rest."""
        return bool(self._buffer)


def pieces(data: bytes) -> Iterator[bytes]:
    """Cut plaintext into what fits a frame."""
    if len(data) <= FRAME:
        yield data
        return
    view = memoryview(data)
    for start in range(0, len(data), FRAME):
        yield bytes(view[start : start + FRAME])


# Heads: the first frame of a request and of an answer.


@dataclass(frozen=True)
class RequestHead:
    """The first frame of a request."""

    method: str
    path: str
    headers: Pairs


@dataclass(frozen=True)
class ResponseHead:
    """The first frame of a response."""

    status: int
    headers: Pairs


def dump_head(head: RequestHead | ResponseHead) -> bytes:
    """A head as JSON."""
    return _JSON.encode(vars(head)).encode()


def parse_request_head(data: bytes) -> RequestHead:
    """Read a request's first frame."""
    head = _parse_head(data, ("method", "path", "headers"))
    method, path = head["method"], head["path"]
    if (
        not isinstance(method, str)
        or not method.isalpha()
        or not isinstance(path, str)
        or not path.startswith("/")
        or not path.isascii()
        or not path.isprintable()
        or " " in path
    ):
        msg = "the head of a request is malformed"
        raise ChannelError(msg)
    return RequestHead(method.upper(), path, head["headers"])


def parse_response_head(data: bytes) -> ResponseHead:
    """Read a response's first frame."""
    head = _parse_head(data, ("status", "headers"))
    status = head["status"]
    if not isinstance(status, int) or isinstance(status, bool) or not 200 <= status <= 599:
        msg = "the head of a response has no valid status"
        raise ChannelError(msg)
    return ResponseHead(status, head["headers"])


def _parse_head(data: bytes, names: tuple[str, ...]) -> dict[str, Any]:
    """The members of a head; `headers` are pairs of text without line breaks."""
    try:
        head = parsing.strict_json(data, "head", limit=_MAX_HEAD)
        head = parsing.members(head, "head", required=names)
    except EvidenceInvalidError:
        msg = "the head of an exchange is malformed"
        raise ChannelError(msg) from None
    given, headers = head["headers"], []
    for pair in given if isinstance(given, list) else (None,):
        name, value = pair if isinstance(pair, list) and len(pair) == 2 else (None, None)
        if not isinstance(name, str) or not isinstance(value, str) or _BREAK.search(name + value):
            msg = "the headers in the head of an exchange are malformed"
            raise ChannelError(msg)
        headers.append((name, value))
    return {**head, "headers": headers}


# Sessions.


def key_id(public: bytes) -> bytes:
    """Eight bytes that name a public key; only a hint which key to try."""
    return hashlib.sha256(public).digest()[:8]


@dataclass(frozen=True)
class Session:
    """What one encapsulation gives both ends: secrets for the keys of requests and of answers."""

    enc: bytes
    request: bytes = field(repr=False)
    response: bytes = field(repr=False)


def _session(shared_secret: bytes, enc: bytes) -> Session:
    context = Context(KEM_ID, shared_secret, _INFO)
    return Session(enc, context.export(_REQUEST, 32), context.export(_RESPONSE, 32))


def open_session(private: PrivateKey, enc: bytes, wrapped: bytes = b"") -> Session:
    """The server's view of the session that an encapsulation opens.

    Args:
        private: The key that it was made to.
        enc: The encapsulation.
        wrapped: What came with it where a request is to several keys: the sealed secrets.
    """
    shared = private.decapsulate(enc)
    if not wrapped:
        return _session(shared, enc)
    opened = Context(KEM_ID, shared, _GROUP_INFO).open(wrapped)
    return Session(_group_id(opened[:32]), opened[:32], opened[32:])


def _group_id(request: bytes) -> bytes:
    """What stands for the encapsulation in the keys of a request to several machines."""
    return hashlib.sha256(_GROUP + request).digest()


class _Recipient:
    """A public key, and the session with its holder; an old one is forgotten."""

    def __init__(self, public: bytes) -> None:
        self._public = public
        self._latest: tuple[Session, float] | None = None
        self.key_id = key_id(public)

    def session(self) -> Session:
        now, latest = time.monotonic(), self._latest
        if latest is None or now >= latest[1]:
            latest = _session(*encapsulate(KEM_ID, self._public)), now + SESSION_SECONDS
            self._latest = latest
        return latest[0]


_recipient = lru_cache(maxsize=64)(_Recipient)


class _Recipients:
    """Several public keys, and a session with all their holders; an old one is forgotten."""

    def __init__(self, publics: tuple[bytes, ...]) -> None:
        self._publics = publics
        self._latest: tuple[bytes, tuple[Session, ...], float] | None = None

    def sessions(self) -> tuple[bytes, tuple[Session, ...]]:
        """The entries of the prefix, and the session with each holder in the same order."""
        now, latest = time.monotonic(), self._latest
        if latest is None or now >= latest[2]:
            request, entries, made = secrets.token_bytes(32), [], []
            for public in self._publics:
                response = secrets.token_bytes(32)
                shared, enc = encapsulate(KEM_ID, public)
                wrapped = Context(KEM_ID, shared, _GROUP_INFO).seal(request + response)
                entries.append(key_id(public) + enc + wrapped)
                made.append(Session(_group_id(request), request, response))
            latest = b"".join(entries), tuple(made), now + SESSION_SECONDS
            self._latest = latest
        return latest[:2]


_recipients = lru_cache(maxsize=16)(_Recipients)


# The two halves of an exchange: each end has a sealer of its own and an opener of the other's.


class Sealer:
    """Seals a body in frames, under the keys of one direction."""

    def __init__(self, sequence: AeadSequence) -> None:
        self._sequence = sequence

    def seal(self, data: bytes, *, final: bool = False) -> bytes:
        """Frames for a piece of the body; the last piece is marked and may be empty."""
        parts = list(pieces(data))
        out = []
        for index, piece in enumerate(parts):
            last = _FINAL if final and index == len(parts) - 1 else 0
            header = (len(piece) + _TAG | last).to_bytes(4)
            out.append(header + self._sequence.seal(piece, header))
        return b"".join(out)


class Opener:
    """Opens a body in frames.

    Args:
        sequences: The keys of the other end; of each machine that may be it, where there are
            several.

    Attributes:
        answered: Which of them it is, by its place; known with the first frame.
    """

    def __init__(self, *sequences: AeadSequence) -> None:
        self._sequences = sequences
        self._frames = FrameReader(flagged=True)
        self._finished = False
        self.answered = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes; yield the plaintext of each frame that is complete."""
        for header, ciphertext, final in self._frames.feed(data):
            if self._finished:
                msg = "there are frames after the last one"
                raise ChannelError(msg)
            if len(self._sequences) > 1:
                plaintext = self._open_first(ciphertext, header)
            else:
                plaintext = self._sequences[0].open(ciphertext, header)
            self._finished = final
            yield plaintext

    def _open_first(self, ciphertext: bytes, header: bytes) -> bytes:
        """Open the first frame, and find out by whose keys that can be done."""
        for index, sequence in enumerate(self._sequences):
            try:
                plaintext = sequence.open(ciphertext, header)
            except ChannelError:
                if index == len(self._sequences) - 1:
                    raise
            else:
                self.answered, self._sequences = index, (sequence,)
                return plaintext
        raise AssertionError

    def finish(self) -> None:
        """Raise unless the marked last frame has arrived, and nothing after it."""
        if not self._finished or self._frames.pending:
            msg = "the stream ended before its last frame, so it is incomplete"
            raise ChannelError(msg)


class RequestSealer(Sealer):
    """The client's half of one exchange.

    Args:
        publics: Attested keys of the machines that may take the request.
        nonce: That of an earlier attempt at the same request, so that no machine takes it twice.
    """

    def __init__(self, *publics: bytes, nonce: bytes | None = None) -> None:
        self.nonce = nonce or secrets.token_bytes(NONCE)
        if len(publics) == 1:
            recipient = _recipient(publics[0])
            self._sessions: tuple[Session, ...] = (recipient.session(),)
            self.prefix = MAGIC + recipient.key_id + self._sessions[0].enc + self.nonce
        else:
            entries, self._sessions = _recipients(publics).sessions()
            self.prefix = GROUP_MAGIC + bytes([len(publics)]) + entries + self.nonce
        self._session = self._sessions[0]
        super().__init__(exported_sequence(self._session.request, self._session.enc, self.nonce))

    def opener(self, nonce: bytes) -> Opener:
        """Opener of the answer that begins with this nonce, by whichever machine gave it."""
        return Opener(
            *(exported_sequence(s.response, s.enc + self.nonce, nonce) for s in self._sessions)
        )


@dataclass(frozen=True)
class Entry:
    """What a request holds for one key: its id, the encapsulation, secrets where it has several."""

    key_id: bytes
    enc: bytes
    wrapped: bytes = b""


def prefix_size(start: bytes) -> int:
    """How long the prefix of a request is, as far as its first bytes tell."""
    if not start.startswith(GROUP_MAGIC):
        return PREFIX
    return len(GROUP_MAGIC) + 1 + (start[3] * _ENTRY if len(start) > 3 else 0) + NONCE


def read_prefix(prefix: bytes) -> tuple[list[Entry], bytes]:
    """The entries, one for each key, and the nonce from the first `prefix_size` bytes."""
    whole, several = len(prefix) == prefix_size(prefix), prefix.startswith(GROUP_MAGIC)
    known = 1 < prefix[3] <= MAX_RECIPIENTS if whole and several else prefix.startswith(MAGIC)
    if not (whole and known):
        msg = "a request does not begin as one"
        raise ChannelError(msg)
    body, nonce = prefix[len(MAGIC) : -NONCE], prefix[-NONCE:]
    if not several:
        return [Entry(body[:8], body[8:])], nonce
    entries = [body[at : at + _ENTRY] for at in range(1, len(body), _ENTRY)]
    return [Entry(e[:8], e[8 : 8 + 1120], e[8 + 1120 :]) for e in entries], nonce


class RequestOpener(Opener):
    """The server's half of one exchange."""

    def __init__(self, session: Session, nonce: bytes) -> None:
        self._session, self._nonce = session, nonce
        super().__init__(exported_sequence(session.request, session.enc, nonce))

    def sealer(self) -> "ResponseSealer":
        """Sealer of the answer."""
        return ResponseSealer(self._session.response, self._session.enc + self._nonce)


class ResponseSealer(Sealer):
    """Seals the answer, which begins with `nonce` in clear."""

    def __init__(self, secret: bytes, context: bytes) -> None:
        self.nonce = secrets.token_bytes(NONCE)
        super().__init__(exported_sequence(secret, context, self.nonce))
