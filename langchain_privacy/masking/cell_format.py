"""How a cell is written for people; the model may choose a form, the value is formatted here."""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

PYEONG = Decimal("3.305785")
"""Square metres in one 평."""

_MARKS = re.compile(r"([\\`*\[\]<>|])")
means_something = re.compile(r"[\\`*\[\]<>|\r\n]").search
"""Finds what Markdown or HTML may read as more than text."""
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_AS_IT_IS = {str, int}
_LINES = re.compile(r"\s*[\r\n]+\s*")


def _comma(value: Decimal) -> str:
    return f"{value:,f}"


def _eok(value: Decimal) -> str:
    """Write an amount in 만원 as people say it: 191000 is 19억 1,000만원."""
    sign, amount = ("-" if value < 0 else ""), abs(int(value))
    eok, man = divmod(amount, 10_000)
    if not eok:
        return f"{sign}{man:,}만원"
    return f"{sign}{eok:,}억원" if not man else f"{sign}{eok:,}억 {man:,}만원"


def _pyeong(value: Decimal) -> str:
    return f"{value / PYEONG:,.1f}평"


def _percent(value: Decimal) -> str:
    return f"{value * 100:.1f}%"


FORMATTERS: dict[str, tuple[Callable[[Decimal], str], str]] = {
    "comma": (_comma, ""),
    "억만원": (_eok, "만원"),
    "평": (_pyeong, "평"),
    "pct1": (_percent, "%"),
}
"""Forms of numbers by name, each with the unit that it writes itself; `date` is that of dates."""


def format_value(value: Any, form: str = "") -> tuple[str, str]:
    """Write a value in a form; an unknown form, or one that does not fit, writes it plainly.

    Returns:
        The text, and the unit at its end that need not be written again.
    """
    if not form and type(value) in _AS_IT_IS:
        return str(value), ""
    if value is None:
        return "없음" if form in ("억만원", "평") else "—", ""
    if form == "date":
        return _date(value), ""
    chosen = FORMATTERS.get(form)
    number = _number(value) if chosen else None
    if chosen is None or number is None:
        return _plain(value), ""
    return chosen[0](number), chosen[1]


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, Decimal)):
        return Decimal(value)
    if isinstance(value, float) or (isinstance(value, str) and _NUMBER.fullmatch(value)):
        number = Decimal(str(value))
        return number if number.is_finite() else None
    return None


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.10g}" if abs(value) < 1e10 else f"{value:f}".rstrip("0").rstrip(".")
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, (bytes, bytearray)):
        return f"({len(value)} bytes)"
    return str(value)


def _date(value: Any) -> str:
    if isinstance(value, (date, datetime)):
        return f"{value:%Y-%m-%d}"
    text = str(value)
    if re.fullmatch(r"\d{8}", text):
        return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    return f"{text[:4]}-{text[4:]}" if re.fullmatch(r"(19|20)\d{4}", text) else _plain(value)


def escape(text: str) -> str:
    """Take Markdown and HTML their meaning: a cell is text, whoever wrote it."""
    if text.isalnum() or not means_something(text):
        return text
    return _MARKS.sub(r"\\\1", _LINES.sub(" ", text)).replace("\\<", "&lt;").replace("\\>", "&gt;")
