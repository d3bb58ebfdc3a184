r"""How text is reduced before something is looked for in it, with the way back to offsets.

There are three forms, because three things are looked for:

- `normal`: readable text. Widths, digits, hyphens and compositions are plain and nothing is
  invisible. Detectors' rules read it.
- `Skeleton`: letters and digits only, without case, accents, separators and look-alikes, after
  Unicode TR 39 section 4. Values are looked for in it: `Mira\nSolheim`, `MIRA-SOLHEIM` and
  `ｍｉｒａ_solheim` have one skeleton.
- `undecorated`: the same length as the text. Placeholders are looked for in it: width and style are
  decoration, but a Cyrillic letter in a code makes another code.

    >>> skeleton = Skeleton("File: Mira-Solheim.pdf")
    >>> skeleton.data
    b'f11em1ras01he1mpdf'
    >>> skeleton.span(4, 15)  # of `m1ras01he1m`
    (6, 18)
"""

import re
import sys
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import accumulate, chain, compress, repeat
from typing import NamedTuple

from langchain_privacy.words.signs import is_vowel_sign

HARD = "\x1f"
"""Stands where text must not be joined; survives folding and is part of no value."""

SOFT = "\x1e"
"""Stands between two pieces of a payload; a value may be split over it."""

# ---- readable text

_SPACES = [0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000]
_HIDDEN = [
    0xAD, 0x61C, *range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A),
    0xFEFF,
]  # fmt: skip


_LAST_DIGIT = 0x20000
"""Above it Unicode has Han and private use only, and no decimal digit."""


def _readable_table() -> dict[int, str]:
    table = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    table |= dict.fromkeys(_SPACES, " ")
    table |= dict.fromkeys([*range(0x2010, 0x2016), 0x2212, 0xFE58, 0xFE63, 0xFF0D], "-")
    table |= dict.fromkeys([0x2018, 0x2019, 0x201B, 0xFF07], "'")
    for code in range(0x80, _LAST_DIGIT):
        if (digit := unicodedata.digit(chr(code), None)) is not None and chr(code).isdecimal():
            table[code] = str(digit)
    return table


_READABLE = _readable_table()
_IS_HIDDEN = re.compile(f"[{''.join(map(chr, _HIDDEN))}]")
# One class for the basic plane and one range above it: a class of both is many times slower.
_FOLDABLE = re.compile(f"[{''.join(chr(code) for code in _READABLE if code < 0x10000)}]")


class Normal(NamedTuple):
    """A readable text, and where in the original each of its characters begins and ends.

    `origins` and `ends` are `None` where the two texts are equally long, character for character.
    """

    text: str
    origins: Sequence[int] | None = None
    ends: Sequence[int] | None = None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where `text[start:end]` stands in the original; `start < end`."""
        if self.origins is None or self.ends is None:
            return start, end
        return self.origins[start], self.ends[end - 1]

    def place(self, at: int) -> int:
        """Return where in `text` stands what begins at an offset of the original."""
        return at if self.origins is None else bisect_left(self.origins, at)


def _is_astral(text: str) -> bool:
    """Say whether a text has a character beyond the basic plane: two units of UTF-16."""
    return len(text.encode("utf-16-le", "surrogatepass")) > 2 * len(text)


def normal(text: str) -> Normal:
    """Make a text readable: widths, digits, hyphens, compositions. Linear in time."""
    if is_plain(text):
        return Normal(text)
    folded, origins, ends = text, None, None
    if _IS_HIDDEN.search(text) or not unicodedata.is_normalized("NFC", text):
        folded, origins, ends = _composed(text)
    if _FOLDABLE.search(folded) or _is_astral(folded):
        folded = folded.translate(_READABLE)
    return Normal(folded, origins, ends)


def _composed(text: str) -> tuple[str, list[int], list[int]]:
    """Compose cluster by cluster: a starter with what combines with it, jamo as one syllable."""
    out: list[str] = []
    origins: list[int] = []
    ends: list[int] = []
    at = 0
    for match in _clusters(_is_astral(text)).finditer(text):
        start, end = match.span()
        out.append(text[at:start])
        origins += range(at, start)
        ends += range(at + 1, start + 1)
        if match["cluster"]:
            piece = unicodedata.normalize("NFC", match[0])
            out.append(piece)
            origins += [start] * len(piece)
            ends += [end] * len(piece)
        at = end
    out.append(text[at:])
    origins += range(at, len(text))
    ends += range(at + 1, len(text) + 1)
    return "".join(out), origins, ends


@cache
def _clusters(astral: bool) -> re.Pattern[str]:
    """Return what finds hidden characters, and clusters of at most 32 characters."""
    # One class for the basic plane, as above; marks beyond it only for texts that have such.
    codes = range(0x300, sys.maxunicode + 1 if astral else 0x10000)
    marks = "".join(c for c in map(chr, codes) if unicodedata.combining(c))
    hidden = "".join(map(chr, _HIDDEN))
    return re.compile(f"[{hidden}]+|(?P<cluster>.[{marks}\u1160-\u11ff]{{1,31}})", re.DOTALL)


def compose(text: str) -> str:
    """Compose what was decomposed (macOS writes Hangul as jamo)."""
    return text if is_plain(text) else unicodedata.normalize("NFC", text)


def is_plain(text: str) -> bool:
    """Say whether all of a text is ASCII and syllables of Hangul, which are as they should be.

    Bytes are compared at C speed; to ask Unicode's tables about each character takes far longer.
    """
    if text.isascii():
        return True
    data = text.encode("utf-8", "surrogatepass")
    return not (data.translate(None, _NO_RARE_BYTE) or _rows(text).translate(None, _ROWS_OF_PLAIN))


def _rows(text: str) -> bytes:
    """Return the first byte of each UTF-16 unit: the row of Unicode's basic plane."""
    return text.encode("utf-16-le", "surrogatepass")[1::2]


def lowered(text: str) -> str:
    """Return a text in lower case, character for character."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


# ---- skeletons

# Look-alikes after case folding, from Unicode's confusables.txt (TR 39): the letters of Cyrillic,
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
    "3": "зэʒ",
    "4": "чᏎ",
    "6": "б",
}
_LOOKALIKE = {other: latin for latin, others in _LATIN.items() for other in others} | {
    "ⵔ": "0",
    "᠐": "0",
    "o": "0",
    "i": "1",
    "l": "1",
}
# Hangul fillers are letters to Unicode and blank to the eye.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")
# Letters in boxes and flags have no decomposition in Unicode.
_BOXED = ((0x1F130, 26), (0x1F150, 26), (0x1F170, 26), (0x1F1E6, 26))

# Bytes of UTF-8 above ASCII stay as they are, ASCII letters and digits are mapped, the rest goes.
_ASCII = bytes(
    ord(_LOOKALIKE.get(c, c)) if (c := chr(code).lower()).isascii() and c.isalnum() else code
    for code in range(128)
) + bytes(range(128, 256))
_NO_LETTER = bytes(code for code in range(128) if not chr(code).isalnum() and chr(code) != HARD)
_KEPT = bytes(code not in _NO_LETTER for code in range(256))
_ASCII_SIZES = dict(zip(map(chr, range(128)), _KEPT, strict=False))
"""How many bytes of a skeleton each ASCII character is."""
_BEGINS = bytes(code & 0xC0 != 0x80 for code in range(256))
_NO_RARE_BYTE = bytes(range(0xC0)) + b"\xea\xeb\xec\xed"
"""ASCII, what follows a lead byte, and the lead bytes of Hangul."""
_ROWS_OF_PLAIN = bytes([0, *range(0xAC, 0xD8)])
_ROW_OF_CHEROKEE = 0xAB
"""What shares its first byte of UTF-8 with Hangul and looks like Latin."""
_RARE = re.compile(r"[^\x00-\x7f가-힣一-鿿]+")
"""All but ASCII, Hangul and ideographs, which are their own skeleton."""


@lru_cache(maxsize=2**10)
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
        if folded.isalnum() or is_vowel_sign(folded):
            out.append(folded)
    return "".join(out)


class Skeleton:
    """The letters and digits of a text, as UTF-8, and the way back to the text.

    Attributes:
        text: The original.
        data: Its skeleton. `HARD` stays in it, so that nothing is joined across it.
    """

    __slots__ = (
        *("_composed", "_ends", "_places", "_rare", "_readable", "_sizes", "_table"),
        *("data", "text"),
    )

    def __init__(self, text: str) -> None:
        self.text = text
        self._composed: Normal | None = None
        data = text.encode("utf-8", "surrogatepass")
        self._rare: dict[str, str] = {}
        self._table: dict[int, str] = {}
        has_rare = len(data) > len(text) and _has_rare(text, data)
        if has_rare and not unicodedata.is_normalized("NFC", text):
            self._composed = Normal(*_composed(text))
            text = self._composed.text
            data = text.encode("utf-8", "surrogatepass")
            has_rare = _has_rare(text, data)
        if has_rare:
            rare = set("".join(_RARE.findall(text)))
            self._rare = {c: folded for c in rare if (folded := fold_character(c)) != c}
            if len(self._rare) > _FEW or not all(map(str.isascii, self._rare.values())):
                self._table = str.maketrans(self._rare)
        self.data = self._letters_of(text) if self._rare else data.translate(_ASCII, _NO_LETTER)
        self._ends: list[int] = []
        self._places: dict[int, list[int]] = {}
        self._sizes: dict[str, int] = {}
        self._readable: Normal | None = None

    @property
    def readable(self) -> Normal:
        """The text made readable, see `normal`."""
        if self._readable is None:
            changed = self._rare or self._composed is not None
            self._readable = normal(self.text) if changed else Normal(self.text)
        return self._readable

    def _letters_of(self, part: str) -> bytes:
        """Reduce a part of the composed text, character by character."""
        if self._table:
            part = part.translate(self._table)
        else:  # quotes and dashes, mostly
            for character, folded in self._rare.items():
                part = part.replace(character, folded)
        return part.encode("utf-8", "surrogatepass").translate(_ASCII, _NO_LETTER)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where in the text `data[start:end]` stands; both are at ends of characters."""
        first, last = self._place(start), self._place(end - 1)
        return (first, last + 1) if self._composed is None else self._composed.span(first, last + 1)

    def _place(self, offset: int) -> int:
        """Return the character of the composed text that a byte of `data` belongs to.

        Blocks of the text are measured once; only those that are asked about are looked into.
        """
        text = self.text if self._composed is None else self._composed.text
        if not self._ends:
            sizes = (
                len(self._letters_of(text[at : at + _BLOCK])) for at in range(0, len(text), _BLOCK)
            )
            self._ends = list(accumulate(sizes))
        block = bisect_right(self._ends, offset)
        places = self._places.get(block)
        if places is None:
            part = text[block * _BLOCK : (block + 1) * _BLOCK]
            if self._rare.keys().isdisjoint(part):
                data = part.encode("utf-8", "surrogatepass")
                characters = accumulate(data.translate(_BEGINS))  # up to each byte
                places = list(compress(characters, data.translate(_KEPT)))
            else:
                known = self._sizes = self._sizes or _ASCII_SIZES.copy()
                known.update((c, len(self._letters_of(c))) for c in set(part) - known.keys())
                counts = map(known.__getitem__, part)
                places = list(chain.from_iterable(map(repeat, range(1, len(part) + 1), counts)))
            self._places[block] = places
        before = self._ends[block - 1] if block else 0
        return block * _BLOCK + places[offset - before] - 1


_BLOCK, _FEW = 256, 24


def _has_rare(text: str, data: bytes) -> bool:
    """Say whether a text, also given as UTF-8, has a character to be folded one by one."""
    return bool(data.translate(None, _NO_RARE_BYTE)) or _ROW_OF_CHEROKEE in _rows(text)


def skeleton(text: str) -> bytes:
    """Return the letters and digits of a text, see `Skeleton`."""
    data = text.encode("utf-8", "surrogatepass")
    if len(data) > len(text) and _has_rare(text, data):
        return Skeleton(text).data
    return data.translate(_ASCII, _NO_LETTER)


# ---- decoration of placeholders

INVISIBLE = "\u200b"
"""What every invisible character becomes in `undecorated`."""

_OPENERS = "【〔〖〘〚「『《〈⟦⟨⟪⟬⟮⁅❨❪❬❮❰❲❴⦃⦅⦇⦉⦋⦗⧼﹙﹛﹝︵︷︹︻︽︿﹁﹃﹇｟｢⌈⌊⎡⎣"
_CLOSERS = "】〕〗〙〛」』》〉⟧⟩⟫⟭⟯⁆❩❫❭❯❱❳❵⦄⦆⦈⦊⦌⦘⧽﹚﹜﹞︶︸︺︼︾﹀﹂﹄﹈｠｣⌉⌋⎤⎦"
_INVISIBLES = [
    *_HIDDEN, 0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, *range(0x180B, 0x180F),
    *range(0x2060, 0x2070), *range(0xFE00, 0xFE10), *range(0xE0000, 0xE0080),
    *range(0xE0100, 0xE01F0),
]  # fmt: skip
_DASHES = "‐‑‒–—―−﹘﹣－⁃"
_UNDERSCORES = "‿⁀⁔﹍﹎﹏＿"
_QUOTES = dict.fromkeys("“”„‟«»″", '"') | dict.fromkeys("‘’‚‛‹›′´", "'")


def _decoration_table() -> dict[int, str]:
    table: dict[int, str] = {}
    for code in (*range(0xFF01, 0xFF5F), *range(0x24B6, 0x24EA), *range(0x1D400, 0x1D800)):
        plain = unicodedata.normalize("NFKC", chr(code))
        if len(plain) == 1 and plain.isascii():
            table[code] = plain
    table |= dict.fromkeys(map(ord, _OPENERS), "[") | dict.fromkeys(map(ord, _CLOSERS), "]")
    table |= dict.fromkeys(_INVISIBLES, INVISIBLE) | dict.fromkeys([*_SPACES, 0x2800], " ")
    table |= dict.fromkeys(map(ord, _DASHES), "-") | dict.fromkeys(map(ord, _UNDERSCORES), "_")
    table |= {ord(k): v for k, v in _QUOTES.items()}
    table |= {0x2028: "\n", 0x2029: "\n", 0x85: "\n"}
    return table


_DECORATION = _decoration_table()
_DECORATED = re.compile(
    f"[{re.escape(''.join(map(chr, sorted(c for c in _DECORATION if c < 1 << 16))))}]"
)
_DECORATED_ASTRAL = re.compile("[\U0001d400-\U0001d7ff\U000e0000-\U000e01ef]")


def undecorated(text: str) -> str:
    """Return a text of the same length in which width, style and invisibles are plain.

    Characters follow NFKC (Unicode TR 15) where it maps one character to one ASCII character;
    brackets and invisible characters are listed.
    """
    if text.isascii() or not (_DECORATED.search(text) or _DECORATED_ASTRAL.search(text)):
        return text
    return text.translate(_DECORATION)
