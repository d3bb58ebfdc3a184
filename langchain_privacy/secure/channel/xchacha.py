"""XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03), which `cryptography` does not have.

HChaCha20 is ChaCha20's block function without the final addition of its input, so it is got from
`cryptography`'s ChaCha20 by taking that addition back.
"""

import struct

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

NONCE = 24
TAG = 16
_CONSTANTS = struct.unpack("<4I", b"expand 32-byte k")


def hchacha20(key: bytes, nonce: bytes) -> bytes:
    """A key of 32 bytes from a key of 32 and a nonce of 16 (section 2.2)."""
    block = Cipher(ChaCha20(key, nonce), None).encryptor().update(bytes(64))
    words = struct.unpack("<16I", block)
    added = (*_CONSTANTS, *struct.unpack("<4I", nonce))
    kept = (*words[:4], *words[12:])
    return struct.pack("<8I", *((w - a) % 2**32 for w, a in zip(kept, added, strict=True)))


def _inner(key: bytes, nonce: bytes) -> tuple[ChaCha20Poly1305, bytes]:
    return ChaCha20Poly1305(hchacha20(key, nonce[:16])), bytes(4) + nonce[16:]


def seal(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes | None = None) -> bytes:
    """Ciphertext and tag."""
    aead, short = _inner(key, nonce)
    return aead.encrypt(short, plaintext, aad)


def unseal(key: bytes, nonce: bytes, ciphertext: bytes, aad: bytes | None = None) -> bytes:
    """Plaintext; raises InvalidTag."""
    aead, short = _inner(key, nonce)
    return aead.decrypt(short, ciphertext, aad)
