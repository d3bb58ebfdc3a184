"""Where real values live."""

from typing import TYPE_CHECKING

from langchain_privacy.lazy import first_used
from langchain_privacy.placeholder import PLACEHOLDER
from langchain_privacy.vault.base import (
    LITERAL,
    PART_SUFFIX,
    DocumentRoom,
    ValueMatch,
    Vault,
    VaultEntry,
    VaultSession,
    current_session,
    session_scope,
)
from langchain_privacy.vault.keys import VaultKey
from langchain_privacy.vault.memory import DOCUMENT_REF, InMemoryVault

if TYPE_CHECKING:
    from langchain_privacy.vault.checkpoints import CheckpointCipher, encrypted_serializer
    from langchain_privacy.vault.store import StoreVault

__all__ = [
    "DOCUMENT_REF",
    "LITERAL",
    "PART_SUFFIX",
    "PLACEHOLDER",
    "CheckpointCipher",
    "DocumentRoom",
    "InMemoryVault",
    "StoreVault",
    "ValueMatch",
    "Vault",
    "VaultEntry",
    "VaultKey",
    "VaultSession",
    "current_session",
    "encrypted_serializer",
    "session_scope",
]

# What needs LangGraph, which is slow to import: only when it is used.
if not TYPE_CHECKING:
    __getattr__ = first_used(
        __name__,
        {
            "CheckpointCipher": "vault.checkpoints",
            "StoreVault": "vault.store",
            "encrypted_serializer": "vault.checkpoints",
        },
    )
