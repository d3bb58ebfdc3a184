"""Reading what is traced for values, each distinct part of it once.

A tracer records the whole conversation at every step: 50 turns make ten megabytes of JSON out of
fifty kilobytes of text. What was read and held nothing is known again, as the beginning of a
document that grew, or as a string of another document.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Self

import ahocorasick

from langchain_privacy.egress.matcher import is_whole_word

_MESSAGE = b'"content":'
_ADJOINING = ('",', '":', ',"', ':"')
_LONG, _HEAD = 4_096, 1_024
_REMEMBERED = 4 << 20  # bytes of parts, and as many of beginnings
_FEW = 64


class Key(NamedTuple):
    """How a value is spelled: its length in characters and what stands for it."""

    length: int
    placeholder: str
    whole: bool


class Reader:
    """Finds a fixed set of values in texts and JSON documents. Thread-safe.

    Documents are cut between strings, at `","` and `":"`. A quote inside a JSON string is escaped,
    so such a cut splits no value unless a value's own spelling has a quote at that place; then they
    are cut at the coarser `"content":`, which no JSON string contains either.
    """

    def __init__(self, *parts: Mapping[str, Key]) -> None:
        self._automata = tuple(_automaton(keys) for keys in parts if keys)
        self._fine = not any(_may_be_cut(text) for keys in parts for text in keys)
        self._clean: set[bytes] = set()
        self._clean_size = 0
        self._begun: dict[bytes, bytes] = {}
        self._begun_size = 0

    def following(self, tail: Mapping[str, Key], new: Iterable[str]) -> Self:
        """Return a reader of more values, built on this one's first automaton.

        It still knows what this one read when none of the `new` spellings occurs there.
        """
        reader = type(self)(tail)
        reader._automata = self._automata[:1] + reader._automata  # noqa: SLF001
        reader._fine &= self._fine  # noqa: SLF001
        written = [text.encode("utf-8", "surrogatepass") for text in new]
        if reader._fine == self._fine and len(written) <= _FEW:  # noqa: SLF001
            known = b"\0".join(self._clean.copy())
            if not any(text in known for text in written):
                reader._clean, reader._clean_size = set(known.split(b"\0")), len(known)  # noqa: SLF001
                reader._begun, reader._begun_size = self._begun.copy(), self._begun_size  # noqa: SLF001
        return reader

    def matches(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Yield start, end and placeholder of every value in a text; they may overlap."""
        for automaton in self._automata:
            for last, key in automaton.iter(text):
                start, end = last + 1 - key.length, last + 1
                if not key.whole or is_whole_word(text, start, end):
                    yield start, end, key.placeholder

    def holds(self, text: str) -> bool:
        """Tell whether a value stands in a text."""
        return next(self.matches(text), None) is not None

    def json_holds(self, data: bytes) -> bool:
        """Tell whether a value stands in a serialised JSON document."""
        start, head = 0, b""
        if len(data) > _LONG:
            head = data[:_HEAD]
            known = self._begun.get(head)
            if known is not None and data.startswith(known):
                start = len(known)
        rest = data[start:]
        parts = rest.replace(b'":"', b'","').split(b'","') if self._fine else rest.split(_MESSAGE)
        new = set(parts) - self._clean
        if new:
            text = b"\0".join(new).decode("utf-8", "replace")
            if self.holds(text):
                return True
            self._remember(new, len(text))
        if len(rest) > _LONG:
            self._begin(head, data[: data.rfind(_MESSAGE)])
        return False

    def _remember(self, parts: set[bytes], size: int) -> None:
        if self._clean_size > _REMEMBERED:
            self._clean, self._clean_size = set(), 0
        self._clean |= parts
        self._clean_size += size

    def _begin(self, head: bytes, data: bytes) -> None:
        if len(data) <= _HEAD:
            return
        if self._begun_size > _REMEMBERED:
            self._begun, self._begun_size = {}, 0
        self._begun[head] = data
        self._begun_size += len(data)


def _may_be_cut(text: str) -> bool:
    return text[:1] == '"' or text[-1:] == '"' or any(cut in text for cut in _ADJOINING)


def _automaton(keys: Mapping[str, Key]) -> Any:
    automaton = ahocorasick.Automaton()
    for text, key in keys.items():
        automaton.add_word(text, key)
    automaton.make_automaton()
    return automaton
