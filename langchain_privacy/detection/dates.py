"""Dates that belong to a person."""

# ruff: noqa: E501 - a pattern or a table reads better whole

import re
from collections.abc import Iterator

from langchain_privacy.detection.cues import Cues
from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import FoldedText
from langchain_privacy.detection.rules import finding, numbers, span

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
DATE = (
    r"(?:\d{4}\s?[./-]\s?\d{1,2}\s?[./-]\s?\d{1,2}\.?"
    r"|\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?[ -](?:of )?{_MONTH},?[ -]\d{{4}}"
    rf"|{_MONTH}[ -]\d{{1,2}}(?:st|nd|rd|th)?,?[ -]\d{{4}}"
    r"|\d{2,4}년\s?\d{1,2}월\s?\d{1,2}일)"
)
_BIRTH_WORDS = Cues(
    [
        "birth",
        "birth date",
        "birthdate",
        "birthday",
        "date of birth",
        "d.o.b",
        "dob",
        "born",
        "b.",
        "생년월일",
        "생일",
        "출생",
        "출생일",
        "생년",
    ]
)
_BORN_BEFORE = re.compile(
    rf"[^\d\n]{{0,24}}?\n?[^\d\n]{{0,4}}?(?P<date>{DATE}|(?<!\d)(?:19|20)\d{{6}}(?!\d)|(?<!\d)\d{{2}}(?:0\d|1[0-2])[0-3]\d(?!\d))"
)
_BORN = re.compile(r"생(?![가-힣])|출생|태생|에 태어")
_DATE_BEFORE = re.compile(rf"(?P<date>{DATE})\s?\Z")
_LONGEST_DATE = 24
# A complete date in figures that lies far back is rarely a term or a deadline. It scores low: where
# old dates matter to the remote model, a threshold for DATE_OF_BIRTH leaves them alone.
_LONG_AGO = re.compile(
    r"(?<![\d./-])(?P<date>(?:0?[1-9]|[12]\d|3[01])([/.-])(?:0?[1-9]|[12]\d|3[01])\2(?:19\d{2}|200\d)"
    r"|(?:19\d{2}|200\d)-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?:[ Tt]\d{2}:\d{2}(?::\d{2})?)?)(?![\d]|[./-]\d)"
)


def find_birth_dates(text: FoldedText) -> Iterator[Finding]:
    """Find dates of birth by the words beside them, and old dates in figures (score 0.45)."""
    for _, end in _BIRTH_WORDS.find(text):
        if match := _BORN_BEFORE.match(text.lower, end):
            yield span(match, "DATE_OF_BIRTH", 0.85, "birth_date", "date")
    for born in _BORN.finditer(text.text) if text.hangul else ():
        first = max(0, born.start() - _LONGEST_DATE)
        if match := _DATE_BEFORE.search(text.lower[first : born.start()]):
            start, end = match.span("date")
            yield finding(first + start, first + end, "DATE_OF_BIRTH", 0.85, "birth_date")
    for match in numbers(_LONG_AGO, text, digits=6):
        yield span(match, "DATE_OF_BIRTH", 0.45, "birth_date", "date")
