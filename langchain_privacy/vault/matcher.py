"""Finding a session's values in a text: exactly, all at once."""

import math
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import ahocorasick

from langchain_privacy.vault.session import ValueMatch, VaultEntry

if TYPE_CHECKING:
    from langchain_privacy.vault.session import VaultSession

_SMALL_TAIL = 64


class ValueMatcher:
    """Aho-Corasick over the private values of a session, brought up to date when it is asked.

    A text is read once however many values there are (Aho and Corasick 1975,
    doi:10.1145/360825.360855). The automaton cannot grow, so new values go into a second, small
    one until rebuilding the first pays. Spelling variants are not its business: it finds what the
    session holds, character by character.
    """

    def __init__(self, session: "VaultSession") -> None:
        self._session = session
        self._lock = threading.Lock()
        self._known = 0
        self._in_main = 0
        self._automata: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        return f"<ValueMatcher of {self._known} values>"

    def find(self, text: str) -> list[ValueMatch]:
        """Return the values in `text`: leftmost first, the longest of those, none overlapping."""
        self._bring_up_to_date()
        found = [
            (end + 1 - len(entry.value), -end - 1, entry)
            for automaton in self._automata
            for end, entry in automaton.iter(text)
        ]
        found.sort(key=lambda match: match[:2])
        matches: list[ValueMatch] = []
        free = 0
        for start, negative_end, entry in found:
            if start >= free:
                free = -negative_end
                matches.append(ValueMatch(start=start, end=free, entry=entry))
        return matches

    def _bring_up_to_date(self) -> None:
        if self._session.version == self._known:
            return
        with self._lock:
            tail = self._session.entries(self._in_main)
            known = self._in_main + len(tail)
            if len(tail) > max(_SMALL_TAIL, 4 * math.isqrt(self._in_main)):
                self._automata = _automata(self._session.entries()[:known])
                self._in_main = known
            else:
                main = self._automata[:1] if self._in_main else ()
                self._automata = (*main, *_automata(tail))
            self._known = known  # last: who sees it must find the automata ready


def _automata(entries: Sequence[VaultEntry]) -> tuple[Any, ...]:
    """Build one automaton, or none when there is nothing to find."""
    automaton = ahocorasick.Automaton()
    for entry in entries:
        if not entry.is_private or not entry.value:
            continue
        if entry.value not in automaton:  # the first type given to a value counts
            automaton.add_word(entry.value, entry)
    if not len(automaton):
        return ()
    automaton.make_automaton()
    return (automaton,)
