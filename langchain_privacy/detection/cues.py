"""Words that announce a value, found in one pass.

An alternation of a hundred labels costs a regular expression a hundred tries at every character.
An Aho-Corasick automaton reads the text once, and a pattern is tried only behind a label.
"""

from collections.abc import Iterable, Iterator

import ahocorasick


class Cues:
    """A set of lower-case words or phrases to look for."""

    def __init__(self, words: Iterable[str], *, inside: bool = False) -> None:
        """Take the words; with `inside` they also count as the end or the middle of a word."""
        self._inside = inside
        self._automaton = ahocorasick.Automaton(ahocorasick.STORE_LENGTH)
        for word in words:
            self._automaton.add_word(word)
        self._automaton.make_automaton()

    def find(self, lower: str) -> Iterator[tuple[int, int]]:
        """Yield `(start, end)` of every cue; Latin ones only as whole words unless `inside`."""
        for last, length in self._automaton.iter(lower):
            start, end = last - length + 1, last + 1
            if self._inside or not (_glued(lower, start - 1, start) or _glued(lower, end - 1, end)):
                yield start, end


def _glued(text: str, left: int, right: int) -> bool:
    if left < 0 or right >= len(text):
        return False
    return _latin(text[left]) and _latin(text[right])


def _latin(char: str) -> bool:
    return char.isalnum() and not "가" <= char <= "힣"
