"""What was examined and held nothing: the same text is not looked at twice.

Each call of a model brings the whole conversation again, and its payload is looked at twice: when
the call starts, by the run around it, and at the door, by the guarded model, which sees what is
sent. `Clean` remembers by keyed digests what needs no further look; `windows` cuts the texts of a
payload so that a long one is known part by part.

    >>> clean = Clean()
    >>> marks = clean.marks(["Hello.", "Good morning."])
    >>> clean.keep(marks[:1], state="now")
    >>> clean.news(marks, state="now"), clean.news(marks, state="later"), clean.unread(marks)
    ([1], [0, 1], [1])

Why a look may be left out:

- A digest is of the very characters that were looked at. What was changed between two looks, or
  stands beside something else now, has another one.
- It counts for one state of knowledge: whose values are looked for, and which there are. With a new
  value, or in another session, values are looked for everywhere again; what rules find does not
  depend on them.
- A window is a text with the one before it and with what follows, as far as any find can reach. A
  find begins in one of the texts and so lies in its window, with what stands before it: when each
  window held nothing, the whole holds nothing. How far that is counts in letters and digits that
  no search passes over; blanks and invisible characters between two halves of a value are none.
- What rules have read counts in every session; the same instructions come with every request.
- Only that there was nothing is remembered. Whoever finds something in a window has to judge it
  where it stands, in the whole payload.
"""

import hashlib
import secrets
import threading
import weakref
from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple

from langchain_privacy.values.fold import SOFT, Skeleton
from langchain_privacy.vault import VaultSession

_MOST = 16_384
"""Digests that are kept of a session; the oldest go first."""

_MOST_SESSIONS = 512
"""Sessions whose digests are kept; those of the one that was asked for longest ago go first."""

_MOST_OF_ALL = 512
"""Digests of what rules have read that are kept for all sessions: instructions, tools, roles."""

_ALONE, _GROUP = 256, 1024
"""Characters of a text that is a group of its own, and of short ones that are one together."""


_NO_WEIGHT = bytes(
    code
    for code in range(256)
    if not (chr(code).isascii() and chr(code).isalnum())
    and code not in b"\xd0\xd1\xe5\xe6\xe7\xe8\xeb\xec"
)
"""Bytes of UTF-8, but ASCII's letters and digits and those that begin a Cyrillic letter, an
ideograph or a syllable of Hangul (U+400 to U+47F, U+5000 to U+8FFF, U+B000 to U+CFFF), which all
stay in a text's skeleton."""


def weight(text: str) -> int:
    """Return how many letters and digits a text has at the least; most texts at C speed."""
    least = len(text.encode("utf-8", "surrogatepass").translate(None, _NO_WEIGHT))
    return least if least * 4 >= len(text) else max(least, len(Skeleton(text).data) // 4)


class Clean:
    """Digests of texts that held nothing, each with the state of knowledge then. Thread-safe.

    Args:
        key: Makes the digests; random by default.
        most: How many are kept.
    """

    def __init__(self, key: bytes | None = None, most: int = _MOST) -> None:
        self._lock = threading.Lock()
        self._key = secrets.token_bytes(16) if key is None else key
        self._most = most
        self._kept: dict[bytes, Hashable] = {}

    def __repr__(self) -> str:
        return f"<Clean, {len(self._kept)} texts>"

    def marks(self, texts: Iterable[str | bytes]) -> list[bytes]:
        """Return the digest of each text."""
        return [
            hashlib.blake2b(
                text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"),
                digest_size=16,
                key=self._key,
            ).digest()
            for text in texts
        ]

    def windows(self, texts: Sequence[str], reach: int) -> "Windows":
        """Cut texts that are joined by `SOFT` into windows.

        Args:
            texts: All of them, in order.
            reach: Letters and digits that a find may take at the most, with what tells it.
        """
        groups = _grouped(texts)
        weights = [0, *map(weight, groups[1:])]  # the first follows on none
        own = self.marks(groups)
        joined, ends = [], []
        end, inside = 0, 0  # the group behind the window, and the weight behind its first group
        for i in range(len(groups)):
            if end <= i:
                end, inside = i + 1, 0
            while end < len(groups) and inside < reach:
                inside += weights[end]
                end += 1
            before = own[i - 1] if i else b""
            joined.append(b"".join([before, b"|", *own[i:end]]))
            ends.append(end)
            if end > i + 1:
                inside -= weights[i + 1]
        return Windows(groups, self.marks(joined), ends)

    def news(self, marks: Sequence[bytes], state: Hashable) -> list[int]:
        """Return the numbers of those in which values have to be looked for."""
        missing = object()
        return [i for i, mark in enumerate(marks) if self._kept.get(mark, missing) != state]

    def unread(self, marks: Sequence[bytes]) -> list[int]:
        """Return the numbers of those that were never looked at."""
        return [i for i, mark in enumerate(marks) if mark not in self._kept]

    def keep(self, marks: Iterable[bytes], state: Hashable) -> None:
        """Remember what held nothing."""
        with self._lock:
            for mark in marks:
                self._kept.pop(mark, None)
                self._kept[mark] = state
            while len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]


class CleanOfSessions:
    """What held nothing in each session, and what rules found nothing in. Thread-safe.

    A session that nobody can open again takes its digests along: a service whose requests have
    sessions of their own keeps nothing of them.

    Attributes:
        of_all: What rules have read in any session.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key = secrets.token_bytes(16)
        self._kept: dict[str, Clean] = {}
        self.of_all = Clean(self._key, _MOST_OF_ALL)

    def __repr__(self) -> str:
        return f"<CleanOfSessions, {len(self._kept)}>"

    def of(self, sessions: Sequence[VaultSession]) -> Clean:
        """Return what held nothing where the values of these sessions are looked for."""
        name = ",".join(session.id for session in sessions)
        with self._lock:
            clean = self._kept.pop(name, None)
            if clean is None:
                clean = Clean(self._key)
                for session in sessions:
                    if not session.lasts:
                        weakref.finalize(session, self._kept.pop, name, None).atexit = False
            self._kept[name] = clean
            while len(self._kept) > _MOST_SESSIONS:
                del self._kept[next(iter(self._kept))]
        return clean


class Windows(NamedTuple):
    """Texts in groups; the window of each is it, the one before it, and those up to its end."""

    groups: list[str]
    marks: list[bytes]
    ends: list[int]

    def joined(self, numbers: Sequence[int]) -> list[str]:
        """Return some windows as texts; what overlaps is one."""
        spans: list[list[int]] = []
        for i in numbers:
            start, end = max(i - 1, 0), self.ends[i]
            if spans and start <= spans[-1][1]:
                spans[-1][1] = max(end, spans[-1][1])
            else:
                spans.append([start, end])
        return [SOFT.join(self.groups[start:end]) for start, end in spans]


def _grouped(texts: Sequence[str]) -> list[str]:
    """Join short texts, so that ten thousand rows are no ten thousand windows.

    A long text ends a group, so that the groups behind it do not depend on what stands before it.
    """
    groups: list[str] = []
    short: list[str] = []
    size = 0
    for text in texts:
        if len(text) < _ALONE and size < _GROUP:
            short.append(text)
            size += len(text) + 1
            continue
        if short:
            groups.append(SOFT.join(short))
        short, size = [], 0
        if len(text) < _ALONE:
            short, size = [text], len(text) + 1
        else:
            groups.append(text)
    return [*groups, SOFT.join(short)] if short else groups
