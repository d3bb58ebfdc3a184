"""The contracts of the vault: the only place where real values rest.

A vault holds sessions. A session (tenant + thread) is the scope in which a placeholder means
something: its key differs from every other session's, so another session's placeholder resolves
to nothing.
"""

import contextlib
import threading
import time
import weakref
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from itertools import count
from typing import Any, NamedTuple, Protocol

from langchain_privacy.errors import ConfigurationError, SessionError
from langchain_privacy.placeholder import without_role
from langchain_privacy.scopes import scope
from langchain_privacy.values.fold import Skeleton
from langchain_privacy.values.index import ValueIndex, outermost
from langchain_privacy.values.spelling import is_unmistakable

# ---- What a vault keeps, and where it was found in a text.

LITERAL = "LITERAL"
"""Type of text that only looks like a placeholder: kept so that it comes back, not private."""

PART_SUFFIX = "_PART"
"""End of the type of a fragment that lay in another text block than its value: too short to say
anything by itself, and too common to look for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultEntry:
    """One private value of a session and the code that stands for it.

    One person is one family of entries: `Mira Solheim`, `Solheim`, `M. Solheim`. Their codes begin
    with the code of the one that came first, so that whoever reads placeholders sees that they
    belong together.

    Attributes:
        entity_type: What it is; of a part of a name with its role, `PERSON_FAMILY`.
        code: What the placeholder says.
        value: What stood in the text, to the letter.
        of: Code of the family's first entry, `""` for that one itself.
        plain: What the value says where it is escaped text, `""` where it is not.
    """

    entity_type: str
    code: str
    value: str = field(repr=False)
    of: str = ""
    plain: str = field(default="", repr=False)

    @property
    def kind(self) -> str:
        """The type without a role: `PERSON` of `PERSON_FAMILY`."""
        return without_role(self.entity_type)

    @property
    def family(self) -> tuple[str, str]:
        """Type and code of the family's first entry."""
        return self.kind, self.of or self.code

    @property
    def is_private(self) -> bool:
        """Whether the value must not leave; what is only kept to come back need not stay."""
        return self.entity_type != LITERAL and not self.entity_type.endswith(PART_SUFFIX)


def of_family(entity_type: str, like: VaultEntry | None) -> tuple[str, bool]:
    """Return the code of the family that a new entry joins, and whether it is a part of its name.

    Both are empty for a value that is like none of its type.
    """
    kind = without_role(entity_type)
    if like is None or like.kind != kind:
        return "", False
    return like.family[1], kind != entity_type


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

    lasts: bool = True
    """Whether it can be opened again by its name; an ephemeral session has none."""

    documents: DocumentRoom

    waits: bool = True
    """Whether asking it may wait for a store; on an event loop it is asked in a thread then."""

    @property
    @abstractmethod
    def version(self) -> int:
        """Number of entries, so that what derives from them can be cached."""

    @abstractmethod
    def issue(
        self, entity_type: str, value: str, *, like: VaultEntry | None = None, plain: str = ""
    ) -> VaultEntry:
        """Return the entry of a value; the same value always gets the same code.

        Args:
            entity_type: What it is, also a part of a name: `PERSON_FAMILY`.
            value: Any text.
            like: An entry of the family that the value belongs to, if it is new.
            plain: What the value says, if it is escaped text.
        """

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
        return [
            ValueMatch(start=hit.start, end=hit.end, entry=hit.owners[0])
            for hit in self.index().exact(text)
        ]

    def index(self) -> ValueIndex[VaultEntry]:
        """Return the index of the session's private values, with all that was issued until now."""
        followed = self._followed
        if self.version != followed.known:
            with followed.lock:
                for entry in self.entries(followed.known):
                    if entry.is_private and entry.value:
                        value, kind = entry.plain or entry.value, entry.kind
                        part = kind != entry.entity_type
                        followed.index.add(value, kind, entry, followed.known, part=part)
                    followed.known += 1
        return followed.index

    @cached_property
    def _followed(self) -> "_Followed":
        return _Followed()

    def forget_index(self) -> None:
        """Drop what `index` has built; it is built again when it is asked for."""
        self.__dict__.pop("_followed", None)


@dataclass(slots=True, eq=False)
class _Followed:
    """An index that follows a session as it grows, and how many entries it has looked at."""

    index: ValueIndex[VaultEntry] = field(default_factory=ValueIndex)
    lock: threading.Lock = field(default_factory=threading.Lock)
    known: int = 0


class Vault(ABC):
    """Sessions by id. Its `repr`, pickles and errors show nothing."""

    @property
    def persists(self) -> bool:
        """Whether another process can resolve what this one has issued."""
        return False

    @abstractmethod
    def session(self, session_id: str | None = None, *, tenant: str = "") -> VaultSession:
        """Open a session; without an id a new one that nobody else can name."""

    @abstractmethod
    def live_sessions(self) -> Sequence[VaultSession]:
        """Return the sessions opened in this process that can still resolve a placeholder.

        Ephemeral ones are among them for as long as somebody holds them.
        """

    def find(self, digest: str) -> VaultSession | None:
        """Return the session whose `id` is `digest`, `None` when there is none in reach.

        It is for what travels where the session's own name must not, such as a server's queue.
        """
        return next((each for each in self.live_sessions() if each.id == digest), None)

    @property
    def generation(self) -> object:
        """Something that is another after a live session got an entry or ended."""
        versions = []
        for session in self.live_sessions():
            with contextlib.suppress(SessionError):  # it ended meanwhile
                versions.append((session.id, session.version))
        return versions

    @cached_property
    def live_values(self) -> "LiveValues":
        """The values of all live sessions in one index; sessions tell it what they issue."""
        return LiveValues()

    @abstractmethod
    def forget(self, session_id: str, *, tenant: str = "") -> None:
        """Erase a session: its values and its documents cannot be had back."""


# ---- The session of the run in progress, for parts that no argument reaches.

_current: ContextVar[VaultSession | None] = ContextVar("langchain_privacy_session", default=None)


def current_session() -> VaultSession | None:
    """Return the session of the run in progress, if one was opened."""
    return _current.get()


def session_scope(session: VaultSession) -> AbstractContextManager[VaultSession | None]:
    """Make `session` the current one inside a `with` block."""
    return scope(_current, session)


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
        if (self._ended or self._ttl is not None) and self.over:
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


# ---- values of other sessions


class LiveValues:
    """The values of a vault's live sessions: asking costs the same however many there are.

    Two questions are asked. Does a text hold a value of another conversation? Only what cannot be
    guessed counts there (addresses, long numbers, long keys), so that nobody learns from it what
    others wrote. And does it hold a value of anybody, where nobody knows whose text it is?

    Attributes:
        changes: Another number whenever something may be found that could not be found before.
        generation: Another number whenever a session got an entry or ended. Both may step back
            when two things happen at once, but never to a number that they had before.
        longest: Characters of the longest value that was ever told.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sure = ValueIndex["_Whose"]()
        self._all: ValueIndex[_Whose] | None = None
        self._codes: dict[str, set[tuple[str, str]]] = {}
        self._erased = False
        self._new: deque[tuple[str, _Value]] = deque()
        self._holders: dict[str, set[int]] = {}
        self._over: set[str] = set()
        self._told: weakref.WeakSet[Listener] = weakref.WeakSet()
        self._counted = count(1)
        self.changes = self.generation = self.longest = 0

    def __repr__(self) -> str:
        return f"<LiveValues of {len(self._holders)} sessions>"

    # ---- what sessions tell

    def begin(self, session: VaultSession) -> None:
        """Take note of an object of a session: its values are dropped with the last one."""
        self._holders.setdefault(session.id, set()).add(id(session))
        self.changes = next(self._counted)
        weakref.finalize(session, self._end, session.id, id(session)).atexit = False

    def end(self, session: VaultSession) -> None:
        """Take note that a session is erased: its values go now."""
        self._erased = True
        self._end(session.id, id(session))
        self._follow()

    def _end(self, session_id: str, number: int) -> None:
        holders = self._holders.get(session_id, set())
        holders.discard(number)
        if not holders and self._holders.pop(session_id, None) is not None:
            self._over.add(session_id)
        self.generation = next(self._counted)

    def issued(self, session_id: str, entry: VaultEntry) -> None:
        """Take note of a value."""
        self.generation = next(self._counted)
        text = entry.plain or entry.value  # escapes are looked through wherever it may stand
        if self._all is not None or (entry.is_private and is_unmistakable(text)):
            value = _Value(entry.kind, text, entry.entity_type, entry.code, entry.is_private)
            self.longest = max(self.longest, len(entry.value))
            self._new.append((session_id, value))
            self.changes = next(self._counted)
        for listener in self._told:
            listener.issued(self, session_id, entry)

    def tell(self, listener: "Listener") -> None:
        """Tell somebody of each value from now on, for as long as they are there."""
        with self._lock:
            told = weakref.WeakSet(self._told)  # anew: values are told of meanwhile
            told.add(listener)
            self._told = told

    # ---- what is asked

    def of_others(self, text: Skeleton, session_id: str) -> list[tuple[int, int, str]]:
        """Return start, end and type of the unmistakable values of other sessions."""
        alone = self._holders.keys() <= {session_id}
        if alone and not self._is_full():
            return []
        # What the session issued itself can wait until somebody else asks.
        new = self._new.copy()
        if alone or len(new) > _WAITING or any(owner != session_id for owner, _ in new):
            self._follow()
        return [
            (hit.start, hit.end, hit.owners[0][1])
            for hit in outermost(self._sure.find(text))
            if all(owner != session_id and owner in self._holders for owner, _ in hit.owners)
        ]

    def of_all(self, vault: Vault) -> ValueIndex["_Whose"]:
        """Return an index of the values of all live sessions."""
        self._know_all(vault)
        assert self._all is not None
        return self._all

    def has_issued(self, vault: Vault, entity_type: str, code: str) -> bool:
        """Tell whether a live session has issued a placeholder."""
        self._know_all(vault)
        sessions = list(self._codes.values())  # at once: other threads take values in
        return any((entity_type, code) in codes for codes in sessions)

    def is_live(self, session_id: str) -> bool:
        """Tell whether somebody still holds a session."""
        return session_id in self._holders

    def _know_all(self, vault: Vault) -> None:
        if self._all is None:
            with self._lock:
                self._all = ValueIndex()
            for session in vault.live_sessions():
                with contextlib.suppress(SessionError):  # it ended meanwhile
                    for entry in session.entries():
                        self.issued(session.id, entry)
        self._follow()

    def _follow(self) -> None:
        with self._lock:
            while self._new:
                owner, value = self._new[0]
                if owner in self._holders:
                    self._take(owner, value)
                self._new.popleft()  # not before: whoever sees none waiting looks in the index
            # All of some at once: leaving one out costs as much as leaving out many.
            if self._is_full():
                gone = self._over - self._holders.keys()
                for index in filter(None, (self._sure, self._all)):
                    index.drop(*(whose for whose in index.owners() if whose[0] in gone))
                for session_id in gone:
                    self._codes.pop(session_id, None)
                self._over, self._erased = set(), False

    def _is_full(self) -> bool:
        """Say whether values of sessions that are over have to go."""
        return self._erased or len(self._over) > _TOLERATED

    def _take(self, owner: str, value: "_Value") -> None:
        if value.private and is_unmistakable(value.text):
            self._sure.add(value.text, "", (owner, value.kind))
        if self._all is not None:
            self._codes.setdefault(owner, set()).add((value.entity_type, value.code))
            if value.private and value.text:
                self._all.add(value.text, value.kind, (owner, value.kind))


class Listener(Protocol):
    """Who must know a value though its session may be over a moment later."""

    def issued(self, values: LiveValues, session_id: str, entry: VaultEntry, /) -> None:
        """Take note of a value."""


_Whose = tuple[str, str]
"""Id of a session, and type of a value."""

_TOLERATED = 32
"""Sessions that are over whose values are still in the index, left out where they are found."""

_WAITING = 64
"""Values that a session issued itself, not in the index before somebody else asks."""


class _Value(NamedTuple):
    """What an entry says, without the entry: that one ends with its session."""

    kind: str
    text: str
    entity_type: str
    code: str
    private: bool

    def __repr__(self) -> str:
        return f"<value of type {self.kind}>"
