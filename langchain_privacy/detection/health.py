"""What somebody suffers from who is named in the sentence: strict mode hides it.

An illness by itself is nobody's ("what helps against migraine?"), and without it most questions
about health have no answer, so the default leaves it. `words/health_conditions.txt` lists common
ones in English and Korean.

    >>> text = "Emily Watson has type 2 diabetes. What helps against migraine?"
    >>> named = [Finding(start=0, end=12, entity_type="PERSON", score=0.6, detector="people")]
    >>> [text[f.start : f.end] for f in HealthDetector().detect_rest(text, named)]
    ['type 2 diabetes']
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache

from langchain_privacy.detection.finding import Finding, LateDetector
from langchain_privacy.detection.folded import FoldedText, fold
from langchain_privacy.detection.rules import occurrences
from langchain_privacy.words import load

Span = tuple[int, int]

_SCORE = 0.45  # below what is looked for elsewhere
_BEFORE = re.compile(
    r"(?:(?:type|stage) \w{1,3}|chronic|acute|severe|major|social|generali[sz]ed|postnatal"
    r"|gestational|breast|lung|skin|colon|bowel|prostate|ovarian|brain|liver|kidney|heart"
    r"|rheumatoid) \Z",
    re.IGNORECASE,
)
_BEHIND = re.compile(
    r"(?:['’]s)?(?: (?:disorder|disease|syndrome|attacks?|failure|infection))?\b", re.IGNORECASE
)
_END_OF_SENTENCE = re.compile(r"[.!?\n](?:(?<=\n)|(?<!\b[A-Z]\.)(?<!\b[MD][rs]\.)(?<!\bMrs\.)\s)")
_REACH = 400


class HealthDetector(LateDetector):
    """Finds conditions in the sentences that name a person."""

    name = "health"

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:  # noqa: ARG002
        """Find nothing: without the other findings nobody is named."""
        return []

    def detect_rest(
        self,
        text: str,
        found: Sequence[Finding],
        *,
        language: str | None = None,  # noqa: ARG002
    ) -> list[Finding]:
        """Find the conditions beside the people that the other detectors found."""
        people = sorted(f.start for f in found if f.entity_type == "PERSON")
        if not people:
            return []
        folded = fold(text)
        spans = [
            folded.to_original(
                Finding(start=a, end=b, entity_type="HEALTH", score=_SCORE, detector=self.name)
            )
            for a, b in _conditions_in(folded)
        ]
        return [f for f in spans if _is_named(text, people, f)]


def _conditions_in(folded: FoldedText) -> Iterator[Span]:
    for word in load("health_conditions") & folded.words:
        for start, end in occurrences(folded.lower, word):
            around = folded.lower[start - 1 : start] + folded.lower[end : end + 1]
            if not any(map(str.isalnum, around)):
                before = _BEFORE.search(folded.text, max(0, start - 24), start)
                behind = _BEHIND.match(folded.text, end)
                yield before.start() if before else start, behind.end() if behind else end
    if folded.hangul:
        for match in _korean().finditer(folded.text):
            yield match.span()


def _is_named(text: str, people: Sequence[int], found: Finding) -> bool:
    """Say whether a person stands in the sentence of a finding."""
    begin, stop = max(0, found.start - _REACH), found.end + _REACH
    before = [m.end() for m in _END_OF_SENTENCE.finditer(text, begin, found.start)]
    after = _END_OF_SENTENCE.search(text, found.end, stop)
    first, last = before[-1] if before else begin, after.start() if after else stop
    return any(first <= start < last for start in people)


@cache
def _korean() -> re.Pattern[str]:
    words = sorted(filter(lambda w: not w.isascii(), load("health_conditions")), key=len)
    return re.compile(rf"(?<![가-힣])(?:{'|'.join(reversed(words))})")
