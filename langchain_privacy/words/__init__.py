"""What is public knowledge of a language: its words, and the letters that it is written in.

Detection and the index of values read the lists: `load("surnames")` is `surnames.txt` beside this
file; there are frequent names, places, everyday words, and the words that stand before a value.
`guess_language` says which of our two languages a text is for: the products choose prompts and the
words of an answer by it. Which rules and models read a text is `detection.language`'s business.

    >>> "london" in load("places")
    True
    >>> guess_language("계약서 PDF를 검토해 줘")
    'ko'
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal
from unicodedata import combining, normalize

from langchain_privacy.errors import ConfigurationError

Language = Literal["en", "ko"]
"""The languages that have rules, prompts and answers of their own."""

_HANGUL = re.compile(r"[\uac00-\ud7a3\u1100-\u11ff]+")  # syllables, and jamo of decomposed text
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]+")
_SAMPLE = 4000
_LETTERS_BEFORE = 2


@cache
def load(name: str) -> frozenset[str]:
    """Return the words of `<name>.txt`.

    White space separates them, `#` begins a comment, `_` stands for a space inside a name. A list
    that says in a comment how many words it has must have so many.

    Raises:
        ConfigurationError: The file is missing, damaged or cut off: what is public cannot be said.
    """
    try:
        text = (files("langchain_privacy.words") / f"{name}.txt").read_text("utf-8")
    except (OSError, UnicodeError):
        raise _damaged(name) from None
    lines = (line.partition("#")[0] for line in text.splitlines())
    words = frozenset(word.replace("_", " ") for line in lines for word in line.split())
    count = _COUNT.search(text)
    if not words or (count and int(count[1]) != len(words)):
        raise _damaged(name)
    return words


_COUNT = re.compile(r"^# (\d+) words$", re.MULTILINE)


def _damaged(name: str) -> ConfigurationError:
    return ConfigurationError(
        f"The word list {name}.txt of langchain_privacy is missing or damaged, so nothing was "
        "looked at and nothing sent. Install the package again."
    )


def without_accents(word: str) -> str:
    """Return a word without accents: lists have "Helene", a text has "Hélène"."""
    if word.isascii():
        return word
    return "".join(c for c in normalize("NFD", word) if not combining(c))


@cache
def load_by_kind(name: str) -> Mapping[str, str]:
    """Return the words of `<name>.txt`, whose lines begin with a kind, and the kind of each."""
    text = (files("langchain_privacy.words") / f"{name}.txt").read_text("utf-8")
    lines = (line.partition("#")[0].split() for line in text.splitlines())
    return {word.replace("_", " "): kind for kind, *words in filter(None, lines) for word in words}


# Names of substances, diseases and procedures end in a stem of their class.
_MEDICAL: dict[str, tuple[str, ...]] = {}  # by their last letter
for _ending in load("medical_endings"):
    _MEDICAL[_ending[-1]] = (*_MEDICAL.get(_ending[-1], ()), _ending)


def is_medical(word: str) -> bool:
    """Say whether a lower-case word is a substance, a disease or a procedure by its ending."""
    return word.isalpha() and word.endswith(_MEDICAL.get(word[-1], ()), _LETTERS_BEFORE)


_WORDS = re.compile(r"[^\W\d_]+")


def has_unusual_word(value: str) -> bool:
    """Say whether a value has a word that no list of ordinary English words has: may be a name."""
    common = load("common_words")
    words = [word.lower() for word in _WORDS.findall(value)]
    return any(len(word) > 1 and word not in common and not is_medical(word) for word in words)


def guess_language(text: str) -> Language | None:
    """Guess the language of a text from its letters.

    Args:
        text: Any text; its first 4,000 characters decide.

    Returns:
        `"ko"` when at least a fifth of the letters are Hangul: Korean is full of Latin names.
        `"en"` when there are other letters of Latin script, whatever language they are in.
        `None` when there is no letter of either script; where one of the two is needed, write
        `guess_language(text) or "en"`.
    """
    sample = text[:_SAMPLE]
    if sample.isascii():
        return "en" if _LATIN.search(sample) else None
    hangul, latin = (sum(map(len, script.findall(sample))) for script in (_HANGUL, _LATIN))
    if hangul * 4 >= max(latin, 1):
        return "ko"
    return "en" if latin else None
