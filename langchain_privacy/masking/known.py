"""What a session already knows: its entity types, its codes and its values."""

import re
import threading
from bisect import bisect_left
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

import ahocorasick

from langchain_privacy.masking.tolerant import Forms, forms_of
from langchain_privacy.vault import VaultEntry, VaultSession
from langchain_privacy.words import load

_REBUILD_AT = 64
_HANGUL = re.compile(r"[가-힣]+")
_WORDY = re.compile(r"[^\W_]")


@dataclass(frozen=True, slots=True)
class KnownValue:
    """A value of the session that stands in a text."""

    start: int
    end: int
    entity_type: str


class _Hunted(NamedTuple):
    number: int
    lowered: str
    entry: VaultEntry


_number = attrgetter("number")


class Known:
    """Derived from a session's entries, lazily, as they grow. Thread-safe.

    A value that was found once is private wherever it stands: also with other case, in the
    genitive or with a particle. A short or everyday word is not hunted down: `Mark` does not make
    `mark` private, and two digits are not searched for.
    """

    def __init__(self, vault: VaultSession) -> None:
        self._vault = vault
        self._lock = threading.Lock()
        self._version = -1
        self._entries: list[VaultEntry] = []
        self._types: frozenset[str] = frozenset()
        self._longest_code = 4
        self._forms: Forms | None = None
        self._automaton: ahocorasick.Automaton | None = None
        self._built = 0
        self.resets = 0
        self._hunted: list[_Hunted] = []

    def __repr__(self) -> str:
        return f"<Known of {len(self._entries)} values>"

    def forms(self) -> Forms | None:
        """Return what recognises the session's placeholders, `None` when it has issued none."""
        self._refresh()
        return self._forms

    def count(self) -> int:
        """Return the number of entries seen so far, a mark for `appears`."""
        self._refresh()
        return len(self._entries)

    def _refresh(self) -> None:
        version = self._vault.version
        if version == self._version:
            return
        with self._lock:
            entries = list(self._vault.entries())
            seen = len(self._entries)
            if entries[:seen] != self._entries:
                # entries expired or were erased: what was derived from them goes too
                self._automaton, self._built, self._hunted, seen = None, 0, [], 0
                self._types, self._longest_code = frozenset(), 4
                self.resets += 1
            new = entries[seen:]
            self._types |= {e.entity_type for e in new}
            self._longest_code = max([self._longest_code, *(len(e.code) for e in new)])
            self._hunted = self._hunted + [
                _Hunted(n, e.value.lower(), e) for n, e in enumerate(new, seen) if _is_hunted(e)
            ]
            self._forms = forms_of(self._types, self._longest_code) if entries else None
            self._entries = entries
            if len(self._hunted) - self._built > max(_REBUILD_AT, self._built // 8):
                self._build()
            self._version = version

    def _build(self) -> None:
        automaton = ahocorasick.Automaton()
        for hunted in self._hunted:
            automaton.add_word(hunted.lowered, hunted.entry)
        automaton.make_automaton()
        self._automaton, self._built = automaton, len(self._hunted)

    def appears_since(self, count: int, text: str) -> bool:
        """Say whether a value that came after the first `count` entries may stand in a text."""
        lowered = text.lower()
        return any(value in lowered for value in self.hunted_since(count))

    def hunted_since(self, count: int) -> list[str]:
        """Return the lowered values after the first `count` entries that are searched for."""
        self._refresh()
        hunted = self._hunted
        return [h.lowered for h in hunted[bisect_left(hunted, count, key=_number) :]]

    def find(self, text: str) -> list[KnownValue]:
        """Find the session's values in a text; they may overlap."""
        self._refresh()
        with self._lock:
            automaton, recent = self._automaton, self._hunted[self._built :]
        if automaton is None and not recent:
            return []
        lowered = text.lower()
        if len(lowered) != len(text):
            lowered = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
        hits: list[tuple[int, VaultEntry]] = []
        if automaton is not None:
            hits += [(end + 1 - len(e.value), e) for end, e in automaton.iter(lowered)]
        for _, needle, entry in recent:
            at = lowered.find(needle)
            while at >= 0:
                hits.append((at, entry))
                at = lowered.find(needle, at + 1)
        return [
            KnownValue(start, start + len(entry.value), entry.entity_type)
            for start, entry in hits
            if _stands(text, start, entry.value)
        ]


def _is_hunted(entry: VaultEntry) -> bool:
    value = entry.value
    if value.islower() and value in load("common_words"):
        return False  # a word that an address began with, say
    if not entry.is_private or len(value.lower()) != len(value):
        return False
    if value.isascii() and value.replace(".", "").replace(",", "").isdigit():
        return len(value) >= 5
    wordy = len(_WORDY.findall(value))
    return wordy >= 3 or (wordy == 2 and _HANGUL.fullmatch(value) is not None)


def _stands(text: str, start: int, value: str) -> bool:
    """Say whether a value stands at `start` as a word of its own."""
    end = start + len(value)
    found = text[start:end]
    if found != value and not _case_may_differ(value, found):
        return False
    before = text[start - 1] if start else " "
    after = text[end] if end < len(text) else " "
    if _HANGUL.fullmatch(value):
        # 민수는, 민수씨: what follows Hangul is a particle as a rule; what precedes it is not
        return not "가" <= before <= "힣" or len(value) > 2
    left = not (_joins(value[0], before))
    right = not (_joins(value[-1], after))
    return left and right


def _joins(edge: str, neighbour: str) -> bool:
    """Say whether two neighbouring characters belong to one word."""
    if not (edge.isalnum() and neighbour.isalnum()):
        return False
    hangul = "가" <= neighbour <= "힣"
    return edge.isdigit() == neighbour.isdigit() and ("가" <= edge <= "힣") == hangul


def _case_may_differ(value: str, found: str) -> bool:
    letters = [c for c in value if c.isalpha()]
    if len(letters) < len(value) or len(value) >= 7:
        return True
    return found.isupper()
