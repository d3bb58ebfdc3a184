"""Dates and numbers, however they are written.

`1985-03-02` is `2 March 1985` and `1985년 3월 2일`; `850,000,000원` is `8억 5,000만` and
`팔억 오천만`. The index compares what they say.
"""

import datetime as dt
import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice, pairwise

from langchain_privacy.values.automaton import finder
from langchain_privacy.values.fold import HARD, lowered, normal

# ---- dates

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul",
            "august aug", "september sep sept", "october oct", "november nov", "december dec",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_MONTH = rf"(?P<m>(?i:{'|'.join(sorted(_MONTHS, key=len, reverse=True))}))\.?"
_DAY = r"(?P<d>\d{1,2})(?i:st|nd|rd|th)?\.?"
_YEAR = r"(?P<y>\d{4}|(?<![\d:.])'?\d{2})"
_DATES = tuple(
    (lengths, re.compile(rf"(?<![\d.]){pattern}(?!\d|[.,/-]\d)"))
    for lengths, pattern in (
        ((2, 4), r"(?P<y>\d{4}|\d{2})(?P<s>\s?[-./]\s?)(?P<m>\d{1,2})(?P=s)(?P<d>\d{1,2})"),
        ((2, 4), r"(?P<y>\d{4}|\d{2})\s?년\s?(?P<m>\d{1,2})\s?월\s?(?P<d>\d{1,2})\s?일?"),
        ((1, 2), r"(?P<d>\d{1,2})(?P<s>[-./])(?P<m>\d{1,2})(?P=s)(?P<y>\d{4}|\d{2})"),
        ((1, 2), rf"{_DAY}[ -]?(?:of )?{_MONTH}[, -]{{0,2}}{_YEAR}"),
        ((6, 8), r"(?P<y>\d{4}|\d{2})(?P<m>\d{2})(?P<d>\d{2})"),
        ((), rf"{_MONTH} ?{_DAY},? {_YEAR}"),
    )
)
"""The ways in which dates are written, each with how many digits it begins with."""
_SOME_DIGIT = re.compile(r"\d")
_NUMBER_IN_DIGITS = re.compile(r"[0-9]+")
_MAY_BE_DATE = re.compile(r"\d(?:\d?\D{0,16}\d{1,2}\D{0,16}\d|\d{5})")
_MONTH_BEFORE = re.compile(rf"{_MONTH} ?\Z")
_LONGEST_MONTH = len("september. ")

Day = tuple[int, int, int]
"""Year, month and day; the year of a date that was written with two digits is below 100."""


def dates(text: str) -> Iterator[tuple[int, int, Day]]:
    """Yield `(start, end, day)` for the dates of a readable text, in every way to read them.

    `02/03/1985` is two of them, one with the month first.
    """
    numbers: list[tuple[int, int]] = []
    months: list[tuple[int, int]] = []
    for match in _NUMBER_IN_DIGITS.finditer(text):
        start, end = match.span()
        if not _MAY_BE_DATE.match(text, start):
            continue
        numbers.append((start, end - start))
        letter = text[max(0, start - 3) : start].rstrip(" .")[-1:].lower()
        if end - start <= 2 and "a" <= letter <= "z":
            month = _MONTH_BEFORE.search(text, max(0, start - _LONGEST_MONTH), start)
            months += [(month.start(), 0)] if month else []
    for lengths, pattern in _DATES:
        free = 0
        for at, length in numbers if lengths else months:
            if at < free or (lengths and length not in lengths):
                continue
            if found := pattern.match(text, at):
                free = found.end()
                yield from ((at, free, day) for day in _readings(found))


def _readings(date: re.Match[str]) -> set[Day]:
    year, day = int(date["y"].lstrip("'")), int(date["d"])
    name = date["m"].translate(_SAME_LETTERS).lower().rstrip(".")
    order = (_MONTHS.get(name) or int(name), day)
    orders = {order, order[::-1]} if "s" in date.groupdict() else {order}
    return {(year, m, d) for m, d in orders if 1 <= m <= 12 and 1 <= d <= 31}


def days_of(value: str) -> list[Day]:
    """Return the days that a value may be, with the century and without; none if it is no date."""
    if _SOME_DIGIT.search(value) is None:
        return []
    value = normal(value.strip()).text
    if not 6 <= len(value) <= 32 or not _MAY_BE_DATE.search(value):
        return []
    matches = [match for _, pattern in _DATES if (match := pattern.match(value))]
    found = {day for m in matches if m.end() == len(value) for day in _readings(m)}
    if value[:4].isdecimal() and len(value) > 8:
        try:  # ISO 8601 has one reading, and may have a time
            at = dt.datetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            found = {(at.year, at.month, at.day)}
    return [day for y, m, d in found for day in {(y, m, d), (y % 100, m, d)}]


# ---- amounts and digits in Korean

_DIGITS = {
    c: d
    for d, cs in enumerate(("영공령", "일", "이", "삼", "사", "오", "육륙", "칠", "팔", "구"))
    for c in cs
}
_SMALL = {"십": 10, "백": 100, "천": 1000}
_LARGE = {"만": 10**4, "억": 10**8, "조": 10**12}
_LETTERS = "".join([*_DIGITS, *_SMALL, *_LARGE])

_MOST = 10**18
_TRIGGER = re.compile(f"[{_LETTERS}]")
# Possessive: a run of digits has one reading, or one that fails costs every way to divide it.
_PART = rf"(?:[{_LETTERS}]|\d++(?:[,.]++\d++)*+)"
_NUMBER = re.compile(rf"{_PART}(?: ?{_PART})*+")
_MARK = rf"(?:[^\S{HARD}]|[\-.,·])"
_SPELLED = re.compile(rf"[{''.join(_DIGITS)}](?:{_MARK}{{0,2}}[{''.join(_DIGITS)}]){{3,}}")
_ENGLISH_DIGITS = {
    word: digit
    for digit, words in enumerate(
        ("zero oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    )
    for word in words.split()
}
_TIMES = {"double": 2, "triple": 3}
_ENGLISH_WORD = re.compile(r"[a-z]+|\d")
_BEGINS_ENGLISH = finder(*_ENGLISH_DIGITS, *_TIMES)
_SAME_LETTERS = str.maketrans("ıİſ", "iis")
# A word of a digit, then digits and their words: "four one five, double five"; "and" and "dash"
# stand between them where a number is read out.
_GAP = rf"{_MARK}{{1,3}}"
_BETWEEN = rf"(?:{_GAP}(?:and|dash|hyphen)\b)?{_GAP}"
_READ_OUT = rf"(?:(?:{'|'.join(_TIMES)}){_GAP})?(?:{'|'.join(_ENGLISH_DIGITS)}|\d)\b"
_SPELLED_ENGLISH = re.compile(rf"\b{_READ_OUT}(?:{_BETWEEN}{_READ_OUT}){{3,40}}")
_LARGE_UNIT = re.compile(rf"[\d{_LETTERS}] ?[{''.join(_LARGE)}]")
_LARGE_SIGN = re.compile(f"[{''.join(_LARGE)}]")
_MOST_UNITS = 3
_TOKEN = re.compile(rf"[{_LETTERS}]|\d[\d,.]*")
# One mark for thousands and another for decimals, or `1987.03.14` and addresses would be amounts.
_DECIMALS = re.compile(
    r"\d{1,3}(?:,\d{3})+\.(\d{1,2})|\d{1,3}(?:\.\d{3})+,(\d{1,2})|\d+[.,](\d{1,2})"
)


def value_of(text: str) -> int | None:
    """Evaluate a number such as `8억 5,000만`; `None` when it is none.

    Units multiply what stands before them, as in speech: 천 within 만, 만 within 억. One or two
    decimals count before a unit (`8.5억`) and are cut off at the end (`1,250,000.00`).
    """
    total: int | Fraction = 0
    section: int | Fraction = 0
    pending: int | Fraction | None = None
    for token in _TOKEN.findall(text):
        if token in _DIGITS:
            pending = (pending or 0) * 10 + _DIGITS[token]
            if pending > _MOST:  # nobody writes it so, and ever longer numbers cost ever more
                return None
        elif token in _SMALL:
            section += (1 if pending is None else pending) * _SMALL[token]
            pending = None
        elif token in _LARGE:
            section += pending or 0
            total += (section or 1) * _LARGE[token]
            section, pending = 0, None
        else:
            digits = re.sub(r"[^\d]", "", token)
            if not digits or len(digits) > 18:
                return None
            pending = int(digits)
            if part := _DECIMALS.fullmatch(token):
                pending = Fraction(pending, 10 ** len(part[part.lastindex or 1]))
    return int(total + section + (pending or 0)) or None


_UNIT = r"(?:원|달러|유로|엔|위안|won|krw|usd|eur|dollars?|euros?)"
_PLAIN = r"\d{1,3}(?:[,.]\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,]\d{1,2})?"
_AMOUNT = re.compile(
    rf"\s*[₩$€£¥]?\s?(?:{_PLAIN}|{_NUMBER.pattern})\s?{_UNIT}?(?:정|짜리)?\s*", re.IGNORECASE
)
_LEAST_AMOUNT = 10_000


def amount_of(value: str) -> int | None:
    """Return the amount that a value is, `None` for anything else and for small or round ones.

    Small and round amounts are met by chance: 500, 30,000.
    """
    if value.isascii() and _SOME_DIGIT.search(value) is None:
        return None
    if not _AMOUNT.fullmatch(value) or (" " in value.strip() and not _TRIGGER.search(value)):
        return None  # 110 234 567890 is no amount
    amount = value_of(value)
    if amount is None or amount < _LEAST_AMOUNT or len(str(amount).rstrip("0")) < 2:
        return None
    return amount


def amounts(text: str) -> Iterator[tuple[int, int, int]]:
    """Yield `(start, end, value)` for numbers of a text in units of 만 and more.

    Another number may follow one (`125만 010…`), so what ends with a unit is one as well; and where
    units do not become smaller (`125만 125만`), what begins behind one.
    """
    if _LARGE_UNIT.search(text) is None:
        return
    for match in _NUMBER.finditer(text):
        if _TRIGGER.search(match.group()) is None:
            continue
        units = [m.end() for m in islice(_LARGE_SIGN.finditer(text, *match.span()), _MOST_UNITS)]
        sizes = [_LARGE.get(text[end - 1], 0) for end in units]
        apart = any(one <= other for one, other in pairwise(sizes))
        for start in (match.start(), *(units if apart else ())):
            begin = start + text[start : match.end()].startswith(" ")
            for end in dict.fromkeys((match.end(), *units)):
                value = value_of(text[begin:end]) if begin < end else None
                if value is not None:
                    yield begin, end, value


def spelled_digits(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield `(start, end, digits)` for digits that are read out one by one.

    In Korean, and in English with "oh" for zero, "double" and "triple".
    """
    for match in _SPELLED.finditer(text):
        yield (
            match.start(),
            match.end(),
            "".join(str(_DIGITS[c]) for c in match.group() if c in _DIGITS),
        )
    text, free = lowered(text), 0
    if not text.isascii():
        text = text.translate(_SAME_LETTERS)
    # Prose is passed at C speed: one byte a character, so that offsets stay.
    for _, start, _ in _BEGINS_ENGLISH.find_matches_as_indexes(text.encode("ascii", "replace")):
        said = _SPELLED_ENGLISH.match(text, start) if start >= free else None
        if said is None:
            continue
        digits, times, free = "", 1, said.end()
        for word in _ENGLISH_WORD.findall(said.group()):
            if word.isdigit() or word in _ENGLISH_DIGITS:
                digits += str(_ENGLISH_DIGITS.get(word, word)) * times
            times = _TIMES.get(word, 1)
        yield start, free, digits
