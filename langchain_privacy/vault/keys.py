"""The key of a vault, from which every session's keys are derived, and the codes made with them.

Vaults make the codes of placeholders here (`mint`), and seal what they store with a `Sealer`.
Applications make a `VaultKey` for a vault that outlives the process.
"""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from langchain_privacy.errors import (
    ConfigurationError,
    SessionError,
    VaultError,
    VaultIntegrityError,
)
from langchain_privacy.placeholder import without_role

# ---- Keyed ids: the short codes inside placeholders.
#
# A code is a prefix of HMAC-SHA-256(session key, type, value) in Crockford's base 32 and one
# check character over GF(32). The same value has the same code on every machine that holds the
# key, and nobody else can tell codes from noise. The check character makes codes of one session
# and type differ in two places at least: no single wrong character and no two neighbours swapped
# turn one code into another one, so a mistyped code is rejected and never resolved to a
# neighbour.

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O, U."""

SHORTEST = 4
"""Characters of a code, its check character included."""

AFTER_END = 8
"""Characters at least in a session that begins where another of its name ended: what that one
issued may still be about, and must not resolve to another person by chance."""

LONGEST = 26
_ADDED = 3
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


def candidates(
    key: bytes, entity_type: str, value: str, shortest: int, *, of: str = "", part: bool = False
) -> Iterator[str]:
    """Yield the codes that a value may have, in the order in which they are tried.

    Args:
        key: The session's key for codes.
        entity_type: Type of the value.
        value: The value.
        shortest: Characters of the first code.
        of: Code of the family that the value belongs to; codes begin with it.
        part: Whether the family's own code will do, because the type tells the two apart.

    Raises:
        VaultError: All are taken, which 125 bits do not allow by chance.
    """
    if part:
        yield of
    if of:
        for length in range(_ADDED, LONGEST - len(of) + 1):
            data = of + mint(key, entity_type, value, length)[:-1]
            yield data + check_character(key, entity_type, data)
    else:
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
    # A part of a name has the code of its whole, which is of the whole's type.
    text = f"{without_role(entity_type)}\1".encode("utf-8", "surrogatepass")
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


KEY_BYTES = 32

ENVIRONMENT = "LANGCHAIN_PRIVACY_KEY"
_SERVICE = "langchain-privacy"


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

    @classmethod
    def from_file(cls, path: str | Path) -> "VaultKey":
        """Read a key from a file that only its owner can read; make both where there is none.

        Raises:
            ConfigurationError: Others can read the file, or it holds something else.
        """
        file = Path(path)
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            if os.name == "posix" and file.stat().st_mode & 0o077:
                msg = f"Others can read the vault's key in {file}: chmod 600 it."
                raise ConfigurationError(msg) from None
        else:
            with os.fdopen(handle, "w") as new:
                new.write(cls.generate().to_text())
        return cls(_decoded(file.read_text(), f"The vault's key in {file}"))

    @classmethod
    def from_keyring(cls, user: str = "vault") -> "VaultKey":
        """Read a key from the system's keyring; make and keep one where there is none.

        Raises:
            ConfigurationError: The package `keyring` or a keyring is not there.
        """
        try:
            import keyring

            text = keyring.get_password(_SERVICE, user)
            if text is None:
                text = cls.generate().to_text()
                keyring.set_password(_SERVICE, user, text)
        except Exception as error:  # noqa: BLE001 - backends raise errors of many kinds
            why = type(error).__name__
        else:
            return cls(_decoded(text, "The vault's key in the keyring"))
        msg = f"There is no keyring to use ({why}): pip install keyring, or use another key."
        raise ConfigurationError(msg)

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


# ---- Sealed bytes: AES-256-GCM (NIST SP 800-38D), bound to where they lie.
#
# A seal is `01 | id of the key (4) | nonce (12) | ciphertext and tag`. The nonce is random: a key
# may seal 2³² times before two nonces meet with a chance above 2⁻³² (ibid., 8.3), and every
# session has a key of its own.

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
