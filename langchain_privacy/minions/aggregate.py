"""Put the values of many documents together, here, on real numbers and dates.

    result = aggregate("sum", found, language="en")  # "55,300 EUR: the sum of 40 of 40 documents"

`jobs` finds one value a document; this is what becomes of them. No remote model computes anything,
and nothing is dropped in silence: what a result does not rest on is named in its coverage.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from langchain_privacy.minions.arithmetic import reckoned
from langchain_privacy.minions.quantities import show
from langchain_privacy.minions.schema import Aggregate
from langchain_privacy.words import Language

NUMERIC = frozenset({"sum", "average"})
ORDERED = frozenset({"min", "max", "sort", "timeline"})

State = Literal["found", "absent", "unsure", "failed", "left_out"]

_LISTED = 200
"""Lines of a list in an answer; the report has all of them."""

_NAMED = 12
"""Documents that a sentence names one by one."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """What a job found in one document.

    Attributes:
        document: Number of the document, from 1, in the order given.
        source: Its masked name, or nothing.
        state: Whether there is a value, and why not.
        value: A number, a date, `True` or `False`, or a text.
        unit: Of a number.
        quote: The masked passage.
    """

    document: int
    source: str = ""
    state: State = "found"
    value: Decimal | date | bool | str | None = None
    unit: str = ""
    quote: str = ""


@dataclass(kw_only=True)
class Result:
    """What became of the values.

    Attributes:
        text: To be read by the person, without its coverage.
        value: The number or date, where there is one, to be combined with another result's.
        unit: Of the value.
        used: Numbers of the documents that it rests on.
        notes: Codes of what went wrong.
    """

    text: str = ""
    value: Decimal | date | None = None
    unit: str = ""
    used: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def aggregate(how: Aggregate, items: Sequence[Item], language: Language) -> Result:
    """Put items together.

    Args:
        how: The aggregation. A sum of dates, say, cannot be; then what was found is listed, and
            the note `"wrong_type"` says so.
        items: One or more a document.
        language: Of the answer.
    """
    say = _WORDS[language]
    found = [item for item in items if item.state == "found" and item.value is not None]
    if how == "count" and found and all(isinstance(item.value, bool) for item in found):
        yes = [item for item in found if item.value is True]
        return Result(
            text=say["count"].format(
                yes=len(yes), no=len(found) - len(yes), documents=_names(yes, say), all=len(items)
            ),
            value=Decimal(len(yes)),
            used=_documents(found),
        )
    if how == "count" and found:
        documents = _documents(found)
        text = say["counted"].format(count=len(documents), documents=_names(found, say))
        return Result(text=text, value=Decimal(len(documents)), used=documents)
    if not found:
        return Result()
    if how in NUMERIC or how in ORDERED:
        kinds = Counter(_kind(item.value) for item in found)
        kind = kinds.most_common(1)[0][0]
        fits = [item for item in found if _kind(item.value) == kind]
        if kind == "text" or kind == "yes" or (how in NUMERIC and kind != "number"):
            listed = _table(found, say)
            listed.notes.append("wrong_type")
            return listed
        done = _of_numbers if kind == "number" else _of_dates
        result = done(how, fits, say)
        if len(fits) < len(found):
            result.notes.append("mixed_types")
        return result
    if how in ("vote", "contradictions"):
        return _grouped(how, found, say)
    return _table(found, say)


def combine_results(operation: str, results: Sequence[Result], language: Language) -> Result | None:
    """Take the difference, ratio or sum of two or more results; `None` when it cannot be."""
    values = [result.value for result in results]
    if len(values) < 2:
        return None
    used = sorted({number for result in results for number in result.used})
    say = _WORDS[language]
    if operation == "difference" and all(isinstance(value, date) for value in values[:2]):
        first, second = values[:2]
        assert isinstance(first, date)
        assert isinstance(second, date)
        days = Decimal(abs((first - second).days))
        return Result(text=say["days"].format(days=show(days)), value=days, used=used)
    numbers = [value for value in values if isinstance(value, Decimal)]
    units = {result.unit for result in results}
    if len(numbers) < len(values) or (len(units) > 1 and operation != "ratio"):
        return None
    unit = units.pop() if len(units) == 1 else ""
    value = reckoned(operation, numbers)
    if value is None:
        return None
    unit = "" if operation == "ratio" else unit
    return Result(text=_amount(value, unit), value=value, unit=unit, used=used)


def _of_numbers(how: Aggregate, items: list[Item], say: dict[str, str]) -> Result:
    """Reckon with each unit apart: dollars and won have no sum."""
    by_unit: dict[str, list[Item]] = defaultdict(list)
    named = Counter(item.unit for item in items if item.unit)
    for item in items:
        # A bare number is taken to be in the unit of the others, when they have only one.
        unit = item.unit or (next(iter(named)) if len(named) == 1 else "")
        by_unit[unit].append(item)
    parts = [_of_one_unit(how, unit, group, say) for unit, group in by_unit.items()]
    if len(parts) == 1:
        return parts[0]
    return Result(
        text="\n".join(part.text for part in parts),
        used=sorted({number for part in parts for number in part.used}),
        notes=["several_units"],
    )


def _of_one_unit(how: Aggregate, unit: str, items: list[Item], say: dict[str, str]) -> Result:
    numbers = [item.value for item in items if isinstance(item.value, Decimal)]
    used = _documents(items)
    if how in NUMERIC:
        value = reckoned(how, numbers)
        assert value is not None
        text = say[how].format(value=_amount(value, unit), count=len(used))
        return Result(text=text, value=value, unit=unit, used=used)
    return _ordered(how, items, unit, say, lambda value: _amount(Decimal(str(value)), unit))


def _of_dates(how: Aggregate, items: list[Item], say: dict[str, str]) -> Result:
    return _ordered(how, items, "", say, str)


def _ordered(
    how: Aggregate,
    items: list[Item],
    unit: str,
    say: dict[str, str],
    shown: Callable[[object], str],
) -> Result:
    ranked = sorted(items, key=lambda item: item.value, reverse=how in ("max", "sort"))  # type: ignore[arg-type,return-value]
    if how in ("sort", "timeline"):
        lines = [f"{shown(item.value)} — {_name(item, say)}{_said(item, how)}" for item in ranked]
        return Result(text=_listed(lines, say), used=_documents(items))
    first = ranked[0].value
    assert isinstance(first, Decimal | date)
    same = [item for item in ranked if item.value == first]
    text = say[how].format(value=shown(first), documents=_names(same, say), count=len(items))
    return Result(text=text, value=first, unit=unit, used=_documents(items))


def _grouped(how: Aggregate, items: list[Item], say: dict[str, str]) -> Result:
    groups: dict[object, list[Item]] = defaultdict(list)
    for item in items:
        groups[_folded(item)].append(item)
    ranked = sorted(groups.values(), key=lambda group: (-len(group), group[0].document))
    lines = [f"{_value(group[0], say)}: {_names(group, say)}" for group in ranked]
    head = ""
    if how == "contradictions":
        head = say["agree" if len(ranked) == 1 else "differ"].format(count=len(_documents(items)))
    return Result(
        text="\n".join([*([head] if head else []), _listed(lines, say)]), used=_documents(items)
    )


def _table(items: list[Item], say: dict[str, str]) -> Result:
    """List what each document says; those that say the same share a line."""
    groups: dict[object, list[Item]] = {}
    for item in sorted(items, key=lambda item: item.document):
        groups.setdefault(_folded(item), []).append(item)
    lines = [f"{_names(group, say)}: {_value(group[0], say)}" for group in groups.values()]
    return Result(text=_listed(lines, say), used=_documents(items))


def _listed(lines: list[str], say: dict[str, str]) -> str:
    more = len(lines) - _LISTED
    return "\n".join(lines[:_LISTED] + ([say["more"].format(count=more)] if more > 0 else []))


def _said(item: Item, how: Aggregate) -> str:
    return f": {' '.join(item.quote.split())}" if how == "timeline" and item.quote else ""


def _folded(item: Item) -> object:
    value = item.value
    return (
        " ".join(value.casefold().split()).strip(" .;")
        if isinstance(value, str)
        else (value, item.unit)
    )


def _value(item: Item, say: dict[str, str]) -> str:
    value = item.value
    if isinstance(value, bool):
        return say["yes" if value else "no"]
    if isinstance(value, Decimal):
        return _amount(value, item.unit)
    return " ".join(str(value).split())


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "yes"
    if isinstance(value, Decimal):
        return "number"
    return "date" if isinstance(value, date) else "text"


def _amount(value: Decimal, unit: str) -> str:
    return f"{show(value)}{'' if unit in ('', '%') else ' '}{unit}"


def _documents(items: Iterable[Item]) -> list[int]:
    return sorted({item.document for item in items})


def _name(item: Item, say: dict[str, str]) -> str:
    name = say["document"].format(number=item.document)
    return f"{name} ({item.source})" if item.source else name


def _names(items: Sequence[Item], say: dict[str, str]) -> str:
    """Name documents: a few with their names, many by ranges of numbers."""
    numbers = _documents(items)
    if len(numbers) <= 3:
        by_number = {item.document: item for item in items}
        return ", ".join(_name(by_number[number], say) for number in numbers)
    return say["documents"].format(numbers=ranges(numbers))


def ranges(numbers: Sequence[int]) -> str:
    """Write numbers in order as ranges: `1-4, 7, 9-12`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    shown = [str(a) if a == b else f"{a}–{b}" for a, b in runs]
    more = len(shown) - _NAMED
    return ", ".join(shown[:_NAMED] + ([f"… (+{more})"] if more > 0 else []))


def coverage_line(items: Sequence[Item], language: Language) -> str:
    """Say what a result does not rest on; nothing when it rests on every document."""
    say = _WORDS[language]
    parts = []
    for state in ("absent", "unsure", "failed", "left_out"):
        if missing := [item for item in items if item.state == state]:
            numbers = ranges(_documents(missing))
            parts.append(say[state].format(count=len(missing), numbers=numbers))
    return f"({'; '.join(parts)})" if parts else ""


_WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "count": "{yes} of {all} documents: yes ({no} say no). Yes: {documents}.",
        "counted": "{count}: {documents}.",
        "sum": "{value}: the sum over {count} documents.",
        "average": "{value}: the average of {count} documents.",
        "max": "{value}: the highest of {count}, in {documents}.",
        "min": "{value}: the lowest of {count}, in {documents}.",
        "days": "{days} days",
        "agree": "No contradiction: {count} documents say the same.",
        "differ": "The documents differ:",
        "document": "document {number}",
        "documents": "documents {numbers}",
        "more": "… and {count} more lines, in the report.",
        "yes": "yes",
        "no": "no",
        "absent": "{count} do not say: {numbers}",
        "unsure": "{count} not decided: {numbers}",
        "failed": "{count} could not be read: {numbers}",
        "left_out": "{count} not read for lack of time or budget: {numbers}",
    },
    "ko": {
        "count": "문서 {all}건 중 {yes}건이 '예'({no}건은 '아니요'). 예: {documents}.",
        "counted": "{count}건: {documents}.",
        "sum": "{value}: 문서 {count}건의 합계.",
        "average": "{value}: 문서 {count}건의 평균.",
        "max": "{value}: {count}건 중 가장 큰 값, {documents}.",
        "min": "{value}: {count}건 중 가장 작은 값, {documents}.",
        "days": "{days}일",
        "agree": "모순 없음: 문서 {count}건이 같은 내용이다.",
        "differ": "문서마다 다르다:",
        "document": "문서 {number}",
        "documents": "문서 {numbers}",
        "more": "… 그 밖의 {count}줄은 보고서에 있다.",
        "yes": "예",
        "no": "아니요",
        "absent": "{count}건에는 내용이 없음: {numbers}",
        "unsure": "{count}건은 판단하지 못함: {numbers}",
        "failed": "{count}건은 읽지 못함: {numbers}",
        "left_out": "{count}건은 시간이나 한도가 모자라 읽지 않음: {numbers}",
    },
}
