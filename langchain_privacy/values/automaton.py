"""Finding each of many texts in another one, in one pass over it.

By Aho and Corasick (CACM 18(6), 1975), in the implementation of `ahocorasick-rs`. The index of
values and the linking of SQL questions use it.

    >>> automaton = Automaton[str]()
    >>> automaton.put(b"Solheim", "the patient")
    >>> automaton.ready()
    >>> list(automaton.in_text("Did Solheim call?"))
    [(4, 11, ['the patient'])]
"""

import math
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Generic, TypeVar

from ahocorasick_rs import BytesAhoCorasick, Implementation, MatchKind

Payload = TypeVar("Payload")

_start = itemgetter(0)


class Automaton(Generic[Payload]):
    """Texts to look for, with what they stand for, and an automaton that follows as they grow.

    An automaton cannot grow. New texts go into a second, small one until building the first anew
    pays.
    """

    def __init__(self) -> None:
        self.keys: dict[bytes, list[Payload]] = {}
        self._new: list[bytes] = []
        self._main: tuple[BytesAhoCorasick | None, Sequence[bytes]] = (None, ())
        self._tail: tuple[BytesAhoCorasick | None, Sequence[bytes]] = (None, ())

    def put(self, text: bytes, key: Payload) -> None:
        """Take in a text; an empty one stands nowhere."""
        if not text:
            return
        keys = self.keys.setdefault(text, [])
        if not keys:
            self._new.append(text)
        keys.append(key)

    def drop(self, gone: Callable[[Payload], bool]) -> None:
        """Forget the keys of payloads; nothing of them stays in memory."""
        kept = {
            text: left
            for text, payloads in self.keys.items()
            if (left := [payload for payload in payloads if not gone(payload)])
        }
        self.keys, self._new = kept, list(kept)
        self._main = self._tail = (None, ())

    def ready(self) -> None:
        """Take in what was put since the last time."""
        if not self._new:
            return
        tail = [*self._tail[1], *self._new]
        if len(tail) > max(64, 8 * math.isqrt(len(self.keys))):
            self._main, tail = _built(list(self.keys)), []
        self._tail = _built(tail)
        self._new = []

    def occurrences(self, data: bytes) -> Iterator[tuple[int, int, list[Payload]]]:
        """Yield start, end and keys of whatever stands in `data`; they may overlap."""
        for automaton, texts in (self._main, self._tail):
            if automaton is not None:
                found = automaton.find_matches_as_indexes(data, overlapping=True)
                for number, start, end in found:
                    if keys := self.keys.get(texts[number]):
                        yield start, end, keys

    def in_text(self, text: str) -> Iterator[tuple[int, int, list[Payload]]]:
        """Yield the same for a text, by offsets of characters, in order of position."""
        data = text.encode("utf-8", "surrogatepass")
        place = Places(data)
        for start, end, payloads in sorted(self.occurrences(data), key=_start):
            first = place(start)
            yield first, first + len(data[start:end].decode("utf-8", "surrogatepass")), payloads


def _built(texts: list[bytes]) -> tuple[BytesAhoCorasick | None, Sequence[bytes]]:
    if not texts:
        return None, ()
    # A DFA reads faster, but takes ten times as long to build and a hundred times the memory.
    automaton = BytesAhoCorasick(
        texts, matchkind=MatchKind.Standard, implementation=Implementation.ContiguousNFA
    )
    return automaton, texts


class Places:
    """Turns offsets in UTF-8 into offsets of characters, cheaply when they rise."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._ascii = data.isascii()
        self._last = (0, 0)

    def __call__(self, offset: int) -> int:
        """Return the number of characters before an offset, which is at the end of one."""
        if self._ascii:
            return offset
        start, characters = self._last if offset >= self._last[0] else (0, 0)
        characters += len(self._data[start:offset].decode("utf-8", "surrogatepass"))
        self._last = (offset, characters)
        return characters
