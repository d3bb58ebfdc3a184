"""Arithmetic over what was found, on the real values, by code of ours.

The remote model names the operation, and neither sees the private operands nor sends code:

    combine("difference", ["1 March 2025", "31 March 2025"])  # Combined(text="30")
"""

import re
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal, DivisionByZero, InvalidOperation, localcontext
from typing import Any, NamedTuple

from langchain_privacy.minions.quantities import days, show, sized

# "1,234.50" or "1234.5", with its sign.
_NUMBER = re.compile(r"[-+−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
# "2억 7천만원": numbers, each with a Korean unit of size, up to the 원. "*+", "?+" and "++" give
# nothing back, else a long number without 원 would be cut up in every possible way.
_KOREAN_AMOUNT = re.compile(
    r"(?<!\d)(?:\d[\d,]*+(?:\.\d++)?+\s*+(?:천만|백만|억|만|천|백)?+\s*+)++원"
)
_KOREAN_PART = re.compile(r"(\d[\d,]*(?:\.\d+)?)\s*(천만|백만|억|만|천|백)?")
_DIGITS = 120
"""That a result keeps. Python's usual 28 would change the last ones of a long number."""
_KOREAN_UNITS = {"억": 10**8, "천만": 10**7, "백만": 10**6, "만": 10**4, "천": 1000, "백": 100}


class Combined(NamedTuple):
    """A result and its operands in the order given.

    Attributes:
        text: The result as it is shown.
        chosen: Which operand it is, for `max` and `min`.
    """

    text: str
    chosen: int | None = None


def combine(
    operation: str, texts: Sequence[str], *, units: Sequence[str | None] = ()
) -> Combined | None:
    """Combine what was found.

    Args:
        operation: `sum`, `difference`, `ratio`, `max`, `min`, `compare` or `list`.
        texts: One quoted piece an operand.
        units: Unit of each operand, where the plan names one.

    Returns:
        The result, or `None` when the operands cannot be read as numbers or dates.
    """
    if operation == "list":
        return Combined("; ".join(dict.fromkeys(text.strip() for text in texts))) if texts else None
    if len(texts) < 2:
        return None
    dates = [date_of(text) for text in texts]
    if all(d is not None for d in dates):
        return _of_dates(operation, [d for d in dates if d is not None])
    units = [*units, *[None] * len(texts)]
    numbers = [number_of(text, unit) for text, unit in zip(texts, units, strict=False)]
    known = [n for n in numbers if n is not None]
    return _of_numbers(operation, known) if len(known) == len(texts) else None


def number_of(text: str, unit: str | None = None) -> Decimal | None:
    """Read the first number of a text, or the first that stands beside `unit`.

    Reads `12,345.60`, `-3.1`, `1.2 million` and Korean amounts such as `2억 7천만원`.
    """
    if amount := _KOREAN_AMOUNT.search(text):
        parts = _KOREAN_PART.findall(amount[0])
        return sum((_decimal(n) * _KOREAN_UNITS.get(u, 1) for n, u in parts), Decimal(0))
    numbers = [(m.start(), *sized(text, m.end(), _decimal(m[0]))) for m in _NUMBER.finditer(text)]
    if unit:
        beside = [
            (start, value, end)
            for start, value, end in numbers
            if text[end:].lstrip().casefold().startswith(unit.casefold())
            or text[:start].rstrip().casefold().endswith(unit.casefold())
        ]
        numbers = beside or numbers
    return numbers[0][1] if numbers else None


def date_of(text: str) -> date | None:
    """Read the first date of a text: `5 December 1986`, `2025-09-26`, `2025년 9월 26일`."""
    found = days(text)
    return found[0].value if found else None


def reckoned(operation: str, numbers: Sequence[Decimal]) -> Decimal | None:
    """Reckon with numbers.

    Args:
        operation: `sum`, `average`, `difference` (of the first and all others), `ratio` (of the
            first to the second), `max` or `min`.
        numbers: At least two; for a sum and an average, at least one.

    Returns:
        The result, or `None` where there is none, such as a ratio to nothing.
    """
    with localcontext(prec=_DIGITS):
        try:
            match operation:
                case "sum":
                    return sum(numbers, Decimal(0))
                case "average":
                    return round(sum(numbers, Decimal(0)) / len(numbers), 2)
                case "difference":
                    return numbers[0] - sum(numbers[1:], Decimal(0))
                case "ratio":
                    return round(numbers[0] / numbers[1], 4)
                case "max":
                    return max(numbers)
                case "min":
                    return min(numbers)
        except (DivisionByZero, InvalidOperation):
            pass
    return None


def _of_numbers(operation: str, numbers: list[Decimal]) -> Combined | None:
    if operation in ("max", "min", "compare"):
        return _by_order(operation, numbers, show)
    result = reckoned(operation, numbers)
    return None if result is None else Combined(show(result))


def _of_dates(operation: str, dates: list[date]) -> Combined | None:
    if operation == "difference":
        return Combined(str(abs((dates[0] - dates[1]).days)))
    return _by_order(operation, dates, date.isoformat)


def _by_order(operation: str, operands: list[Any], show: Callable[[Any], str]) -> Combined | None:
    """Do what needs nothing but an order, which numbers and dates both have."""
    if operation in ("max", "min"):
        chosen = (max if operation == "max" else min)(operands)
        return Combined(show(chosen), operands.index(chosen))
    if operation == "compare":
        first, second = operands[:2]
        sign = "=" if first == second else "<" if first < second else ">"
        return Combined(f"{show(first)} {sign} {show(second)}")
    return None


def _decimal(text: str) -> Decimal:
    return Decimal(text.replace(",", "").replace("−", "-"))
