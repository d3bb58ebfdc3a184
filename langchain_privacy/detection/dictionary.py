"""Values that the caller names."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping

import ahocorasick

from langchain_privacy.detection.finding import Detector, Finding
from langchain_privacy.detection.folded import FoldedText, fold
from langchain_privacy.words.korean import ends_a_korean_word, is_hangul

_KEPT = re.compile(r"[^\s\-._/()]+")


class DictionaryDetector(Detector):
    """Finds the values that somebody named as private, wherever they stand.

    Matching ignores case, width, Unicode composition and the separators inside a value
    ("010-1234-5678" finds "010 1234 5678", "서지훈" finds "서 지훈"), and takes whole words only;
    Korean particles and titles may follow ("서지훈은"). One Aho-Corasick pass for all values.
    """

    name = "dictionary"

    def __init__(self, values: Mapping[str, Iterable[str]]) -> None:
        """Take `{entity_type: values}`; empty values are ignored."""
        self._automaton = ahocorasick.Automaton()
        for kind, named in values.items():
            for value in named:
                key = "".join(_KEPT.findall(fold(value).lower))
                if key and key not in self._automaton:
                    self._automaton.add_word(key, (kind, len(key)))
        if len(self._automaton):
            self._automaton.make_automaton()

    def __repr__(self) -> str:
        return f"<DictionaryDetector of {len(self._automaton)} values>"

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:  # noqa: ARG002
        """Find every occurrence."""
        if not len(self._automaton):
            return []
        folded = fold(text)
        return [folded.to_original(f) for f in self._occurrences(folded)]

    def _occurrences(self, folded: FoldedText) -> Iterator[Finding]:
        squashed, starts, origins = _squash(folded.lower)
        for last, (kind, length) in self._automaton.iter(squashed):
            first = last - length + 1
            run = bisect_right(starts, first) - 1
            start = origins[run] + first - starts[run]
            run = bisect_right(starts, last) - 1
            end = origins[run] + last - starts[run] + 1
            if _whole(folded.lower, start, end):
                yield Finding(start=start, end=end, entity_type=kind, score=1.0, detector=self.name)


def _squash(text: str) -> tuple[str, list[int], list[int]]:
    """Drop separators; return the rest and, per run of it, its offset there and in `text`."""
    pieces, starts, origins, at = [], [], [], 0
    for match in _KEPT.finditer(text):
        pieces.append(match[0])
        starts.append(at)
        origins.append(match.start())
        at += len(match[0])
    return "".join(pieces), starts, origins


def _whole(text: str, start: int, end: int) -> bool:
    """Say whether a span is not the inside of a longer word or number."""
    first, last = text[start], text[end - 1]
    before = text[start - 1] if start else " "
    after = text[end] if end < len(text) else " "
    if is_hangul(first):
        # Three syllables are a name wherever they stand; two may be the inside of a word.
        if is_hangul(before) and end - start < 3:
            return False
    elif (
        first.isalnum()
        and before.isalnum()
        and before.isdigit() == first.isdigit()
        and not is_hangul(before)
    ):
        return False
    if is_hangul(last):
        return not is_hangul(after) or ends_a_korean_word(text, end)
    return not (
        last.isalnum()
        and after.isalnum()
        and after.isdigit() == last.isdigit()
        and not is_hangul(after)
    )
