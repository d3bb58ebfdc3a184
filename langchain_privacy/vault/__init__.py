"""Where real values live."""

from langchain_privacy.vault.base import DocumentRoom, Vault, VaultEntry, VaultSession
from langchain_privacy.vault.current import current_session, session_scope
from langchain_privacy.vault.memory import InMemoryVault

__all__ = [
    "DocumentRoom",
    "InMemoryVault",
    "Vault",
    "VaultEntry",
    "VaultSession",
    "current_session",
    "session_scope",
]
