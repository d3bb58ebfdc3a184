"""EHBP, the Encrypted HTTP Body Protocol of Tinfoil, byte-compatible (v0.3.1).

Bodies are sealed; method, path and headers stay readable. The protocol has no final marker, so a
stream that is cut between two frames looks complete; nor is the content type protected. A body is
therefore believed to be whole only when its own format says so, which `Completeness` watches, and
any other format is refused. There is no protection against replay either: the gateway remembers
encapsulations.

Clients come here through `exchange.EhbpExchange`, the gateway directly:

```python
client = RequestSealer(public)
body = b"".join(client.seal(b"..."))  # with the header REQUEST_HEADER: client.enc.hex()
server = RequestOpener(private, client.enc)
content = b"".join(server.feed(body))
```
"""

import json
import re
import secrets
from collections.abc import Iterator

from langchain_privacy.errors import ChannelError
from langchain_privacy.secure.channel.hpke import (
    AeadSequence,
    Context,
    PrivateKey,
    X25519PrivateKey,
    encapsulate,
    exported_sequence,
)
from langchain_privacy.secure.channel.sealed import FrameReader, pieces

KEM_ID = X25519PrivateKey.kem_id
REQUEST_HEADER = "ehbp-encapsulated-key"
RESPONSE_HEADER = "ehbp-response-nonce"
KEY_PATH = "/.well-known/hpke-keys"
KEY_MEDIA_TYPE = "application/ohttp-keys"
KEY_MISMATCH = "urn:ietf:params:ehbp:error:key-config"
_INFO, _EXPORT = b"ehbp request", b"ehbp response"
_HEX_32 = re.compile(r"[0-9a-f]{64}\Z")
_TAIL = 64 * 1024
_CONTENT_TYPES = ("application/json", "text/event-stream", "application/x-ndjson")


def key_config(public: bytes) -> bytes:
    """The key configuration that `KEY_PATH` serves: key id 0, X25519, HKDF-SHA256, AES-256-GCM."""
    return b"\0" + KEM_ID.to_bytes(2) + public + bytes.fromhex("000400010002")


def parse_key_config(data: bytes) -> bytes:
    """The public key in a key configuration."""
    if len(data) != 41 or data != key_config(data[3:35]):
        msg = "the key configuration is not one EHBP suite"
        raise ChannelError(msg)
    return data[3:35]


def header_bytes(value: str) -> bytes:
    """32 bytes of an EHBP header; uppercase, short or repeated values are refused."""
    if not _HEX_32.match(value):
        msg = "an EHBP header is not 64 lowercase hex digits"
        raise ChannelError(msg)
    return bytes.fromhex(value)


def frame(ciphertext: bytes) -> bytes:
    """A frame, which begins with its length."""
    return len(ciphertext).to_bytes(4) + ciphertext


class RequestSealer:
    """The client's half of one exchange."""

    def __init__(self, public: bytes) -> None:
        secret, self.enc = encapsulate(KEM_ID, public)
        self._context = Context(KEM_ID, secret, _INFO)

    def seal(self, data: bytes) -> Iterator[bytes]:
        """Frames for a piece of the body; none for an empty one."""
        for piece in pieces(data):
            if piece:
                yield frame(self._context.seal(piece))

    def opener(self, nonce: bytes) -> "Opener":
        """Opener of the answer that came with this nonce."""
        exported = self._context.export(_EXPORT, 32)
        return Opener(exported_sequence(exported, self.enc, nonce))


class Opener:
    """Opens a framed body."""

    def __init__(self, sequence: AeadSequence) -> None:
        self._sequence = sequence
        self._frames = FrameReader(flagged=False)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes; yield the plaintext of each frame that is complete."""
        for _, ciphertext, _ in self._frames.feed(data):
            if ciphertext:
                yield self._sequence.open(ciphertext)

    def finish(self) -> None:
        """Raise when the stream ended inside a frame."""
        if self._frames.pending:
            msg = "the body ended inside a frame, so it is incomplete"
            raise ChannelError(msg)


class RequestOpener(Opener):
    """The server's half of one exchange."""

    def __init__(self, private: PrivateKey, enc: bytes) -> None:
        self._context = Context(KEM_ID, private.decapsulate(enc), _INFO)
        self._enc = enc
        super().__init__(self._context)

    def sealer(self) -> "ResponseSealer":
        """Sealer of the answer."""
        return ResponseSealer(self._context.export(_EXPORT, 32), self._enc)


class ResponseSealer:
    """Seals the answer."""

    def __init__(self, exported: bytes, enc: bytes) -> None:
        self.nonce = secrets.token_bytes(32)
        self._sequence = exported_sequence(exported, enc, self.nonce)

    def seal(self, data: bytes) -> bytes:
        """Frames for a piece of the body, as one byte string."""
        return b"".join(frame(self._sequence.seal(piece)) for piece in pieces(data) if piece)


class Completeness:
    """Watches a body as it passes, and says at its end whether its content shows an end.

    Args:
        content_type: The response's content type.
        max_buffer: Largest JSON body in bytes.
    """

    def __init__(self, content_type: str, *, max_buffer: int) -> None:
        self._kind = content_type.split(";")[0].strip().lower()
        if self._kind not in _CONTENT_TYPES:
            msg = "EHBP cannot show that an answer of this content type is complete"
            raise ChannelError(msg)
        self._limit = max_buffer if self._kind == "application/json" else _TAIL
        self._seen = bytearray()

    def feed(self, data: bytes) -> None:
        """Take plaintext that is being passed on."""
        self._seen += data
        if len(self._seen) <= self._limit:
            return
        if self._kind == "application/json":
            msg = "the answer is too large"
            raise ChannelError(msg)
        del self._seen[: -self._limit // 2]

    def finish(self) -> None:
        """Raise unless the content itself shows its end."""
        if not self._ended():
            msg = "the answer ended before its own end, so it is incomplete"
            raise ChannelError(msg)

    def _ended(self) -> bool:
        body = bytes(self._seen).strip()
        if self._kind == "text/event-stream":
            return body.rsplit(b"\n", 1)[-1].strip() in (b"data: [DONE]", b"data:[DONE]")
        try:
            if self._kind == "application/json":
                json.loads(body)
                return True
            last = json.loads(body.rsplit(b"\n", 1)[-1])
        except (ValueError, RecursionError):
            return False
        return isinstance(last, dict) and last.get("done") is True
