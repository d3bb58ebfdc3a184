"""Chat requests whose fields are sealed one by one, as dstack's gateways and NEAR AI want them.

The JSON around the fields stays readable, so what these protocols leave in clear is refused unless
it is a setting that says nothing about anybody; tools and answer formats are among what is refused.
Where an answer comes from, which request it answers, its order and its end are shown by TLS alone,
for which reason the policy of these profiles requires a TLS key that the evidence binds.
"""

import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from langchain_privacy.errors import ChannelError, EvidenceInvalidError
from langchain_privacy.secure import parsing
from langchain_privacy.secure.channel import xchacha
from langchain_privacy.secure.channel.headers import Pairs, end_to_end, media_type
from langchain_privacy.secure.channel.hpke import hkdf_expand, hkdf_extract, x25519_secret

# ---- How single fields of a chat are sealed by dstack's gateways and by NEAR AI.
#
# Both make a key for each field from an ephemeral X25519 key and the recipient's. Neither says
# who sealed it: an answer could have been written by anybody who saw the client's key on its way.

_P = 2**255 - 19
_KEY, _GCM_NONCE, _TAG = 32, 12, 16


class FieldCipher(Protocol):
    """Seals the fields of one request and opens those of its answer."""

    headers: list[tuple[str, str]]

    def seal(self, field: str, text: str, *, model: str) -> str:
        """Seal the text at a field's path, e.g. `"messages.0.content"`."""
        ...

    def open(self, field: str, sealed: str, *, model: str, answer_id: str) -> str:
        """Open what came back at a field's path; raises ChannelError."""
        ...


def _unhex(sealed: str, least: int) -> bytes:
    try:
        data = bytes.fromhex(sealed)
    except ValueError:
        data = b""
    if len(data) < least:
        raise _not_sealed()
    return data


def _not_sealed() -> ChannelError:
    return ChannelError("a field of the answer does not open, so the answer is not used")


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        msg = "a message holds a lone surrogate and cannot be sealed"
        raise ChannelError(msg) from None


class AciCipher:
    """ACI E2EE version 2, suite `x25519-aes-256-gcm-hkdf-sha256` (Dstack-TEE, `e2ee-v2.md`).

    Each seal is bound to direction, model, path, request and answer by associated data.

    Args:
        service: The service's key of 32 bytes from the attested keyset.
    """

    ALGORITHM = "x25519-aes-256-gcm-hkdf-sha256"
    _INFO = b"aci.e2ee.v2.x25519"

    def __init__(self, service: bytes) -> None:
        self._service, self._own = service, X25519PrivateKey.generate()
        self._nonce, self._time = secrets.token_hex(32), int(time.time())
        self.headers = [
            ("x-e2ee-version", "2"),
            ("x-client-pub-key", self._own.public_key().public_bytes_raw().hex()),
            ("x-model-pub-key", service.hex()),
            ("x-e2ee-nonce", self._nonce),
            ("x-e2ee-timestamp", str(self._time)),
        ]

    def _aad(self, purpose: str, **more: str) -> bytes:
        members = {
            "purpose": f"aci.e2ee.{purpose}.v2",
            "algo": self.ALGORITHM,
            "nonce": self._nonce,
            "ts": self._time,
            **more,
        }
        # For these names, strings and one integer this is RFC 8785's canonical form.
        return _utf8(json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False))

    def _aead(self, private: X25519PrivateKey, public: bytes) -> AESGCM:
        prk = hkdf_extract(b"", x25519_secret(private, public))
        return AESGCM(hkdf_expand(prk, self._INFO, 32))

    def seal(self, field: str, text: str, *, model: str) -> str:
        """Ephemeral key, nonce, ciphertext and tag in hex."""
        ephemeral, nonce = X25519PrivateKey.generate(), os.urandom(_GCM_NONCE)
        aead = self._aead(ephemeral, self._service)
        sealed = aead.encrypt(nonce, _utf8(text), self._aad("request", model=model, field=field))
        return (ephemeral.public_key().public_bytes_raw() + nonce + sealed).hex()

    def open(self, field: str, sealed: str, *, model: str, answer_id: str) -> str:
        """The text that was sealed at this path of this answer."""
        data = _unhex(sealed, _KEY + _GCM_NONCE + _TAG)
        aad = self._aad("response", model=model, field=field, id=answer_id)
        nonce, rest = data[_KEY : _KEY + _GCM_NONCE], data[_KEY + _GCM_NONCE :]
        try:
            return self._aead(self._own, data[:_KEY]).decrypt(nonce, rest, aad).decode()
        except (InvalidTag, UnicodeDecodeError):
            raise _not_sealed() from None


def ed25519_to_x25519(public: bytes) -> bytes:
    """The X25519 form of an Ed25519 public key: u = (1 + y) / (1 - y) (RFC 7748, section 4.1)."""
    y = int.from_bytes(public, "little") & (1 << 255) - 1
    if len(public) != _KEY or y >= _P or y == 1:
        msg = "the service's Ed25519 key is malformed"
        raise ChannelError(msg)
    return ((1 + y) * pow(1 - y, -1, _P) % _P).to_bytes(_KEY, "little")


class NearCipher:
    """NEAR AI's `ed25519`, version 2: X25519, HKDF-SHA256, XChaCha20-Poly1305.

    Format of `nearai/inference-sdk`. There is no associated data: nothing binds a seal to its path,
    to its request or to an answer.

    Args:
        service: The model's Ed25519 key of 32 bytes, which its evidence names.
    """

    _INFO = b"ed25519_encryption"

    def __init__(self, service: bytes) -> None:
        self._service = ed25519_to_x25519(service)
        own = Ed25519PrivateKey.generate()
        seed = hashlib.sha512(own.private_bytes_raw()).digest()[:_KEY]
        self._own = X25519PrivateKey.from_private_bytes(seed)
        self.headers = [
            ("x-signing-algo", "ed25519"),
            ("x-client-pub-key", own.public_key().public_bytes_raw().hex()),
            ("x-model-pub-key", service.hex()),
            ("x-encryption-version", "2"),
            ("x-encrypt-all-fields", "true"),
            ("x-no-aliasing", "true"),
        ]

    def _key(self, private: X25519PrivateKey, public: bytes) -> bytes:
        return hkdf_expand(hkdf_extract(b"", x25519_secret(private, public)), self._INFO, 32)

    def seal(self, field: str, text: str, *, model: str) -> str:  # noqa: ARG002  not bound
        """Ephemeral key, nonce, ciphertext and tag in hex."""
        ephemeral, nonce = X25519PrivateKey.generate(), os.urandom(xchacha.NONCE)
        sealed = xchacha.seal(self._key(ephemeral, self._service), nonce, _utf8(text))
        return (ephemeral.public_key().public_bytes_raw() + nonce + sealed).hex()

    def open(self, field: str, sealed: str, *, model: str, answer_id: str) -> str:  # noqa: ARG002
        """The text that was sealed to this request's key."""
        data = _unhex(sealed, _KEY + xchacha.NONCE + xchacha.TAG)
        nonce, rest = data[_KEY : _KEY + xchacha.NONCE], data[_KEY + xchacha.NONCE :]
        try:
            return xchacha.unseal(self._key(self._own, data[:_KEY]), nonce, rest).decode()
        except (InvalidTag, UnicodeDecodeError):
            raise _not_sealed() from None


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


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


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
    return model, _compact({**settings, "messages": messages}).encode()


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


class FieldsExchange:
    """An exchange in a profile that seals fields."""

    refusals = frozenset({400, 421})

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
        return f"data: {self._opened(data, 'delta')}\n\n".encode()

    def _opened(self, data: bytes, part: str) -> str:
        try:
            value = parsing.strict_json(data, "answer", limit=len(data))
        except EvidenceInvalidError:
            msg = "the answer is not whole JSON, so it is incomplete"
            raise ChannelError(msg) from None
        return _compact(open_answer(value, self._cipher, model=self._model, part=part))

    def finish(self) -> Iterable[bytes]:
        """Raise unless the answer is complete; a JSON answer comes out here."""
        if not self._events:
            return (self._opened(bytes(self._buffer), "message").encode(),)
        if not self._done or self._buffer.strip():
            msg = "the stream ended before its own end, so it is incomplete"
            raise ChannelError(msg)
        return ()
