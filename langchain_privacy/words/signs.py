r"""Vowels that are written as signs: parts of a word to its readers, marks to Unicode.

From Devanagari to Khmer and Thai a word is letters with signs around them; Hebrew and Arabic have
points, which most writers leave out. `\w` has the letters alone, so a pattern for words names the
signs too. Accents are none of them: a text is composed before anything is looked for.

    >>> import re
    >>> re.findall(r"\w+", "कविता"), re.findall(rf"[\w{SIGNS}]+", "कविता")
    (['कव', 'त'], ['कविता'])
    >>> is_sign("ि"), is_sign("क"), is_letter("क"), is_letter(" ")
    (True, False, True, False)
"""

import unicodedata

_POINTS, _VOWELS, _PAST = 0x0591, 0x0900, 0x1C00  # Hebrew to Syriac, Devanagari to Batak

SIGNS = "".join(
    chr(code) for code in range(_POINTS, _PAST) if unicodedata.category(chr(code)).startswith("M")
)
"""All of them, to stand in a character class."""


def is_sign(character: str) -> bool:
    """Say whether a character is one of them; `""` is none."""
    return character != "" and character in SIGNS


WIDE = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\U0010ffff"
"""What says much in a few letters or knows no spaces: Thai, Lao, Burmese, Khmer, Han, Kana, Hangul.

To stand in a character class.
"""


def is_vowel_sign(character: str) -> bool:
    """Say whether a character is a sign that nobody leaves out."""
    return character >= chr(_VOWELS) and is_sign(character)


def is_letter(character: str) -> bool:
    """Say whether a character is a letter, a digit or one of the signs."""
    return character.isalnum() or is_sign(character)
