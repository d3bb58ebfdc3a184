"""A text as the rules see it: one spelling for looking, the original for offsets.

Private values arrive in full-width digits, typographic hyphens, decomposed Hangul (macOS file
names) or with zero-width characters inside. Rules look at the normal form (`values.fold.normal`);
findings are mapped back to the characters of the original.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from langchain_privacy.detection.anchors import Words, words_of
from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.once import once
from langchain_privacy.values.fold import Normal, normal

UPPER = "A-Z" + "".join(
    chr(code) for code in (*range(0xC0, 0x530), *range(0x1E00, 0x2000)) if chr(code).isupper()
)
"""Capital letters of the Latin, Greek, Cyrillic and Armenian scripts, for a character class."""

_HANGUL = re.compile(r"[가-힣]")
_LETTER = re.compile(r"[^\W\d_가-힣]")
_LONG = 15
_ISLAND_GAP = 4
_ISLAND_SHORE = 10


_Islands = tuple[tuple[int, int, int], ...]


def _by_digits(islands: Iterable[tuple[int, int, int]]) -> tuple[_Islands, ...]:
    """Return, for each least number of digits, the islands that have so many."""
    groups = [tuple(islands)]
    for digits in range(1, 14):
        groups.append(tuple(island for island in groups[-1] if island[2] >= digits))
    return tuple(groups)


@dataclass(frozen=True)
class FoldedText:
    """A text as the rules see it.

    Attributes:
        text: ASCII digits, hyphens and punctuation, composed Hangul, nothing invisible.
        lower: `text` in lower case, character for character.
        said: The words and numbers of `text`, and where they begin.
        normal: The same with the way back to the original.
    """

    text: str
    lower: str
    said: Words
    normal: Normal

    @cached_property
    def words(self) -> frozenset[str]:
        """The words in Latin letters that occur, in lower case."""
        return self.said.known

    @cached_property
    def islands(self) -> _Islands:
        """Stretches around digits, so that rules about numbers need not read the prose.

        `(start, end, count)` of digits that stand close together, with a little of what is around
        them, and how many digits they are.
        """
        return _islands(self.said)

    @cached_property
    def hangul(self) -> bool:
        """Whether a Korean rule can find anything: one fast look, or none for ASCII."""
        return not self.text.isascii() and _HANGUL.search(self.text) is not None

    @cached_property
    def long_words(self) -> tuple[tuple[int, int], ...]:
        """Where what stands between white space is long enough for a key."""
        places, at = [], 0
        for word in [word for word in self.text.split() if len(word) >= _LONG]:
            at = self.text.index(word, at)
            places.append((at, at + len(word)))
            at += len(word)
        return tuple(places)

    def islands_of(self, digits: int, *, letters: bool) -> _Islands:
        """Return the islands of at least so many digits (13 at most), with Latin letters or all."""
        return (self._with_letters if letters else self._by_digits)[digits]

    @cached_property
    def _by_digits(self) -> tuple[_Islands, ...]:
        return _by_digits(self.islands)

    @cached_property
    def _with_letters(self) -> tuple[_Islands, ...]:
        return _by_digits(i for i in self.islands if _LETTER.search(self.text, i[0], i[1]))

    def to_original(self, finding: Finding) -> Finding:
        """Move a finding from the folded spelling to the original text."""
        start, end = self.normal.span(finding.start, finding.end)
        return (
            finding
            if (start, end) == (finding.start, finding.end)
            else replace(finding, start=start, end=end)
        )


@once
def fold(text: str) -> FoldedText:
    """Fold a text for the rules. Linear in time."""
    form = normal(text)
    said = words_of(form.text)
    return FoldedText(form.text, said.lower, said, form)


def _islands(said: Words) -> _Islands:
    islands: list[tuple[int, int, int]] = []
    first = last = -1
    count = 0
    for start, end in said.numbers:
        if start - last > _ISLAND_GAP or last < 0:
            if count:
                islands.append((max(0, first - _ISLAND_SHORE), last + _ISLAND_SHORE, count))
            first, count = start, 0
        count += end - start
        last = end
    if count:
        islands.append(
            (max(0, first - _ISLAND_SHORE), min(len(said.text), last + _ISLAND_SHORE), count)
        )
    return tuple(islands)
