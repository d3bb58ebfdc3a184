"""Words that are public knowledge: frequent names, places, titles, everyday words.

Detection and the index of values read them: `load("surnames")` is the list `surnames.txt` beside
this file.
"""

import re
from functools import cache
from importlib.resources import files


@cache
def load(name: str) -> frozenset[str]:
    """Return the words of `<name>.txt`: separated by white space, `#` to the line's end
    is a comment, `_` stands for a space inside a name.
    """  # noqa: D205
    text = (files("langchain_privacy.words") / f"{name}.txt").read_text("utf-8")
    lines = (line.partition("#")[0] for line in text.splitlines())
    return frozenset(word.replace("_", " ") for line in lines for word in line.split())


# Names of substances, diseases and procedures end in a stem of their class.
_MEDICAL = tuple(load("medical_endings"))
_LETTERS_BEFORE = 2


def is_medical(word: str) -> bool:
    """Say whether a lower-case word is a substance, a disease or a procedure by its ending."""
    return word.isalpha() and word.endswith(_MEDICAL, _LETTERS_BEFORE)


_HANGUL = re.compile(r"[\uac00-\ud7a3\u1100-\u11ff]+")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]+")
_SAMPLE = 4000


def guess_language(text: str) -> str | None:
    """Guess the language from its letters.

    Args:
        text: Any text; its first 4,000 characters decide.

    Returns:
        `"ko"` when at least a fifth of the letters are Hangul, `"en"` when the rest is Latin,
        `None` when there is no letter of either script.
    """
    sample = text[:_SAMPLE]
    if sample.isascii():
        return "en" if _LATIN.search(sample) else None
    hangul, latin = (sum(map(len, script.findall(sample))) for script in (_HANGUL, _LATIN))
    if hangul * 4 >= max(latin, 1):
        return "ko"
    return "en" if latin else None
