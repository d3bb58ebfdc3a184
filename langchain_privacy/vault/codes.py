"""Keyed ids: the short codes inside placeholders.

A code is a prefix of HMAC-SHA-256(session key, type, value) in Crockford's base 32 and one check
character over GF(32). The same value has the same code on every machine that holds the key, and
nobody else can tell codes from noise. The check character makes codes of one session and type
differ in two places at least: no single wrong character and no two neighbours swapped turn one
code into another one, so a mistyped code is rejected and never resolved to a neighbour.
"""

import hmac
from collections.abc import Iterator

from langchain_privacy.errors import ConfigurationError, VaultError

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O, U."""

SHORTEST = 4
"""Characters of a code, its check character included."""

LONGEST = 26
"""Characters after which two values cannot share a code any more (125 bits)."""

_NUMBER = {character: number for number, character in enumerate(ALPHABET)}


def _powers_of_two() -> list[int]:
    """Return 1, x, x², … in GF(2)[x] / (x⁵ + x² + 1): all 31 non-zero elements, once each."""
    powers = [1]
    while len(powers) < 31:
        double = powers[-1] << 1
        powers.append(double ^ 0b100101 if double & 32 else double)
    return powers


_POWER = _powers_of_two()
_LOG = {element: exponent for exponent, element in enumerate(_POWER)}


def mint(key: bytes, entity_type: str, value: str, length: int = SHORTEST) -> str:
    """Make the code of a value.

    Args:
        key: The session's key for codes.
        entity_type: Type of the value, part of what is hashed.
        value: The private value, any text, lone surrogates too.
        length: Characters of the code, `SHORTEST` to `LONGEST`.
    """
    attempt = 0
    while True:
        # A code without a letter could be read as a number of the text around it.
        text = f"{entity_type}\0{attempt}\0{value}".encode("utf-8", "surrogatepass")
        digest = hmac.digest(key, text, "sha256")
        data = "".join(ALPHABET[byte & 31] for byte in digest[: length - 1])
        code = data + check_character(key, entity_type, data)
        if not code.isdecimal():
            return code
        attempt += 1


def candidates(key: bytes, entity_type: str, value: str, shortest: int) -> Iterator[str]:
    """Yield the codes that a value may have, in the order in which they are tried.

    Raises:
        VaultError: All are taken, which 125 bits do not allow by chance.
    """
    for length in range(shortest, LONGEST + 1):
        yield mint(key, entity_type, value, length)
    msg = "No code is left for a value: the vault's entries do not belong to its key."
    raise VaultError(msg)


def check_character(key: bytes, entity_type: str, data: str) -> str:
    """Return the character that a code of this session and type must end with.

    Args:
        key: The session's key for codes.
        entity_type: Type of the value.
        data: The code without its check character, at most 30 characters of `ALPHABET`.
    """
    text = f"{entity_type}\1".encode("utf-8", "surrogatepass")
    total = hmac.digest(key, text, "sha256")[0] & 31
    # Weights differ from place to place and from the check character's own, which is 1.
    for place, character in enumerate(reversed(data), start=1):
        number = _NUMBER[character]
        if number:
            total ^= _POWER[(_LOG[number] + place) % 31]
    return ALPHABET[total]


def is_code(key: bytes, entity_type: str, code: str) -> bool:
    """Tell whether `code` is well formed for this session and type; it may still not be issued."""
    if not SHORTEST <= len(code) <= LONGEST or any(c not in _NUMBER for c in code):
        return False
    return check_character(key, entity_type, code[:-1]) == code[-1]


def checked_length(length: int) -> int:
    """Return the length of code that a vault was asked for.

    Raises:
        ConfigurationError: It is not `SHORTEST` to `LONGEST`.
    """
    if not SHORTEST <= length <= LONGEST:
        msg = f"code_length must be {SHORTEST} to {LONGEST} characters, not {length}."
        raise ConfigurationError(msg)
    return length
