"""Figures of an answer, verified by arithmetic on the passages that it cites.

A person says "1.8 billion" where the table says 1,812 under "in millions", "two years" for 24
months, a sum, a share, a number of items. `verify` says of each figure how it follows from what is
cited, or that it does not:

    verify("Its margin was 27.3 %.", [Cited("Profit 546 480"), Cited("Sales 2,000 1,900")])

Operands are the figures of the cited rows: in one row, or in the same column of several. That is
what makes arithmetic a check: any three digits follow from any sixty numbers.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext
from typing import NamedTuple

from langchain_privacy.minions.quantities import days, without_days


class Cited(NamedTuple):
    """A passage that an answer rests on, with its real values.

    Attributes:
        text: The sentence or row.
        above: What stands above it: the title, unit and columns of a table.
    """

    text: str
    above: str = ""


class Figure(NamedTuple):
    """A number as it is written.

    Attributes:
        text: The piece of text, with its unit.
        value: What it says, scaled: `1.8 billion` is 1,800,000,000.
        step: What its last digit is worth: 100,000,000.
        unit: Its unit, `""` where none is known: `%`, `year`, `month`, `mm`.
        bare: The number before its scale: 1.8.
        loose: Whether it says itself that it is not exact.
    """

    text: str
    value: Decimal
    step: Decimal
    unit: str
    bare: Decimal
    loose: bool = False


class Check(NamedTuple):
    """What became of one figure of an answer.

    Attributes:
        text: The figure as the answer writes it.
        how: How it follows, `"546 / 2,000"`, `""` where it stands in a passage as it is, `None`
            where it follows from nothing that is cited.
        used: Which of the passages it follows from, from 0.
    """

    text: str
    how: str | None
    used: tuple[int, ...] = ()


MOST_PASSAGES = 8
"""Cited passages of which every pair is tried; of more, only sums and counts of all of them."""

_SCALES = {
    "thousand": 3, "k": 3, "million": 6, "mn": 6, "mio": 6, "m": 6, "billion": 9, "bn": 9, "b": 9,
    "trillion": 12, "천": 3, "만": 4, "십만": 5, "백만": 6, "천만": 7, "억": 8, "십억": 9, "조": 12,
}  # fmt: skip
_UNITS = {
    "%": "%", "percent": "%", "per cent": "%", "퍼센트": "%", "프로": "%", "bps": "bp",
    "basis points": "bp", "years": "year", "year": "year", "yr": "year", "yrs": "year",
    "년": "year", "months": "month", "month": "month", "개월": "month", "달": "month",
    "weeks": "week", "week": "week", "주": "week", "days": "day", "day": "day", "일": "day",
    "hours": "hour", "hour": "hour", "시간": "hour", "minutes": "minute", "minute": "minute",
    "분": "minute", "quarters": "quarter", "quarter": "quarter", "분기": "quarter", "mm": "mm",
    "cm": "cm", "m": "m", "km": "km", "mg": "mg", "g": "g", "kg": "kg", "ml": "ml", "l": "l",
    "meters": "m", "metres": "m", "미터": "m", "킬로미터": "km", "센티미터": "cm",
}  # fmt: skip
_CONVERSIONS = {
    ("month", "year"): 12, ("quarter", "year"): 4, ("month", "quarter"): 3, ("week", "year"): 52,
    ("day", "year"): 365, ("day", "week"): 7, ("day", "month"): 30, ("hour", "day"): 24,
    ("minute", "hour"): 60, ("mm", "cm"): 10, ("cm", "m"): 100, ("mm", "m"): 1000,
    ("m", "km"): 1000, ("mg", "g"): 1000, ("g", "kg"): 1000, ("ml", "l"): 1000, ("bp", "%"): 100,
}  # fmt: skip
_WORDS = {
    word: number
    for number, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty",
        ]
    )
} | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_KOREAN_COUNTS = {
    "두": 2,
    "세": 3,
    "네": 4,
    "다섯": 5,
    "여섯": 6,
    "일곱": 7,
    "여덟": 8,
    "아홉": 9,
    "열": 10,
}

_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_LONGEST_FIRST = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
_FIGURE = re.compile(
    rf"(?P<loose>(?:about|around|approximately|roughly|nearly|almost|over|under|more than|less than"
    rf"|some|약|대략|거의|가까이)\s*(?:of\s+)?[$€£₩]?\s?)?"
    rf"(?P<sign>[-−–△▲(]\s?)?(?<![\w.,])[$€£₩]?\s?(?<![\d])(?P<number>{_NUMBER})(?![\d])"
    rf"(?:[\s-]?(?P<scale>thousand|million|billion|trillion|mn|bn|천만|백만|십만|십억|천|만|억|조|[kmb](?![\w])))?"
    rf"(?:[\s-]?(?P<unit>{_LONGEST_FIRST})(?![a-z]))?",
    re.IGNORECASE,
)
_KOREAN = re.compile(r"(?<![\d.,])(?:(?:\d[\d,]*(?:\.\d+)?)\s?(?:조|억|천만|백만|만|천)\s?){2,}")
_KOREAN_PART = re.compile(r"(\d[\d,]*(?:\.\d+)?)\s?(조|억|천만|백만|만|천)")
_WORD = re.compile(
    rf"\b(?P<tens>twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)?[\s-]?"
    rf"(?P<word>{'|'.join(_WORDS)})\b(?:[\s-](?P<unit>{'|'.join(map(re.escape, _UNITS))})\b)?",
    re.IGNORECASE,
)
_KOREAN_COUNT = re.compile(
    rf"(?P<word>{'|'.join(_KOREAN_COUNTS)})\s?(?:곳|개|명|건|가지|차례|번|군데|사람)"
)
_ENUMERATION = re.compile(r"(?m)^\s*(?:\(?\d{1,2}[.)]|[-•*])\s+")
_NOT_FIGURES = re.compile(
    r"(?i)\b(?:Q[1-4]|H[12]|Note|Item|Section|Article|Schedule|No\.)\s?\d+|제\s?\d+\s?[조장절항]"
)
_UNIT_ABOVE = re.compile(
    r"(?i)\bin\s+(?:\w+\s+){0,3}?(thousands?|millions?|billions?)"
    r"|\b(thousands|millions|billions) of\b"
    r"|단위\s*[:：]?\s*(천|만|백만|천만|억|십억|조)|[($](000)(?:s|'s)?\)?|\b[$€£](mn?|bn?|k)\b"
)
_ADDS = re.compile(r"(?i)\b(?:total|combined|sum|together|both|over the)\b|합|모두|더하|총")
_YEAR = re.compile(r"(?<![\d.,])(?:19|20)\d\d(?![\d,]|\.\d)")


def figures(text: str) -> list[Figure]:
    """Return the numbers of a text in its order; dates are not among them."""
    text = _NOT_FIGURES.sub(" ", _ENUMERATION.sub(lambda m: " " * len(m[0]), text))
    found: list[tuple[int, Figure]] = []
    taken: list[tuple[int, int]] = []
    for match in _KOREAN.finditer(text):
        parts = _KOREAN_PART.findall(match[0])
        value = sum((_decimal(n) * 10 ** _SCALES[u] for n, u in parts), Decimal(0))
        step = Decimal(10) ** _SCALES[parts[-1][1]]
        found.append((match.start(), Figure(match[0].strip(), value, step, "", value)))
        taken.append(match.span())
    for match in _FIGURE.finditer(text):
        if not any(start <= match.start("number") < end for start, end in taken):
            found.append((match.start(), _figure(match)))
            taken.append(match.span("number"))
    for match in _WORD.finditer(text):
        tens = _WORDS[match["tens"].lower()] if match["tens"] else 0
        number = tens + _WORDS[match["word"].lower()]
        if number != 1:  # "one of them" counts nothing
            unit = _UNITS.get((match["unit"] or "").lower(), "")
            value = Decimal(number)
            found.append((match.start(), Figure(match[0].strip(), value, Decimal(1), unit, value)))
    for match in _KOREAN_COUNT.finditer(text):
        value = Decimal(_KOREAN_COUNTS[match["word"]])
        found.append((match.start(), Figure(match[0], value, Decimal(1), "", value)))
    return [figure for _, figure in sorted(found, key=lambda pair: pair[0])]


def verify(
    answer: str, cited: Sequence[Cited], *, asked: str = "", beside: Sequence[Cited] = ()
) -> list[Check]:
    """Check the figures and dates of an answer.

    Args:
        answer: What was answered, with real values.
        cited: What it rests on.
        asked: The question, whose own figures need no ground.
        beside: Passages that were shown and not cited: a figure may stand there as it is.
    """
    checks: list[Check] = []
    known = [_YEAR.findall(f"{c.text} {c.above}") for c in cited]
    dates = [_dates(c.text) for c in cited]
    rest = answer
    for when, said in _dates(answer):
        rest = rest.replace(said, " ", 1)
        used = [n for n, there in enumerate(dates) if any(when == other for other, _ in there)]
        known_date = used or any(when == other for other, _ in _dates(asked))
        checks.append(Check(said, "" if known_date else None, tuple(used)))
    years = {*_YEAR.findall(asked), *itertools.chain.from_iterable(known)}
    own = figures(asked)
    table, others = _Table(cited, adds=bool(_ADDS.search(asked))), _Table(beside)
    for figure in figures(rest):
        plain = figure.text.strip("().,")
        if plain in years or any(_same(figure, other.value) for other in own):
            used = [n for n, of in enumerate(known) if plain in of]
            checks.append(Check(figure.text, "", tuple(used)))
        else:
            check = table.check(figure, dates)
            checks.append(check if check.how is not None else others.check_alone(figure))
    return checks


def _dates(text: str) -> list[tuple[date, str]]:
    """Return the dates of a text, each with how it is written."""
    return [(day.value, text[day.start : day.end]) for day in days(text)]


class _Table:
    """The figures of what is cited, by passage and column."""

    def __init__(self, cited: Sequence[Cited], *, adds: bool = False) -> None:
        self._cited = cited
        self._adds = adds
        self._rows: list[list[Figure]] = []
        for passage in cited:
            scale = _scale_of(passage.above)
            row = [f for f in figures(without_days(passage.text)) if not _is_year(f)]
            self._rows.append(
                [f if f.value != f.bare or f.unit == "%" else _scaled(f, scale) for f in row]
            )

    def check(self, figure: Figure, dates: Sequence[Sequence[tuple[date, str]]]) -> Check:
        """Return how a figure follows, trying what asks least of it first."""
        for tried in (self._as_it_stands, self._in_another_unit, self._as_count):
            if check := tried(figure):
                return check
        if check := self._between_dates(figure, dates):
            return check
        if len(self._rows) <= MOST_PASSAGES and (check := self._of_two(figure)):
            return check
        return self._of_all(figure) or Check(figure.text, None)

    def check_alone(self, figure: Figure) -> Check:
        """Return how a figure stands in one passage; none of them was cited."""
        for tried in (self._as_it_stands, self._in_another_unit):
            if check := tried(figure):
                return check._replace(used=())
        return Check(figure.text, None)

    def _as_it_stands(self, figure: Figure) -> Check | None:
        for number, row in enumerate(self._rows):
            for other in row:
                if _units_fit(figure, other) and (
                    _same(figure, other.value)
                    or (figure.bare == figure.value and _same(figure, other.bare))
                ):
                    exact = figure.text.strip("$€£₩ ") in self._cited[number].text
                    return Check(figure.text, "" if exact else other.text.strip(), (number,))
        return None

    def _in_another_unit(self, figure: Figure) -> Check | None:
        for number, row in enumerate(self._rows):
            periods = _periods_in(self._cited[number].text)
            for other in row:
                for value, how in _converted(other, figure.unit, periods):
                    if _same(figure, value):
                        return Check(figure.text, f"{other.text.strip()} {how}", (number,))
        return None

    def _as_count(self, figure: Figure) -> Check | None:
        """A number of items: as many passages are cited, or one of them lists so many."""
        if figure.value != figure.value.to_integral_value() or figure.unit == "%":
            return None
        if len(self._cited) > 1 and figure.value == len(self._cited):
            return Check(
                figure.text, f"{len(self._cited)} passages", tuple(range(len(self._cited)))
            )
        for number, passage in enumerate(self._cited):
            items = [i for i in re.split(r",|;|·|\band\b|및|와 |과 ", passage.text) if i.strip()]
            if 1 < len(items) == figure.value:
                return Check(figure.text, f"{len(items)} items", (number,))
        return None

    def _between_dates(
        self, figure: Figure, dates: Sequence[Sequence[tuple[date, str]]]
    ) -> Check | None:
        if figure.unit not in ("day", "week", "month", "year", ""):
            return None
        all_dates = [(n, when, said) for n, of in enumerate(dates) for when, said in of]
        for (n, one, said), (m, other, also) in itertools.combinations(all_dates, 2):
            first, last = sorted((one, other))
            apart = (last - first).days
            months = (last.year - first.year) * 12 + last.month - first.month
            whole = months + (last.day >= first.day - 1 and 0) - (last.day < first.day - 1)
            spans = {
                "day": {apart, apart + 1},
                "week": {apart // 7, round(apart / 7)},
                "month": {months, whole, round((apart + 1) / 30.44)},
                "year": {months // 12, round((apart + 1) / 365.25), last.year - first.year},
            }
            allowed = spans.get(figure.unit) or set().union(*spans.values())
            if figure.value in allowed:
                return Check(figure.text, f"{said} to {also}", tuple(dict.fromkeys((n, m))))
        return None

    def _of_two(self, figure: Figure) -> Check | None:
        for (n, one), (m, other) in self._pairs():
            a, b = one.value, other.value
            for value, how in _results(a, b, percent=figure.unit in ("%", "")):
                if figure.unit == "%" and "/" not in how and one.unit != "%":
                    continue
                if n == m and "+" in how and not self._adds:  # two years of one row
                    continue
                if _same(figure, value) or (
                    figure.value == figure.bare and _same_bare(figure, one, other, how)
                ):
                    said = how.format(a=one.text.strip(), b=other.text.strip())
                    return Check(figure.text, said, tuple(dict.fromkeys((n, m))))
        return None

    def _pairs(self) -> Iterator[tuple[tuple[int, Figure], tuple[int, Figure]]]:
        """Yield pairs of one row, and of one column of two rows; prose has no columns."""
        for number, row in enumerate(self._rows):
            for one, other in itertools.combinations(row, 2):
                yield (number, one), (number, other)
        for (n, row), (m, below) in itertools.combinations(enumerate(self._rows), 2):
            if len(row) == len(below):
                for one, other in zip(row, below, strict=True):
                    yield (n, one), (m, other)
            else:
                for one, other in itertools.product(row[:3], below[:3]):
                    yield (n, one), (m, other)

    def _of_all(self, figure: Figure) -> Check | None:
        """A sum or mean over a column of all cited rows, or over the figures of one passage."""
        width = min(map(len, self._rows), default=0)
        columns = [[row[at] for row in self._rows] for at in range(width)]
        columns += [[row[-1] for row in self._rows if row], *(row for row in self._rows)]
        for column in columns:
            if len(column) < 2:
                continue
            total = sum((f.value for f in column), Decimal(0))
            bare = sum((f.bare for f in column), Decimal(0))
            terms = " + ".join(f.text.strip() for f in column)
            if _same(figure, total) or _same(figure, bare):
                return Check(figure.text, terms, tuple(range(len(self._rows))))
            if _same(figure, total / len(column)) or _same(figure, bare / len(column)):
                return Check(
                    figure.text, f"({terms}) / {len(column)}", tuple(range(len(self._rows)))
                )
        return None


_PERIODS = re.compile(
    r"(?<![a-z\d])(?:months?|monthly|quarters?|quarterly|weeks?|weekly|years?|days?|daily)(?![a-z])"
    r"|(?:매월|월|분기|매주|매일)(?=\s|마다|당)",
    re.IGNORECASE,
)
_PERIOD_UNITS = {
    "monthly": "month", "quarterly": "quarter", "weekly": "week", "daily": "day", "매월": "month",
    "월": "month", "분기": "quarter", "매주": "week", "매일": "day",
}  # fmt: skip


def _periods_in(text: str) -> list[str]:
    """Return the periods that a passage speaks of: a rent per month is twelve times that a year."""
    said = [match[0].lower() for match in _PERIODS.finditer(text)]
    return [_PERIOD_UNITS.get(word) or _UNITS[word] for word in said]


def _converted(figure: Figure, unit: str, periods: Sequence[str]) -> Iterator[tuple[Decimal, str]]:
    """Yield a figure in another unit; an amount for a period as that for a longer one."""
    for (small, large), factor in _CONVERSIONS.items():
        if figure.unit == small and unit in (large, ""):
            yield figure.value / factor, f"/ {factor}"
        if figure.unit == large and unit in (small, ""):
            yield figure.value * factor, f"x {factor}"
        if not figure.unit and small in periods and unit in (large, ""):
            yield figure.value * factor, f"x {factor}"


def _results(a: Decimal, b: Decimal, *, percent: bool) -> Iterator[tuple[Decimal, str]]:
    yield a - b, "{a} - {b}"
    yield b - a, "{b} - {a}"
    yield abs(a - b), "{a} - {b}"
    yield a + b, "{a} + {b}"
    for x, y, how, change in (
        (a, b, "{a} / {b}", "({a} - {b}) / {b}"),
        (b, a, "{b} / {a}", "({b} - {a}) / {a}"),
    ):
        if y:
            yield x / y, how
            if percent:
                yield 100 * x / y, how
                yield 100 * (x - y) / abs(y), change
                yield abs(100 * (x - y) / y), change


def _same_bare(figure: Figure, one: Figure, other: Figure, how: str) -> bool:
    """Say whether it holds for the numbers as they are written, in the unit of their table."""
    if "/" in how or one.value == one.bare:
        return False
    return any(
        _same(figure, v) and h == how for v, h in _results(one.bare, other.bare, percent=False)
    )


def _same(figure: Figure, value: Decimal) -> bool:
    """Say whether a figure says a value, as exactly as it is written; words may hold its sign."""
    said, real = abs(figure.value), abs(value)
    gap = abs(said - real)
    with localcontext(prec=60):
        digits = real / figure.step
        rounded = {digits.to_integral_value(mode) for mode in (ROUND_HALF_UP, ROUND_HALF_EVEN)}
        if said / figure.step in rounded:
            return True
    allowed = Decimal(0)
    trailing = figure.bare == figure.bare.to_integral_value() and figure.bare % 10 == 0
    if trailing:  # "45,000" for 45,321: the zeros are not counted
        allowed = min(_place(figure.value) / 2, abs(value) / 40)
    if figure.loose:
        allowed = max(allowed, abs(value) * 3 / 100)
    return gap <= allowed


def _place(value: Decimal) -> Decimal:
    """Return what the last digit before the zeros is worth."""
    exponent = value.normalize().as_tuple().exponent
    return Decimal(10) ** max(0, exponent if isinstance(exponent, int) else 0)


def _units_fit(one: Figure, other: Figure) -> bool:
    if "%" in (one.unit, other.unit):
        return one.unit == other.unit or not one.unit or not other.unit
    periods = {"year", "month", "week", "day", "hour", "minute", "quarter"}
    lengths = {"mm", "cm", "m", "km", "mg", "g", "kg", "ml", "l"}
    for kind in (periods, lengths):
        if one.unit in kind and other.unit in kind:
            return one.unit == other.unit
    return True


def _figure(match: re.Match[str]) -> Figure:
    number = match["number"]
    bare = _decimal(number)
    unit_text = (match["unit"] or "").lower()
    scale = Decimal(10) ** _SCALES.get((match["scale"] or "").lower(), 0)
    places = len(number.partition(".")[2])
    sign = (match["sign"] or "").strip()
    bare = -bare if sign and sign in "-−△▲(" and not match["loose"] else bare
    text = match[0].strip(" (")
    return Figure(
        text,
        bare * scale,
        scale / 10**places,
        _UNITS.get(unit_text, ""),
        bare,
        bool(match["loose"]),
    )


def _scaled(figure: Figure, scale: Decimal) -> Figure:
    return figure._replace(value=figure.bare * scale, step=figure.step * scale)


def _scale_of(above: str) -> Decimal:
    """Return what the figures of a table count, by what stands above it: 1,000,000 for millions."""
    found = _UNIT_ABOVE.search(above)
    if not found:
        return Decimal(1)
    said = next(group for group in found.groups() if group).lower()
    if said == "000":
        return Decimal(1000)
    return Decimal(10) ** _SCALES.get(said, _SCALES.get(said.rstrip("s"), 0))


def _is_year(figure: Figure) -> bool:
    return figure.unit in ("", "year") and bool(_YEAR.fullmatch(figure.text.split("년")[0].strip()))


def _decimal(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))


def derivations(checks: Iterable[Check]) -> list[str]:
    """Return how computed figures follow: `27.3 % = 546 / 2,000`."""
    lines = [
        f"{check.text} = {check.how}"
        for check in checks
        if check.how and _COMPUTED.search(check.how)
    ]
    return list(dict.fromkeys(lines))


_COMPUTED = re.compile(r" [-+/x] ")


def unfounded(checks: Iterable[Check]) -> list[str]:
    """Return the figures that follow from nothing."""
    return list(dict.fromkeys(check.text for check in checks if check.how is None))
