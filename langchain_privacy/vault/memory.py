"""The default vault: this process's memory, gone with it.

Values, documents and keys lie in clear in the memory of the process, as they must to be used, and
Python cannot wipe them: whoever can read the process's memory or its core dump can read them. They
are never in `repr`, errors, pickles or logs. For values that outlive the process, see `StoreVault`.
"""

import hashlib
import hmac
import re
import secrets
import threading
import warnings
import weakref
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from langchain_privacy.errors import SessionError
from langchain_privacy.vault.base import (
    DocumentRoom,
    Life,
    LiveValues,
    Vault,
    VaultEntry,
    VaultSession,
    checked_ttl,
    of_family,
)
from langchain_privacy.vault.keys import (
    AFTER_END,
    KEY_BYTES,
    SHORTEST,
    VaultKey,
    as_key,
    candidates,
    checked_length,
    session_name,
)


class _MemoryDocuments(DocumentRoom):
    def __init__(self, key: bytes, life: Life) -> None:
        self._key = key
        self._life = life
        self._kept: dict[str, tuple[str, dict[str, Any]]] = {}

    def __repr__(self) -> str:
        return f"<DocumentRoom of {len(self._kept)} documents>"

    def put(self, text: str, metadata: Mapping[str, Any] | None = None) -> str:
        self._life.use()
        ref = document_ref(self._key, text)
        self._kept.setdefault(ref, (text, dict(metadata or {})))
        return ref

    def get(self, ref: str) -> str:
        return self._of(ref)[0]

    def metadata(self, ref: str) -> Mapping[str, Any]:
        return dict(self._of(ref)[1])

    def refs(self) -> Sequence[str]:
        self._life.use()
        return list(self._kept)

    def clear(self) -> None:
        self._kept.clear()

    def _of(self, ref: str) -> tuple[str, dict[str, Any]]:
        self._life.use()
        kept = self._kept.get(ref)
        if kept is None:
            raise no_such_document()
        return kept


DOCUMENT_REF = re.compile(r"doc_[0-9a-f]{16}")
"""What a reference looks like; whether there is such a document only its room can say."""


def document_ref(key: bytes, text: str) -> str:
    """Return the reference of a document: a keyed digest of its text."""
    digest = hmac.digest(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256)
    return "doc_" + digest.hex()[:16]


def no_such_document() -> SessionError:
    """Return the error for a reference that means nothing in this session."""
    msg = (
        "This session holds no such document; put it into the session's room first. In a graph,"
        " wrap the graph in private(graph, masker): without it each node has a session of its own."
    )
    return SessionError(msg)


class _MemorySession(VaultSession):
    waits = False

    def __init__(
        self,
        key: VaultKey,
        name: bytes,
        length: int,
        ttl: timedelta | None,
        live_values: LiveValues,
        *,
        again: bool,
    ) -> None:
        self.id = key.derive("session-id", name).hex()[:16]
        self.lasts = bool(name)
        if again:  # what the one before has issued means nothing here
            name, length = name + secrets.token_bytes(KEY_BYTES), max(length, AFTER_END)
        self._code_key = key.derive("codes", name)
        self._life = Life(ttl)
        self.documents: _MemoryDocuments = _MemoryDocuments(
            key.derive("documents", name), self._life
        )
        self._length = length
        self._live_values = live_values
        live_values.begin(self)
        self._lock = threading.Lock()
        self._order: list[VaultEntry] = []
        self._by_value: dict[tuple[str, str], VaultEntry] = {}
        self._by_code: dict[tuple[str, str], VaultEntry] = {}

    def __repr__(self) -> str:
        return f"<VaultSession {self.id}>"

    @property
    def version(self) -> int:
        self._life.check()
        return len(self._order)

    def issue(
        self, entity_type: str, value: str, *, like: VaultEntry | None = None, plain: str = ""
    ) -> VaultEntry:
        self._life.use()
        with self._lock:
            entry = self._by_value.get((entity_type, value))
            if entry is None:
                of, part = of_family(entity_type, like)
                codes = candidates(
                    self._code_key, entity_type, value, self._length, of=of, part=part
                )
                free = (code for code in codes if (entity_type, code) not in self._by_code)
                entry = VaultEntry(
                    entity_type=entity_type, code=next(free), value=value, of=of, plain=plain
                )
                self._by_value[entity_type, value] = entry
                self._by_code[entity_type, entry.code] = entry
                self._order.append(entry)
                self._live_values.issued(self.id, entry)
            return entry

    def lookup(self, entity_type: str, code: str) -> VaultEntry | None:
        self._life.use()
        return self._by_code.get((entity_type, code))

    def entries(self, since: int = 0) -> Sequence[VaultEntry]:
        self._life.check()
        with self._lock:
            return self._order[since:]

    @property
    def over(self) -> bool:
        return self._life.over

    def touch(self) -> None:
        self._life.use()

    def end(self) -> None:
        self._life.end()
        self.forget_index()
        self._live_values.end(self)
        with self._lock:
            self.documents.clear()
            self._order.clear()
            self._by_value.clear()
            self._by_code.clear()


class InMemoryVault(Vault):
    """Sessions in this process's memory.

    Args:
        key: The key that codes and ids are made with; by default a random one of this process.
            Vaults with the same key give the same value of the same session the same placeholder,
            on any machine.
        ttl: How long a session lives without being used; for ever by default.
        code_length: Characters of a code before it has to be lengthened, 4 to 26. More for a
            corpus: with n values of one type, about n² / 2 in 32^(length - 1) collide and are
            lengthened in the order of issue, in which machines may differ.
    """

    def __init__(
        self,
        key: VaultKey | bytes | None = None,
        *,
        ttl: timedelta | None = None,
        code_length: int = SHORTEST,
    ) -> None:
        self._own_key = key is None
        self._key = VaultKey.generate() if key is None else as_key(key)
        self._ttl = checked_ttl(ttl)
        self._length = checked_length(code_length)
        self._lock = threading.Lock()
        self._sessions: dict[bytes, _MemorySession] = {}
        self._ephemeral: weakref.WeakSet[_MemorySession] = weakref.WeakSet()
        self._ended: set[bytes] = set()

    def __repr__(self) -> str:
        return f"<InMemoryVault of {len(self._sessions)} sessions>"

    def session(self, session_id: str | None = None, *, tenant: str = "") -> VaultSession:
        """Open a session; without an id a new one that nobody else can name."""
        with self._lock:
            self._drop_expired()
            if session_id is None:
                # A key of its own, not a random name: nothing derives it again.
                key = VaultKey(secrets.token_bytes(KEY_BYTES))
                session = self._begin(key, b"")
                self._ephemeral.add(session)
                return session
            name = session_name(tenant, session_id)
            if name not in self._sessions:
                self._sessions[name] = self._begin(self._key, name)
            self._sessions[name].touch()
            return self._sessions[name]

    @property
    def generation(self) -> object:
        """The number of the last change."""
        return self.live_values.generation

    def live_sessions(self) -> Sequence[VaultSession]:
        """Return the sessions that can still resolve a placeholder in this process."""
        with self._lock:
            self._drop_expired()
            return [*self._sessions.values(), *(s for s in self._ephemeral if not s.over)]

    def forget(self, session_id: str, *, tenant: str = "") -> None:
        """Erase a session, its documents too; who still holds it gets a `SessionError`."""
        with self._lock:
            session = self._end(session_name(tenant, session_id))
        if session is not None:
            session.end()

    def _begin(self, key: VaultKey, name: bytes) -> _MemorySession:
        return _MemorySession(
            key,
            name,
            self._length,
            self._ttl,
            self.live_values,
            again=_digest(name) in self._ended,
        )

    def _end(self, name: bytes) -> _MemorySession | None:
        """Take a session out, and remember that its name had one."""
        session = self._sessions.pop(name, None)
        if session is not None:
            self._ended.add(_digest(name))
        return session

    def _drop_expired(self) -> None:
        if self._ttl is None:
            return
        for name in [name for name, session in self._sessions.items() if session.over]:
            if session := self._end(name):
                session.end()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the settings: neither values nor the key's bytes."""
        if self._own_key:
            warnings.warn(
                "A vault with a key of its own was pickled: the copy is empty and its placeholders "
                "differ. Give it key=VaultKey.from_environment() to make machines agree.",
                stacklevel=2,
            )
        key = None if self._own_key else self._key
        return partial(InMemoryVault, key, ttl=self._ttl, code_length=self._length), ()

    def __deepcopy__(self, _memo: object) -> "InMemoryVault":
        return self  # a copy would forget


def _digest(name: bytes) -> bytes:
    # Short, because it is kept for every session that ended; who shares one gets longer codes.
    return hashlib.blake2b(name, digest_size=8).digest()
