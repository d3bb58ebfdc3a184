"""Chat requests whose fields are sealed one by one, as dstack's gateways and NEAR AI want them.

Both services make a key for each field from an ephemeral X25519 key and the recipient's. The JSON
around the fields stays readable, so what these protocols leave in clear is refused unless it is a
setting that says nothing about anybody; tools and answer formats are among what is refused. Where
an answer comes from, which request it answers, its order and its end are shown by TLS alone, for
which reason the policy of these profiles requires a TLS key that the evidence binds.

`exchange.open_exchange` makes a `FieldsExchange` with the cipher of the profile:

```python
exchange = FieldsExchange(AciCipher(key), "POST", "/v1/chat/completions", headers, limit=10**6)
sealed = exchange.seal(body, last=True)
```
"""

import hashlib
import json
import os
import secrets
import struct
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

from langchain_privacy.errors import ChannelError, EvidenceInvalidError
from langchain_privacy.secure import parsing
from langchain_privacy.secure.channel.headers import Pairs, end_to_end, media_type
from langchain_privacy.secure.channel.hpke import hkdf_expand, hkdf_extract, x25519_secret

_KEY, _TAG = 32, 16
_CURVE25519 = 2**255 - 19

_PATH_END = "/chat/completions"
_SETTINGS = frozenset(
    {
        "frequency_penalty",
        "max_completion_tokens",
        "max_tokens",
        "model",
        "n",
        "presence_penalty",
        "reasoning_effort",
        "seed",
        "stream",
        "stream_options",
        "temperature",
        "top_k",
        "top_p",
    }
)
_ROLES = frozenset({"system", "developer", "user", "assistant"})
_SEALED = ("content", "reasoning", "reasoning_content", "refusal")
_CHOICE = frozenset({"index", "finish_reason"})
_ANSWER = frozenset({"id", "object", "created", "model", "choices", "usage", "system_fingerprint"})


# The ciphers of single fields.


class _Aead(Protocol):
    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None, /) -> bytes: ...
    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None, /) -> bytes: ...


class FieldCipher(ABC):
    """Seals the fields of one request and opens those of its answer.

    On the wire a sealed field is `ephemeral key | nonce | ciphertext and tag` in hex. Nothing says
    who sealed it: an answer could have been written by anybody who saw the client's key on its way.

    Args:
        service: The X25519 key that requests are sealed to.
        own: The key that answers are sealed to.
        headers: Headers that the protocol wants beside the request's own.
    """

    _nonce_size: ClassVar[int]

    def __init__(self, service: bytes, own: X25519PrivateKey, headers: Pairs) -> None:
        self._service, self._own, self.headers = service, own, headers

    @abstractmethod
    def _aead(self, shared: bytes) -> _Aead:
        """The cipher for a shared secret of X25519."""

    @abstractmethod
    def _bound(self, purpose: str, **more: str) -> bytes | None:
        """What the protocol binds a field to, as associated data."""

    def seal(self, field: str, text: str, *, model: str) -> str:
        """Seal the text at a field's path, e.g. `"messages.0.content"`."""
        plaintext, bound = _utf8(text), self._bound("request", model=model, field=field)
        ephemeral, nonce = X25519PrivateKey.generate(), os.urandom(self._nonce_size)
        aead = self._aead(x25519_secret(ephemeral, self._service))
        public = ephemeral.public_key().public_bytes_raw()
        return (public + nonce + aead.encrypt(nonce, plaintext, bound)).hex()

    def open(self, field: str, sealed: str, *, model: str, answer_id: str) -> str:
        """Open what came back at a field's path; raises ChannelError."""
        start = _KEY + self._nonce_size
        try:
            data = bytes.fromhex(sealed)
            if len(data) < start + _TAG:
                raise InvalidTag
            bound = self._bound("response", model=model, field=field, id=answer_id)
            aead = self._aead(x25519_secret(self._own, data[:_KEY]))
            return aead.decrypt(data[_KEY:start], data[start:], bound).decode()
        except (InvalidTag, ValueError):
            msg = "a field of the answer does not open, so the answer is not used"
            raise ChannelError(msg) from None


class AciCipher(FieldCipher):
    """ACI E2EE version 2, suite `x25519-aes-256-gcm-hkdf-sha256` (Dstack-TEE, `e2ee-v2.md`).

    Each seal is bound to direction, model, path, request and answer by associated data.

    Args:
        service: The service's key of 32 bytes from the attested keyset.
    """

    ALGORITHM = "x25519-aes-256-gcm-hkdf-sha256"
    _nonce_size = 12

    def __init__(self, service: bytes) -> None:
        own = X25519PrivateKey.generate()
        self._nonce, self._time = secrets.token_hex(32), int(time.time())
        headers = [
            ("x-e2ee-version", "2"),
            ("x-client-pub-key", own.public_key().public_bytes_raw().hex()),
            ("x-model-pub-key", service.hex()),
            ("x-e2ee-nonce", self._nonce),
            ("x-e2ee-timestamp", str(self._time)),
        ]
        super().__init__(service, own, headers)

    def _aead(self, shared: bytes) -> AESGCM:
        return AESGCM(hkdf_expand(hkdf_extract(b"", shared), b"aci.e2ee.v2.x25519", 32))

    def _bound(self, purpose: str, **more: str) -> bytes:
        members = {
            "purpose": f"aci.e2ee.{purpose}.v2",
            "algo": self.ALGORITHM,
            "nonce": self._nonce,
            "ts": self._time,
            **more,
        }
        # For these names, strings and one integer this is RFC 8785's canonical form.
        text = json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return _utf8(text)


class NearCipher(FieldCipher):
    """NEAR AI's `ed25519`, version 2: X25519, HKDF-SHA256, XChaCha20-Poly1305.

    Format of `nearai/inference-sdk`. There is no associated data: nothing binds a seal to its path,
    to its request or to an answer.

    Args:
        service: The model's Ed25519 key of 32 bytes, which its evidence names.
    """

    _nonce_size = 24

    def __init__(self, service: bytes) -> None:
        own = Ed25519PrivateKey.generate()
        seed = hashlib.sha512(own.private_bytes_raw()).digest()[:_KEY]
        headers = [
            ("x-signing-algo", "ed25519"),
            ("x-client-pub-key", own.public_key().public_bytes_raw().hex()),
            ("x-model-pub-key", service.hex()),
            ("x-encryption-version", "2"),
            ("x-encrypt-all-fields", "true"),
            ("x-no-aliasing", "true"),
        ]
        private = X25519PrivateKey.from_private_bytes(seed)
        super().__init__(ed25519_to_x25519(service), private, headers)

    def _aead(self, shared: bytes) -> "XChaCha20Poly1305":
        return XChaCha20Poly1305(hkdf_expand(hkdf_extract(b"", shared), b"ed25519_encryption", 32))

    def _bound(self, purpose: str, **more: str) -> None:  # noqa: ARG002  the protocol binds nothing
        return None


def ed25519_to_x25519(public: bytes) -> bytes:
    """The X25519 form of an Ed25519 public key: u = (1 + y) / (1 - y) (RFC 7748, section 4.1)."""
    y = int.from_bytes(public, "little") & (1 << 255) - 1
    if len(public) != _KEY or y >= _CURVE25519 or y == 1:
        msg = "the service's Ed25519 key is malformed"
        raise ChannelError(msg)
    return ((1 + y) * pow(1 - y, -1, _CURVE25519) % _CURVE25519).to_bytes(_KEY, "little")


class XChaCha20Poly1305:
    """XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03), which `cryptography` does not have.

    Args:
        key: 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None = None) -> bytes:
        """Ciphertext and tag under a nonce of 24 bytes."""
        return self._inner(nonce).encrypt(bytes(4) + nonce[16:], data, associated_data)

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None = None) -> bytes:
        """Plaintext; raises InvalidTag."""
        return self._inner(nonce).decrypt(bytes(4) + nonce[16:], data, associated_data)

    def _inner(self, nonce: bytes) -> ChaCha20Poly1305:
        return ChaCha20Poly1305(hchacha20(self._key, nonce[:16]))


def hchacha20(key: bytes, nonce: bytes) -> bytes:
    """A key of 32 bytes from a key of 32 and a nonce of 16 (section 2.2 of the draft).

    HChaCha20 is ChaCha20's block function without the final addition of its input, so it is got
    from `cryptography`'s ChaCha20 by taking that addition back.
    """
    block = Cipher(ChaCha20(key, nonce), None).encryptor().update(bytes(64))
    words = struct.unpack("<16I", block)
    added = struct.unpack("<8I", b"expand 32-byte k" + nonce)
    kept = (*words[:4], *words[12:])
    return struct.pack("<8I", *((w - a) % 2**32 for w, a in zip(kept, added, strict=True)))


# The JSON of requests and answers.


def seal_request(body: bytes, cipher: FieldCipher) -> tuple[str, bytes]:
    """Seal the contents of a chat request.

    Args:
        body: The request's JSON.
        cipher: Seals single fields.

    Returns:
        The model's name, and the body to send.

    Raises:
        ChannelError: If the body holds anything that would be sent in clear.
    """
    try:
        request = parsing.strict_json(body, "request", limit=len(body))
    except EvidenceInvalidError:
        request = None
    if not isinstance(request, dict) or not isinstance(request.get("messages"), list):
        msg = "only chat requests in JSON are sealed for this service"
        raise ChannelError(msg)
    model = request.get("model")
    if not isinstance(model, str):
        msg = "the request names no model"
        raise ChannelError(msg)
    for name, value in request.items():
        if name not in _SETTINGS and name != "messages" and value not in (None, [], {}):
            raise _refused(f"the setting {name!r}")
    messages = []
    for index, message in enumerate(request["messages"]):
        if not isinstance(message, dict) or message.get("role") not in _ROLES:
            msg = "messages of other roles than system, user and assistant are not sealed"
            raise ChannelError(msg)
        for name, value in message.items():
            if name not in ("role", "content") and value not in (None, [], {}):
                raise _refused(f"the member {name!r} of a message")
        text = _content_text(message.get("content"))
        sealed = cipher.seal(f"messages.{index}.content", text, model=model)
        messages.append({"role": message["role"], "content": sealed})
    settings = {name: value for name, value in request.items() if name in _SETTINGS}
    return model, _utf8(_compact({**settings, "messages": messages}))


def open_answer(value: Any, cipher: FieldCipher, *, model: str, part: str) -> dict[str, Any]:
    """Open the fields of an answer, or of one event of it.

    Args:
        value: The parsed JSON.
        cipher: Opens single fields.
        model: The model's name as it was sent.
        part: `"message"`, or `"delta"` in a stream.

    Raises:
        ChannelError: If a field does not open, or something came in clear that should be sealed.
    """
    clear = ChannelError("the answer has something in clear that should be sealed; it is not used")
    if not isinstance(value, dict) or not isinstance(value.get("choices"), list):
        msg = "the answer is not one of a chat, so it is not used"
        raise ChannelError(msg)
    answer_id = value.get("id") or ""
    if not isinstance(answer_id, str):
        raise clear
    choices = []
    for position, choice in enumerate(value["choices"]):
        if not isinstance(choice, dict):
            raise clear
        message, index = choice.get(part), choice.get("index", position)
        opened: dict[str, Any] = {}
        for name, field in (message if isinstance(message, dict) else {}).items():
            if name in _SEALED and isinstance(field, str) and field:
                path = f"choices.{index}.{part}.{name}"
                opened[name] = cipher.open(path, field, model=model, answer_id=answer_id)
            elif name == "role" or field in (None, "", [], {}):
                opened[name] = field
            else:
                raise clear
        others = [choice[name] for name in set(choice) - _CHOICE - {part}]
        if type(index) is not int or any(isinstance(o, (str, list, dict)) and o for o in others):
            raise clear
        kept = {name: choice[name] for name in _CHOICE & set(choice)}
        choices.append({**kept, "index": index, part: opened})
    kept = {name: value[name] for name in _ANSWER & set(value)}
    return {**kept, "choices": choices}


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        msg = "a message holds a lone surrogate, which is no text"
        raise ChannelError(msg) from None


def _refused(what: str) -> ChannelError:
    return ChannelError(f"{what} would be sent in clear by this service's protocol; leave it out")


def _content_text(content: Any) -> str:
    if isinstance(content, list) and content:
        return _compact(content)
    if not isinstance(content, str):
        msg = "each message needs a content of text or parts"
        raise ChannelError(msg)
    if content.lstrip().startswith("["):
        # A text that happens to be a JSON array would come out as parts at the other end.
        return _compact([{"type": "text", "text": content}])
    return content


# The exchange; see `exchange.Exchange` for what each method is asked.


class FieldsExchange:
    """An exchange in a profile that seals fields."""

    refusals = frozenset({400, 421})
    chunked, repeatable, several, nonce = False, False, False, None

    def __init__(
        self,
        cipher: FieldCipher,
        method: str,
        path: str,
        headers: Pairs,
        *,
        limit: int,
    ) -> None:
        if method != "POST" or not path.endswith(_PATH_END):
            msg = f"this service's protocol seals POST .../v1{_PATH_END} only; nothing was sent"
            raise ChannelError(msg)
        self.method, self.path = method, path
        own = {name for name, _ in cipher.headers}
        kept = [(n, v) for n, v in headers if n.lower() not in own]
        self.headers = [*kept, *cipher.headers]
        self._cipher, self._limit = cipher, limit
        self._body, self._model = bytearray(), ""

    def begin(self) -> bytes:
        """Nothing: what precedes the body is in headers."""
        return b""

    def seal(self, data: bytes, *, last: bool) -> bytes:
        """Take a piece of the body; all of it comes out with the last one."""
        self._body += data
        if not last:
            return b""
        self._model, sealed = seal_request(bytes(self._body), self._cipher)
        return sealed

    def answer(self, status: int, headers: Pairs) -> "FieldsAnswer":
        """Open an answer; an error's text is not sealed and not used."""
        if status != 200:
            msg = f"the endpoint answered {status}; its text is not sealed and is not used"
            raise ChannelError(msg)
        return FieldsAnswer(self._cipher, self._model, end_to_end(headers), limit=self._limit)

    def wants_new_key(self, status: int, headers: Pairs, problem: bytes) -> bool:  # noqa: ARG002
        """Whether this is ACI's "model key mismatch", or NEAR's "misdirected request"."""
        if status == 421:
            return True
        try:
            content = parsing.strict_json(problem, "problem")
        except EvidenceInvalidError:
            return False
        error = content.get("error") if isinstance(content, dict) else None
        return isinstance(error, dict) and error.get("type") == "e2ee_model_key_mismatch"


class FieldsAnswer:
    """An answer whose fields are sealed: one JSON object, or a stream of events."""

    answered = 0

    def __init__(self, cipher: FieldCipher, model: str, headers: Pairs, *, limit: int) -> None:
        kind = media_type(headers)
        if kind not in ("application/json", "text/event-stream"):
            msg = "an answer of this content type cannot be opened"
            raise ChannelError(msg)
        self.status: int | None = 200
        self.headers = headers
        self._cipher, self._model, self._left = cipher, model, limit
        self._events, self._done = kind == "text/event-stream", False
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes; yield the events that are complete."""
        self._left -= len(data)
        if self._left < 0:
            msg = "the answer is larger than the limit"
            raise ChannelError(msg)
        self._buffer += data
        while self._events and (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end]).strip()
            del self._buffer[: end + 1]
            if line and not line.startswith(b":"):
                yield self._event(line)

    def _event(self, line: bytes) -> bytes:
        name, _, data = line.partition(b":")
        if name != b"data" or self._done:
            msg = "the stream holds something else than sealed events, so it is not used"
            raise ChannelError(msg)
        if data.strip() == b"[DONE]":
            self._done = True
            return b"data: [DONE]\n\n"
        return b"data: " + self._opened(data, "delta") + b"\n\n"

    def _opened(self, data: bytes, part: str) -> bytes:
        try:
            value = parsing.strict_json(data, "answer", limit=len(data))
        except EvidenceInvalidError:
            msg = "the answer is not whole JSON, so it is incomplete"
            raise ChannelError(msg) from None
        return _utf8(_compact(open_answer(value, self._cipher, model=self._model, part=part)))

    def finish(self) -> Iterable[bytes]:
        """Raise unless the answer is complete; a JSON answer comes out here."""
        if not self._events:
            return (self._opened(bytes(self._buffer), "message"),)
        if not self._done or self._buffer.strip():
            msg = "the stream ended before its own end, so it is incomplete"
            raise ChannelError(msg)
        return ()
