"""How text is folded before a private value is looked for in it.

Both sides, the vault's values and the payload, are reduced to a *skeleton* in the sense of Unicode
TR39 section 4, stripped of everything that is no letter or digit: case, width, accents, zero-width
and format characters, separators, look-alike letters of other scripts, and the look-alikes O/0 and
I/l/1 of our own.
"""

import re
import unicodedata
from functools import cache

HARD = "\x1f"
"""Stands where text must not be joined; survives folding and is part of no value."""

SOFT = "\x1e"
"""Stands between two pieces of a payload; a value may be split over it."""

# Look-alikes after case folding, from Unicode's confusables.txt (TR39): the letters of Cyrillic,
# Greek, Armenian and Cherokee that read as Latin in common fonts. NFKD covers the rest (full-width,
# mathematical, circled, accented, ligatures).
_LATIN = {
    "a": "аɑαᴀ",
    "b": "ьвβʙᏼᖯ",
    "c": "сϲᴄⲥ",
    "d": "ԁɗᏧᑯ",
    "e": "еєҽɛεᴇ℮",
    "f": "ғƒſẝ",
    "g": "ɡցԍǥ",
    "h": "һհнᏂħ",
    "i": "іıɩιӏɪⅰ",
    "j": "јϳʝɉ",
    "k": "кκᴋқ",
    "l": "ⅼⲓǀɫłⵏ",
    "m": "мμᴍɱ",
    "n": "ոпηɴռɲ",
    "o": "оοօσᴏဝ௦ഠɵøσ",
    "p": "рρᴘþ",
    "q": "ԛգզ",
    "r": "гᴦʀɾ",
    "s": "ѕꜱʂ",
    "t": "тτᴛŧ",
    "u": "υսᴜʋц",
    "v": "ѵνᴠ",
    "w": "ԝաᴡшωɯ",
    "x": "хχ×",
    "y": "уүγʏყ",
    "z": "ᴢʐƶ",
    "0": "ⵔ᠐o",
    "1": "il",
    "3": "зэʒ",
    "4": "чᏎ",
    "6": "б",
}
_LOOKALIKE = {other: latin for latin, others in _LATIN.items() for other in others}
# Hangul fillers are letters to Unicode and blank to the eye.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")
# Letters in boxes and flags have no decomposition in Unicode.
_BOXED = ((0x1F130, 26), (0x1F150, 26), (0x1F170, 26), (0x1F1E6, 26))


@cache
def fold_character(character: str) -> str:
    """Return the skeleton of one character: letters and digits, or nothing."""
    if character == HARD:
        return HARD
    code = ord(character)
    for first, count in _BOXED:
        if first <= code < first + count:
            character = chr(ord("a") + code - first)
    if character in _BLANK:
        return ""
    # Hangul syllables would fall apart into jamo under NFKD.
    hangul = "가" <= character <= "힣"
    parts = character if hangul else unicodedata.normalize("NFKD", character).casefold()
    out = []
    for part in parts:
        folded = _LOOKALIKE.get(part, part)
        folded = _LOOKALIKE.get(folded, folded)
        if folded.isdecimal():
            folded = str(unicodedata.decimal(folded))
        if folded.isalnum():
            out.append(folded)
    return "".join(out)


class _Table(dict[int, str | None]):
    """A `str.translate` table that fills itself."""

    def __missing__(self, code: int) -> str | None:
        # `None`, not an empty string: CPython translates ASCII several times faster then.
        folded = fold_character(chr(code)) or None
        self[code] = folded
        return folded


_TABLE = _Table()
_NOT_ASCII = re.compile(r"([^\x00-\x7f]+)")


def compose(text: str) -> str:
    """Compose what was decomposed (macOS writes Hangul as jamo)."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def fold(text: str) -> str:
    """Return the skeleton of a text that was composed; O(n)."""
    if text.isascii():
        return text.translate(_TABLE)
    # A single dash makes CPython look up every character by itself.
    return "".join([part.translate(_TABLE) for part in _NOT_ASCII.split(text)])


def positions(text: str) -> list[int]:
    """Return, for every character of `fold(text)`, the index it came from, and `len(text)` last."""
    at = [i for i, character in enumerate(text) for _ in _TABLE[ord(character)] or ""]
    at.append(len(text))
    return at
