"""Sealed bytes: AES-256-GCM (NIST SP 800-38D), bound to where they lie.

A seal is `01 | id of the key (4) | nonce (12) | ciphertext and tag`. The nonce is random: a key
may seal 2³² times before two nonces meet with a chance above 2⁻³² (ibid., 8.3), and every session
has a key of its own.
"""

import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from langchain_privacy.errors import VaultIntegrityError
from langchain_privacy.vault.keys import VaultKey

_VERSION = b"\x01"
_ID = slice(1, 5)
_NONCE = slice(5, 17)
_SEALED = slice(17, None)


class Sealer:
    """Seals and opens bytes for one purpose.

    Args:
        keys: The key to seal with, and after it older ones that may still have to open.
        purpose: What the bytes are, part of what the keys are derived from.
        context: For whom, likewise: the session's name.
    """

    def __init__(self, keys: Sequence[VaultKey], purpose: str, context: bytes = b"") -> None:
        self._ciphers = {
            bytes.fromhex(key.id): AESGCM(key.derive(f"seal/{purpose}", context)) for key in keys
        }
        self._newest = bytes.fromhex(keys[0].id)

    def seal(self, plain: bytes, place: bytes) -> bytes:
        """Seal `plain` for `place`: moved elsewhere, it does not open."""
        nonce = os.urandom(12)
        head = _VERSION + self._newest
        return head + nonce + self._ciphers[self._newest].encrypt(nonce, plain, head + place)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """Open what was sealed for `place`.

        Raises:
            VaultIntegrityError: The key is another one, or a bit was changed or moved.
        """
        head, cipher = sealed[:5], self._ciphers.get(sealed[_ID])
        try:
            if cipher is None or sealed[:1] != _VERSION:
                raise InvalidTag
            return cipher.decrypt(sealed[_NONCE], sealed[_SEALED], head + place)
        except (InvalidTag, ValueError):
            pass
        why = "they were changed, or belong elsewhere"
        if cipher is None:
            why = "they were sealed with a key that is not here; give it in previous_keys"
        msg = f"Stored bytes do not open: {why}. Nothing was deleted."
        raise VaultIntegrityError(msg)
