r"""People whom the layout of a text names: signatures, and names one below the other.

No list need know the name. `defaults` puts the rules into a detector.

    >>> from langchain_privacy.detection.folded import fold
    >>> text = "See you then.\n\nBest,\n\nBrutus Magnolia"
    >>> [text[f.start : f.end] for f in find_signatures(fold(text))]
    ['Brutus Magnolia']
"""

import re
from collections.abc import Iterator
from itertools import compress

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import UPPER, FoldedText
from langchain_privacy.detection.rules import Cues, announced_by, finding, span
from langchain_privacy.words import load, without_accents

_GIVEN = load("given_names")
_FAMILY = load("surnames")
_COMMON = load("common_words")
_PLACES = load("places")
_NOBODY = load("organisation_words") | load("roles") | {"team", "support", "office", "service"}

_CLOSINGS = Cues(load("closings"))
_LINE_BEFORE = re.compile(r"(?:\A|\n)[ \t>]{0,8}\Z")
_CAP = rf"[{UPPER}][^\W\d_]*(?:['’-][^\W\d_]+)*\.?"
_SIGNED = re.compile(
    r"[ \t]*[,!.-]{0,2}[ \t]*\n{1,3}[ \t>*_~–—-]{0,8}(?P<name>"
    rf"{_CAP}(?:[ ](?:{_CAP}|van|von|de|der|den|la|le|di|da|al|el|bin)){{0,4}}"
    r"|[^\W\d_A-Z]{2,16}(?:[ ][^\W\d_A-Z]{1,16})?)"
    r"[*_]{0,2}[ \t]*[,.]?(?=\n|\Z)"
)
_WORD = re.compile(r"[^\W\d_]+")


@announced_by(_CLOSINGS)
def find_signatures(text: FoldedText) -> Iterator[Finding]:
    """Find the name below the closing of a letter."""
    t = text.text
    for start, end in _CLOSINGS.find(text):
        if not _LINE_BEFORE.search(t, max(0, start - 9), start):
            continue
        match = _SIGNED.match(t, end)
        if match is None:
            continue
        words = _WORD.findall(match["name"].lower())
        if _NOBODY.isdisjoint(words) and not _COMMON.issuperset(words):
            yield span(match, "PERSON", 0.6, "signature", "name")


# A column: lines of nothing but names. A few of them are known, and none is an ordinary word.

_COLUMN_LINE = re.compile(
    rf"[ \t]{{0,8}}(?:[-*•][ ]|\d{{1,3}}[.)][ ])?(?P<name>{_CAP}(?:[ ]{_CAP}){{0,2}})"
    r"[ \t]*[,;]?(?=\n|\Z)"
)
_FEWEST = 3


@announced_by(parts=["\n"])
def find_columns_of_names(text: FoldedText) -> Iterator[Finding]:
    """Find names that stand one below the other."""
    column: list[re.Match[str]] = []
    start = 0
    for line in text.text.split("\n"):
        if match := _COLUMN_LINE.match(text.text, start):
            column.append(match)
        else:
            yield from _names_of(column) if len(column) >= _FEWEST else ()
            column = []
        start += len(line) + 1
    yield from _names_of(column) if len(column) >= _FEWEST else ()


def _names_of(column: list[re.Match[str]]) -> Iterator[Finding]:
    strange = [_may_be_name(match["name"]) for match in column]
    known = sum(_is_known(match["name"]) for match in compress(column, strange))
    if known >= max(2, len(column) // 3) and 4 * sum(strange) >= 3 * len(column):
        for match, is_strange in zip(column, strange, strict=True):
            if is_strange or match["name"].lower() in _GIVEN:
                yield finding(*match.span("name"), "PERSON", 0.55, "column")


def _may_be_name(line: str) -> bool:
    words = _WORD.findall(line.lower())
    return not (_COMMON.issuperset(words) or line.lower() in _PLACES) and _NOBODY.isdisjoint(words)


def _is_known(line: str) -> bool:
    words = _WORD.findall(line.lower())
    words += [without_accents(word) for word in words]
    return any(word in _GIVEN or (word in _FAMILY and word not in _COMMON) for word in words)
