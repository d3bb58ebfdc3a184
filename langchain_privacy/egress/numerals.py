"""Numbers written in Korean: 8억 5,000만, 팔억 오천만, 공일공 일이삼사 오육칠팔."""

import re
from collections.abc import Iterator
from fractions import Fraction

_DIGITS = {
    c: d
    for d, cs in enumerate(("영공령", "일", "이", "삼", "사", "오", "육륙", "칠", "팔", "구"))
    for c in cs
}
_SMALL = {"십": 10, "백": 100, "천": 1000}
_LARGE = {"만": 10**4, "억": 10**8, "조": 10**12}
_LETTERS = "".join([*_DIGITS, *_SMALL, *_LARGE])

_TRIGGER = re.compile(f"[{_LETTERS}]")
_NUMBER = re.compile(rf"(?:[{_LETTERS}]|\d(?:[\d,.]*\d)?)(?: ?(?:[{_LETTERS}]|\d(?:[\d,.]*\d)?))*")
_SPELLED = re.compile(rf"[{''.join(_DIGITS)}](?:[\s\-.,·]{{0,2}}[{''.join(_DIGITS)}]){{3,}}")
_TOKEN = re.compile(rf"[{_LETTERS}]|\d[\d,.]*")
# One mark for thousands and another for decimals, or `1987.03.14` and addresses would be amounts.
_DECIMALS = re.compile(
    r"\d{1,3}(?:,\d{3})+\.(\d{1,2})|\d{1,3}(?:\.\d{3})+,(\d{1,2})|\d+[.,](\d{1,2})"
)


def has_numerals(text: str) -> bool:
    """Tell whether a text may hold a number in Korean; cheap."""
    return not text.isascii() and _TRIGGER.search(text) is not None


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


def amounts(text: str) -> Iterator[tuple[int, int, int]]:
    """Yield `(start, end, value)` for numbers of a text that use a Korean unit or digit."""
    for match in _NUMBER.finditer(text):
        if _TRIGGER.search(match.group()):
            value = value_of(match.group())
            if value is not None:
                yield match.start(), match.end(), value


def spelled_digits(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield `(start, end, digits)` for digits that are read out one by one."""
    for match in _SPELLED.finditer(text):
        yield (
            match.start(),
            match.end(),
            "".join(str(_DIGITS[c]) for c in match.group() if c in _DIGITS),
        )
