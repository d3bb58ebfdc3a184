"""Keyed ids: the short codes inside placeholders."""

import hashlib
import hmac

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O, U."""

SHORTEST = 4
"""Characters of a code, its check character included."""


def mint(key: bytes, entity_type: str, value: str, length: int = SHORTEST) -> str:
    """Make the code of a value: a prefix of its HMAC and one check character."""
    digest = hmac.digest(key, f"{entity_type}\0{value}".encode("utf-8", "surrogatepass"), "sha256")
    data = "".join(ALPHABET[byte & 31] for byte in digest[: length - 1])
    return data + check_character(key, entity_type, data)


def check_character(key: bytes, entity_type: str, data: str) -> str:
    """Return the character that a code of this session and type must end with."""
    return ALPHABET[hmac.digest(key, f"{entity_type}\1{data}".encode(), hashlib.sha256)[0] & 31]
