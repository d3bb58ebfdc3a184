"""Strict mode as a detector: what is not public is found, whatever it is.

    >>> text = "Ask Wrenfield about invoice 4471923."
    >>> [(f.entity_type, text[f.start : f.end]) for f in StrictDetector().detect(text)]
    [('WORD', 'Wrenfield'), ('NUMBER', '4471923')]

`detection.detect` gives what is found here the type of another detector's finding where there is
one; a masker in strict mode brings this detector, and the guard examines with it at the door.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from langchain_privacy.detection.finding import Detector, Finding
from langchain_privacy.detection.folded import fold
from langchain_privacy.detection.vocabulary import english, korean, numbers
from langchain_privacy.detection.vocabulary.declared import PUBLIC_NUMBERS, PublicWords
from langchain_privacy.detection.vocabulary.others import OtherLanguages
from langchain_privacy.values.spelling import NUMBER, WORD
from langchain_privacy.words.labels import is_label_of_a_number
from langchain_privacy.words.signs import SIGNS

Span = tuple[int, int]

_SCORE = 0.5
# Scripts without a vocabulary here: every word is private. Hangul has its own file.
_HERE = r"A-Za-z\u00aa-\u024f\u1e00-\u1eff\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff"
_LETTERS = rf"[^\W\d_{_HERE}]+(?:[{SIGNS}]+[^\W\d_{_HERE}]*)*"
_FOREIGN = re.compile(rf"{_LETTERS}(?:[ \u3000'’-]{_LETTERS})*")
_FOREIGN_WORD = re.compile(_LETTERS)
# Escapes of JSON and HTML are no words; what they say is read beside (see `values.decoding`).
_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{4}|\\[nrtbf]|&#?\w{2,8};")
_STOPS = frozenset(" \t\r\n\v\f\"'“”‘’«»<>()[]{},;|`=\ufffc\x1e\x1f")
_ADDRESS = re.compile(r"[/@\\]|[a-zA-Z0-9]\.[a-zA-Z]{2,}(?:[:/]|\Z)")
_FARTHEST = 200

_BEFORE_A_NUMBER = re.compile(r"(?: [a-z]{1,12}){0,4} ?[:#(=]? ?(?=[A-Z]{0,3}[ -]?\d)")


class StrictDetector(Detector):
    """Finds every word and number that is not public.

    Attributes:
        public: What the application declares public.
        public_numbers: Kinds of numbers that are public, see `vocabulary.numbers.KINDS`.
        others: Vocabularies beside the English and the Korean one.
    """

    name = "strict"

    def __init__(
        self,
        public: PublicWords | None = None,
        public_numbers: Collection[str] = PUBLIC_NUMBERS,
        languages: Iterable[str] = (),
    ) -> None:
        """Take what is public.

        Args:
            public: What the application wrote.
            public_numbers: Kinds of public numbers.
            languages: ISO 639-1 codes of further languages whose words are public (extra
                `languages`); one that cannot be read is said once.
        """
        self.public = public if public is not None else PublicWords()
        self.public_numbers = frozenset(public_numbers)
        self.others = OtherLanguages(languages)
        self.names_in = frozenset(self.others.languages)

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:  # noqa: ARG002
        """Find what is not public; see `Detector.detect`."""
        folded = fold(_ESCAPE.sub(_blank, text) if "\\" in text or "&" in text else text)
        declared = self.public.words
        spans = [(a, b, WORD) for a, b in self._words(folded.text)]
        if folded.hangul:
            spans += [(a, b, WORD) for a, b in korean.private_words(folded.text, self._is_declared)]
        if not folded.text.isascii():
            spans += [(a, b, WORD) for a, b in self._foreign(folded.text)]
        ends = {b for _, b, _ in spans}
        digits = numbers.private_numbers(folded.text, self.public_numbers, declared, ends)
        spans += [(a, b, NUMBER) for a, b in digits]
        return [
            folded.to_original(
                Finding(start=a, end=b, entity_type=kind, score=_SCORE, detector=self.name)
            )
            for a, b, kind in _whole(folded.text, sorted(spans))
        ]

    def _words(self, text: str) -> Iterator[Span]:
        for start, end in english.private_words(text, self.public.words, self.others or None):
            # "Her CPF is 432.959.809-42": what the number is is nobody's
            if not (_BEFORE_A_NUMBER.match(text, end) and is_label_of_a_number(text[start:end])):
                yield start, end

    def _foreign(self, text: str) -> Iterator[Span]:
        """Yield what is private in scripts other than Latin and Hangul."""
        read: list[Span] = []
        if self.others:
            for run, private in self.others.east_asian(text):
                read.append(run)
                yield from (s for s in private if text[slice(*s)] not in self.public.words)
        read.sort(reverse=True)  # the first is the last: what was passed goes
        for match in _FOREIGN.finditer(text):
            at = match.start()
            while read and read[-1][1] <= at:
                read.pop()
            for start, end in reversed(read):
                if start >= match.end():
                    break
                yield from self._undeclared(text, at, start)
                at = max(at, end)
            yield from self._undeclared(text, at, match.end())

    def _undeclared(self, text: str, first: int, last: int) -> Iterator[Span]:
        """Yield the runs of words that the application did not declare public."""
        begin = end = -1
        for word in _FOREIGN_WORD.finditer(text, first, last) if first < last else ():
            if word[0] not in self.public.words and word[0].lower() not in self.public.words:
                begin, end = begin if begin >= 0 else word.start(), word.end()
            elif begin >= 0:
                yield begin, end
                begin = -1
        if begin >= 0:
            yield begin, end

    def _is_declared(self, word: str) -> bool:
        return word in self.public.words


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _whole(text: str, spans: Sequence[tuple[int, int, str]]) -> Iterator[tuple[int, int, str]]:
    """Widen spans to the addresses, paths and handles that they are a piece of, and unite them."""
    last: tuple[int, int, str] | None = None
    for start, end, kind in spans:
        start, end = _widened(text, start, end, joined=kind == WORD)
        if last is not None and start <= last[1]:
            last = (min(last[0], start), max(last[1], end), last[2])
            continue
        if last is not None:
            yield last
        last = (start, end, kind)
    if last is not None:
        yield last


def _widened(text: str, start: int, end: int, *, joined: bool) -> Span:
    """Return the whole token around a span where it is an address, a path, a handle, a compound."""
    left, right = start, end
    while left and start - left < _FARTHEST and text[left - 1] not in _STOPS:
        left -= 1
    while right < len(text) and right - end < _FARTHEST and text[right] not in _STOPS:
        right += 1
    token = text[left:right].rstrip(".:!?*")
    if _ADDRESS.search(token) and not text.startswith("(", right):
        return left, max(end, left + len(token))
    if not joined:
        return start, end
    while start > left and (_is_joint(text, start - 1) or _is_inner(text, start - 1)):
        start -= 1
    while end < right and (_is_joint(text, end) or _is_inner(text, end)):
        end += 1
    return start, end


def _is_inner(text: str, at: int) -> bool:
    return text[at].isalnum() and text[at].isascii()


def _is_joint(text: str, at: int) -> bool:
    """Say whether a hyphen or underscore stands between letters or digits."""
    return text[at] in "-_" and 0 < at < len(text) - 1 and _both(text[at - 1], text[at + 1])


def _both(before: str, after: str) -> bool:
    return (before.isalnum() or before == "_") and (after.isalnum() or after == "_")
