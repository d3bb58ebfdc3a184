"""Words: how a question and a passage are compared, in English and Korean.

    words("What was FY2022 revenue?")  # ["2022", "revenu"]

`search` ranks by them. An English word counts by its stem, with the forms of `words/word_forms.txt`
("paid" is "pay"); a Korean one without its particle or ending (`korean`), and by its pairs of
syllables as well, because two nouns are often written as one. Periods and numbers count by what
they say.
"""

import functools
import re
from collections.abc import Iterator

from langchain_privacy.minions.korean import stem
from langchain_privacy.words import load

# A Latin word or number with what joins its parts ("e-mail", "R&D", "8,412.66"), a run of Hangul,
# or one Japanese or Chinese character.
_WORD = re.compile(
    r"[a-z](?:&[a-z])+|[a-z0-9]+(?:[.,/'’-][0-9a-z]+)*|[가-힣]+|[\u3040-\u30ff\u4e00-\u9fff]"
)
_FUNCTION_WORDS = """
the a an of is was were what which who whom whose when where why how much many to in on by for and
or did does do be been are with from at it its that this these those s there has have had he she
they their his her any as about please tell me patient
"""
_STOP = frozenset(_FUNCTION_WORDS.split())
# A period as it is written: "FY2022", "FY22", "CY2022", "2022E", "1Q22"; the year is what counts.
_PERIOD = re.compile(r"(?:[fc]y|q[1-4]|[1-4]q|h[12]|[12]h)?(?:20)?(\d\d)[ae]?")
YEAR = re.compile(r"(?:fy|cy)?((?:19|20)\d\d)[ae]?")
_QUARTER = re.compile(r"q([1-4])|([1-4])q")
_ORDINALS = {"1": "first", "2": "second", "3": "third", "4": "fourth"}


def words(text: str) -> list[str]:
    """Return the terms of a text, comparable between question and document."""
    return [term for word in each_word(text) for term in word]


def each_word(text: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of a text: each by its stem, a longer Korean one by its pairs, too."""
    for word in _WORD.findall(text.lower()):
        yield from _terms(word)


@functools.lru_cache(maxsize=65_536)
def _terms(word: str) -> tuple[tuple[str, ...], ...]:
    if "가" <= word[0] <= "힣":
        said = stem(word)
        if not said:
            return ()
        pairs = [said[i : i + 2] for i in range(len(said) - 1)]
        return ((said, *pairs) if len(said) > 2 else (said,),)
    if word in _STOP:
        return ()
    if word[-1].isdigit() or word[0].isdigit() or YEAR.fullmatch(word):
        return _figure_terms(word)
    parts = [part for part in re.split(r"[-/'’]", word) if part]
    if len(parts) > 1 and min(map(len, parts[:-1])) < 2:  # "e-mail" is "email"
        parts = ["".join(parts)]
    single = len(parts) == 1  # else a letter is what is left of "company's"
    return tuple((_stem(p),) for p in parts if p not in _STOP and (single or len(p) > 1))


def _figure_terms(word: str) -> tuple[tuple[str, ...], ...]:
    """Return a number by its digits, a period by its year and quarter."""
    if year := YEAR.fullmatch(word):
        return ((year[1],),)
    if word[0].isalpha() or "q" in word:
        if period := _PERIOD.fullmatch(word):
            quarter = _QUARTER.match(word)
            year_terms = ((f"20{period[1]}",),)
            if quarter:
                return (*year_terms, (_ORDINALS[quarter[1] or quarter[2]],), ("quarter",))
            return year_terms
        if quarter := _QUARTER.fullmatch(word):
            return ((_ORDINALS[quarter[1] or quarter[2]],), ("quarter",))
    if re.fullmatch(r"[\d,]+(?:\.\d+)?", word):
        plain = word.replace(",", "")
        return ((plain.rstrip("0").rstrip(".") if "." in plain else plain,),)
    return ((word,),)


@functools.cache
def _irregular() -> dict[str, str]:
    """Return the forms of irregular English words, each with its word: `paid` with `pay`."""
    forms: dict[str, str] = {}
    for entry in load("word_forms"):
        word, *others = entry.split()
        forms |= dict.fromkeys(others, word)
    return forms


def _stem(word: str) -> str:
    word = _irregular().get(word, word)
    if len(word) <= 4 or not word.isalpha():
        return word
    for ending, least in (("ies", 3), ("ing", 4), ("ed", 4), ("es", 4), ("s", 3), ("e", 4)):
        if word.endswith(ending) and not word.endswith("ss") and len(word) - len(ending) >= least:
            stem = word[: -len(ending)] + ("y" if ending == "ies" else "")
            # "cancelled", "planning": the consonant was doubled for the ending only.
            doubled = ending in ("ed", "ing") and stem[-1] == stem[-2] and stem[-1] in "bdgmnprt"
            return stem[:-1] if doubled else stem
    return word
