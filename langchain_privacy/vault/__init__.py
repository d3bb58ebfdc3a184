"""Where real values live."""

from langchain_privacy.vault.base import DocumentRoom, Vault, VaultSession
from langchain_privacy.vault.current import current_session, session_scope
from langchain_privacy.vault.entry import LITERAL, PART_SUFFIX, ValueMatch, VaultEntry
from langchain_privacy.vault.keys import VaultKey
from langchain_privacy.vault.memory import InMemoryVault

__all__ = [
    "LITERAL",
    "PART_SUFFIX",
    "DocumentRoom",
    "InMemoryVault",
    "ValueMatch",
    "Vault",
    "VaultEntry",
    "VaultKey",
    "VaultSession",
    "current_session",
    "session_scope",
]
