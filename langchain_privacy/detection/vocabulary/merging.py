"""What is not public gets the type of the findings that it touches.

`detection.detect` calls this where it settles what detectors found.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from operator import attrgetter

from langchain_privacy.detection.finding import HIGH_CONFIDENCE, Finding, merge_findings
from langchain_privacy.words import load
from langchain_privacy.words.signs import SIGNS

Span = tuple[int, int]

_WORD = re.compile(rf"(?:[^\W_]|[{SIGNS}])+(?:['’.&_-][^\W_]+)*")
_start = attrgetter("start")
_BESIDE = ("", " ", "-", "'", "’", ". ")


@cache
def _small_words() -> frozenset[str]:
    return load("english_function") | {"de", "la", "del", "der", "den", "van", "von", "di", "al"}


def with_types(text: str, typed: Sequence[Finding], untyped: Sequence[Finding]) -> list[Finding]:
    """Give what is not public the type of the findings that it touches.

    A word beside a name is a part of the name; what is left of a run behind a small word ("of Lost
    Bubble") stands for itself.

    Args:
        text: What was searched.
        typed: Settled findings that have a type, in order.
        untyped: The others; they may overlap these and each other.

    Returns:
        Findings without overlaps, in order.
    """
    settled = list(typed)
    ends = [f.end for f in typed]
    pieces: list[Finding] = []
    for word in merge_findings(untyped):
        at, index = word.start, bisect_right(ends, word.start)
        while index < len(typed) and typed[index].start < word.end:
            if typed[index].start > at:
                pieces += _piece(text, settled, word, (at, typed[index].start), (index - 1, index))
            at = typed[index].end
            index += 1
        if at < word.end:
            pieces += _piece(text, settled, word, (at, word.end), (index - 1,))
    return sorted([*settled, *pieces], key=_start)


def _piece(
    text: str, settled: list[Finding], word: Finding, span: Span, beside: Sequence[int]
) -> Iterator[Finding]:
    """Join a piece of a run with the finding beside it, or yield it without small words."""
    start, end = span
    small = _small_words()
    begin = stop = -1
    said = text[start:end]
    if said.isalnum():  # one word, as most are
        begin, stop = (-1, -1) if said.lower() in small else (start, end)
    else:
        for token in _WORD.finditer(text, start, end):
            if token[0].lower() not in small:
                begin, stop = token.start() if begin < 0 else begin, token.end()
    if begin < 0:
        return
    for index in beside:
        if 0 <= index < len(settled) and settled[index].score < HIGH_CONFIDENCE:
            other = settled[index]
            if other.end <= begin and text[other.end : begin] in _BESIDE:
                settled[index] = replace(other, end=stop)
                return
            if stop <= other.start and text[stop : other.start] in _BESIDE:
                settled[index] = replace(other, start=begin)
                return
    whole = (begin, stop) == (word.start, word.end)
    yield word if whole else replace(word, start=begin, end=stop)
