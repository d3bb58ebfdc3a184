r"""Numbers whose label is in a language that has no rules of its own.

A number is read first and then the words before it, so that a text without long numbers costs
nothing. A label is one of `words/labels_elsewhere.txt`, a word for number with the word beside it
("numer klienta", "müşteri no"), or an abbreviation in capital letters that is no public one: states
name their numbers so (BVN, REGON, CCCD).

    >>> from langchain_privacy.detection.folded import fold
    >>> text = "numer klienta 4827193, BVN 22212345678, see RFC 1234567"
    >>> [text[f.start : f.end] for f in find_numbers_labelled_elsewhere(fold(text))]
    ['4827193', '22212345678']
"""

import re
from collections.abc import Iterator

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import FoldedText, digits
from langchain_privacy.detection.numbers import counts_or_dates
from langchain_privacy.detection.rules import announced_by, span
from langchain_privacy.detection.vocabulary.lexicon import is_public
from langchain_privacy.words import load_by_kind

_ID = "ID"
_SCORE = 0.52  # below what check digits and the labels of languages with rules say
_LEAST, _LONG = 5, 7  # digits: of whatever a label names, and of what may as well be a count
_VALUE = re.compile(
    r"(?<![A-Za-z0-9_.,/-])(?:[A-Z]{1,4}-?)?\d+[A-Z]?"
    r"(?:[-./ ]\d{2,}|[-/ ]\d|\(\d\))*(?![A-Za-z0-9_]|[.,/-]\d)"
)
_LINK = re.compile(
    r"[ \t]?(?:\b(?:is|ist|è|é|es|este|jest|to|är|er|on|je|là|adalah|ialah|هو|هي|είναι|это|це)"
    r"|[:=#–؛：-])?[ \t]{0,3}\Z"
)
_CUT = re.compile(r"[:;,()|\n]")
_REACH = 64
_KIND_OF = load_by_kind("labels_elsewhere")
_NUMBER = "NUMBER"
_OWNERS = frozenset({"my", "his", "her", "our", "their", "your"})
_CATALOGUES = frozenset(
    {"asin", "cas", "cve", "ean", "gtin", "issn", "ismn", "oclc", "pmcid", "pmid", "rfc", "upc"}
)
"""Numbers of publications and goods."""
_MONEYS = load_by_kind("currencies")
_LONGEST_ABBREVIATION = 8


@announced_by(digits(_LEAST))
def find_numbers_labelled_elsewhere(text: FoldedText) -> Iterator[Finding]:
    """Find numbers of persons, telephones and accounts by labels in other languages."""
    done = 0
    for start, end, count in text.islands[0]:
        if count < _LEAST:
            continue
        for match in _VALUE.finditer(text.text, max(start, done), end):
            if match.end() == end < len(text.text):
                break  # the beginning of the next island's number
            done = match.end()
            size = sum(map(str.isdecimal, match[0]))
            if size >= _LEAST and not counts_or_dates(text, match):
                before = text.text[max(0, match.start() - _REACH) : match.start()]
                if kind := _kind(before, long=size >= _LONG):
                    yield span(match, kind, _SCORE, "labelled_elsewhere")


def _kind(before: str, *, long: bool) -> str:
    """Return the type of a number by what stands before it, `""` if that is no label."""
    words = _CUT.split(_LINK.sub("", before))[-1].split()[-3:]
    said = ["", "", "", *(word.strip(".'\"*_").lower() for word in words)]
    for first in range(-len(words), 0):
        kind = _KIND_OF.get(" ".join(said[first:]), _NUMBER)
        if kind != _NUMBER:
            return kind if long or kind != "PHONE" else ""
    if long and any(_KIND_OF.get(word) == "PHONE" for word in said):
        return "PHONE"  # "tel. do mamy 601 234 567"
    for number, other in ((-1, -2), (-2, -1), (-3, -1)):
        if _KIND_OF.get(said[number]) == _NUMBER:
            what = said[other]
            if what in _KIND_OF or not is_public(what or said[number]):
                kind = _KIND_OF.get(what, _ID).replace(_NUMBER, _ID)
                return kind if what or long else ""
            return _ID if long and what in _OWNERS else ""
    if not (long and words) or any(map(str.isdecimal, said[-2])):
        return ""  # a group of a longer code: "GB00 NWBK 6016 1331"
    return _ID if _is_abbreviation(words[-1].strip(".*")) else ""


def _is_abbreviation(word: str) -> bool:
    """Say whether a word is in capital letters and nothing that everybody knows: BVN, no ISBN."""
    lower = word.lower()
    return (
        1 < len(word) <= _LONGEST_ABBREVIATION
        and word.isalpha()
        and word.isupper()
        and lower not in _CATALOGUES
        and lower not in _MONEYS
        and not is_public(lower)
    )
