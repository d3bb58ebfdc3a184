"""Words that announce a value, looked up among the words of the text.

An alternation of a hundred labels costs a regular expression a hundred tries at every character. A
text is cut into words once, for all cues; a pattern is tried only behind a cue that is there.
"""

import re
from collections.abc import Iterable, Iterator

from langchain_privacy.detection.folded import FoldedText

_FIRST_WORD = re.compile(r"[a-z\u00df-\u024f]*")


class Cues:
    """A set of lower-case words or phrases in Latin letters or in Hangul."""

    def __init__(self, words: Iterable[str]) -> None:
        """Take the words; those in Hangul count inside a word as well."""
        self._by_first: dict[str, list[str]] = {}
        for word in dict.fromkeys(words):
            first = _FIRST_WORD.match(word)
            self._by_first.setdefault(first[0] if first else "", []).append(word)
        hangul = sorted(map(re.escape, self._by_first.pop("", [])), key=len, reverse=True)
        self._hangul = re.compile("|".join(hangul)) if hangul else None

    def find(self, text: FoldedText) -> Iterator[tuple[int, int]]:
        """Yield `(start, end)` of every cue, in no order; Latin ones only as whole words."""
        for first in self._by_first.keys() & text.words:
            for cue in self._by_first[first]:
                for start, end in _occurrences(text.lower, cue):
                    if not (_glued(text.lower, start) or _glued(text.lower, end)):
                        yield start, end
        if self._hangul is not None and text.hangul:
            for match in self._hangul.finditer(text.lower):
                yield match.span()


def _occurrences(text: str, cue: str) -> Iterator[tuple[int, int]]:
    start = text.find(cue)
    while start >= 0:
        end = start + len(cue)
        yield start, end
        start = text.find(cue, start + 1)


def _glued(text: str, at: int) -> bool:
    """Say whether letters or digits, none of them Hangul, go on across an offset."""
    return 0 < at < len(text) and _latin(text[at - 1]) and _latin(text[at])


def _latin(char: str) -> bool:
    return char.isalnum() and not "가" <= char <= "힣"
