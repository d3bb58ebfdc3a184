"""Cells of query results that a text refers to: `[[hidden_value_{row}_{col}]]`.

A result lives in the session's document room; a text that LangChain sees names its cells by row
(1-based) and column label, with `q{n}_` before the row for the second and later results of a
session. Models and Markdown renderers deform such tokens: underscores are eaten, brackets halved or
widened, escapes and decoration added, a particle pulled inside. What was meant is accepted only
where exactly one issued cell folds to the same text; a row or column that does not exist, or that
could be two, is never guessed.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import ROUND_HALF_UP, Decimal, localcontext
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

from langchain_privacy.masking.link_targets import may_link
from langchain_privacy.masking.particles import Final, agreeing, final, particle_at
from langchain_privacy.masking.restore import CLOSING_MARKS
from langchain_privacy.masking.tolerant import Forms
from langchain_privacy.values.fold import undecorated as widths_folded
from langchain_privacy.vault import VaultSession

# ---- How a cell is written for people; the model may choose a form, the value is formatted here.

PYEONG = Decimal("3.305785")
"""Square metres in one 평."""

_MARKS = re.compile(r"([\\`*\[\]<>|])")
means_something = re.compile(r"[\\`*\[\]<>|\r\n]").search
"""Finds what Markdown or HTML may read as more than text."""
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_AS_IT_IS = {str, int}
_LINES = re.compile(r"\s*[\r\n]+\s*")


def _quantized(value: Decimal, places: int) -> Decimal:
    """Round half up, however large the number, and leave no zeros at the end."""
    with localcontext() as context:
        context.prec = 400
        rounded = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
        return rounded.normalize()


def _rounded(value: Decimal) -> Decimal:
    """Round to two decimals, below 1 to three digits."""
    return _quantized(value, max(2, 2 - value.adjusted()) if abs(value) < 1 else 2)


def _whole(value: Decimal) -> int:
    return int(value.to_integral_value(ROUND_HALF_UP))


def _comma(value: Decimal) -> str:
    return f"{_rounded(value):,f}"


def _eok(value: Decimal) -> str:
    """Write an amount in 만원 as people say it: 119960 is 11억 9,960만원."""
    if value and abs(value) < 1:
        return f"{_rounded(value):f}만원"
    sign, amount = ("-" if value < 0 else ""), abs(_whole(value))
    jo, rest = divmod(amount, 100_000_000)
    eok, man = divmod(rest, 10_000)
    parts = [f"{jo:,}조" if jo else "", f"{eok:,}억" if eok else "", f"{man:,}만" if man else ""]
    return f"{sign}{' '.join(part for part in parts if part) or '0만'}원"


def _won(value: Decimal) -> str:
    """Write an amount in 원: 1199600000 is 11억 9,960만원."""
    sign, amount = ("-" if value < 0 else ""), abs(_whole(value))
    man, won = divmod(amount, 10_000)
    if not man:
        return f"{sign}{won:,}원"
    large = _eok(Decimal(man))
    return f"{sign}{large}" if not won else f"{sign}{large.removesuffix('원')} {won:,}원"


def _pyeong(value: Decimal) -> str:
    return f"{value / PYEONG:,.1f}평"


def _percent(value: Decimal) -> str:
    return f"{_quantized(value * 100, 1):,.1f}%"


FORMATTERS: dict[str, tuple[Callable[[Decimal], str], str]] = {
    "comma": (_comma, ""),
    "억만원": (_eok, "만원"),
    "원": (_won, "원"),
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
    if isinstance(value, (int, Decimal, float)) or (
        isinstance(value, str) and _NUMBER.fullmatch(value)
    ):
        number = Decimal(str(value))
        return number if number.is_finite() else None
    return None


_LONG_FRACTION = 6
"""Decimals from which on a number was computed and not stored: 11996.341986196718."""


def _unpadded(value: Decimal) -> Decimal:
    """Take off what a computation left behind the digits that mean something."""
    return _rounded(value) if -int(value.as_tuple().exponent) > _LONG_FRACTION else value


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (float, Decimal)):
        number = _number(value)
        if number is None:
            return str(value)
        text = f"{_unpadded(number):f}"
        return text.removesuffix(".0") if isinstance(value, float) else text
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


KIND = "sql_result"
"""The `kind` in the metadata of a document that is a result."""

_OPEN = r"(?:\\?[\[［【〔{｛<＜⟦]|&#91;|&lsqb;|&#x5b;)"
_CLOSE = r"(?:\\?[\]］】〕}｝>＞⟧]|&#93;|&rsqb;|&#x5d;)"
_TOKEN = re.compile(
    _OPEN
    + r"{1,3}((?:(?!&#|&[lr]sqb)[^\[\]［］【】〔〕{}｛｝<>＜＞⟦⟧\n]){6,120}?)"
    + _CLOSE
    + r"{1,3}",
    re.IGNORECASE,
)
ISSUED = re.compile(
    r"(?<![\[\\])\[\[hidden_value_(?:q([1-9]\d{0,5})_)?([1-9]\d{0,8})_([^\[\]|\n]{1,80})"
    r"(?:\|([^\[\]|\n]{0,20}))?\]\](?!\])"
)
"""A token as `token` writes it: number of the result, row, label and form."""
_PLAIN = re.compile(r"[^\[\]|\n]{1,80}")
_NAMES = ("hiddenvalue", "hiddenrowcount")
_OPENERS = re.compile(rf"{_OPEN}+", re.IGNORECASE)
_ARRIVING = re.compile(
    rf"((?:(?!&#|&[lr]sqb)[^\[\]［］【】〔〕{{}}｛｝<>＜＞⟦⟧\n]){{0,120}})"
    rf"{_CLOSE}{{0,3}}(?:\\|&[#a-zA-Z0-9]{{0,5}}|만원?)?",
    re.IGNORECASE,
)
"""What follows the opening brackets of a cell of which more may arrive, its unit included."""
_LONGEST = 240
_SHORTEST = 15
"""Characters of the shortest thing that can be a token."""
_EXACT = re.compile(r"hidden_value_(?:q([1-9]\d{0,5})_)?([1-9]\d{0,8})_(.+)", re.DOTALL)
_FOLDED = re.compile(r"hiddenvalue(?:q([1-9]\d{0,5}))?(\d{1,9})(.*)", re.DOTALL)
_GAP = r"[\W_]{0,4}"
_HINT = re.compile(f"[hH]{_GAP}[iI]{_GAP}[dD]{_GAP}[dD]{_GAP}[eE]{_GAP}[nN]|숨|\u1109\u116e")
_SIGNED = re.compile(r"[_\s]-\s*\d")
_COUNT = re.compile(r"hiddenrowcount(?:q([1-9]\d{0,5}))?")
_IGNORED = re.compile(r"[\s*_`~\\.\-‐-―()（）/·]+")
_PARTICLES = (
    "으로부터",
    "에서는",
    "에게서",
    "이라는",
    "입니다",
    "에서",
    "에게",
    "으로",
    "까지",
    "부터",
    "처럼",
    "보다",
    "이며",
    "이고",
    "이나",
    "이란",
    "라는",
    "은",
    "는",
    "이",
    "가",
    "을",
    "를",
    "과",
    "와",
    "의",
    "에",
    "로",
    "도",
    "만",
    "며",
    "고",
    "나",
)


def token(row: int, label: str, number: int = 1) -> str:
    """Write the token of a cell; the first result of a session needs no number."""
    return f"[[hidden_value_{'' if number == 1 else f'q{number}_'}{row}_{label}]]"


def fold(text: str) -> str:
    """Reduce a text to what must agree: no case, width, decoration or separators."""
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text))
    text = "".join(ch for ch in text if unicodedata.category(ch) != "Cf")
    return _IGNORED.sub("", text).casefold()


class CellSpan(NamedTuple):
    """A token in a text.

    Attributes:
        start: First character, 0-based.
        end: One past the last character.
        cell: `(result, row, column)`, 1-based, 1-based and 0-based; `None` when it names no cell.
        value: What takes its place, escaped for Markdown and HTML; `""` when it names no cell.
        rest: A particle that stood inside the token and belongs after the value.
    """

    start: int
    end: int
    cell: tuple[int, int, int] | None
    value: str
    rest: str = ""


class Result:
    """The rows of one question, as they lie in the document room."""

    def __init__(self, number: int, labels: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        self.number = number
        self.labels = tuple(labels)
        self.rows = rows
        self.columns = {label: at for at, label in enumerate(self.labels)}
        self.plain = all(map(_PLAIN.fullmatch, self.labels))
        """Whether tokens can hold the labels as they are."""
        self._folded = {fold(label): at for at, label in enumerate(self.labels)}

    def __repr__(self) -> str:
        return f"<Result {self.number}>"

    def column(self, text: str) -> int | None:
        """Find a column by its folded label, or by an unambiguous beginning of it."""
        if (at := self._folded.get(text)) is not None:
            return at
        if len(text) < 2:
            return None
        begins = [at for label, at in self._folded.items() if label.startswith(text)]
        return begins[0] if len(begins) == 1 else None


def write_result(number: int, labels: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Write a result as the text of a document."""
    kinds = set(map(type, chain.from_iterable(rows)))
    if not kinds <= _JSON:
        rows = [list(map(_pack, row)) for row in rows]
    return json.dumps({"number": number, "labels": labels, "rows": rows}, ensure_ascii=False)


def read_result(text: str) -> Result:
    """Read what `write_result` wrote."""
    body = json.loads(text, object_hook=_unpack)
    return Result(body["number"], body["labels"], [tuple(row) for row in body["rows"]])


def results(session: VaultSession) -> dict[int, str]:
    """Map the numbers of a session's results to the references of their documents."""
    numbers = {}
    for ref in session.documents.refs():
        about = session.documents.metadata(ref)
        if about.get("kind") == KIND:
            numbers[int(about["number"])] = ref
    return numbers


def may_hold_cells(text: str) -> bool:
    """Tell cheaply whether a text can name a cell at all."""
    return _HINT.search(widths_folded(text)) is not None


def find_cells(text: str, session: VaultSession) -> list[tuple[int, int, str]]:
    """Find the cells that a text names, each with the value that takes its place.

    Tokens that name no cell of this session are left out: they stay as they are.

    Args:
        text: Any text.
        session: Whose results are meant.

    Returns:
        `(start, end, value)` in order, not overlapping.
    """
    if not may_hold_cells(text):
        return []
    return [
        (span.start, span.end, span.value + span.rest)
        for span in cell_spans(text, Opened(session))
        if span.cell is not None
    ]


class Arrived(NamedTuple):
    """What the cells of a text that still arrives allow to be settled.

    Attributes:
        end: Where the last thing begins that may still become a cell, or a longer one.
        found: The cells before it, as `find_cells` gives them.
    """

    end: int
    found: Sequence[tuple[int, int, str]] = ()


def arrived_cells(text: str, session: VaultSession, *, final: bool) -> Arrived:
    """Find the cells of a text that may go on, and how far the text is settled."""
    end = len(text) if final else _unfinished(text)
    if end < len(text) and not results(session):
        end = len(text)
    found = find_cells(text, session)
    return Arrived(end, [cell for cell in found if cell[1] <= end])


def _unfinished(text: str) -> int:
    """Return where the end of a text may still become a cell."""
    at = max(0, len(text) - _LONGEST)
    while found := _OPENERS.search(text, at):
        at = found.end()
        if arriving := _ARRIVING.fullmatch(text, found.end()):
            folded = fold(arriving[1].partition("|")[0])
            if any(folded.startswith(n) or n.startswith(folded) for n in _NAMES):
                return found.start()
    return len(text)


class Opened(Mapping[int, Result]):
    """A session's results, each read when it is first asked for."""

    def __init__(self, session: VaultSession) -> None:
        self._documents = session.documents
        self._refs = results(session)
        self._read: dict[int, Result] = {}

    def __getitem__(self, number: int) -> Result:
        if number not in self._read:
            self._read[number] = read_result(self._documents.get(self._refs[number]))
        return self._read[number]

    def __iter__(self) -> Iterator[int]:
        return iter(self._refs)

    def __len__(self) -> int:
        return len(self._refs)


def cell_spans(text: str, opened: Mapping[int, Result]) -> list[CellSpan]:
    """Find every token of a text, also those that name no cell of `opened`."""
    spans: list[CellSpan] = []
    at = 0
    # What is written as issued needs no tolerance, and is nearly everything.
    for match in ISSUED.finditer(text):
        result = opened.get(int(match[1] or 1))
        row = int(match[2])
        column = None if result is None else result.columns.get(match[3])
        if result is None or column is None or row > len(result.rows):
            continue
        if match.start() > at:
            spans += _tolerant_spans(text, at, match.start(), opened)
        span = _span(text, match.start(), match.end(), result, row, column, match[4] or "")
        spans.append(span)
        at = span.end
    return spans + _tolerant_spans(text, at, len(text), opened)


def _tolerant_spans(
    text: str, start: int, stop: int, opened: Mapping[int, Result]
) -> list[CellSpan]:
    spans: list[CellSpan] = []
    if stop - start < _SHORTEST:
        return spans
    for match in _TOKEN.finditer(text, start, stop):
        body, _, wish = match[1].partition("|")
        folded = fold(body)
        if not folded.startswith(_NAMES):
            continue
        end = match.end()
        if counted := _COUNT.fullmatch(folded):
            result = opened.get(int(counted[1] or 1))
            value = "" if result is None else f"{len(result.rows):,}"
            cell = None if result is None else (result.number, 0, 0)
            spans.append(CellSpan(match.start(), end, cell, value))
            continue
        found, particle = _named(body, folded, opened)
        if found is None:
            spans.append(CellSpan(match.start(), end, None, ""))
            continue
        number, row, column = found
        spans.append(
            _span(text, match.start(), end, opened[number], row, column, wish.strip(), particle)
        )
    return spans


def _span(
    text: str,
    start: int,
    end: int,
    result: Result,
    row: int,
    column: int,
    wish: str,
    particle: str = "",
) -> CellSpan:
    value, unit = format_value(result.rows[row - 1][column], wish)
    if unit and text.startswith(unit, end):
        end += len(unit)  # the model wrote the unit as well
    return CellSpan(start, end, (result.number, row, column), escape(value), particle)


def _named(
    body: str, folded: str, opened: Mapping[int, Result]
) -> tuple[tuple[int, int, int] | None, str]:
    exact = _EXACT.fullmatch(body)
    if exact:
        result = opened.get(int(exact[1] or 1))
        if result is not None and int(exact[2]) <= len(result.rows) and exact[3] in result.labels:
            return (result.number, int(exact[2]), result.labels.index(exact[3])), ""
    parts = _FOLDED.fullmatch(folded)
    if parts is None or _SIGNED.search(body):
        return None, ""
    result = opened.get(int(parts[1] or 1))
    if result is None:
        return None, ""
    digits, tail = parts[2], parts[3]
    # Where the separators survive, they say where the row ends.
    kept = re.search(
        r"value\W*_?\W*(?:q\d+[\W_]+)?(\d+)[\W_]",
        unicodedata.normalize("NFKC", body),
        re.IGNORECASE,
    )
    splits = [len(kept[1])] if kept and digits.startswith(kept[1]) else range(1, len(digits) + 1)
    for suffix in ("", *_PARTICLES):
        if not tail.endswith(suffix):
            continue
        stem = tail[: len(tail) - len(suffix)] if suffix else tail
        candidates = {
            (result.number, row, column)
            for at in splits
            if 1 <= (row := int(digits[:at])) <= len(result.rows)
            and (column := result.column(digits[at:] + stem)) is not None
        }
        if len(candidates) == 1:
            return candidates.pop(), suffix
        if candidates:
            return None, ""
    return None, ""


_JSON = {type(None), bool, int, float, str}
"""Types of values that JSON keeps; any other is written as an object of its type's name."""


def _pack(value: Any) -> Any:
    if type(value) in _JSON:
        return value
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if isinstance(value, datetime):
        return {"datetime": value.isoformat()}
    if isinstance(value, (date, time)):
        return {"date" if isinstance(value, date) else "time": value.isoformat()}
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"bytes": bytes(value).hex()}
    return str(value)


_UNPACK: dict[str, Any] = {
    "decimal": Decimal,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "bytes": bytes.fromhex,
}


def _unpack(value: dict[str, Any]) -> Any:
    if len(value) > 1:
        return value  # the document itself
    ((kind, text),) = value.items()
    return _UNPACK[kind](text)


# ---- Restoring a text whose cells are written as issued: a table of thousands in one pass.
#
# Most answers hold nothing but tokens exactly as they were issued. Those need no tolerant
# reading, no scan for links where there are none, and a look at particles only where Korean
# follows. A text with anything else in it is left to the engine that reads everything; both give
# the same text.

_BEGINNING = re.compile(r"\[\[hidden_value_(?:q([1-9][0-9]{0,5})_)?(?=[1-9])")
_ROW = re.compile(r"[1-9][0-9]{0,8}")
_FORM = re.compile(r"[^\[\]|\n]{0,20}")
_ENDS = frozenset(["", *" \n,.;:|<"])
"""What follows a value where no particle does."""


def restore_issued(text: str, session: VaultSession, forms: Forms | None) -> str | None:
    """Restore a text in which every token is exactly as issued, and of one result.

    Args:
        text: Any text.
        session: Whose results are meant.
        forms: What recognises the session's placeholders, `None` when it issued none.

    Returns:
        The restored text, or `None` when it holds more than such tokens: a deformed one, one that
        names no cell, a placeholder, a link.
    """
    found = _BEGINNING.search(text)
    result = Opened(session).get(int(found[1] or 1)) if found else None
    if found is None or result is None or not result.plain:
        return None
    beginning = found[0]
    if any(mark + beginning in text for mark in "[\\"):
        return None
    first, *pieces = text.split(beginning)
    out = [first]
    add, columns = out.append, result.columns
    row: Sequence[Any] = ()
    last = ""
    for piece in pieces:
        name, closed, after = piece.partition("]]")
        number, _, label = name.partition("_")
        if number != last:
            if not _ROW.fullmatch(number) or int(number) > len(result.rows):
                return None
            row, last = result.rows[int(number) - 1], number
        column, form = columns.get(label), ""
        if column is None:
            label, _, form = label.partition("|")
            column = columns.get(label)
            if column is None or not _FORM.fullmatch(form):
                return None
        value = row[column]
        if type(value) is int and not form:
            value = str(value)
        elif type(value) is not str or form or means_something(value):
            value, unit = format_value(value, form)
            value = escape(value)
            # The model may have written the unit as well.
            after = after.removeprefix(unit)
        add(value)
        if after[:1] not in _ENDS or not closed:
            if after.startswith("]") or not closed:
                return None
            after = _agreeing(value, after)
        add(after)
    between = " ".join(dict.fromkeys(out[::2]))
    if may_link(between) or may_hold_cells(between) or (forms and not forms.plain(between)):
        return None
    return "".join(out)


def _agreeing(value: str, after: str) -> str:
    """Make the particle at the beginning of what follows agree with a value."""
    at, particle = _particle(after)
    if not particle or final(value) is Final.UNKNOWN:
        return after
    return after[:at] + agreeing(value, particle) + after[at + len(particle) :]


@lru_cache(maxsize=256)
def _particle(after: str) -> tuple[int, str]:
    marks = CLOSING_MARKS.match(after)
    at = marks.end() if marks else 0
    return at, particle_at(after, at)
