r"""A long text in pieces: detectors read a megabyte as they read a page, in the memory of a page.

A piece ends where a paragraph ends, else a line, a sentence or a word, as near to `LONGEST`
characters as there is one. Detectors read it with some thousand characters of what stands before
and behind it. What they find belongs to the piece that it begins in: a name or a key that runs over
a cut is found whole by the first of the two, and both know what announces it. What reaches further
than the first one reads is put together of what both have found.

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
        known: Where they stopped to read the piece before.
    """

    start: int
    first: int
    last: int
    stop: int
    known: int = 0

    def add_to(self, found: list[Finding], here: Sequence[Finding]) -> None:
        """Add what was found in the piece and belongs to it, by offsets in the whole text."""
        at = self.start
        for f in here:
            moved = replace(f, start=f.start + at, end=f.end + at) if at else f
            if self.first <= moved.start < self.last:
                found.append(moved)
            elif moved.start < self.first and moved.end > self.known:
                _go_on(found, moved)


def pieces(text: str, longest: int = LONGEST, around: int = _AROUND) -> Iterator[Piece]:
    """Cut a text into pieces, in order: one, if it has at most `longest` characters.

    Args:
        text: Any text.
        longest: Of a piece, in characters.
        around: How much is read before and behind it at most, and half as much at least.
    """
    first = known = 0
    while first < len(text) or not first:
        rest = len(text) - first
        last = len(text) if rest <= longest else _cut(text, first + longest // 2, first + longest)
        start = _cut(text, first - around, first - around // 2) if first > around else 0
        stop = _cut(text, last + around // 2, last + around)
        yield Piece(start, first, last, stop, known)
        if last == len(text):
            return
        first, known = last, stop


def _go_on(found: list[Finding], rest: Finding) -> None:
    """Join what runs on over a whole overlap with its beginning, or keep it by itself."""
    for index, f in enumerate(found):
        if f.entity_type == rest.entity_type and f.start <= rest.start < f.end:
            found[index] = replace(f, end=max(f.end, rest.end))
            return
    found.append(rest)


def _cut(text: str, least: int, most: int) -> int:
    """Return where a text is best cut between two offsets."""
    if most >= len(text):
        return len(text)
    for end in _ENDS:
        if (at := text.rfind(end, least, most)) >= 0:
            return at + len(end)
    return most
