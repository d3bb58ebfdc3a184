"""What the dictionaries of simplemma say about a word: fifty languages of Europe and beyond.

They come with the extra `languages` (MIT) and ask no network. A dictionary is loaded with the first
word that is asked: a second and some 50 MB for a language. In German, where every noun has a
capital letter, one that the dictionary lacks may be made of two that it has ("Türcode"), and one
that it has is a name where nothing else is formed of it ("Vechta", but "Vertrag, Verträge").

    >>> [is_noun(word, "de") for word in ("Vertrag", "Wohngeldbescheid", "Wittmund", "Vechta")]
    [True, True, False, False]
"""

import importlib.util
import re
from functools import cache
from typing import TYPE_CHECKING

from langchain_privacy.detection.once import remembered
from langchain_privacy.detection.vocabulary.lexicon import names
from langchain_privacy.words import load, without_accents

if TYPE_CHECKING:
    from simplemma import Lemmatizer

CAPITAL_NOUNS = frozenset({"de", "lb"})
"""Languages whose nouns have a capital letter."""

_LINKING = ("", "s", "es", "n", "en")
_FORMS = ("n", "en", "e", "es", "nen")
_UMLAUT = str.maketrans("aou", "äöü")  # "Tochter, Töchter"
# What compounds are made with: "Ferienzeit", "Elternteil", "Wutanfall".
_HEADS = ("anfall", "art", "fall", "frage", "gerät", "haus", "mittel", "preis", "recht", "schutz",
          "teil", "wert", "zeit")  # fmt: skip
_LEAST_PART, _LONGEST = 4, 60
_REMEMBERED = 16_384
# "cordialement", "llamarme", "unrenoviert"
_DERIVED = {
    "fr": re.compile(r"(?P<stem>.{3,}e)ment"),
    "pt": re.compile(r"(?P<stem>.{3,}[ael])mente"),
    "es": re.compile(
        r"(?P<stem>.{3,}[ael](?=mente\Z)|.{2,}(?:[aeiáéí]r|ndo))(?:mente|[mts]e|l[aeo]s?|nos)"
    ),
    "de": re.compile(r"un(?P<stem>.{4,})"),
}
# What Latin and Greek put before words of the Romance languages, as each of them spells it: the
# prefixes of the grammars of the academies, without the short ones that names begin with (re, de,
# co, in). An r or s between vowels is doubled: "prerrenal", "antissocial".
_PREFIXES = (
    "anti", "auto", "bio", "cardio", "contra", "contre", "electro", "eletro", "électro", "elettro",
    "entre", "ex", "extra", "foto", "gastro", "hemo", "hepato", "hidro", "hydro", "idro", "hiper",
    "hyper", "iper", "hipo", "hypo", "ipo", "infra", "inter", "intra", "macro", "micro", "multi",
    "nefro", "neuro", "para", "peri", "pluri", "poli", "poly", "post", "pre", "pré", "psico",
    "psycho", "pos", "pós", "radio", "retro", "semi", "sobre", "sub", "super", "sur", "tele",
    "trans", "ultra", "vice",
)  # fmt: skip
_PREFIXED_IN = frozenset({"ca", "es", "fr", "gl", "it", "pt", "ro"})
_LEAST_REST = 5
_ELSEWHERE = frozenset({"en", "ko", "ja", "zh"})
# The endings of terms as German and the Romance languages write them: -statina, -ectomie, -zilline.
_TERMS = tuple(
    {
        ending
        for stem in load("medical_endings")
        for bare in (stem.removesuffix("e"), stem[:-1] + "i" if stem.endswith("y") else stem)
        for spelt in (bare, bare.replace("ll", "l").replace("ph", "f"), bare.replace("c", "k"))
        for ending in (spelt, *(spelt + vowel for vowel in "aeo"))
        if len(ending) > 3
    }
)
# A compound that no dictionary has and that ends so is a family's name or a place's.
_OF_NAMES = tuple(load("name_endings"))


def has_dictionaries() -> bool:
    """Say whether the extra `languages` is installed, and load nothing."""
    return importlib.util.find_spec("simplemma") is not None


def is_readable(code: str) -> bool:
    """Say whether a language is read here; English, Korean and the like are read otherwise."""
    return code not in _ELSEWHERE and has_dictionaries() and _has_dictionary(code)


@cache
def _has_dictionary(code: str) -> bool:
    from simplemma import is_known

    try:
        is_known("a", lang=code)
    except ValueError:
        return False
    return True


def is_known(word: str, code: str) -> bool:
    """Say whether a dictionary has a word, as it is written or in small letters."""
    from simplemma import is_known as has

    return bool(has(word, lang=code))


def is_word(word: str, code: str) -> bool:
    """Say whether a word in small letters is in a dictionary, derived from such a word, or a term.

    A term is a substance, a disease or a procedure by its ending, see `words.is_medical`.
    """
    if is_known(word, code):
        return True
    derived = _DERIVED[code].fullmatch(word) if code in _DERIVED else None
    stem = without_accents(derived["stem"]) if derived else ""
    if derived and (is_known(derived["stem"], code) or is_known(stem, code)):
        return True
    return without_accents(word).endswith(_TERMS, 2)


def is_prefixed(word: str, code: str) -> bool:
    """Say whether a word in small letters is one of a dictionary behind a prefix: "exfumador"."""
    if code not in _PREFIXED_IN or not word.startswith(_PREFIXES):
        return False
    return any(
        len(rest) >= _LEAST_REST and not is_listed(rest) and is_known(rest, code)
        for prefix in _PREFIXES
        if word.startswith(prefix)
        for rest in _behind(prefix, word)
    )


def _behind(prefix: str, word: str) -> tuple[str, ...]:
    rest = word[len(prefix) :]
    doubled = prefix[-1] in "aeio" and rest[:2] in ("rr", "ss")
    return (rest, rest[1:]) if doubled else (rest,)


def is_noun(word: str, code: str, *, sure: bool = False) -> bool:
    """Say whether a word with a capital letter is a noun that is written so.

    Args:
        word: As it is written.
        code: One of `CAPITAL_NOUNS`.
        sure: Whether a genitive does not count ("Straubings"): dictionaries have it of names, too.
    """
    return _is_noun(f"{code} {'sure' if sure else ''} {word}")


@remembered(_REMEMBERED)
def _is_noun(asked: str) -> bool:
    code, sure, word = asked.split(" ", 2)
    if is_known(word, code):
        return _is_formed(word, code) or (not sure and is_known(word + "s", code))
    lower = word.lower()
    return len(lower) <= _LONGEST and _is_compound(lower, code) and not lower.endswith(_OF_NAMES)


def is_listed(word: str) -> bool:
    """Say whether a word is in a list of names or places."""
    lower = word.lower()
    return not names().isdisjoint((lower, without_accents(lower))) or lower in load("places")


def _is_formed(word: str, code: str) -> bool:
    """Say whether a dictionary has what nobody forms of a name: a plural, a compound."""
    at = max(map(word.rfind, "aou"))
    plural = word[:at] + word[at].translate(_UMLAUT) + word[at + 1 :]
    return (
        _lemmatizer().lemmatize(word, code) != word
        or any(is_known(word + ending, code) for ending in _FORMS)
        or (at >= 0 and any(is_known(plural + ending, code) for ending in ("", "e", "er")))
        or _is_compound(word.lower(), code)
        or any(is_known(word + head, code) for head in _HEADS)
    )


@cache
def _lemmatizer() -> "Lemmatizer":
    """Return one that keeps no word: the library's own function remembers 65,536 of them."""
    from simplemma import Lemmatizer

    return Lemmatizer(cache_max_size=0)


def _is_compound(word: str, code: str) -> bool:
    """Say whether a word is two nouns in one, with a linking letter or none."""
    for cut in range(_LEAST_PART, len(word) - _LEAST_PART + 1):
        if not is_known(word[cut:].capitalize(), code):
            continue
        for link in _LINKING:
            stem = word[:cut].removesuffix(link)
            if len(stem) < _LEAST_PART or not word[:cut].endswith(link):
                continue
            # "Hüft-operation", "Sprach-kurs": of a noun without its last letter
            if is_known(stem.capitalize(), code) or (
                not link and is_known(f"{stem.capitalize()}e", code)
            ):
                return True
    return False
