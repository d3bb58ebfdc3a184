"""The contracts of the vault: the only place where real values rest.

A vault holds sessions. A session (tenant + thread) is the scope in which a placeholder means
something: its key differs from every other session's, so another session's placeholder resolves
to nothing.
"""

import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

from langchain_privacy.errors import ConfigurationError, SessionError

# ---- What a vault keeps, and where it was found in a text.

LITERAL = "LITERAL"
"""Type of text that only looks like a placeholder: kept so that it comes back, not private."""

PART_SUFFIX = "_PART"
"""End of the type of a fragment that lay in another text block than its value: too short to say
anything by itself, and too common to look for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultEntry:
    """One private value of a session and the code that stands for it."""

    entity_type: str
    code: str
    value: str = field(repr=False)

    @property
    def is_private(self) -> bool:
        """Whether the value must not leave; what is only kept to come back need not stay."""
        return self.entity_type != LITERAL and not self.entity_type.endswith(PART_SUFFIX)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueMatch:
    """A value of the session at `text[start:end]`."""

    start: int
    end: int
    entry: VaultEntry


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
        found: list[ValueMatch] = self._matcher.find(text)
        return found

    @cached_property
    def _matcher(self) -> Any:
        from langchain_privacy.vault.matcher import ValueMatcher

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


# ---- The session of the run in progress, for parts that no argument reaches.

_current: ContextVar[VaultSession | None] = ContextVar("langchain_privacy_session", default=None)


def current_session() -> VaultSession | None:
    """Return the session of the run in progress, if one was opened."""
    return _current.get()


@contextmanager
def session_scope(session: VaultSession) -> Iterator[VaultSession]:
    """Make `session` the current one inside a `with` block."""
    token = _current.set(session)
    try:
        yield session
    finally:
        _current.reset(token)


# ---- How long a session is there.


class Life:
    """Whether a session is still there; shared by the session and its documents."""

    def __init__(self, ttl: timedelta | None) -> None:
        self._ttl = ttl.total_seconds() if ttl else None
        self._used = time.monotonic()
        self._ended = ""

    @property
    def over(self) -> bool:
        """Whether the session was forgotten, or was not used for too long."""
        if self._ttl is None:
            return bool(self._ended)
        return bool(self._ended) or time.monotonic() - self._used > self._ttl

    def use(self) -> None:
        """Note that the session is used.

        Raises:
            SessionError: It is over.
        """
        if self._ended or self._ttl is not None:
            self.check()
        self._used = time.monotonic()

    def check(self) -> None:
        """Raise `SessionError` when the session is over; looking is not using."""
        if self.over:
            how = self._ended or "has expired"
            msg = f"The session {how}: its values cannot be had back. Open it anew to go on."
            raise SessionError(msg)

    def end(self, how: str = "was forgotten") -> None:
        """End the session."""
        self._ended = how


def checked_ttl(ttl: timedelta | None) -> timedelta | None:
    """Return `ttl`.

    Raises:
        ConfigurationError: It is not positive.
    """
    if ttl is not None and ttl <= timedelta(0):
        msg = "ttl must be longer than nothing; leave it out for sessions that do not expire."
        raise ConfigurationError(msg)
    return ttl
