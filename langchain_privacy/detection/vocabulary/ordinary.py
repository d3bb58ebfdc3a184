"""Words that nobody is called by, in what a list of English words or a model took for a name.

The rules for people and the models know of English only what an ordinary word is. A German noun, or
the first word of a Spanish sentence, looks to them like a name. Where a dictionary of the language
is there, what they found loses its ordinary words at both ends, and is nothing without any other:
"Zeugin Dörte Papenfuß" is a name of two words, "Butterschmalz" none.

    >>> found = [Finding(start=0, end=21, entity_type="PERSON", score=0.5, detector="people")]
    >>> text = "Zeugin Dörte Papenfuß gab das an."
    >>> [text[f.start : f.end] for f in without_ordinary_words(text, found, "de")]
    ['Dörte Papenfuß']
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.language import likely_languages
from langchain_privacy.detection.vocabulary.dictionaries import (
    CAPITAL_NOUNS,
    is_known,
    is_listed,
    is_noun,
    is_word,
)
from langchain_privacy.words import load

_GUESSED_BY = frozenset({"people", "presidio", "ner"})
"""Detectors that rest on the shape of a word; a label, a list and an application do not."""
_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_LIKELY, _POSSIBLE, _NEARLY_SURE = 0.5, 0.25, 0.9
_SURE = 0.7
_FEWEST, _ENOUGH = 3, 60  # words in small letters of a text
_SMALL = re.compile(r"(?<![\w@.-])[a-z\u00df-\u00f6\u00f8-\u024f]{2,}(?![\w@-])")
_BEFORE = 24
_ARTICLES = frozenset({"den", "dem", "des", "das"})  # "Roswitha den Vertrag"; not "von der"
_NAME = 4  # letters; shorter names are small words of other languages: du, les, von
# Not a colon: behind "Titular:" stands a name, ordinary word or not.
_BEGINS = re.compile(r"(?:[.!?\n•]|\A)[\s\"'“‘«¿¡*_(\[#>-]*\Z")
_TITLED = re.compile(
    r"(?<!\w)(?:[Hh]errn?|[Ff]rau|[Ff]amilie|[Ff]irma|[Dd]r\.|[Pp]rof\.|[Mm]lle|[Mm]me|M\.|[Dd]oñ?a"
    r"|[Dd]on|[Ss]rt?a?\.|[Dd]ra\.|[Ss]enhora?|[Ss]eñora?|[Mm]adame|[Mm]onsieur|[Ff]amil(?:le|ia))"
    r" \Z"
)


def language_among(text: str, codes: Collection[str]) -> str | None:
    """Return which of some languages a text of unsure language most likely is in, if any.

    Args:
        text: Where an English word is in it, it is in none.
        codes: Languages that a dictionary is installed for.
    """
    likely = [(code, score) for code, score in likely_languages(text) if code in codes]
    if likely and likely[0][1] >= _LIKELY:
        return likely[0][0]
    said = _SMALL.findall(text)[:_ENOUGH]
    if len(said) < _FEWEST:
        return None
    known = {
        code: sum(is_known(word, code) for word in said)
        for code, score in likely
        if score >= _POSSIBLE
    }
    best = max(known, key=known.__getitem__, default="")
    return best if best and 3 * known[best] >= 2 * len(said) else None


def language_without_doubt(text: str, codes: Collection[str]) -> str | None:
    """Return which of some languages, none of them named, a text of unsure language is in, if any.

    It must be nearly sure by its letters, and a dictionary must have half of its words, where nouns
    have a capital letter of all: none is loaded for a few names or for what a machine wrote.
    """
    for code, score in likely_languages(text)[:1]:
        if score >= _NEARLY_SURE and code in codes:
            said = (_WORD if code in CAPITAL_NOUNS else _SMALL).findall(text)[:_ENOUGH]
            known = sum(is_known(word, code) for word in said) if len(said) >= _FEWEST else 0
            return code if known >= max(_FEWEST, len(said) / 2) else None
    return None


def may_be_reviewed(findings: Iterable[Finding]) -> bool:
    """Say whether one of some findings rests on the shape of a word."""
    return any(found.detector in _GUESSED_BY for found in findings)


def reviewed(
    text: str, findings: Sequence[Finding], language: str | None, codes: Collection[str]
) -> Sequence[Finding]:
    """Return findings without ordinary words where a text is in one of some languages.

    Args:
        text: What was searched.
        findings: What was found in it, by any detectors.
        language: What it is in for sure.
        codes: Languages that a dictionary is installed for.
    """
    if not codes or not may_be_reviewed(findings):
        return findings
    code = language_among(text, codes) if language is None else language
    if code is None or code not in codes:
        return findings
    return list(without_ordinary_words(text, findings, code))


def without_ordinary_words(text: str, findings: Iterable[Finding], code: str) -> Iterator[Finding]:
    """Yield findings without the words at their ends that a dictionary of a language explains."""
    for found in findings:
        start, end = found.start, found.end
        if (
            found.detector not in _GUESSED_BY
            or any(map(str.isdecimal, text[start:end]))
            or _TITLED.search(text, max(0, start - _BEFORE), start)
        ):
            yield found
        elif span := _named(text, found, code):
            yield found if span == (start, end) else replace(found, start=span[0], end=span[1])


def _named(text: str, found: Finding, code: str) -> tuple[int, int] | None:
    """Return the span of a finding without ordinary words at its ends, `None` if all are."""
    words = list(_WORD.finditer(text, found.start, found.end))
    ordinary = [_is_ordinary(text, word, code) for word in words]
    if not words:
        return found.start, found.end
    if all(ordinary):
        # A model that is sure may know that somebody is called Wohlleben.
        sure = found.score >= _SURE and code in CAPITAL_NOUNS and words[-1][0][0].isupper()
        return (found.start, found.end) if sure else None  # "Butterschmalz"
    first, last = ordinary.index(False), len(words)
    if found.entity_type != "PERSON":  # "Bad Urach"
        first = next((at for at in range(first) if not words[at][0].islower()), first)
    while ordinary[last - 1] and (words[last - 1][0].islower() or words[last - 2][0] in _ARTICLES):
        last -= 1
    start = words[first].start() if first else found.start
    end = words[last - 1].end() if last < len(words) else found.end
    return start, end


def _is_ordinary(text: str, word: re.Match[str], code: str) -> bool:
    """Say whether a word is one of the language, and its capital letter says nothing."""
    said = word[0].rpartition("’")[2].rpartition("'")[2]
    lower = said.lower()
    if lower in load("titles"):
        return True
    if said.islower():
        return is_word(lower, code) and not (len(lower) >= _NAME and is_listed(lower))
    if is_listed(said):
        return False
    if code in CAPITAL_NOUNS and is_noun(said, code, sure=True):
        return True
    begins = _BEGINS.search(text, max(0, word.start() - _BEFORE), word.start())
    return begins is not None and is_word(lower, code)
