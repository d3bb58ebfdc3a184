"""How single fields of a chat are sealed by dstack's gateways and by NEAR AI.

Both make a key for each field from an ephemeral X25519 key and the recipient's. Neither says who
sealed it: an answer could have been written by anybody who saw the client's key on its way.
"""

import hashlib
import json
import os
import secrets
import time
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from langchain_privacy.errors import ChannelError
from langchain_privacy.secure.channel import xchacha
from langchain_privacy.secure.channel.hpke import hkdf_expand, hkdf_extract, x25519_secret

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
