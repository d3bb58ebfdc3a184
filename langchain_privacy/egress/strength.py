"""How far a value may be disguised and still be told from ordinary text.

A guard that refuses ordinary text gets switched off, so a value is looked for only in the forms in
which it cannot be met by chance:

- *strong* values (six digits, three Hangul syllables, two words, ten letters ...) in every form;
- *weak* values (a single short word, four or five digits) exactly as written, or in capitals, as a
  whole word;
- values of one or two letters, or fewer than four digits, are not looked for: `30` or `US` say
  nothing by themselves. Masking still covers them.
"""

import re
from enum import Enum

_WORD = re.compile(r"[^\W_]+")


class Strength(Enum):
    """What a value can be recognised in."""

    NONE = 0
    WEAK = 1
    STRONG = 2


def is_hangul(character: str) -> bool:
    """Tell whether a character is a Hangul syllable."""
    return "가" <= character <= "힣"


def strength_of(value: str, folded: str) -> Strength:
    """Grade a value.

    Args:
        value: The value as the vault holds it.
        folded: Its skeleton, see `fold`.
    """
    size = len(folded)
    digits = sum(c.isdecimal() for c in value)
    letters = sum(c.isalpha() for c in value)
    words = len(_WORD.findall(value))
    wide = sum(ord(c) > 0x2E80 for c in value if c.isalpha())
    strong = (
        digits >= 5
        or wide >= 3
        or (size >= 6 and words >= 2 and letters + digits >= 6)
        or (size >= 5 and digits >= 2 and letters >= 2)
        or size >= 10
    )
    if strong:
        return Strength.STRONG
    if wide >= 2 or letters >= 3 or digits >= 4 or (len(value.strip()) >= 6 and size < 4):
        return Strength.WEAK
    return Strength.NONE
