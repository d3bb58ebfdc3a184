r"""A long text in pieces: detectors read a megabyte as they read a page, in the memory of a page.

A piece ends where a paragraph ends, else a line, a sentence or a word, as near to `LONGEST`
characters as there is one. Detectors read it with some thousand characters of what stands before
and behind it. What they find belongs to the piece that it begins in: a name or a key that runs over
a cut is found whole by the first of the two, and both know what announces it. A value that is
longer than what is read behind a cut may be cut there.

    >>> [text[piece.first : piece.last] for text in ["a b c d"] for piece in pieces(text, 4, 2)]
    ['a b ', 'c d']
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from langchain_privacy.detection.finding import Finding

LONGEST = 2**17
"""Characters up to which a text is read as one."""
_AROUND = 2**13
_ENDS = ("\n\n", "\n", ". ", " ")


class Piece(NamedTuple):
    """A piece of a text.

    Attributes:
        start: Where detectors begin to read.
        first: Where the piece begins.
        last: Where it ends, and the next one begins.
        stop: Where detectors stop to read.
    """

    start: int
    first: int
    last: int
    stop: int

    def own(self, found: Sequence[Finding]) -> Iterator[Finding]:
        """Yield the findings that begin in the piece, by offsets in the whole text."""
        first, last, at = self.first - self.start, self.last - self.start, self.start
        for f in found:
            if first <= f.start < last:
                yield replace(f, start=f.start + at, end=f.end + at) if at else f


def pieces(text: str, longest: int = LONGEST, around: int = _AROUND) -> Iterator[Piece]:
    """Cut a text into pieces, in order: one, if it has at most `longest` characters.

    Args:
        text: Any text.
        longest: Of a piece, in characters.
        around: How much is read before and behind it at most, and half as much at least.
    """
    first = 0
    while first < len(text) or not first:
        rest = len(text) - first
        last = len(text) if rest <= longest else _cut(text, first + longest // 2, first + longest)
        start = _cut(text, first - around, first - around // 2) if first > around else 0
        stop = _cut(text, last + around // 2, last + around)
        yield Piece(start, first, last, stop)
        if last == len(text):
            return
        first = last


def _cut(text: str, least: int, most: int) -> int:
    """Return where a text is best cut between two offsets."""
    if most >= len(text):
        return len(text)
    for end in _ENDS:
        if (at := text.rfind(end, least, most)) >= 0:
            return at + len(end)
    return most
