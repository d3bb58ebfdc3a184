"""Dates and periods of a question, resolved here: what 지난달 or "last quarter" is, in days.

The remote model does not know today's date, and should not have to count. A date is no private
value by itself; one that a detector finds (a date of birth) becomes a slot in `linking.py`.

    >>> from datetime import date
    >>> [(p.said, str(p.first), str(p.last)) for p in periods("지난달 거래", date(2026, 3, 9))]
    [('지난달', '2026-02-01', '2026-02-28')]
"""

import re
from calendar import day_name, monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_MONTH = "|".join(f"{name}|{name[:3]}" for name in _MONTHS)
_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "한": 1, "두": 2, "세": 3,
    "석": 3, "네": 4, "넉": 4, "다섯": 5, "여섯": 6, "일곱": 7, "여덟": 8, "아홉": 9, "열": 10,
    "일": 1, "이": 2, "삼": 3, "사": 4, "오": 5, "육": 6,
}  # fmt: skip
_UNITS = {
    "day": "day", "일": "day", "week": "week", "주": "week", "주일": "week", "month": "month",
    "달": "month", "개월": "month", "quarter": "quarter", "분기": "quarter", "year": "year",
    "년": "year", "해": "year",
}  # fmt: skip
_MONTHS_OF = {"month": 1, "quarter": 3, "half": 6, "year": 12}
_COUNT = rf"(?P<n>\d{{1,4}}|{'|'.join(sorted(_NUMBERS, key=len, reverse=True))})"
_MOST = 5_000


@dataclass(frozen=True, slots=True)
class Period:
    """Words of a question that mean a period.

    Attributes:
        start: First character, 0-based.
        end: One past the last character.
        said: The words.
        first: Its first day.
        last: Its last day.
    """

    start: int
    end: int
    said: str
    first: date
    last: date

    def describe(self) -> str:
        """Write the line about it that crosses."""
        if self.first == self.last:
            return f"{self.said} = {self.first}"
        return f"{self.said} = {self.first} to {self.last}, both included"


@cache
def _calendar_words() -> frozenset[str]:
    days = [name.lower() for name in day_name]
    english = [
        *_MONTHS,
        *(m[:3] for m in _MONTHS),
        *days,
        *(f"{d}s" for d in days),
        *(d[:3] for d in days),
    ]
    korean = [f"{d}요일" for d in "월화수목금토일"] + [f"{m}월" for m in range(1, 13)]
    return frozenset([*english, *korean, "오늘", "어제", "내일", "올해", "작년", "내년"])


def is_calendar(word: str) -> bool:
    """Say whether a word in lower case is one of the calendar: a month, a day of the week."""
    return word in _calendar_words()


_DAY_OR_YEAR_FOLLOWS = re.compile(
    rf"\.?,?\s(?:of\s)?\d|\.?\s?(?:-|–|to|and|through|until)\s?(?:{_MONTH})\b", re.IGNORECASE
)
_DAY_BEFORE = re.compile(r"\d(?:st|nd|rd|th)?\s(?:of\s)?$")


def stands_in_a_date(text: str, start: int, end: int) -> bool:
    """Say whether a word is a month beside a day, a year or another month.

    Jan, April, May and June are names as well: Jan 1, 1st of May, Apr to June 2024 are none.
    """
    if not is_calendar(text[start:end].casefold()):
        return False
    return bool(_DAY_OR_YEAR_FOLLOWS.match(text, end) or _DAY_BEFORE.search(text[:start]))


def periods(text: str, today: date) -> list[Period]:
    """Find the periods of a question, relative ones by a date; they do not overlap."""
    found: list[Period] = []
    for pattern, read in _RULES:
        for match in pattern.finditer(text):
            if any(match.start() < known.end and known.start < match.end() for known in found):
                continue
            try:
                days = read(match, today)
            except (ValueError, OverflowError):
                continue  # the 31st of February
            if days is not None:
                found.append(Period(*match.span(), match[0], *days))
    return sorted(found, key=lambda period: period.start)


Days = tuple[date, date]
Read = Callable[[re.Match[str], date], Days | None]


def _month(year: int, month: int, months: int = 1) -> Days:
    """Return the days of some months; the month may lie outside of 1 to 12."""
    index = year * 12 + month - 1
    first, last = divmod(index, 12), divmod(index + months - 1, 12)
    end = date(last[0], last[1] + 1, monthrange(last[0], last[1] + 1)[1])
    return date(first[0], first[1] + 1, 1), end


def _of(unit: str, today: date, back: int) -> Days:
    """Return the calendar unit that lies so many units back."""
    if unit == "day":
        day = today - timedelta(days=back)
        return day, day
    if unit == "week":
        monday = today - timedelta(days=today.weekday() + 7 * back)
        return monday, monday + timedelta(days=6)
    months = _MONTHS_OF[unit]
    first = (today.month - 1) // months * months + 1
    return _month(today.year, first - back * months, months)


def _since(unit: str, today: date, count: int) -> Days:
    """Return the days from so many units ago to today."""
    if unit in ("day", "week"):
        return today - timedelta(days=count * (7 if unit == "week" else 1)), today
    year, month = divmod(today.year * 12 + today.month - 1 - count * _MONTHS_OF[unit], 12)
    return date(year, month + 1, min(today.day, monthrange(year, month + 1)[1])), today


def _count(text: str) -> int:
    count = int(text) if text.isdecimal() else _NUMBERS[text.lower()]
    if count > _MOST:
        raise ValueError(count)
    return count


def _year(text: str | None, today: date) -> int:
    """Return the year that is written or meant: 2024, 올해, 작년."""
    if not text:
        return today.year
    digits = re.sub(r"\D", "", text)
    if digits:
        return int(digits) + (2000 if len(digits) == 2 else 0)
    return today.year - _BACK.get(text.strip().lower(), 0)


_BACK = {
    "올해": 0, "금년": 0, "이번 해": 0, "작년": 1, "지난해": 1, "전년": 1, "재작년": 2, "내년": -1,
    "오늘": 0, "어제": 1, "그제": 2, "그저께": 2, "내일": -1, "이번": 0, "금": 0, "지난": 1,
    "저번": 1, "전": 1, "지지난": 2, "저저번": 2, "다음": -1, "today": 0, "yesterday": 1,
    "tomorrow": -1, "this": 0, "current": 0, "last": 1, "previous": 1, "past": 1, "next": -1,
}  # fmt: skip
_YEAR = r"(?P<y>(?:19|20)\d{2}\s?년|\d{2}년|올해|금년|작년|지난해|전년|재작년|내년)"
_ALONE = r"(?![가-힣]*(?:생|식|도))"


def _day_of(match: re.Match[str], today: date) -> Days:
    day = date(_year(match["y"], today), int(match["m"]), int(match["d"]))
    return day, day


def _month_of(match: re.Match[str], today: date) -> Days | None:
    name = match["m"].lower()
    month = int(name) if name.isdecimal() else [m[:3] for m in _MONTHS].index(name[:3]) + 1
    return _month(_year(match["y"], today), month) if 1 <= month <= 12 else None


def _part_of_year(months: int) -> Read:
    def read(match: re.Match[str], today: date) -> Days | None:
        part = {"상": 1, "전": 1, "하": 2, "후": 2}.get(match["n"]) or int(match["n"])
        if not 1 <= part <= 12 // months:
            return None
        return _month(_year(match["y"], today), (part - 1) * months + 1, months)

    return read


def _whole_year(match: re.Match[str], today: date) -> Days:
    return _month(_year(match["y"], today), 1, 12)


def _relative(match: re.Match[str], today: date) -> Days:
    unit = _UNITS[match["u"].lower().removesuffix("s")]
    return _of(unit, today, _BACK[match["r"].replace(" ", "").lower()])


def _recent(match: re.Match[str], today: date) -> Days:
    return _since(_UNITS[match["u"].lower().removesuffix("s")], today, _count(match["n"]))


def _ago(match: re.Match[str], today: date) -> Days:
    unit, count = _UNITS[match["u"].lower().removesuffix("s")], _count(match["n"])
    if unit in ("day", "week"):
        day = today - timedelta(days=count * (7 if unit == "week" else 1))
        return day, day
    return _of(unit, today, count)


def _near_day(match: re.Match[str], today: date) -> Days:
    return _of("day", today, _BACK[match[0].lower()])


_RULES: tuple[tuple[re.Pattern[str], Read], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), read)
    for pattern, read in (
        # Korean: from the longest to the shortest
        (rf"(?:{_YEAR}\s?)?(?<!\d)(?P<m>\d{{1,2}})월\s?(?P<d>\d{{1,2}})일", _day_of),
        (rf"{_YEAR}\s?(?P<m>\d{{1,2}})월(?!\s?\d)", _month_of),
        (rf"(?:{_YEAR}\s?)?(?<!\d)(?P<n>[1-4])\s?(?:사)?분기(?!별)", _part_of_year(3)),
        (rf"(?:{_YEAR}\s?)?(?P<n>[상하전후])반기(?!별)", _part_of_year(6)),
        (
            rf"(?:최근|지난|과거)\s?{_COUNT}\s?(?P<u>개월|분기|주일|일|주|달|년)(?:간|동안)?(?!\w*째)",
            _recent,
        ),
        (rf"(?<![가-힣\d]){_COUNT}\s?(?P<u>개월|분기|주일|일|주|달|년)\s?전", _ago),
        (
            r"(?P<r>지지난|저저번|지난|저번|이번|금|전|다음)\s?(?P<u>주|달|분기|해)(?!인|소|력)",
            _relative,
        ),
        (r"오늘|어제|그저께|그제", _near_day),
        (rf"{_YEAR}(?!\s?\d{{1,2}}(?:월|분기)){_ALONE}", _whole_year),
        # English
        (
            rf"\b(?:last|past|previous)\s{_COUNT}\s(?P<u>days?|weeks?|months?|quarters?|years?)\b",
            _recent,
        ),
        (rf"\b{_COUNT}\s(?P<u>days?|weeks?|months?|quarters?|years?)\sago\b", _ago),
        (r"\b(?P<r>this|current|last|previous|next)\s(?P<u>week|month|quarter|year)\b", _relative),
        (r"\b(?:today|yesterday)\b", _near_day),
        (r"\bQ(?P<n>[1-4])\s(?:of\s)?(?P<y>(?:19|20)\d{2})\b", _part_of_year(3)),
        (rf"\b(?P<m>{_MONTH})\.?\s(?:of\s)?(?P<y>(?:19|20)\d{{2}})\b", _month_of),
    )
)
