"""The key of a vault, from which every session's keys are derived."""

import base64
import binascii
import hashlib
import hmac
import os
import secrets

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from langchain_privacy.errors import ConfigurationError, SessionError

KEY_BYTES = 32

ENVIRONMENT = "LANGCHAIN_PRIVACY_KEY"


class VaultKey:
    """256 secret bits. `repr`, `str` and errors show nothing of them.

    A key from the environment pickles as the variable's name, so that a worker on another machine
    reads its own environment; a key from bytes does not pickle.
    """

    def __init__(self, key: bytes, *, _variable: str | None = None) -> None:
        if len(key) != KEY_BYTES:
            msg = (
                f"A vault's key has {KEY_BYTES} bytes, not {len(key)}: make one with "
                "VaultKey.generate().to_text() and keep it in your secret store."
            )
            raise ConfigurationError(msg)
        self._key = bytes(key)
        self._variable = _variable

    @classmethod
    def generate(cls) -> "VaultKey":
        """Make a new key from the operating system's randomness."""
        return cls(secrets.token_bytes(KEY_BYTES))

    @classmethod
    def from_text(cls, text: str) -> "VaultKey":
        """Read a key as `to_text` writes it: 32 bytes in URL-safe base64.

        Raises:
            ConfigurationError: The text is something else.
        """
        return cls(_decoded(text, "The vault's key"))

    @classmethod
    def from_environment(cls, variable: str = ENVIRONMENT) -> "VaultKey":
        """Read a key from an environment variable, in the form of `to_text`.

        Raises:
            ConfigurationError: The variable is not set or holds something else.
        """
        text = os.environ.get(variable)
        if not text:
            msg = f"Set {variable} to the vault's key, as VaultKey.generate().to_text() writes it."
            raise ConfigurationError(msg)
        return cls(_decoded(text, f"The vault's key in {variable}"), _variable=variable)

    def to_text(self) -> str:
        """Write the key for a secret store. The result is the secret: never log it."""
        return base64.urlsafe_b64encode(self._key).decode()

    def derive(self, purpose: str, context: bytes = b"") -> bytes:
        """Derive 32 bytes for one purpose with HKDF-Expand (RFC 5869) on SHA-256."""
        info = b"langchain-privacy/1/" + purpose.encode() + b"\0" + context
        return HKDFExpand(algorithm=SHA256(), length=KEY_BYTES, info=info).derive(self._key)

    @property
    def id(self) -> str:
        """Eight hexadecimal digits that name the key and tell nothing about it."""
        return self.derive("key-id")[:4].hex()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VaultKey) and hmac.compare_digest(self._key, other._key)

    def __hash__(self) -> int:
        return hash(hashlib.sha256(self._key).digest())

    def __repr__(self) -> str:
        return f"<VaultKey {self.id}>"

    def __reduce__(self) -> tuple[object, tuple[str]]:
        if self._variable is None:
            msg = (
                "A vault's key does not pickle. Use VaultKey.from_environment(), which pickles as "
                "the variable's name, and set that variable on every machine."
            )
            raise ConfigurationError(msg)
        return VaultKey.from_environment, (self._variable,)

    def __deepcopy__(self, _memo: object) -> "VaultKey":
        return self


def as_key(key: VaultKey | bytes) -> VaultKey:
    """Return `key` as a `VaultKey`."""
    return key if isinstance(key, VaultKey) else VaultKey(key)


def session_name(tenant: str, session_id: str) -> bytes:
    """Write tenant and thread as one name; no two pairs share one.

    Raises:
        SessionError: The id is empty, which would be one session for everybody who forgot theirs.
    """
    if not session_id:
        msg = "A session's id is empty: give the conversation's own, or none for a new session."
        raise SessionError(msg)
    return f"{len(tenant)}:{tenant}{session_id}".encode("utf-8", "surrogatepass")


def _decoded(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text.strip().encode(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        msg = f"{what} is not base64 of {KEY_BYTES} bytes, as VaultKey.to_text() writes it."
        raise ConfigurationError(msg) from None
