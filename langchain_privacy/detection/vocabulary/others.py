"""Which words of other languages are public: German, French, Spanish, ..., Japanese, Chinese.

What an application says its texts are in (`Masker(languages=("en", "de"), strict=True)`) is read
with well-kept libraries of the extra `languages`, which bring their dictionaries and ask no
network: `simplemma` (MIT) knows the words of fifty languages, SudachiPy with its dictionary
(Apache-2.0) cuts Japanese into words, `rjieba` (MIT) Chinese; the two also say which words are
proper nouns.

A word in small letters is public when a dictionary of one of the languages has it, unless it is a
given name. A capital letter is judged as in English, except in German, where it says nothing: there
a noun that is in the dictionary is public, unless it is in a list of names or places, or stands
behind a title or a preposition without an article ("Frau Herbst", "in Straubing"). In Japanese
and Chinese proper nouns and words that no dictionary has are private.

Without the extra every such word is private, as in a language that nobody has named; that is said
once.
"""

import importlib.util
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from langchain_privacy.detection.vocabulary.dictionaries import (
    CAPITAL_NOUNS,
    is_listed,
    is_noun,
    is_prefixed,
    is_readable,
    is_word,
)
from langchain_privacy.detection.warned import warn_caller
from langchain_privacy.words import load

Span = tuple[int, int]

_HAN = r"\u3005\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_KANA = re.compile(r"[\u3041-\u30ff\uff66-\uff9d]")
_EAST_ASIAN = re.compile(rf"[{_HAN}\u3041-\u30ff\uff66-\uff9d]+")
_GERMAN_TITLE = re.compile(r"\b(?:[Hh]errn?|[Ff]rau|[Ff]amilie|[Ff]irma|[Dd]r\.|[Pp]rof\.) \Z")
_GERMAN_PLACE = re.compile(r"\b(?:in|aus|nach|bei|von) \Z")
_NAME = 4  # letters; shorter given names are small words of other languages: du, les, su


class OtherLanguages:
    """The vocabularies of some languages.

    Attributes:
        languages: ISO 639-1 codes of those that can be read, without English and Korean, which have
            vocabularies of their own.
        latin: Those of them that are not Japanese or Chinese.
    """

    def __init__(self, languages: Iterable[str] = ()) -> None:
        wanted = dict.fromkeys(code for code in languages if code not in ("en", "ko"))
        self.languages = tuple(code for code in wanted if _is_readable(code))
        self.latin = tuple(code for code in self.languages if code not in ("ja", "zh"))
        if missing := [code for code in wanted if code not in self.languages]:
            _say(", ".join(missing))

    def __bool__(self) -> bool:
        return bool(self.languages)

    def has(self, word: str) -> bool:
        """Say whether a word in small letters is in a dictionary; of "l'eau" both parts."""
        if not self.latin or (len(word) >= _NAME and word in load("given_names")):
            return False
        if any(is_word(word, code) or is_prefixed(word, code) for code in self.latin):
            return True
        first, mark, second = word.partition("'")
        return bool(mark) and len(first) < _NAME and (len(second) < 2 or self.has(second))

    def is_named(self, word: str, before: str) -> bool:
        """Say whether what stands before a German word with a capital makes it a name.

        A title always does. A preposition does where the word may be a place: "in Straubing", but
        "nach Rücksprache".
        """
        codes = CAPITAL_NOUNS.intersection(self.latin)
        if not codes:
            return False
        if _GERMAN_TITLE.search(before):
            return True
        sure = not is_listed(word) and any(is_noun(word, code, sure=True) for code in codes)
        return not sure and _GERMAN_PLACE.search(before) is not None

    def has_noun(self, word: str) -> bool:
        """Say whether a word with a capital letter is a noun that is written so: Vertrag."""
        codes = CAPITAL_NOUNS.intersection(self.latin)
        return bool(codes) and not is_listed(word) and any(is_noun(word, code) for code in codes)

    def east_asian(self, text: str) -> Iterator[tuple[Span, list[Span]]]:
        """Yield each run of Japanese or Chinese that can be read, and what in it is private."""
        for match in _EAST_ASIAN.finditer(text):
            kana = _KANA.search(match[0]) is not None
            if "zh" in self.languages and not kana:
                private = _chinese(match[0])
            elif "ja" in self.languages:
                private = _japanese(match[0])
            else:
                continue
            at = match.start()
            yield match.span(), [(at + a, at + b) for a, b in _joined(private)]


def _is_readable(code: str) -> bool:
    if code == "ja":
        return _has("sudachipy") and _has("sudachidict_core")
    if code == "zh":
        return _has("rjieba")
    return is_readable(code)


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _japanese(text: str) -> Iterator[Span]:
    at = 0
    for word in _sudachi().tokenize(text):
        end = at + len(word.surface())
        if word.is_oov() or word.part_of_speech()[1] == "固有名詞":
            yield at, end
        at = end


@cache
def _sudachi() -> Any:
    import sudachipy

    return sudachipy.Dictionary(dict="core").tokenizer(mode=sudachipy.SplitMode.C)


_CHINESE_NAMES = ("nr", "ns", "nt", "nz")


def _chinese(text: str) -> Iterator[Span]:
    import rjieba

    at = 0
    for word, tag in rjieba.tag(text):
        end = at + len(word)
        unknown = len(word) > 1 and not rjieba.has_word(word)
        if tag.startswith(_CHINESE_NAMES) or unknown or tag == "x":
            yield at, end
        at = end


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    start = end = -1
    for first, last in spans:
        if first != end:
            if end > start:
                yield start, end
            start = first
        end = last
    if end > start:
        yield start, end


_said: set[str] = set()


def _say(languages: str) -> None:
    if languages in _said:
        return
    _said.add(languages)
    msg = (
        f"Strict mode has no vocabulary for {languages}: every word of these languages is masked "
        "unless English has it. The vocabularies come with the extra: pip install "
        "'langchain-privacy[languages]'"
    )
    warn_caller(msg)
