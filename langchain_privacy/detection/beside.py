r"""What strict mode holds for private, beside what is private: codes, numbers, names in a sentence.

"CC-40817", "room 312", "since 1988", "Hope" say nothing in a text that is about nobody, and much in
one that names somebody. So the default looks where other detectors found something with strict
mode's judgement of numbers and words (`vocabulary`). It leaves more than strict mode does: what is
counted ("214 plates"), what stands in code, in a log, in a table or behind the colon of a label
(`fields` knows labels), words that begin a sentence or have capitals only, and short codes such as
"HbA1c". `UnlistedDetector` calls this.

    >>> from langchain_privacy.detection.folded import fold
    >>> text = "Ann moved to room 312 in 1988 and served 214 plates; her badge is KX-40817."
    >>> folded = fold(text)
    >>> [text[a:b] for a, b, _ in numbers_beside(folded, [(0, len(text))], PublicWords())]
    ['312', '1988', 'KX-40817']
    >>> text = "Everybody was there, but Hope was missing."
    >>> [text[a:b] for a, b, _ in names_beside(fold(text), [(0, len(text))], PublicWords())]
    ['Hope']
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from langchain_privacy.detection.dates import MONTHS, WEEKDAYS
from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import FoldedText
from langchain_privacy.detection.vocabulary.declared import PUBLIC_NUMBERS, PublicWords
from langchain_privacy.detection.vocabulary.english import words_not_public
from langchain_privacy.detection.vocabulary.numbers import private_numbers
from langchain_privacy.values.spelling import NUMBER, WORD
from langchain_privacy.words import load

Span = tuple[int, int]
_Found = tuple[int, int, str]

# A token that a number is a piece of: PHYS-214, 22CS/114903/25, svc_9fK2.
# Letters of Chinese and Japanese end it: there a whole clause is one run of letters.
_EAST_ASIAN = r"\u3041-\u30ff\u3400-\u9fff"
_CLAUSE = re.compile(f"[{_EAST_ASIAN}]")
_SIGN = rf"[^\W_{_EAST_ASIAN}]"
_TOKEN_BEFORE = re.compile(rf"(?:{_SIGN}+[-_/.#])*{_SIGN}*\Z")
_TOKEN_BEHIND = re.compile(rf"{_SIGN}*(?:[-_/.#]{_SIGN}+)*")
_LONGEST = 64
_LETTER = re.compile(r"[^\W\d_가-힣年月日]")
_TIME = re.compile(r"(?:\d{4}-\d\d-\d\d[Tt ])?\d\d:\d\d")
# Not part of code, of a log or of a table of names and values.
_PLAIN_BEFORE = re.compile(r"[^\W\d_][.,;]?(?: [(#№~’']?|[’'])\Z")
# As a number before it that has as many digits: "numbers 22871, 23004 and 23519".
_SIBLING_BEFORE = re.compile(r"(?<![\w.,-])(\d{4,})(?:, |,? (?:and|or|&) )\Z")
_CODE_BEHIND = re.compile(r"[\"'`=/\]]|:\S|\(")
_NEXT_WORD = re.compile(r" ([a-z-]+)(?![\w'’])")
_OF_ALL = re.compile(r" of (?:(?:the|our|my|all|them|these|those) )?\d| of (?:them|us)\b")
_MOST_BETWEEN = 3  # words between a number and what is counted: "214 small glass plates"
_SHORT = 5  # characters between a word and a number
_SHORTEST_CODE = 5
_FEWEST_DIGITS = 2
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th|s)\Z", re.IGNORECASE)
_YEAR = re.compile(r"(?:19|20)\d\d\Z")

_NAME = re.compile(r"[^\W\d_a-z][a-z'’]+(?:[ -](?:(?:of|the|and|&) )*[^\W\d_a-z][a-z'’]+)*\Z")
_DAYS_AND_MONTHS = MONTHS.union(WEEKDAYS, ("easter", "christmas"))
_BEGINS = re.compile(r"(?:[.!?:;\n\t•*#>|=({\[“\"‘`–—]|--|\A)[\s\"'“‘*_(\[-]*\Z")
_BEFORE = 12


def lines_with(folded: FoldedText, found: Iterable[Finding]) -> list[Span]:
    """Return the lines of a folded text with something that was found in the original."""
    lines: list[Span] = []
    for start in sorted(folded.normal.place(f.start) for f in found):
        if not lines or start > lines[-1][1]:
            stop = folded.text.find("\n", start)
            stop = len(folded.text) if stop < 0 else stop
            lines.append((folded.text.rfind("\n", 0, start) + 1, stop))
    return lines


def numbers_beside(
    folded: FoldedText, lines: Sequence[Span], public: PublicWords
) -> Iterator[_Found]:
    """Yield numbers and codes of prose that are not public and count nothing.

    Sums, ages and days are left: `personal` knows whose they are.

    Args:
        folded: The text.
        lines: Those with something private.
        public: What the application declares public.

    Yields:
        Offsets in the folded text, and `NUMBER`.
    """
    text = folded.text
    starts = [first for first, _ in lines]
    known: dict[Span, bool] = {}

    def wanted(start: int, end: int) -> Span | None:
        line = bisect_right(starts, start) - 1
        if line < 0 or start >= lines[line][1]:
            return None
        first, last = _token(text, start, end)
        token = text[first:last]
        if _LETTER.search(token) and " " not in token:
            return (first, last) if _is_code(token) else None
        plain = _is_plain(text, (start, end), known) and not _counts(text, end, text[start:end])
        return (start, end) if plain else None

    if any(wanted(*number) for number in folded.said.numbers):  # in most texts there is none
        for start, end in private_numbers(text, PUBLIC_NUMBERS, public.words, sums=False):
            if span := wanted(*_without_clause(text, start, end)):
                yield *span, NUMBER


def _without_clause(text: str, start: int, end: int) -> Span:
    """Return a number without the letters of Chinese or Japanese around it."""
    while start < end and _CLAUSE.match(text, start):
        start += 1
    while start < end and _CLAUSE.match(text, end - 1):
        end -= 1
    return start, end


def _token(text: str, start: int, end: int) -> tuple[int, int]:
    before = _TOKEN_BEFORE.search(text, max(0, start - _LONGEST), start)
    behind = _TOKEN_BEHIND.match(text, end, end + _LONGEST)
    return before.start() if before else start, behind.end() if behind else end


def _is_code(token: str) -> bool:
    """Say whether letters and digits are a code: not a time, an ordinal, HbA1c or utf8."""
    return (
        len(token) >= _SHORTEST_CODE
        and sum(map(str.isdecimal, token)) >= _FEWEST_DIGITS
        and not _TIME.match(token)
        and not _ORDINAL.match(token)
    )


def _is_plain(text: str, number: Span, known: dict[Span, bool]) -> bool:
    """Say whether a number stands in prose; in a list of numbers the first one tells of the others.

    Args:
        text: The text.
        number: Where it stands.
        known: What was said of numbers before, so that a long list is not read again for each.
    """
    row = [number]
    while row[-1] not in known:
        start, end = row[-1]
        sibling = _SIBLING_BEFORE.search(text, max(0, start - _LONGEST), start)
        if sibling is None or len(sibling[1]) != end - start:
            known[row[-1]] = _is_behind_a_word(text, start, end)
        else:
            row.append(sibling.span(1))
    known.update(dict.fromkeys(row, known[row[-1]]))
    return known[number]


def _is_behind_a_word(text: str, start: int, end: int) -> bool:
    """Say whether a number stands behind a word: not in code, in a log, behind a label's colon."""
    before = _PLAIN_BEFORE.search(text, max(0, start - _SHORT), start)
    return (
        before is not None
        and not (before[0][1:2] == "," and _YEAR.match(text, start, end))  # "selling a vespa, 2011"
        and not _CODE_BEHIND.match(text, end)
        and not _TIME.match(text, start)
    )


def _counts(text: str, end: int, number: str) -> bool:
    """Say whether things are counted: "214 plates", "129 of 160"; not "in 1988 with friends"."""
    function = load("english_function")
    for _ in range(1 if _YEAR.match(number) else _MOST_BETWEEN):
        word = _NEXT_WORD.match(text, end)
        if word is None:
            return False
        if word[1] in load("units") or (word[1] == "of" and _OF_ALL.match(text, end)):
            return True
        if word[1] in function:
            return False
        if word[1].endswith("s") and not word[1].endswith("ss"):
            return True
        end = word.end()
    return False


def names_beside(
    folded: FoldedText, lines: Iterable[Span], public: PublicWords
) -> Iterator[_Found]:
    """Yield words with a capital letter in the middle of an English sentence that are not public.

    Args:
        folded: The text.
        lines: Those with something private.
        public: What the application declares public.

    Yields:
        Offsets in the folded text, and `WORD`.
    """
    text = folded.text
    for first, stop in lines:
        for start, end in words_not_public(text[first:stop], public.words):
            start, end = first + start, first + end
            name = text[start:end]
            if (
                _NAME.match(name)
                and name.lower() not in _DAYS_AND_MONTHS
                and (
                    name.partition(" ")[0].lower() in load("given_names")  # as the lists have it
                    or not _BEGINS.search(text, max(0, start - _BEFORE), start)
                )
            ):
                yield start, end, WORD
