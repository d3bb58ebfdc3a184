"""Reading what is traced for values, the beginning of a document that grew only once.

A tracer records the whole conversation at every step: 50 turns make ten megabytes of JSON out of
fifty kilobytes of text. What was read and held nothing is known again as the beginning of a later
document; comparing costs a twentieth of reading.
"""

import re
import threading
from collections.abc import Iterator, Mapping
from typing import NamedTuple, Self

from ahocorasick_rs import BytesAhoCorasick, Implementation, MatchKind

from langchain_privacy.values.index import is_whole_word

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
