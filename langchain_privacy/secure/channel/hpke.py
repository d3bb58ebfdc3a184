"""HPKE (RFC 9180) contexts for many messages, on the primitives of `cryptography`.

`cryptography`'s own HPKE seals one message and exports nothing; a channel needs both. Base mode,
HKDF-SHA256, AES-256-GCM, and two KEMs: DHKEM(X25519, HKDF-SHA256) and X-Wing, that is
MLKEM768-X25519 (draft-connolly-cfrg-xwing-kem, KEM id 0x647A), which stays secret unless both its
lattice half and its elliptic half break.

`sealed` and `ehbp` build their exchanges on it, `field_sealing` takes its key derivation:

```python
secret, enc = encapsulate(X25519PrivateKey.kem_id, recipient_public)
sealed = Context(X25519PrivateKey.kem_id, secret, b"info").seal(b"first message")
```
"""

import hashlib
import hmac
from typing import Protocol

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from langchain_privacy.errors import ChannelError, ConfigurationError

_HASH = hashlib.sha256
_KDF_ID, _AEAD_ID = 0x0001, 0x0002
_MAX_MESSAGES = 2**32
_XWING_LABEL = b"\\.//^\\"


def hkdf_extract(salt: bytes, ikm: bytes) -> bytes:
    """HKDF-Extract with SHA-256 (RFC 5869)."""
    return hmac.digest(salt or bytes(32), ikm, _HASH)


def hkdf_expand(prk: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand with SHA-256 (RFC 5869)."""
    if length <= 32:  # every key and nonce of a request: one block
        return hmac.digest(prk, info + b"\x01", _HASH)[:length]
    output, block, counter = b"", b"", 1
    while len(output) < length:
        block = hmac.digest(prk, block + info + bytes([counter]), _HASH)
        output += block
        counter += 1
    return output[:length]


def _labeled_extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hkdf_extract(salt, b"HPKE-v1" + suite + label + ikm)


def _labeled_expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    return hkdf_expand(prk, length.to_bytes(2) + b"HPKE-v1" + suite + label + info, length)


class PrivateKey(Protocol):
    """A recipient's key pair, in memory only."""

    kem_id: int

    @property
    def public_bytes(self) -> bytes:
        """The public key as it stands on the wire."""
        ...

    def decapsulate(self, enc: bytes) -> bytes:
        """Shared secret of an encapsulation; raises ChannelError when it is malformed."""
        ...


def x25519_secret(private: x25519.X25519PrivateKey, public: bytes) -> bytes:
    """Shared secret of X25519; raises ChannelError when the public key is no use."""
    try:
        return private.exchange(x25519.X25519PublicKey.from_public_bytes(public))
    except ValueError:
        # Points of small order give an all-zero secret, which `cryptography` refuses.
        msg = "an X25519 public key is malformed or of small order"
        raise ChannelError(msg) from None


class X25519PrivateKey:
    """DHKEM(X25519, HKDF-SHA256), RFC 9180 section 4.1."""

    kem_id = 0x0020

    def __init__(self) -> None:
        self._key = x25519.X25519PrivateKey.generate()
        self.public_bytes = self._key.public_key().public_bytes_raw()

    def decapsulate(self, enc: bytes) -> bytes:
        """Shared secret for `enc`, 32 bytes."""
        if len(enc) != 32:
            msg = "an encapsulated X25519 key must have 32 bytes"
            raise ChannelError(msg)
        return _x25519_secret(x25519_secret(self._key, enc), enc, self.public_bytes)


def _x25519_secret(shared: bytes, enc: bytes, public: bytes) -> bytes:
    suite = b"KEM" + X25519PrivateKey.kem_id.to_bytes(2)
    prk = _labeled_extract(suite, b"", b"eae_prk", shared)
    return _labeled_expand(suite, prk, b"shared_secret", enc + public, 32)


class XWingPrivateKey:
    """MLKEM768-X25519: public key 1184 + 32 bytes, encapsulation 1088 + 32 bytes."""

    kem_id = 0x647A

    def __init__(self) -> None:
        try:
            self._lattice = mlkem.MLKEM768PrivateKey.generate()
        except UnsupportedAlgorithm:
            raise _no_mlkem() from None
        self._curve = x25519.X25519PrivateKey.generate()
        self._curve_public = self._curve.public_key().public_bytes_raw()
        self.public_bytes = self._lattice.public_key().public_bytes_raw() + self._curve_public

    def decapsulate(self, enc: bytes) -> bytes:
        """Shared secret for `enc`, 1120 bytes."""
        if len(enc) != 1120:
            msg = "an X-Wing encapsulation must have 1120 bytes"
            raise ChannelError(msg)
        first, second = enc[:1088], enc[1088:]
        return _xwing_secret(
            self._lattice.decapsulate(first),
            x25519_secret(self._curve, second),
            second,
            self._curve_public,
        )


def _xwing_secret(lattice: bytes, curve: bytes, curve_enc: bytes, curve_public: bytes) -> bytes:
    return hashlib.sha3_256(lattice + curve + curve_enc + curve_public + _XWING_LABEL).digest()


def _no_mlkem() -> ConfigurationError:
    return ConfigurationError(
        "this build of cryptography has no ML-KEM; install its wheel from PyPI, or choose the "
        "profile 'ehbp-x25519' explicitly"
    )


def encapsulate(kem_id: int, public: bytes) -> tuple[bytes, bytes]:
    """Make a shared secret for a recipient.

    Args:
        kem_id: 0x0020 or 0x647A.
        public: The recipient's public key, 32 or 1216 bytes.

    Returns:
        The shared secret and its encapsulation.
    """
    ephemeral = x25519.X25519PrivateKey.generate()
    enc = ephemeral.public_key().public_bytes_raw()
    if kem_id == X25519PrivateKey.kem_id and len(public) == 32:
        return _x25519_secret(x25519_secret(ephemeral, public), enc, public), enc
    if kem_id != XWingPrivateKey.kem_id or len(public) != 1216:
        msg = "the public key does not fit its KEM"
        raise ChannelError(msg)
    try:
        lattice, first = mlkem.MLKEM768PublicKey.from_public_bytes(public[:1184]).encapsulate()
    except UnsupportedAlgorithm:
        raise _no_mlkem() from None
    except ValueError:
        msg = "an ML-KEM public key is malformed"
        raise ChannelError(msg) from None
    curve = x25519_secret(ephemeral, public[1184:])
    return _xwing_secret(lattice, curve, enc, public[1184:]), first + enc


class AeadSequence:
    """AES-256-GCM under nonces that count up: messages cannot be reordered, dropped or repeated."""

    def __init__(self, key: bytes, base_nonce: bytes) -> None:
        self._aead = AESGCM(key)
        self._base = int.from_bytes(base_nonce)
        self._sequence = 0

    def _nonce(self) -> bytes:
        if self._sequence >= _MAX_MESSAGES:
            msg = "too many messages under one key"
            raise ChannelError(msg)
        nonce = self._base ^ self._sequence
        self._sequence += 1
        return nonce.to_bytes(12)

    def seal(self, plaintext: bytes, aad: bytes = b"") -> bytes:
        """Encrypt the next message."""
        return self._aead.encrypt(self._nonce(), plaintext, aad)

    def open(self, ciphertext: bytes, aad: bytes = b"") -> bytes:
        """Decrypt the next message, or raise ChannelError."""
        try:
            return self._aead.decrypt(self._nonce(), ciphertext, aad)
        except InvalidTag:
            msg = "a message was changed, reordered or sealed to another key"
            raise ChannelError(msg) from None


class Context(AeadSequence):
    """An HPKE encryption context in base mode (RFC 9180, section 5)."""

    def __init__(self, kem_id: int, shared_secret: bytes, info: bytes) -> None:
        self._suite = b"HPKE" + b"".join(n.to_bytes(2) for n in (kem_id, _KDF_ID, _AEAD_ID))
        psk_id_hash = _labeled_extract(self._suite, b"", b"psk_id_hash", b"")
        info_hash = _labeled_extract(self._suite, b"", b"info_hash", info)
        schedule = b"\0" + psk_id_hash + info_hash
        secret = _labeled_extract(self._suite, shared_secret, b"secret", b"")

        def derive(label: bytes, length: int) -> bytes:
            return _labeled_expand(self._suite, secret, label, schedule, length)

        super().__init__(derive(b"key", 32), derive(b"base_nonce", 12))
        self._exporter = derive(b"exp", 32)

    def export(self, label: bytes, length: int) -> bytes:
        """Secret export (RFC 9180, section 5.3)."""
        return _labeled_expand(self._suite, self._exporter, b"sec", label, length)


def exported_sequence(exported: bytes, context: bytes, nonce: bytes) -> AeadSequence:
    """Keys from a secret exported from a context, as OHTTP (RFC 9458, section 4.4) and EHBP do it.

    Args:
        exported: The secret, 32 bytes.
        context: What the keys belong to: the encapsulation, and the request's nonce for an answer.
        nonce: Random bytes of whoever seals.
    """
    prk = hkdf_extract(context + nonce, exported)
    return AeadSequence(hkdf_expand(prk, b"key", 32), hkdf_expand(prk, b"nonce", 12))
