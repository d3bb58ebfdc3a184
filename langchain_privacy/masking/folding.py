"""Folding a text character by character, so that offsets stay the same.

Width, style and invisible characters are decoration: `［ＩＰ＿７Ｋ２Ｑ］` is `[IP_7K2Q]`. Letters
of other scripts are not: a Cyrillic `К` in a code is another code. Characters follow NFKC (Unicode
TR 15) where it maps one character to one ASCII character; brackets and invisible characters are
listed.
"""

import re
import unicodedata

INVISIBLE = "\u200b"
"""What every invisible character folds to."""

_OPENERS = "【〔〖〘〚「『《〈⟦⟨⟪⟬⟮⁅❨❪❬❮❰❲❴⦃⦅⦇⦉⦋⦗⧼﹙﹛﹝︵︷︹︻︽︿﹁﹃﹇｟｢⌈⌊⎡⎣"
_CLOSERS = "】〕〗〙〛」』》〉⟧⟩⟫⟭⟯⁆❩❫❭❯❱❳❵⦄⦆⦈⦊⦌⦘⧽﹚﹜﹞︶︸︺︼︾﹀﹂﹄﹈｠｣⌉⌋⎤⎦"
_INVISIBLES = [
    0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFEFF, 0xFFA0,
    *range(0x180B, 0x180F), *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070),
    *range(0xFE00, 0xFE10), *range(0xE0000, 0xE0080), *range(0xE0100, 0xE01F0),
]  # fmt: skip
_SPACES = [0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000, 0x2800]
_DASHES = "‐‑‒–—―−﹘﹣－⁃"
_UNDERSCORES = "‿⁀⁔﹍﹎﹏＿"
_QUOTES = {"“": '"', "”": '"', "„": '"', "‟": '"', "«": '"', "»": '"', "″": '"'} | dict.fromkeys(
    "‘’‚‛‹›′´", "'"
)


def _table() -> dict[int, str]:
    table: dict[int, str] = {}
    for code in (*range(0xFF01, 0xFF5F), *range(0x24B6, 0x24EA), *range(0x1D400, 0x1D800)):
        plain = unicodedata.normalize("NFKC", chr(code))
        if len(plain) == 1 and plain.isascii():
            table[code] = plain
    table |= dict.fromkeys(map(ord, _OPENERS), "[") | dict.fromkeys(map(ord, _CLOSERS), "]")
    table |= dict.fromkeys(_INVISIBLES, INVISIBLE) | dict.fromkeys(_SPACES, " ")
    table |= dict.fromkeys(map(ord, _DASHES), "-") | dict.fromkeys(map(ord, _UNDERSCORES), "_")
    table |= {ord(k): v for k, v in _QUOTES.items()}
    table |= {0x2028: "\n", 0x2029: "\n", 0x85: "\n"}
    return table


_TABLE = _table()
_FOLDABLE = re.compile(
    f"[{re.escape(''.join(map(chr, sorted(c for c in _TABLE if c < 1 << 16))))}]"
)
_FOLDABLE_ASTRAL = re.compile("[\U0001d400-\U0001d7ff\U000e0000-\U000e01ef]")


def fold(text: str) -> str:
    """Return a text of the same length in which width, style and invisibles are plain."""
    if text.isascii() or not (_FOLDABLE.search(text) or _FOLDABLE_ASTRAL.search(text)):
        return text
    return text.translate(_TABLE)
