"""Encryption for LangGraph's checkpoints.

LangGraph's own `EncryptedSerializer` returns rows that are not encrypted as if they were
(langgraph#8938): who can write to the database can plant a state. This one refuses them, and binds
each row's type to its bytes, so that a row cannot be passed off as another format.
"""

from collections.abc import Sequence
from typing import Any

from langgraph.checkpoint.serde.base import CipherProtocol, SerializerProtocol
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from langchain_privacy.errors import VaultIntegrityError
from langchain_privacy.vault.keys import Sealer, VaultKey, as_key

_NAME = "aes256gcm"


class CheckpointCipher(CipherProtocol):
    """AES-256-GCM for `EncryptedSerializer(CheckpointCipher(key))`.

    Prefer `encrypted_serializer`, which also refuses plaintext rows.

    Args:
        key: The key to encrypt with.
        previous_keys: Keys of older rows; new ones are never written with them.
    """

    def __init__(
        self, key: VaultKey | bytes, *, previous_keys: Sequence[VaultKey | bytes] = ()
    ) -> None:
        self._sealer = Sealer([as_key(k) for k in (key, *previous_keys)], "checkpoint")

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        """Return the cipher's name and the sealed bytes."""
        return self.encrypt_as("", plaintext)

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        """Return the plain bytes.

        Raises:
            VaultIntegrityError: The key is another one, or the row was changed.
        """
        return self.decrypt_as("", ciphername, ciphertext)

    def encrypt_as(self, kind: str, plaintext: bytes) -> tuple[str, bytes]:
        """Like `encrypt`, for bytes of one serialization format."""
        return _NAME, self._sealer.seal(plaintext, kind.encode())

    def decrypt_as(self, kind: str, ciphername: str, ciphertext: bytes) -> bytes:
        """Like `decrypt`, for bytes of one serialization format."""
        if ciphername != _NAME:
            msg = f"A checkpoint was written with another cipher than {_NAME}; open it with that."
            raise VaultIntegrityError(msg)
        return self._sealer.open(ciphertext, kind.encode())


class _StrictSerializer(EncryptedSerializer):
    cipher: CheckpointCipher

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        kind, plain = self.serde.dumps_typed(obj)
        name, sealed = self.cipher.encrypt_as(kind, plain)
        return f"{kind}+{name}", sealed

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        kind, plus, name = data[0].partition("+")
        if not plus:
            msg = (
                "A checkpoint row is not encrypted: it was written before encryption was on, or "
                "by somebody else. Start a new thread, or migrate the old ones deliberately."
            )
            raise VaultIntegrityError(msg)
        return self.serde.loads_typed((kind, self.cipher.decrypt_as(kind, name, data[1])))


def encrypted_serializer(
    key: VaultKey | bytes,
    *,
    previous_keys: Sequence[VaultKey | bytes] = (),
    serde: SerializerProtocol | None = None,
) -> EncryptedSerializer:
    """Return a serializer for a checkpointer: `SqliteSaver(connection, serde=...)`.

    Args:
        key: The key to encrypt with.
        previous_keys: Keys of older rows.
        serde: What turns state into bytes; by default LangGraph's own.

    Returns:
        A serializer that raises `VaultIntegrityError` for a row that is not encrypted, was
        changed, or was written with another key.
    """
    cipher = CheckpointCipher(key, previous_keys=previous_keys)
    return _StrictSerializer(cipher, serde or JsonPlusSerializer())
