"""One spelling for looking, the original for offsets.

Private values arrive in full-width digits, typographic hyphens, decomposed Hangul (macOS file
names) or with zero-width characters inside. Rules look at the folded spelling; findings are mapped
back to the characters of the original.
"""

# ruff: noqa: E501 - a pattern or a table reads better whole

import re
import sys
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from langchain_privacy.detection.finding import Finding

_INVISIBLE = dict.fromkeys([0xAD, 0x61C, *range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFEFF])  # fmt: skip


def _same_length_table() -> dict[int, str]:
    table = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    table |= dict.fromkeys([0xA0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000], " ")
    table |= dict.fromkeys([*range(0x2010, 0x2016), 0x2212, 0xFE58, 0xFE63, 0xFF0D], "-")
    table |= dict.fromkeys([0x2018, 0x2019, 0x201B, 0xFF07], "'")
    for code in range(0x80, sys.maxunicode + 1):
        if (digit := unicodedata.digit(chr(code), None)) is not None and chr(code).isdecimal():
            table[code] = str(digit)
    return table


_TABLE = _same_length_table()

_HIDDEN = re.compile(f"[{''.join(map(chr, _INVISIBLE))}]")
# One class for the basic plane and one range above it: a class of both is many times slower.
_FOLDABLE = re.compile(f"[{''.join(chr(code) for code in _TABLE if code < 0x10000)}]")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")

UPPER = "A-Z" + "".join(
    chr(code) for code in (*range(0xC0, 0x530), *range(0x1E00, 0x2000)) if chr(code).isupper()
)
"""Capital letters of the Latin, Greek, Cyrillic and Armenian scripts, for a character class."""

_HANGUL = re.compile(r"[가-힣]")
_LETTER = re.compile(r"[^\W\d_가-힣]")
_LATIN_WORD = re.compile(r"[a-z\u00df-\u024f\u0370-\u052f]+")
_DIGITS = re.compile(r"\d+")
_ISLAND_GAP = 4
_ISLAND_SHORE = 10


_Groups = tuple[tuple[int, int, int], ...]


def _by_digits(islands: Iterable[tuple[int, int, int]]) -> tuple[_Groups, ...]:
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
        origins: Where in the original each folded character begins; `None` when the two are
            equally long, character for character.
        ends: Where in the original each folded character ends.
        islands: Stretches around digits: `(start, end, count)` of digits that stand close together,
            with a little of what is around them, and how many digits they are.
    """

    text: str
    lower: str
    origins: tuple[int, ...] | None
    ends: tuple[int, ...] | None
    islands: tuple[tuple[int, int, int], ...] = field(default=())

    @cached_property
    def words(self) -> frozenset[str]:
        """The words in Latin letters that occur, in lower case."""
        return frozenset(_LATIN_WORD.findall(self.lower))

    @cached_property
    def hangul(self) -> bool:
        """Whether a Korean rule can find anything: one fast look, or none for ASCII."""
        return not self.text.isascii() and _HANGUL.search(self.text) is not None

    def islands_of(self, digits: int, *, letters: bool) -> _Groups:
        """Return the islands of at least so many digits (13 at most), with Latin letters or all."""
        return (self._with_letters if letters else self._by_digits)[digits]

    @cached_property
    def _by_digits(self) -> tuple[_Groups, ...]:
        return _by_digits(self.islands)

    @cached_property
    def _with_letters(self) -> tuple[_Groups, ...]:
        return _by_digits(i for i in self.islands if _LETTER.search(self.text, i[0], i[1]))

    def to_original(self, finding: Finding) -> Finding:
        """Move a finding from the folded spelling to the original text."""
        if self.origins is None or self.ends is None:
            return finding
        return Finding(
            start=self.origins[finding.start],
            end=self.ends[finding.end - 1],
            entity_type=finding.entity_type,
            score=finding.score,
            detector=finding.detector,
        )


def fold(text: str) -> FoldedText:
    """Fold widths, digits, hyphens and compositions; drop invisible characters. Linear in time."""
    if text.isascii():
        return FoldedText(text, text.lower(), None, None, _islands(text))
    folded, origins, ends = text, None, None
    if _HIDDEN.search(text) or not unicodedata.is_normalized("NFC", text):
        folded, origins, ends = _compose(text)
    if _FOLDABLE.search(folded) or _ASTRAL.search(folded):
        folded = folded.translate(_TABLE)
    return FoldedText(folded, _lower(folded), origins, ends, _islands(folded))


def _islands(text: str) -> tuple[tuple[int, int, int], ...]:
    """Return where the digits are, so that rules about numbers need not read the prose."""
    islands: list[tuple[int, int, int]] = []
    first = last = -1
    count = 0
    for match in _DIGITS.finditer(text):
        start, end = match.span()
        if start - last > _ISLAND_GAP or last < 0:
            if count:
                islands.append((max(0, first - _ISLAND_SHORE), last + _ISLAND_SHORE, count))
            first, count = start, 0
        count += end - start
        last = end
    if count:
        islands.append((max(0, first - _ISLAND_SHORE), min(len(text), last + _ISLAND_SHORE), count))
    return tuple(islands)


def _compose(text: str) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
    """Compose cluster by cluster: a starter with what combines with it, jamo as one syllable."""
    out: list[str] = []
    origins: list[int] = []
    ends: list[int] = []
    at = 0
    while at < len(text):
        end = at + 1
        if ord(text[at]) in _INVISIBLE:
            at = end
            continue
        while end < len(text) and end - at < 32 and _joins(text[end]):
            end += 1
        piece = unicodedata.normalize("NFC", text[at:end]) if end - at > 1 else text[at]
        out.append(piece)
        origins += [at] * len(piece)
        ends += [end] * len(piece)
        at = end
    return "".join(out), tuple(origins), tuple(ends)


def _joins(char: str) -> bool:
    return unicodedata.combining(char) != 0 or "\u1160" <= char <= "\u11ff"


def _lower(text: str) -> str:
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
