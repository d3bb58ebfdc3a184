"""A text as the rules see it: one spelling for looking, the original for offsets.

Private values arrive in full-width digits, typographic hyphens, decomposed Hangul (macOS file
names) or with zero-width characters inside. Rules look at the normal form (`values.fold.normal`);
findings are mapped back to the characters of the original.
"""

import re
from dataclasses import replace
from operator import itemgetter

from langchain_privacy.detection.anchors import Words, words_of
from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.once import once
from langchain_privacy.values.fold import Normal, normal
from langchain_privacy.words.korean import SYLLABLE

UPPER = "A-Z" + "".join(
    chr(code) for code in (*range(0xC0, 0x530), *range(0x1E00, 0x2000)) if chr(code).isupper()
)
"""Capital letters of the Latin, Greek, Cyrillic and Armenian scripts, for a character class."""

_LETTER = re.compile(r"[^\W\d_가-힣]")
_LONG = 15
_ISLAND_GAP = 4
_ISLAND_SHORE = 10


_count = itemgetter(2)
_MOST = 13
"""Digits that a rule asks for, at most."""

HANGUL, LONG_WORD, NOT_ASCII = "가", "a long word", "é"
"""Signs of a text: it has Hangul, a word that is long enough for a key, anything but ASCII."""


def digits(least: int, *, letters: bool = False) -> str:
    """Return the sign of a text in which so many digits stand close together, 13 at most.

    Args:
        least: How many.
        letters: Whether letters that are not Hangul stand among them.
    """
    return ("a" if letters else "") + "0" * least


_DIGIT_SIGNS = [
    [frozenset(digits(n, letters=letters) for n in range(1, most + 1)) for most in range(_MOST + 1)]
    for letters in (False, True)
]

MEASURED = frozenset({HANGUL, LONG_WORD, NOT_ASCII}.union(*_DIGIT_SIGNS[0], *_DIGIT_SIGNS[1]))
"""Signs that are no words and no parts of a text."""

WORDS_AS_SIGNS: set[str] = set()
"""Words that are a sign for a rule: most texts have few of them, and are asked once for all."""

PARTS_AS_SIGNS: set[str] = set()
"""What is a sign for a rule wherever it stands, in small letters."""


class FoldedText:
    """A text as the rules see it.

    Attributes:
        text: ASCII digits, hyphens and punctuation, composed Hangul, nothing invisible.
        lower: `text` in lower case, character for character.
        said: The words and numbers of `text`, and where they begin.
        words: The words in Latin letters that occur, in lower case.
        normal: The same with the way back to the original.
        hangul: Whether a Korean rule can find anything.
        long_words: Where what stands between white space is long enough for a key.
        islands: Stretches around digits, so that rules about numbers need not read the prose:
            `(start, end, count)` of digits that stand close together, with a little of what is
            around them, and how many digits they are. All of them, and those that have letters,
            too, that are not Hangul.
        cued: The words that are signs for some rule.
        signs: All signs for some rule.
    """

    def __init__(self, form: Normal) -> None:
        self.normal, self.text = form, form.text
        self.said = words_of(form.text)
        self.lower, self.words = self.said.lower, self.said.known
        self.hangul = not form.text.isascii() and SYLLABLE.search(form.text) is not None
        self.long_words: list[tuple[int, int]] = []
        at, words = 0, form.text.split()
        longest = max(map(len, words), default=0)
        for word in words if longest >= _LONG else ():
            if len(word) < _LONG:
                continue
            at = form.text.index(word, at)
            self.long_words.append((at, at + len(word)))
            at += len(word)
        islands = _islands(self.said)
        self.islands = islands, [i for i in islands if _LETTER.search(form.text, i[0], i[1])]
        self.cued = self.words & WORDS_AS_SIGNS
        # What of all that is a sign for some rule: one look decides for all rules.
        signs = {*self.cued}
        signs.update(filter(self.lower.__contains__, PARTS_AS_SIGNS))
        if not self.text.isascii():
            signs.update((NOT_ASCII, HANGUL) if self.hangul else (NOT_ASCII,))
        if self.long_words:
            signs.add(LONG_WORD)
        for table, signs_of in zip(self.islands, _DIGIT_SIGNS, strict=True):
            if table:
                signs.update(signs_of[min(max(map(_count, table)), _MOST)])
        self.signs = frozenset(signs)

    def to_original(self, finding: Finding) -> Finding:
        """Move a finding from the folded spelling to the original text."""
        if self.normal.origins is None:
            return finding
        start, end = self.normal.span(finding.start, finding.end)
        return (
            finding
            if (start, end) == (finding.start, finding.end)
            else replace(finding, start=start, end=end)
        )


@once
def fold(text: str) -> FoldedText:
    """Fold a text for the rules. Linear in time."""
    return FoldedText(normal(text))


def _islands(said: Words) -> list[tuple[int, int, int]]:
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
    return islands
