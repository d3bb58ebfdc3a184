"""Exact vault values out, their placeholders in: for what masked state cannot reach.

No detector runs here. What is traced is read by an Aho-Corasick automaton over the values of all
live sessions, whatever their number (see `Reader`), and taken apart only when one was
found. LangSmith's clients (`tracing.langsmith`), OpenTelemetry's spans (`tracing.otel`) and log
records (`tracing.install`) pass here.

Example:
    ```python
    masker.session("thread").mask("Write to jane@example.org")
    Scrubber(masker.vault).structure({"to": ["jane@example.org"]})  # {"to": ["[EMAIL_7K2Q]"]}
    ```
"""

import contextlib
import json
import re
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

from ahocorasick_rs import BytesAhoCorasick, Implementation, MatchKind

from langchain_privacy.errors import ConfigurationError, SessionError
from langchain_privacy.placeholder import write
from langchain_privacy.values.index import is_whole_word
from langchain_privacy.values.spelling import tells_something, written_out
from langchain_privacy.values.walk import Leaves, Walk
from langchain_privacy.vault import Vault, VaultEntry, VaultSession
from langchain_privacy.vault.base import LiveValues

# ---- Reading what is traced for values, the beginning of a document that grew only once
#
# A tracer records the whole conversation at every step: 50 turns make ten megabytes of JSON out of
# fifty kilobytes of text. What was read and held nothing is known again as the beginning of a later
# document; comparing costs a twentieth of reading.


_LONG, _HEAD = 2_048, 1_024
_REMEMBERED = 4 << 20  # bytes of documents
_FEW = 32
_ADDITIONS = 64
_AROUND = 8  # bytes that hold the two characters beside a word
_ESCAPED = re.compile(r"\\(?:[bfnrt]|u[0-9a-fA-F]{4})\Z")


class Key(NamedTuple):
    """What stands for a spelling, and whether it counts as a whole word only."""

    placeholder: bytes
    whole: bool


class _Finder:
    """Finds every key in UTF-8, wherever it stands."""

    def __init__(self, keys: Mapping[bytes, Key]) -> None:
        self.keys = keys
        self.longest = max(map(len, keys), default=0)
        self._few = len(keys) <= _FEW
        self._order = list(keys)
        # By Aho and Corasick (CACM 18(6), 1975). For few keys the library compares many bytes at
        # once when it need not report all. A DFA would read twice as fast as an NFA, but takes ten
        # times as long to build and a hundred times the memory.
        self._automaton = BytesAhoCorasick(
            keys,
            matchkind=MatchKind.LeftmostFirst if self._few else MatchKind.Standard,
            implementation=(
                Implementation.NoncontiguousNFA if self._few else Implementation.ContiguousNFA
            ),
        )

    def occurs(self, data: bytes) -> bool:
        return bool(self._order and self._automaton.find_matches_as_indexes(data))

    def occurrences(self, data: bytes) -> Iterator[tuple[int, int, Key]]:
        if not self._few:
            found = self._automaton.find_matches_as_indexes(data, overlapping=True)
            for index, start, end in found:
                yield start, end, self.keys[self._order[index]]
            return
        for text, key in self.keys.items():
            start = data.find(text)
            while start >= 0:
                yield start, start + len(text), key
                start = data.find(text, start + 1)


_NONE = _Finder({})


class _Memory:
    """Documents that were read and held no value, by their first bytes.

    Shared by a reader and those that follow it. A reader has a number; a document is known to the
    next readers when what they have in addition does not occur in it, which is looked up only when
    the document is met again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read: dict[bytes, tuple[bytes, int, int]] = {}
        self._size = 0
        self._additions: dict[int, _Finder] = {}

    def add(self, number: int, finder: _Finder) -> None:
        with self._lock:
            self._additions[number] = finder
            if len(self._additions) > _ADDITIONS:
                del self._additions[next(iter(self._additions))]

    def known(self, head: bytes, data: bytes, number: int) -> int:
        """Return how much of a document needs no reading by the reader of that number."""
        read, size, reader = self._read.get(head, (b"", 0, 0))
        same = read == data
        if not same and (not size or not data.startswith(memoryview(read)[:size])):
            return 0
        for addition in range(reader + 1, number + 1):
            finder = self._additions.get(addition)
            if finder is None or finder.occurs(read):
                return 0
        if same and reader < number:
            self.remember(head, data, size, number)
        return len(data) if same else size

    def remember(self, head: bytes, data: bytes, size: int, number: int) -> None:
        with self._lock:
            old, _, _ = self._read.pop(head, (b"", 0, 0))
            self._read[head] = data, size, number
            self._size += len(data) - len(old)
            while self._size > _REMEMBERED:
                oldest, _, _ = self._read.pop(next(iter(self._read)))
                self._size -= len(oldest)


class Reader:
    """Finds a fixed set of values in UTF-8 text and JSON documents. Thread-safe."""

    def __init__(self, keys: Mapping[bytes, Key]) -> None:
        self._start((_Finder(keys), _NONE, _NONE), _Memory(), 0)

    def _start(self, levels: tuple[_Finder, ...], memory: _Memory, number: int) -> None:
        # Most values, newer ones, and the last few: a new one need not have all of them built anew.
        self._levels = levels
        self._longest = max(finder.longest for finder in levels)
        self._memory = memory
        self._number = number

    def following(self, new: Mapping[bytes, Key]) -> Self:
        """Return a reader of more values, which still knows what this one read."""
        most, newer, last = self._levels
        if len(last.keys) + len(new) <= _FEW:
            last = _Finder({**last.keys, **new})
        else:
            newer, last = _Finder({**newer.keys, **last.keys, **new}), _NONE
        if len(newer.keys) > max(_FEW, len(most.keys) // 4):
            most, newer = _Finder({**most.keys, **newer.keys}), _NONE
        reader = type(self).__new__(type(self))
        reader._start((most, newer, last), self._memory, self._number + 1)  # noqa: SLF001
        self._memory.add(reader._number, _Finder(new))  # noqa: SLF001
        return reader

    def matches(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Yield start, end and placeholder of every value in UTF-8; they may overlap."""
        for finder in self._levels:
            for start, end, key in finder.occurrences(data):
                if not key.whole or _is_word(data, start, end):
                    yield start, end, key.placeholder

    def holds(self, *documents: bytes) -> bool:
        """Tell whether a value stands in UTF-8 texts or serialised JSON documents.

        They are read in one call: it lets other threads run, and who calls often waits often.
        """
        unread: list[bytes | memoryview] = []
        new: list[tuple[bytes, bytes]] = []
        for data in documents:
            if len(data) <= _LONG:
                unread.append(data)
                continue
            head = data[:_HEAD]
            known = self._memory.known(head, data, self._number)
            if known < len(data):
                # A value may begin before the new part, and a word end there.
                unread.append(memoryview(data)[max(0, known - self._longest - _AROUND) :])
                new.append((head, data))
        text = b"\0".join(unread)
        if any(finder.occurs(text) for finder in self._levels) and any(self.matches(text)):
            return True
        for head, data in new:
            # A document that grows keeps all but the brackets that close it.
            self._memory.remember(head, data, len(data.rstrip(b"]}")), self._number)
        return False


def _is_word(data: bytes, start: int, end: int) -> bool:
    before = data[max(0, start - _AROUND) : start].decode("utf-8", "ignore")
    # In JSON, and in JSON inside JSON, a line break ends in a letter.
    before = _ESCAPED.sub(" ", before)
    value = data[start:end].decode("utf-8", "replace")
    after = data[end : end + _AROUND].decode("utf-8", "ignore")
    return is_whole_word(before + value + after, len(before), len(before) + len(value))


WITHHELD = "[WITHHELD: a private value could not be taken out]"
LINGER = 60.0
"""Seconds for which the values of a session that is over stay known: runs may end after it."""


_Name = tuple[int, str]
"""Of a session: the number of its vault, its id."""


_WAITING = 65_536
"""Values that are known before somebody reads, though their sessions are over."""


class Busy(Protocol):
    """Who traces something that goes on, and has it read later."""

    @property
    def busy(self) -> bool:
        """Whether something goes on; asked without a lock."""

    def since(self) -> float | None:
        """Return when the oldest of it began, by the monotonic clock."""


class Scrubber:
    """Replaces the values of the live sessions of vaults; follows them as they grow. Thread-safe.

    Values too short to be told from ordinary text (see `values.spelling`) are left alone.

    Attributes:
        vaults: The vaults whose values are replaced.
    """

    def __init__(self, *vaults: Vault) -> None:
        self.vaults = vaults
        self._lock = threading.Lock()
        self._generation: object = None
        # By object: another object of the same session may know its entries in another order.
        self._seen: weakref.WeakKeyDictionary[VaultSession, int] = weakref.WeakKeyDictionary()
        self._keys: dict[_Name, dict[bytes, Key]] = {}
        self._over: dict[_Name, float] = {}
        self._reader = Reader({})
        self._issued: deque[tuple[_Name, VaultEntry]] = deque(maxlen=_WAITING)
        self._busy: weakref.WeakSet[Busy] = weakref.WeakSet()
        for vault in vaults:
            vault.live_values.tell(self)

    def __repr__(self) -> str:
        return f"<Scrubber of {len(self._keys)} sessions>"

    def serves(self, busy: "Busy") -> None:
        """Keep what is over for as long as this says that what began before goes on."""
        with self._lock:
            anew = weakref.WeakSet(self._busy)  # others may look through it
            anew.add(busy)
            self._busy = anew

    def issued(self, values: LiveValues, session_id: str, entry: VaultEntry) -> None:
        """Take note of a value whose session may be over before anything is read."""
        # Without a lock, and without asking a session: this one is just being written to.
        if any(busy.busy for busy in self._busy):
            number = [vault.live_values for vault in self.vaults].index(values)
            self._issued.append(((number, session_id), entry))

    def holds(self, text: str) -> bool:
        """Tell whether a value stands in `text`."""
        return self._follow().holds(_bytes(text))

    def text(self, text: str) -> str:
        """Return `text` with placeholders in place of values."""
        data = _bytes(text)
        scrubbed = self.data(data)
        return text if scrubbed is data else scrubbed.decode("utf-8", "surrogatepass")

    def data(self, data: bytes) -> bytes:
        """Return bytes with placeholders in place of values in UTF-8."""
        found = sorted(self._follow().matches(data), key=lambda m: (m[0], -m[1]))
        if not found:
            return data
        out, at = [], 0
        for start, end, placeholder in found:
            if start >= at:
                out += [data[at:start], placeholder]
                at = end
        return b"".join([*out, data[at:]])

    def json_holds(self, *documents: bytes) -> bool:
        """Tell whether a value stands in one of several JSON documents."""
        return self._follow().holds(*documents)

    def json(self, *documents: bytes) -> list[bytes]:
        """Return JSON documents with placeholders in their strings, keys and numbers.

        A document without values comes back as the same object.
        """
        reader = self._follow()
        if not reader.holds(*documents):
            return list(documents)
        return [self._json(data) if reader.holds(data) else data for data in documents]

    def structure(self, value: Any, write: Callable[[Any], bytes] | None = None) -> Any:
        """Return a structure with placeholders in its strings, keys, numbers, bytes and paths.

        Other objects stay, or with `write`, which makes JSON of one, become what is left of that
        when a value stands in it.
        """
        return Walk(ScrubbingLeaves(self, write))(value)

    def _json(self, data: bytes) -> bytes:
        try:
            scrubbed = json.dumps(self.structure(json.loads(data)), ensure_ascii=False)
        except ConfigurationError:  # it is nested too deep
            return json.dumps(WITHHELD).encode()
        # A value that only the document's own punctuation completes.
        return (json.dumps(WITHHELD) if self.holds(scrubbed) else scrubbed).encode()

    def _follow(self) -> Reader:
        """Return a reader of all values that live sessions hold by now."""
        # Before the sessions are read: what they are issued meanwhile is for the next time.
        generation = [vault.generation for vault in self.vaults]
        if generation == self._generation and not self._overdue():
            return self._reader
        with self._lock:
            new = self._take_in()
            if self._drop():
                keys = {text: key for keys in self._keys.values() for text, key in keys.items()}
                self._reader = Reader(keys)
            elif new:
                self._reader = self._reader.following(new)
            # Last: who finds the vault unchanged must find its values in the reader.
            self._generation = generation
            return self._reader

    def _take_in(self) -> dict[bytes, Key]:
        """Return what live sessions were issued since the last time; note which are over."""
        new = dict[bytes, Key]()

        def take(name: _Name, entry: VaultEntry) -> None:
            keys = self._keys.setdefault(name, {})
            if found := _keys_of(entry):
                new.update({text: key for text, key in found.items() if text not in keys})
                keys.update(found)

        while self._issued:
            take(*self._issued.popleft())
        live = [(n, s) for n, vault in enumerate(self.vaults) for s in vault.live_sessions()]
        for vault, session in live:
            since = self._seen.get(session, 0)
            with contextlib.suppress(SessionError):  # it ended meanwhile
                entries = session.entries(since)
                self._keys.setdefault((vault, session.id), {})
                for entry in entries:
                    take((vault, session.id), entry)
                self._seen[session] = since + len(entries)
        now, living = time.monotonic(), {(vault, session.id) for vault, session in live}
        over = {name: now for name in self._keys if name not in living}
        self._over = {name: self._over.get(name, since) for name, since in over.items()}
        return new

    def _overdue(self) -> bool:
        since = min(self._over.values(), default=None)
        return since is not None and since < self._needed_since()

    def _needed_since(self) -> float:
        """Sessions that were over before this time are not needed any more."""
        now = time.monotonic()
        return min([now - LINGER, *(busy.since() or now for busy in self._busy)])

    def _drop(self) -> bool:
        """Drop, all together, the sessions that have been over for long enough."""
        since = self._needed_since()
        dropped = [name for name, over in self._over.items() if over < since]
        self._over = {name: over for name, over in self._over.items() if over >= since}
        gone = [self._keys.pop(name) for name in dropped]
        return any(gone)


class ScrubbingLeaves(Leaves):
    """Replaces values in plain data; other objects become what `write` makes of them.

    Args:
        scrubber: Knows the values.
        write: Makes JSON of an object; without it other objects stay.
    """

    def __init__(self, scrubber: Scrubber, write: Callable[[Any], bytes] | None = None) -> None:
        self._scrubber = scrubber
        self._write = write

    def text(self, text: str) -> str:
        """Replace values in a text."""
        return self._scrubber.text(text)

    def scalar(self, x: Any) -> object:
        """Replace a number that holds a value by its text."""
        if not isinstance(x, (int, float)):
            return self.unknown(x)
        scrubbed = self.text(written := str(x))
        return x if scrubbed is written else scrubbed

    def known(self, x: Any) -> Any:
        """Walk over plain data only."""
        return None if isinstance(x, (dict, list, tuple, set, frozenset)) else self.unknown(x)

    def unknown(self, x: Any) -> Any:
        """Replace values in bytes, paths, mappings of any class, and in what is written."""
        if isinstance(x, bytes):
            return self._scrubber.data(x)
        if isinstance(x, Path):
            scrubbed = self.text(written := str(x))
            return x if scrubbed is written else Path(scrubbed)
        if isinstance(x, Mapping):
            return Walk(self)(dict(x))
        if self._write is None:
            return x
        [document] = self._scrubber.json(data := self._write(x))
        return x if document is data else json.loads(document)

    opaque = unknown


def with_files(value: Any) -> Any:
    """Return attachments with the content of files in place of their paths."""
    if isinstance(value, Path):
        try:
            return value.read_bytes()
        except OSError:
            return b"[this file could not be read]"
    if isinstance(value, Mapping):
        return {name: with_files(item) for name, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(with_files, value))
    return type(value)(map(with_files, value)) if isinstance(value, (list, tuple)) else value


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _keys_of(entry: VaultEntry) -> dict[bytes, Key]:
    if not entry.is_private or not tells_something(entry.kind, entry.value):
        return {}
    placeholder = write(entry.entity_type, entry.code).encode()
    keys: dict[bytes, Key] = {}
    for written, whole in written_out(entry.kind, entry.value):
        for text in spellings(written):
            keys.setdefault(_bytes(text), Key(placeholder, whole))
    return keys


def spellings(value: str) -> set[str]:
    """Return how a value is spelled in text, in JSON, in JSON inside JSON, and in a `repr`."""
    if value.isascii() and value.isprintable() and not set("\"'\\") & set(value):
        return {value}
    if "'" in value:  # which a `repr` escapes where a quotation mark stands as well
        return _spellings(value) | _spellings(value.replace("'", "\\'"))
    return _spellings(value)


def _spellings(value: str) -> set[str]:
    escaped = json.dumps(value, ensure_ascii=False)[1:-1]
    ascii_only = json.dumps(value)[1:-1]
    nested = (json.dumps(s, ensure_ascii=False)[1:-1] for s in (escaped, ascii_only))
    return {value, escaped, ascii_only, *nested, repr(value)[1:-1]}
