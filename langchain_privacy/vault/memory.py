"""The default vault: this process's memory, gone with it."""

import hashlib
import hmac
import secrets
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_privacy.errors import SessionError
from langchain_privacy.vault.base import DocumentRoom, Vault, VaultEntry, VaultSession
from langchain_privacy.vault.codes import SHORTEST, mint


class _MemoryDocuments(DocumentRoom):
    def __init__(self, key: bytes) -> None:
        self._key = key
        self._kept: dict[str, tuple[str, dict[str, Any]]] = {}

    def put(self, text: str, metadata: Mapping[str, Any] | None = None) -> str:
        digest = hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256)
        ref = "doc_" + digest.hex()[:16]
        self._kept.setdefault(ref, (text, dict(metadata or {})))
        return ref

    def get(self, ref: str) -> str:
        return self._of(ref)[0]

    def metadata(self, ref: str) -> Mapping[str, Any]:
        return self._of(ref)[1]

    def refs(self) -> Sequence[str]:
        return list(self._kept)

    def _of(self, ref: str) -> tuple[str, dict[str, Any]]:
        try:
            return self._kept[ref]
        except KeyError:
            msg = "This session holds no such document; put it into the session's room first."
            raise SessionError(msg) from None


class _MemorySession(VaultSession):
    def __init__(self, key: bytes) -> None:
        self.id = hmac.digest(key, b"session-id", hashlib.sha256).hex()[:16]
        self.documents = _MemoryDocuments(key)
        self._key = key
        self._lock = threading.Lock()
        self._by_value: dict[tuple[str, str], VaultEntry] = {}
        self._by_code: dict[tuple[str, str], VaultEntry] = {}

    def __repr__(self) -> str:
        return f"<VaultSession {self.id}>"

    @property
    def version(self) -> int:
        return len(self._by_value)

    def issue(self, entity_type: str, value: str) -> VaultEntry:
        with self._lock:
            entry = self._by_value.get((entity_type, value))
            length = SHORTEST
            while entry is None:
                code = mint(self._key, entity_type, value, length)
                if (entity_type, code) not in self._by_code:
                    entry = VaultEntry(entity_type=entity_type, code=code, value=value)
                    self._by_value[entity_type, value] = entry
                    self._by_code[entity_type, code] = entry
                length += 1
            return entry

    def lookup(self, entity_type: str, code: str) -> VaultEntry | None:
        return self._by_code.get((entity_type, code))

    def entries(self) -> Sequence[VaultEntry]:
        with self._lock:
            return list(self._by_value.values())


class InMemoryVault(Vault):
    """Sessions in this process's memory."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._sessions: dict[tuple[str, str], _MemorySession] = {}

    def __repr__(self) -> str:
        return f"<InMemoryVault of {len(self._sessions)} sessions>"

    def session(self, session_id: str | None = None, *, tenant: str = "") -> VaultSession:
        """Open a session; without an id a new one that nobody else can name."""
        if session_id is None:
            return _MemorySession(secrets.token_bytes(32))
        name = f"{len(tenant)}:{tenant}{session_id}".encode()
        with self._lock:
            key = hmac.digest(self._key, name, hashlib.sha256)
            return self._sessions.setdefault((tenant, session_id), _MemorySession(key))

    def forget(self, session_id: str, *, tenant: str = "") -> None:
        """Erase a session."""
        with self._lock:
            self._sessions.pop((tenant, session_id), None)
