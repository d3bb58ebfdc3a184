"""Make the answer, on this side: placeholders checked, arithmetic done, "not found" said.

The `answer` node of `MinionNodes` calls `from_remote` with what the remote model decided, and
`from_passages`, which quotes, where there is no decision or it does not hold. Arithmetic is over
what was found, on the real values, by code of ours: the remote model names the operation, and
neither sees the private operands nor sends code.

    combine("difference", ["1 March 2025", "31 March 2025"])  # Combined(text="30")
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, DivisionByZero, InvalidOperation
from typing import Any, NamedTuple

from langchain_privacy.masking import MaskingSession
from langchain_privacy.minions.evidence import marked_units, quote, where, whole_values
from langchain_privacy.minions.schema import Next, Plan, Sub
from langchain_privacy.minions.search import words
from langchain_privacy.minions.state import Span
from langchain_privacy.vault import PLACEHOLDER
from langchain_privacy.words import Language

NOT_FOUND = {"en": "Not found in the documents.", "ko": "문서에서 찾지 못했습니다."}
LOCAL_ONLY = {
    "en": "(Answered on this side alone: the remote model was not used.)",
    "ko": "(원격 모델 없이 이쪽에서만 답했습니다.)",
}
ARITHMETIC = frozenset({"sum", "difference", "ratio", "max", "min", "compare"})
_FIGURE = re.compile(r"\d+(?:[.,]\d+)*")
_RESULT = re.compile(r"\{+\s*result\s*\}+")


@dataclass(kw_only=True)
class Draft:
    """A masked answer and the passages it rests on."""

    text: str
    spans: list[Span] = field(default_factory=list)
    outcome: str = "answered"
    decided_by: str = "local"
    notes: list[str] = field(default_factory=list)


def from_remote(
    decision: Next, sent: Sequence[Span], session: MaskingSession, language: Language
) -> Draft | None:
    """Turn the remote model's decision into an answer, or `None` when it does not hold.

    An answer holds when every placeholder in it was issued in this session, every value that it
    wants combined stands in the passages, and so does every figure that it states.
    """
    if decision.decision == "insufficient" or not sent:
        return Draft(text=NOT_FOUND[language], outcome="not_found", decided_by="remote")
    text = decision.answer
    if not text or not all(known(match[0], session) for match in PLACEHOLDER.finditer(text)):
        return None
    if decision.combine in ARITHMETIC and decision.values:
        result = _combined(decision, sent, session)
        if result is None:
            return None
        text = _RESULT.sub(lambda _: result, text) if _RESULT.search(text) else f"{text} {result}"
    elif not _grounded(text, sent):
        return None
    if _RESULT.search(text):
        return None
    cited = [sent[n - 1] for n in dict.fromkeys(decision.cite) if n <= len(sent)]
    return Draft(text=text, spans=cited or _support(text, sent), decided_by="remote")


def from_passages(
    plan: Plan, spans: Sequence[Span], session: MaskingSession, language: Language
) -> Draft:
    """Answer by quoting: the best passage for each part of the plan that holds, or "not found"."""
    chosen: list[tuple[Sub, Span]] = []
    for sub in plan.subs:
        holding = [span for span in spans if span["sub"] == sub.id and span["holds"]]
        many = sub.expect in {"list", "summary"}
        units = [unit for span in holding[: 6 if many else 1] for unit in marked_units(span)]
        chosen += [(sub, _quoted(unit, session)) for unit in units[: 12 if many else 3]]
    if not chosen:
        return Draft(text=NOT_FOUND[language], outcome="not_found")
    quotes = list(dict.fromkeys(" ".join(span["quote"].split()) for _, span in chosen))
    notes: list[str] = []
    if plan.combine in ARITHMETIC and len({sub.id for sub, _ in chosen}) > 1:
        real = [str(session.restore(span["quote"])) for _, span in chosen]
        result = combine(plan.combine, real, units=[sub.unit for sub, _ in chosen])
        if result is None:
            notes.append("not_combined")
        else:
            quotes.insert(0, str(session.mask(result.text)))
    missing = len({sub.id for sub, _ in chosen}) < len(plan.subs)
    return Draft(
        text="\n".join(quotes),
        spans=[span for _, span in chosen],
        outcome="partial" if missing else "answered",
        notes=notes,
    )


def _quoted(span: Span, session: MaskingSession) -> Span:
    """Write the quote of a passage that has none yet."""
    if span["quote"]:
        return span
    start, end = whole_values(span["doc"], span["start"], span["end"], session.vault)
    said = quote(span["doc"], start, end, session)
    return {**span, "start": start, "end": end, "quote": said}


def as_evidence(spans: Sequence[Span], session: MaskingSession) -> list[dict[str, Any]]:
    """Write passages for the result; sources are masked, as everything in state is."""
    room = session.vault.documents
    return [
        {
            "doc": span["doc"],
            "source": str(room.metadata(span["doc"]).get("source", "")),
            "start": span["start"],
            "end": span["end"],
            "where": where(span["doc"], span["start"], session.vault),
            "quote": span["quote"],
            "score": span["score"],
            "sub": span["sub"],
        }
        for span in spans
    ]


def known(placeholder: str, session: MaskingSession) -> bool:
    """Say whether a placeholder was issued in this session."""
    match = PLACEHOLDER.fullmatch(placeholder)
    return match is not None and session.vault.lookup(match[1], match[2]) is not None


def _grounded(text: str, sent: Sequence[Span]) -> bool:
    """Say whether every figure of an answer stands in the passages it was made from."""
    shown = " ".join(PLACEHOLDER.sub(" ", span["quote"]) for span in sent)
    return all(_stands(figure, shown) for figure in _FIGURE.findall(PLACEHOLDER.sub(" ", text)))


def _stands(value: str, text: str) -> bool:
    """Say whether a value stands in a text, and not as digits cut out of another number.

    `20` does not stand in `820` or `1,200`; `820` stands in `820.00`.
    """
    before = r"(?<!\d)(?<!\d[.,])" if value[:1].isdigit() else ""
    after = r"(?!\d|,\d|\.(?!0{1,2}(?!\d))\d)" if value[-1:].isdigit() else ""
    return bool(value) and re.search(before + re.escape(value) + after, text) is not None


def _combined(decision: Next, sent: Sequence[Span], session: MaskingSession) -> str | None:
    shown = [" ".join(span["quote"].split()) for span in sent]
    values = [" ".join(value.split()) for value in decision.values]
    if not all(any(_stands(value, quote) for quote in shown) for value in values):
        return None
    result = combine(decision.combine, [str(session.restore(value)) for value in values])
    return None if result is None else str(session.mask(result.text))


def _support(text: str, sent: Sequence[Span]) -> list[Span]:
    """Cite for a model that did not: the passages that share most words with its answer."""
    said = set(words(text))
    shared = [len(said & set(words(span["quote"]))) for span in sent]
    most = max(shared, default=0)
    return [s for s, n in zip(sent, shared, strict=True) if most and n >= most * 0.6][:3]


# Arithmetic.

# "1,234.50" or "1234.5", with its sign.
_NUMBER = re.compile(r"[-+−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
# "2억 7천만원": numbers, each with a Korean unit of size, up to the 원. "*+", "?+" and "++" give
# nothing back, else a long number without 원 would be cut up in every possible way.
_KOREAN_AMOUNT = re.compile(
    r"(?<!\d)(?:\d[\d,]*+(?:\.\d++)?+\s*+(?:천만|백만|억|만|천|백)?+\s*+)++원"
)
_KOREAN_PART = re.compile(r"(\d[\d,]*(?:\.\d+)?)\s*(천만|백만|억|만|천|백)?")
_KOREAN_UNITS = {"억": 10**8, "천만": 10**7, "백만": 10**6, "만": 10**4, "천": 1000, "백": 100}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAMED = rf"(?P<n>{'|'.join(_MONTHS)})[a-z]*\.?"
_DAY = r"(?P<d>\d{1,2})(?:st|nd|rd|th)?"
_DATES = (
    # 2025-09-26, 2025.9.26, 2025년 9월 26일
    re.compile(
        r"(?P<y>\d{4})\s*(?:년|[-./])\s*(?P<m>\d{1,2})\s*(?:월|[-./])\s*(?P<d>\d{1,2})\s*일?"
    ),
    # 26th Sept. 2025
    re.compile(rf"{_DAY}\s+{_NAMED},?\s+(?P<y>\d{{4}})", re.IGNORECASE),
    # September 26, 2025
    re.compile(rf"{_NAMED}\s+{_DAY},?\s+(?P<y>\d{{4}})", re.IGNORECASE),
)


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

    Reads `12,345.60`, `-3.1` and Korean amounts such as `2억 7천만원`.
    """
    if amount := _KOREAN_AMOUNT.search(text):
        parts = _KOREAN_PART.findall(amount[0])
        return sum((_decimal(n) * _KOREAN_UNITS.get(u, 1) for n, u in parts), Decimal(0))
    numbers = list(_NUMBER.finditer(text))
    if unit:
        beside = [
            m
            for m in numbers
            if text[m.end() :].lstrip().casefold().startswith(unit.casefold())
            or text[: m.start()].rstrip().casefold().endswith(unit.casefold())
        ]
        numbers = beside or numbers
    return _decimal(numbers[0][0]) if numbers else None


def date_of(text: str) -> date | None:
    """Read the first date of a text: `5 December 1986`, `2025-09-26`, `2025년 9월 26일`."""
    found = [m for pattern in _DATES for m in [pattern.search(text)] if m]
    for match in sorted(found, key=lambda m: m.start()):
        parts = match.groupdict()
        month = int(parts["m"]) if parts.get("m") else _MONTHS.index(parts["n"].lower()) + 1
        try:
            return date(int(parts["y"]), month, int(parts["d"]))
        except ValueError:
            continue
    return None


def _of_numbers(operation: str, numbers: list[Decimal]) -> Combined | None:
    try:
        match operation:
            case "sum":
                return Combined(_show(sum(numbers, Decimal(0))))
            case "difference":
                return Combined(_show(numbers[0] - sum(numbers[1:], Decimal(0))))
            case "ratio":
                return Combined(_show(round(numbers[0] / numbers[1], 4)))
    except (DivisionByZero, InvalidOperation):
        return None
    return _by_order(operation, numbers, _show)


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


def _show(number: Decimal) -> str:
    text = f"{number:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
