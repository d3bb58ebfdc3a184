"""Read numbers, amounts and dates where they stand in a text, as English and Korean write them.

    quantities("월세 82만원, 관리비 ₩50,000")  # 820000 KRW at 3, 50000 KRW at 13
    days("from 1 March 2025 to 2025-03-31")   # two dates with their offsets

`jobs` takes the value of a passage with it and `aggregate` adds values up. Read are marks of
thousands of every country (1,234.50; 1.234,50; 1 234,50; 1'234.50; 12,34,567), accounting's
parentheses, sizes in words (1.2 million, 3bn, 2억 7천만, 이억칠천만), currencies as signs, codes
and words, and per cent. Which of "." and "," marks decimals is asked of the whole text, once.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Literal

Mark = Literal[".", ","]


@dataclass(frozen=True)
class Quantity:
    """A number in a text.

    Attributes:
        start: First character, the sign of its currency included.
        end: One past the last, its unit included.
        value: With its size: 2.5 million is 2500000.
        unit: `"KRW"` and other codes of ISO 4217, `"%"`, a word such as `"days"`, or `""`.
    """

    start: int
    end: int
    value: Decimal
    unit: str = ""

    @property
    def is_money(self) -> bool:
        """Whether its unit is a currency."""
        return self.unit in _CODES


@dataclass(frozen=True)
class Day:
    """A date in a text, by its offsets."""

    start: int
    end: int
    value: date


_SIGNS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "￥": "JPY", "₩": "KRW", "￦": "KRW"}
_SIGNS |= {"₹": "INR", "₫": "VND", "₽": "RUB", "฿": "THB", "元": "CNY"}
_NAMES = {
    **dict.fromkeys(("dollar", "dollars", "달러", "불"), "USD"),
    **dict.fromkeys(("euro", "euros", "유로"), "EUR"),
    **dict.fromkeys(("pound", "pounds", "파운드"), "GBP"),
    **dict.fromkeys(("yen", "엔"), "JPY"),
    **dict.fromkeys(("won", "원"), "KRW"),
    **dict.fromkeys(("yuan", "renminbi", "위안"), "CNY"),
    **dict.fromkeys(("franc", "francs", "프랑"), "CHF"),
    **dict.fromkeys(("rupee", "rupees", "루피"), "INR"),
}
_CODES = frozenset(
    re.findall(
        "...",
        "USDEURGBPJPYKRWCNYCHFINRCADAUDNZDSGDHKDTWDTHBVNDIDRMYRPHPSEKNOKDKKPLNCZKHUFRONTRYILS"
        "AEDSARZARBRLMXNARSCLPCOPRUBUAHEGPNGNKES",
    )
)
_PREFIXES = {"US": "USD", "A": "AUD", "C": "CAD", "CA": "CAD", "HK": "HKD", "NZ": "NZD", "S": "SGD"}

_SIZES = {
    **dict.fromkeys(("thousand", "thousands", "k"), 10**3),
    **dict.fromkeys(("million", "millions", "mn", "mio", "mm"), 10**6),
    **dict.fromkeys(("billion", "billions", "bn"), 10**9),
    **dict.fromkeys(("trillion", "trillions", "tn"), 10**12),
}
_KOREAN = {"조": 10**12, "억": 10**8, "만": 10**4}
_SMALL = {"천": 1000, "백": 100, "십": 10}
_DIGITS = dict(zip("영일이삼사오육칠팔구", range(10), strict=True)) | {"공": 0, "륙": 6}

# A number: groups of digits with one mark between them, a fraction, no digits on either side.
_NUMBER = (
    r"\d{1,3}(?P<mark>[,.'’\u00a0\u202f\u2009 ])\d{2,3}(?:(?P=mark)\d{2,3})*+(?:[.,]\d+)?(?!\d)"
    r"|\d+(?:[.,]\d+)?"
)
_AT = re.compile(
    r"(?P<open>\()?(?P<sign>[-+−–])?\s?"
    rf"(?:(?P<before>(?:US|HK|NZ|CA|[ACS])?[$€£¥￥₩￦₹₫₽฿]|\b[A-Z]{{3}}\b)\s?)?(?P<sign2>[-−–])?"
    rf"(?<![\d.,])(?<!\d[ ])(?P<number>{_NUMBER})",
)
_SIZE = re.compile(
    r"\s?(?P<size>thousands?|millions?|billions?|trillions?|mio|bn|mn|mm|tn|[kKMB])\b",
    re.IGNORECASE,
)
_KOREAN_SIZE = re.compile(r"(?P<small>[천백십])?(?P<large>[조억만]|\s[조억만](?=\s?(?:원|\d|\Z)))?")
_KOREAN_NEXT = re.compile(r"\s?(\d[\d,]*(?:\.\d+)?)(?!\d)(?=[천백십조억만]|\s?원)")
_UNIT = re.compile(
    r"\s?(?:(?P<percent>%|％|per ?cent|percent|퍼센트|프로(?![가-힣]))"
    r"|(?P<code>[A-Z]{3})\b|(?P<sign>[$€£¥₩元])"
    r"|(?P<name>dollars?|euros?|pounds?|yen|won|yuan|renminbi|francs?|rupees?)\b"
    r"|(?P<korean>원|달러|불|유로|파운드|엔|위안|프랑|루피)"
    r"|(?P<word>[a-z]{2,12}|[가-힣]{1,3}))",
    re.IGNORECASE,
)
_SPELLED = re.compile(
    r"(?<![\d가-힣])(?:금\s?)?(?P<words>[영공일이삼사오육륙칠팔구십백천만억조]{2,})\s?(?P<unit>원)(?:정|整)?"
)
_WIDE = {wide: wide - 0xFEE0 for wide in (*range(0xFF10, 0xFF1A), 0xFF0C, 0xFF0E, 0xFF05)}
"""Digits and marks of full width, as Korean and Japanese text has them, and what they are."""

_TOO_LONG = 30
"""Digits; more is an identifier."""


def quantities(text: str, mark: Mark | None = None) -> list[Quantity]:
    """Return the numbers of a text in order; dates are not left out.

    Args:
        text: The text.
        mark: What marks decimals; what the text itself shows when `None`.
    """
    text = text.translate(_WIDE)
    mark = mark or decimal_mark(text)
    found = [*_written(text, mark), *_spelled(text)]
    return sorted(found, key=lambda quantity: quantity.start)


@lru_cache(maxsize=64)
def decimal_mark(text: str) -> Mark:
    """Return what marks decimals in a text, by the numbers in it that can be read in one way only.

    `1.234,50` and `3,5` say a comma, `1,234.50` and `3.5` a point; three digits behind a single
    mark say neither. A point, where nothing says otherwise.
    """
    comma = len(re.findall(r"\d\.\d{3},\d{1,2}(?!\d)|(?<![\d.,])\d+,\d{1,2}(?![\d,.])", text))
    point = len(re.findall(r"\d,\d{3}\.\d{1,2}(?!\d)|(?<![\d.,])\d+\.\d{1,2}(?![\d,.])", text))
    return "," if comma > point else "."


def _written(text: str, mark: Mark) -> Iterator[Quantity]:
    at = 0
    while match := _AT.search(text, at):
        at = match.end()
        start = match.start("before" if match["before"] else "number")
        digits = match["number"]
        value = _value(digits, mark) if len(digits) <= _TOO_LONG else None
        if value is None:
            continue
        before = match["before"] or ""
        unit = _SIGNS.get(before[-1:], "") if before else ""
        unit = _PREFIXES.get(before[:-1], unit) if unit else before if before in _CODES else ""
        if before and not unit:
            start = match.start("number")
        value, at = sized(text, at, value, mark, money=bool(unit))
        if not unit:
            unit, at = _unit(text, at)
        negative = bool(match["sign2"]) or _is_sign(text, match)
        if match["open"] and text[at : at + 1] == ")" and _is_cell(text, match.start()):
            negative = True
        yield Quantity(start, at, -value if negative else value, unit)


def _is_sign(text: str, match: re.Match[str]) -> bool:
    """Say whether a dash is a minus: not between two numbers or words, as in 10-20 or A-4."""
    if not match["sign"] or match["sign"] == "+":
        return False
    return not text[max(0, match.start("sign") - 1) : match.start("sign")].strip()


def _is_cell(text: str, start: int) -> bool:
    """Say whether a bracket opens a cell, where it means minus, and not a remark in prose."""
    before = text[max(0, start - 3) : start]
    cell = before.rstrip(" ").rstrip("".join(_SIGNS)).rstrip(" ")
    return not cell or cell[-1] in "\n\t|" or before.endswith("  ")


def _value(digits: str, mark: Mark) -> Decimal | None:
    digits = re.sub(r"[^\d.,]", "", digits)
    other = "," if mark == "." else "."
    if mark in digits and other in digits:
        # Both stand in it: the last one marks the decimals, whatever the text's habit is.
        last = max(digits.rfind(","), digits.rfind("."))
        whole = digits[:last].replace(",", "").replace(".", "")
        return Decimal(f"{whole}.{digits[last + 1 :]}")
    if other in digits:
        parts = digits.split(other)
        grouped = all(len(part) in (2, 3) for part in parts[1:]) and len(parts[-1]) == 3
        if grouped or len(parts) > 2:
            return Decimal("".join(parts)) if grouped else None
        return Decimal(".".join(parts))
    if digits.count(mark) > 1:
        return Decimal(digits.replace(mark, ""))
    return Decimal(digits.replace(mark, "."))


def sized(
    text: str, at: int, value: Decimal, mark: Mark = ".", *, money: bool = False
) -> tuple[Decimal, int]:
    """Put the size in words behind a number to it: `1.2 million`, `2억 7천만`.

    Args:
        text: Where the number stands.
        at: One past its last digit.
        value: What its digits say.
        mark: What marks decimals in the text.
        money: Whether the sign or code of a currency stands before it.

    Returns:
        The number with its size, and where that ends.
    """
    if match := _SIZE.match(text, at):
        word = match["size"]
        # A capital M or B alone counts as a size, a small one is metres or bytes.
        size = _SIZES.get(word.lower(), 0) or {"M": 10**6, "B": 10**9}.get(word, 0)
        money = money or _unit(text, match.end())[0] in _CODES
        # Without a currency "8 mm" is a length, and "Room 4 B" a name.
        if word.lower() == "mm" or (len(word) == 1 and match[0] != word):
            size = size if money else 0
        if size:
            return value * size, match.end()
    total, section, part, largest = Decimal(0), Decimal(0), value, 10**16
    while (match := _KOREAN_SIZE.match(text, at)) and match[0]:
        small, large = match["small"], _KOREAN.get((match["large"] or "").strip(), 0)
        if large >= largest:
            break
        at = match.end()
        if small:
            section, part = section + part * _SMALL[small], Decimal(0)
        if large:
            total, section, part, largest = (
                total + (section + part) * large,
                Decimal(0),
                Decimal(0),
                large,
            )
        following = _KOREAN_NEXT.match(text, at)
        read = _value(following[1], mark) if following else None
        if following is None or read is None:
            break
        part, at = read, following.end()
    # A sum keeps 28 digits: a number that nothing was added to keeps all that it has.
    return (total + section + part if total or section else part), at


def _unit(text: str, at: int) -> tuple[str, int]:
    match = _UNIT.match(text, at)
    if match is None:
        return "", at
    if match["percent"]:
        return "%", match.end()
    if match["code"]:
        code = match["code"]
        return (code, match.end()) if code in _CODES else ("", at)
    if match["sign"]:
        return _SIGNS[match["sign"]], match.end()
    name = match["name"] or match["korean"]
    if name:
        return _NAMES[name.lower()], match.end()
    return match["word"].lower(), match.end()


def _spelled(text: str) -> Iterator[Quantity]:
    """Read amounts in Hangul: 이억칠천만원."""
    for match in _SPELLED.finditer(text):
        total = section = digit = 0
        for sign in match["words"]:
            if sign in _DIGITS:
                digit = _DIGITS[sign]
            elif sign in _SMALL:
                section, digit = section + (digit or 1) * _SMALL[sign], 0
            else:
                total, section, digit = total + (section + digit or 1) * _KOREAN[sign], 0, 0
        yield Quantity(match.start(), match.end(), Decimal(total + section + digit), "KRW")


# Dates

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"(?P<n>{'|'.join(_MONTHS)})[a-z]*\.?"
_DAY = r"(?P<d>\d{1,2})(?:st|nd|rd|th)?"
_FORMS = (
    # 2025-09-26, 2025. 9. 26., 2025년 9월 26일, 2025/9/26
    re.compile(
        r"(?<!\d)(?P<y>\d{4})\s*(?:년|[-./])\s*(?P<m>\d{1,2})\s*(?:월|[-./])\s*(?P<d>\d{1,2})(?!\d)\s*일?"
    ),
    re.compile(
        rf"\b{_DAY}(?:\s+(?:day\s+)?of)?[\s-]+{_MONTH},?[\s-]+(?P<y>\d{{4}})\b", re.IGNORECASE
    ),
    re.compile(rf"\b{_MONTH}\s+{_DAY},?\s+(?P<y>\d{{4}})\b", re.IGNORECASE),
)
# 03/04/2025, 3.4.2025: which of the first two is the month, the text must show.
_SHORT = re.compile(
    r"(?<![\d/.-])(?P<a>\d{1,2})(?P<mark>[/.-])(?P<b>\d{1,2})(?P=mark)(?P<y>\d{4})(?![\d])"
)


def days(text: str) -> list[Day]:
    """Return the dates of a text in order.

    `03/04/2025` is read by the other dates of the text: a number above 12 says which one is the
    day. With points the day comes first. Where nothing says it, such a date is left out.
    """
    found: dict[tuple[int, int], Day] = {}
    for form in _FORMS:
        for match in form.finditer(text):
            parts = match.groupdict()
            month = int(parts["m"]) if parts.get("m") else _MONTHS.index(parts["n"].lower()) + 1
            _add(found, match, int(parts["y"]), month, int(parts["d"]))
    short = list(_SHORT.finditer(text))
    slashes = [match for match in short if match["mark"] == "/"]
    day_first = any(int(match["a"]) > 12 for match in slashes)
    month_first = any(int(match["b"]) > 12 for match in slashes)
    for match in short:
        first, second = int(match["a"]), int(match["b"])
        if match["mark"] == "." or (day_first and not month_first) or first == second or first > 12:
            _add(found, match, int(match["y"]), second, first)
        elif (month_first and not day_first) or second > 12:
            _add(found, match, int(match["y"]), first, second)
    return sorted(found.values(), key=lambda day: day.start)


def without_days(text: str) -> str:
    """Return a text with a blank in place of each date."""
    for day in reversed(days(text)):
        text = f"{text[: day.start]} {text[day.end :]}"
    return text


def _add(
    found: dict[tuple[int, int], Day], match: re.Match[str], year: int, month: int, day: int
) -> None:
    try:
        found[match.span()] = Day(*match.span(), date(year, month, day))
    except ValueError:
        return


def show(value: Decimal) -> str:
    """Write a number with marks of thousands and without zeros that say nothing."""
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
