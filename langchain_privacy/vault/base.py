"""The contracts of the vault: the only place where real values rest.

A vault holds sessions. A session (tenant + thread) is the scope in which a placeholder means
something: its key differs from every other session's, so another session's placeholder resolves
to nothing.
"""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from langchain_privacy.errors import SessionError
from langchain_privacy.vault.entry import ValueMatch, VaultEntry
from langchain_privacy.vault.matcher import ValueMatcher


class DocumentRoom(ABC):
    """Private documents and result rows of a session; state carries their references."""

    @abstractmethod
    def put(self, text: str, metadata: Mapping[str, Any] | None = None) -> str:
        """Keep a document and return its reference, the same one for the same text."""

    @abstractmethod
    def get(self, ref: str) -> str:
        """Return a document's text; raises `SessionError` when it is not here."""

    @abstractmethod
    def metadata(self, ref: str) -> Mapping[str, Any]:
        """Return what was kept beside the text."""

    @abstractmethod
    def refs(self) -> Sequence[str]:
        """Return the references in the order of arrival."""


class VaultSession(ABC):
    """The private values of one conversation. Thread-safe; its `repr` shows nothing.

    Every method raises `SessionError` when the session was forgotten or has expired.
    """

    id: str
    """Keyed digest of tenant and thread: safe in logs and in the ledger."""

    documents: DocumentRoom

    @property
    @abstractmethod
    def version(self) -> int:
        """Number of entries, so that what derives from them can be cached."""

    @abstractmethod
    def issue(self, entity_type: str, value: str) -> VaultEntry:
        """Return the entry of a value; the same value always gets the same code."""

    @abstractmethod
    def lookup(self, entity_type: str, code: str) -> VaultEntry | None:
        """Return the entry behind a code, or `None` when it was not issued in this session."""

    @abstractmethod
    def entries(self, since: int = 0) -> Sequence[VaultEntry]:
        """Return the entries in the order of issue, without the first `since` of them."""

    def find(self, text: str) -> list[ValueMatch]:
        """Return where `text` holds private values of this session, exactly as they were issued.

        Leftmost first, the longest of those, none overlapping.
        """
        return self._matcher.find(text)

    @cached_property
    def _matcher(self) -> ValueMatcher:
        return ValueMatcher(self)


class Vault(ABC):
    """Sessions by id. Its `repr`, pickles and errors show nothing."""

    @abstractmethod
    def session(self, session_id: str | None = None, *, tenant: str = "") -> VaultSession:
        """Open a session; without an id a new one that nobody else can name."""

    @abstractmethod
    def live_sessions(self) -> Sequence[VaultSession]:
        """Return the sessions opened in this process that can still resolve a placeholder.

        Ephemeral ones are among them for as long as somebody holds them.
        """

    @property
    def generation(self) -> object:
        """Something that is another after a live session got an entry or ended."""
        versions = []
        for session in self.live_sessions():
            with contextlib.suppress(SessionError):  # it ended meanwhile
                versions.append((session.id, session.version))
        return versions

    @abstractmethod
    def forget(self, session_id: str, *, tenant: str = "") -> None:
        """Erase a session: its values and its documents cannot be had back."""
