"""Where real values live."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from langchain_privacy.vault.keys import PLACEHOLDER, VaultKey
from langchain_privacy.vault.memory import DOCUMENT_REF, InMemoryVault
from langchain_privacy.vault.session import (
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

_MODULE_OF = {
    "CheckpointCipher": "checkpoints",
    "StoreVault": "store",
    "encrypted_serializer": "checkpoints",
}
"""What needs LangGraph, which is slow to import: only when it is used."""


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        return getattr(import_module(f"langchain_privacy.vault.{_MODULE_OF[name]}"), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
