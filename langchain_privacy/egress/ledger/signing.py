"""The key that signs a ledger's marks: Ed25519 (RFC 8032)."""

import hashlib
import os
import tempfile
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from langchain_privacy.errors import ConfigurationError


class PublicKey:
    """Checks signatures. `pem` may be given to anybody."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key
        raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.fingerprint: str = hashlib.sha256(raw).hexdigest()

    @property
    def pem(self) -> str:
        """The key in PEM."""
        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def verifies(self, signature: str, statement: bytes) -> bool:
        """Tell whether a hexadecimal signature is this key's over `statement`."""
        try:
            self._key.verify(bytes.fromhex(signature), statement)
        except (InvalidSignature, ValueError, TypeError):
            return False
        return True

    @classmethod
    def from_pem(cls, pem: str | bytes) -> "PublicKey":
        """Read a key; raises `ConfigurationError`."""
        data = pem.encode() if isinstance(pem, str) else pem
        try:
            key: object = load_pem_public_key(data)
        except ValueError:
            key = None
        if not isinstance(key, Ed25519PublicKey):
            msg = "This is no Ed25519 public key in PEM."
            raise ConfigurationError(msg) from None
        return cls(key)


class SigningKey:
    """Signs marks. Its `repr` shows the fingerprint only."""

    def __init__(self, key: Ed25519PrivateKey | None = None) -> None:
        self._key = key or Ed25519PrivateKey.generate()
        self.public = PublicKey(self._key.public_key())

    def __repr__(self) -> str:
        return f"<SigningKey {self.public.fingerprint[:16]}>"

    def sign(self, statement: bytes) -> str:
        """Return the signature in hexadecimal."""
        return self._key.sign(statement).hex()

    @classmethod
    def at(cls, path: Path) -> "SigningKey":
        """Read the key at `path`; make it, readable by its owner only, when there is none."""
        try:
            if not path.exists():
                cls._create(path)
            key = load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            msg = (
                f"The ledger's signing key at {path} can be neither read nor made "
                f"({type(error).__name__}). Make the folder writable or pass signing_key=."
            )
            raise ConfigurationError(msg) from None
        if not isinstance(key, Ed25519PrivateKey):
            msg = f"The key at {path} is no Ed25519 key; move it away or pass signing_key=."
            raise ConfigurationError(msg)
        return cls(key)

    @staticmethod
    def _create(path: Path) -> None:
        pem = Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(pem)
            # A link appears whole, and only one of several processes wins.
            os.link(temporary, path)
        except FileExistsError:
            pass
        finally:
            Path(temporary).unlink(missing_ok=True)
