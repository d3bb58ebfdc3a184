"""Cut documents into windows: stretches of about 600 characters that can be read by themselves.

A sentence is too little to read: a figure says nothing without the heads of its row and column. A
window is a run of whole units (sentences, rows of a table, items of a list) of one section, and
knows what stands above it: the headings, the head of its table, the lead-in of its list, the
sentence that its first pronoun points at.

    for window in windows(text):
        above = [text[start:end] for start, end in (*window.headings, *window.lead)]
        units = [text[start:end] for start, end in window.units]

Everything is a pair of offsets, so that whatever is quoted is verbatim by construction. Layout is
read from plain text, as it comes out of PDF, Word, Markdown and HTML: cells between bars, tabs or
wide spaces, or figures at the end of a line. Page numbers and running headers count as nothing, so
that a table may break over pages.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from langchain_privacy.minions.sentences import CLOSED, LONGEST, is_page_mark, sentences

Offsets = tuple[int, int]

SIZE = 600
"""Characters of a window. Among 400, 600 and 900 the best for the top twelve of annual reports."""

_DEEPEST = 3
"""Headings that are kept above a window, the innermost ones."""

_HEAD_LINES = 4
"""Lines above a table that may be its title, its unit and the heads of its columns."""

_ROW = 110
"""Characters of the longest label of a row; a longer line without cells is a paragraph."""

_COLUMNS = 3
"""Cells from which a row of words alone is taken for the names of columns: two may be a pair."""

_FEWEST_PAIRS = 3
"""Rows of two cells from which their kinds tell whether the first one is a head."""

_RUNNING = 6
"""A short line that stands this often, by the ends of pages, is a running header or footer."""


class Window(NamedTuple):
    """A stretch of one section, as offsets into the text.

    Attributes:
        start: First character, 0-based.
        end: One past the last.
        units: Its sentences, rows or items, in order.
        headings: The headings that it stands under, the outermost first.
        lead: What must be read before it: the head of its table, the lead-in of its list, or the
            sentence that its first word points back to.
        table: Whether its units are rows.
    """

    start: int
    end: int
    units: tuple[Offsets, ...]
    headings: tuple[Offsets, ...]
    lead: tuple[Offsets, ...]
    table: bool


class Heading(NamedTuple):
    """A heading of a document: where it stands, and how deep (1 is the outermost)."""

    start: int
    end: int
    level: int


class Outline(NamedTuple):
    """What a document consists of, in its order."""

    windows: list[Window]
    headings: list[Heading]
    tables: list[tuple[Offsets, ...]]


def windows(text: str, size: int = SIZE) -> list[Window]:
    """Cut a text into windows, see `Window`."""
    return outline(text, size).windows


def outline(text: str, size: int = SIZE) -> Outline:
    """Return the windows of a text, its headings and the heads of its tables.

    Args:
        text: Any text.
        size: Characters of a window at the most, save for a single unit that is longer.
    """
    lines = _lines(text)
    cutter = _Cutter(text, size)
    for block in _blocks(text, lines):
        cutter.take(block)
    cutter.close()
    return Outline(cutter.windows, cutter.headings, cutter.tables)


def heads_of_rows(text: str) -> dict[int, tuple[Offsets, ...]]:
    """Return what stands above each row of a table, by where the row begins.

    Args:
        text: Any text; nothing stands above the rows of a table without heads.
    """
    return {
        start: window.lead for window in windows(text) if window.table for start, _ in window.units
    }


# Lines: what each of them is.

Kind = Literal["blank", "skip", "heading", "row", "item", "text"]

# A figure as a cell holds it: "$ 1,234", "(56.7)", "12 %", "—", "1.234,56", "△3".
_CELL = (
    r"(?:\(?[-−–△▲]?\s?(?:[$€£¥₩]|US\$|USD|KRW|EUR)?\s?\(?\d[\d,.]*\)?\s?(?:%|pp|bp|x|배)?\)?"
    r"|[-—–]+|N/?A|n/?m|해당\s?없음)"
)
_CELLS_AT_END = re.compile(rf"(?P<label>\S.*?)[\s.:·…]+(?P<cells>{_CELL}(?:\s+{_CELL})*)\s*$")
_ONLY_CELLS = re.compile(rf"\s*{_CELL}(?:\s+{_CELL})*\s*$")
_BARS = re.compile(r"[^|\t]*(?:\||\t)[^|\t]*(?:\||\t|$)")
_WIDE = re.compile(r"\S(?: {3,}|\u3000{2,})\S")
_RULE = re.compile(r"[\s|:+=_-]*[-=_]{3,}[\s|:+=_-]*$")
_PERIODS = re.compile(r"(?:FY|'|’)?(?:(?:19|20)\d\d|\d\d)(?:년|A|E)?$", re.IGNORECASE)
_ITEM = re.compile(r"\s*(?:[-•*·▪◦●○■□‣–]\s+|\(?(?:\d{1,2}|[a-zA-Z]|[ivx]{1,4}|[가-하])[.)]\s+)")
_BEGINS_WITH_FIGURE = re.compile(r"\s*(?:약|about|approx\.|[-−△~(]|[$€£¥₩]|[A-Z]{2,3})?\s?\d")
_DAY = re.compile(
    r"(?<!\d)\d{2,4}(?:[-./]\s?\d{1,2}[-./]\s?\d{1,4}|년\s?\d)|\b\d{1,2}\.? [A-Z][a-z]{2,8} \d{4}"
    r"|\b[A-Z][a-z]{2,8}\.? \d{1,2}, \d{4}"
)
_MARKDOWN = re.compile(r"\s*(#{1,6})\s+\S")
_NUMBERED = re.compile(
    r"\s*(?:(?P<part>PART|Part|CHAPTER|Chapter|제\s*\d+\s*[편장부])"
    r"|(?P<item>ITEM|Item|ARTICLE|Article|SECTION|Section|EXHIBIT|Exhibit|APPENDIX|Appendix"
    r"|제\s*\d+\s*[절조]|[IVX]{1,5}\.|별첨|부록)"
    r"|(?P<note>NOTE|Note|SCHEDULE|Schedule|주석|[가-하]\.)"
    r"|(?P<number>\d{1,2}(?:\.\d{1,2}){0,3})[.)]?)(?=[\s.:]|$)"
)
_HEADING_ENDS = re.compile(r"[.;,!?。]$|[다요음함임됨]\.?$")
_ABOVE_TABLE = re.compile(
    r"\bin\s+(?:U\.?S\.?\s+)?(?:\w+\s+of\s+)?(?:thousands?|millions?|billions?)"
    r"|\b(?:thousands|millions|billions) of\b|단위|\b(?:19|20)\d\d\b|\btable\b",
    re.IGNORECASE,
)
_BACK = re.compile(
    r"[\"“‘(]?(?:it|its|they|their|this|these|those|that|such|he|his|she|her|the (?:latter|former)"
    r"|both|그|그녀|그들|이|이는|이것|이들|이에|그것|해당|동사|당해|상기|위|같은)\b",
    re.IGNORECASE,
)


class _Line(NamedTuple):
    start: int
    end: int
    kind: Kind
    level: int = 0


def _lines(text: str) -> list[_Line]:
    """Say of each line what it is; a line that the neighbours decide is decided here, too."""
    spans = [(m.start(), m.end()) for m in re.finditer(r"[^\n\f\r]+", text)]
    said = [text[start:end].strip() for start, end in spans]
    running = _running_headers(text, spans, said)
    rows = [bool(line) and _is_row(line) for line in said]
    lines: list[_Line] = []
    for at, ((start, end), line) in enumerate(zip(spans, said, strict=True)):
        if not line:
            continue
        if line in running or _is_nothing(said, at):
            kind: Kind = "skip"
        elif rows[at] and (_separated(line) or _in_run(rows, said, at)):
            kind = "row"
        elif not _in_table(rows, said, at) and (
            level := _heading_level(line, _next(said, rows, at), running)
        ):
            lines.append(_Line(start, end, "heading", level))
            continue
        else:
            kind = "item" if _ITEM.match(line) else "text"
        # A gap between lines ends a paragraph.
        if lines and "\n" in text[lines[-1].end : start].replace("\n", "", 1):
            lines.append(_Line(start, start, "blank"))
        lines.append(_Line(start, end, kind))
    return lines


_CASED = re.compile(r"[^\W\d_]{2}")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")


def _running_headers(text: str, spans: Sequence[Offsets], said: Sequence[str]) -> set[str]:
    """Return the short lines that stand at the ends of pages again and again."""
    # A line with figures may be a row that stands in several tables.
    often = Counter(
        line
        for line in said
        if 0 < len(line) <= 90 and _CASED.search(line) and not re.search(r"\d", _YEAR.sub("", line))
    )
    often = Counter({line: times for line, times in often.items() if times >= _RUNNING})
    if not often:
        return set()
    marks = {at for at, line in enumerate(said) if line and is_page_mark(line)}
    marks |= {at for at in range(1, len(spans)) if "\f" in text[spans[at - 1][1] : spans[at][0]]}
    at_ends: Counter[str] = Counter()
    filled = [at for at, line in enumerate(said) if line]
    for i, at in enumerate(filled):
        if said[at] in often and marks.intersection(filled[max(0, i - 2) : i + 3]):
            at_ends[said[at]] += 1
    return {line for line, times in often.items() if at_ends[line] >= 0.6 * times}


def _is_nothing(said: Sequence[str], at: int) -> bool:
    """Say whether a line only counts pages or draws a rule; a bare number may be a cell."""
    line = said[at]
    if line.isdigit() and any(
        0 <= i < len(said) and _ONLY_CELLS.match(said[i]) for i in (at - 1, at + 1)
    ):
        return False
    return is_page_mark(line) or (_RULE.match(line) is not None and "|" not in line)


def _is_row(line: str) -> bool:
    """Say whether a line may be a row: cells between separators, or figures at its end."""
    if _separated(line) or _ONLY_CELLS.match(line):
        return True
    match = _CELLS_AT_END.match(line)
    if match is None or len(match["label"]) > _ROW:
        return False
    return not match["label"].endswith((".", ";")) and not line.endswith(".")


def _separated(line: str) -> bool:
    return bool(_BARS.match(line)) or (
        bool(_WIDE.search(line)) and (any(map(str.isdigit, line)) or line.count("   ") > 1)
    )


def _in_run(rows: Sequence[bool], said: Sequence[str], at: int) -> bool:
    """Say whether a row has fellows: a sentence may end in a figure, three in a row are a table."""
    near = [i for i in range(max(0, at - 5), min(len(rows), at + 6)) if said[i]]
    fellows = sum(rows[i] for i in near)
    close = [i for i in near if 0 < abs(i - at) <= 2]
    apart = all(len(said[i]) > _ROW and not rows[i] for i in close if abs(i - at) == 1)
    return (
        fellows >= 3 and 2 * fellows >= len(near) - 2 and any(rows[i] for i in close) and not apart
    )


def _in_table(rows: Sequence[bool], said: Sequence[str], at: int) -> bool:
    """Say whether a line stands right below a row and above another: a subhead of a table."""
    return at > 0 and rows[at - 1] and any(rows[at + 1 : at + 3]) and not _NUMBERED.match(said[at])


def _next(said: Sequence[str], rows: Sequence[bool], at: int) -> tuple[str, bool]:
    for i in range(at + 1, min(len(said), at + 5)):
        if said[i] and not is_page_mark(said[i]):
            return said[i], rows[i]
    return "", False


def _heading_level(line: str, follows: tuple[str, bool], running: set[str]) -> int:
    """Return the level of a heading, 0 for a line that is none."""
    if markdown := _MARKDOWN.match(line):
        return len(markdown[1])
    after, row = follows
    if len(line) > 110 or not after or line in running or line[-1] in "|:,;":
        return 0
    if row and _ONLY_CELLS.match(after):  # the label of a figure that stands on the next line
        return 0
    if line[0] == "(" or (row and _ABOVE_TABLE.search(line)):  # the unit or a column of a table
        return 0
    bold = line.startswith("**") and line.endswith("**")
    numbered = _NUMBERED.match(line)
    if _HEADING_ENDS.search(line) and not (numbered and len(line) < 60 and not line[0].isdigit()):
        return 0
    letters = [c for c in line if c.isalpha()]
    if len(letters) < 2:
        return 0
    if numbered and len(line) <= 90:
        if numbered["number"]:
            rest = line[numbered.end() :].strip(" .)")
            if not rest or not (rest[0].isupper() or "가" <= rest[0] <= "힣") or len(rest) > 70:
                return 0
            return 4 + numbered["number"].count(".") if not _is_row(line) else 0
        return 1 if numbered["part"] else 2 if numbered["item"] else 3
    if bold:
        return 5
    long_after = len(after) >= max(50, len(line)) or row or bool(_ITEM.match(after))
    long_after = long_after or bool(_ABOVE_TABLE.search(after))
    if not long_after and not _titled(after):
        return 0
    if "가" <= letters[0] <= "힣":
        return 6 if len(line) <= 30 and len(line.split()) <= 6 and not _ITEM.match(line) else 0
    if line.isupper() and len(line.split()) <= 14:
        return 3
    return 6 if _titled(line) and len(line.split()) <= 12 else 0


def _titled(line: str) -> bool:
    """Say whether the words of a line are capitalised as those of a title, or it is one word."""
    said = [w for w in re.findall(r"[^\W\d_]+", line) if len(w) > 3]
    if not line[:1].isupper() or _HEADING_ENDS.search(line) or len(line) > 110:
        return False
    return sum(w[0].isupper() for w in said) >= 0.6 * len(said) if said else line.isupper()


# Blocks: lines that belong together, in the order of the text.


@dataclass
class _Block:
    kind: Literal["heading", "table", "list", "text"]
    units: list[Offsets]
    level: int = 0
    above: list[Offsets] = field(default_factory=list)
    subheads: dict[int, Offsets] = field(default_factory=dict)


def _blocks(text: str, lines: list[_Line]) -> Iterator[_Block]:
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.kind == "heading":
            yield _Block("heading", [_trimmed(text, line.start, line.end)], line.level)
            at += 1
        elif line.kind == "row":
            block, at = _table(text, lines, at)
            yield block
        elif line.kind in ("item", "text"):
            last = at
            while last + 1 < len(lines) and lines[last + 1].kind in ("item", "text", "skip"):
                last += 1
            group = lines[at : last + 1]
            at = last + 1
            if at < len(lines) and lines[at].kind in ("row", "blank"):
                # What heads a table is read with each of its windows, and not by itself.
                first = next((i for i in range(at, len(lines)) if lines[i].kind != "blank"), at)
                above = set(_above(text, lines, first)) if _is_at(lines, first, "row") else set()
                group = [g for g in group if _trimmed(text, g.start, g.end) not in above]
            yield from _prose(text, group)
        else:
            at += 1


def _is_at(lines: Sequence[_Line], at: int, kind: Kind) -> bool:
    return at < len(lines) and lines[at].kind == kind


def _table(text: str, lines: list[_Line], at: int) -> tuple[_Block, int]:
    """Collect the rows of a table from its first; page ends and subheads do not end it."""
    last = at
    heads_of: set[str] = set()
    for i in range(at, len(lines)):
        row = text[lines[i].start : lines[i].end].strip()
        if lines[i].kind == "row" and _is_head(row) and any(map(str.isdigit, row)):
            # Heads of columns again: the same ones after the end of a page, or another table's.
            if i > last and row not in heads_of and lines[i - 1].kind == "blank":
                break
            heads_of.add(row)
        if lines[i].kind == "row":
            last = i
        elif (
            i - last > 4
            or (lines[i].kind == "heading" and lines[i].level < 6)
            or lines[i].end - lines[i].start > 110
        ):
            break
    block = _Block("table", [], above=_above(text, lines, at))
    subhead: Offsets | None = None
    rows = [line for line in lines[at : last + 1] if line.kind not in ("skip", "blank")]
    # How many rows may be heads: of pairs it is known.
    most = _heads_of_pairs([text[line.start : line.end] for line in rows])
    heads = most != 0
    for number, line in enumerate(rows):
        span = _trimmed(text, line.start, line.end)
        row = text[span[0] : span[1]]
        below = rows[number + 1] if number + 1 < len(rows) else line
        figure = text[below.start : below.end].strip()
        labels = _ONLY_CELLS.match(figure) and not _PERIODS.match(figure)
        if heads and not labels and (_is_head(row) or _RULE.match(row)):
            block.above.append(span)
            # Rows may be words alone; the columns have their names by then.
            heads = most is None and not len(_filled(figure)) <= len(_filled(row)) >= _COLUMNS
            continue
        heads = False
        if _RULE.match(row) or row in {text[a:b] for a, b in block.above}:
            continue
        if block.units and _ONLY_CELLS.match(row) and _is_label(text, block.units[-1]):
            # Cells on lines of their own: a row goes from its label to its last figure.
            block.units[-1] = (block.units[-1][0], span[1])
            if subhead and subhead[0] == block.units[-1][0]:
                subhead = block.subheads.get(len(block.units) - 1)
            continue
        if subhead:
            block.subheads[len(block.units)] = subhead
        if not any(map(str.isdigit, row)) and len(row) <= 80:
            subhead = span
        block.units.append(span)
    if not block.units:  # nothing but heads: they are what there is
        block.units, block.above = block.above, []
    return block, last + 1


def _heads_of_pairs(rows: Sequence[str]) -> int | None:
    """Return how many rows head a table of two columns; `None` where its cells do not tell.

    A label and its value need no head: the label is one. Labels have values of many kinds (a sum, a
    day, a name), a column has one kind under a word.
    """
    pairs = [cells for row in rows if not _RULE.match(row) and (cells := _filled(row))]
    if len(pairs) < _FEWEST_PAIRS or any(len(pair) != 2 for pair in pairs):
        return None
    first, *below = [_kind_of_value(value) for _, value in pairs]
    if len(set(below)) > 1:
        return 0
    if below[0] == "words":
        return None
    return int(first == "words")


def _kind_of_value(cell: str) -> str:
    """Return of what kind a cell is: a day, a figure with or without a unit, or words."""
    if _DAY.search(cell):
        return "day"
    return "figure" if _BEGINS_WITH_FIGURE.match(cell) else "words"


def _filled(row: str) -> list[str]:
    """Return the cells of a row between bars, tabs or wide spaces that hold something."""
    return [cell for cell in re.split(r"\||\t|\s{3,}", row.strip("| ")) if cell.strip()]


def _is_label(text: str, unit: Offsets) -> bool:
    """Say whether a row began with a label and has room for another figure on the next line."""
    first = text[unit[0] : unit[1]].split("\n", 1)[0]
    return not _ONLY_CELLS.match(first) and not _CELLS_AT_END.match(first) and len(first) <= _ROW


def _is_head(row: str) -> bool:
    """Say whether a row holds the heads of columns: no figures but years, dates and notes."""
    cells = [c for c in re.split(r"\||\t|\s{2,}|\s(?=\d)", row.strip("| ")) if c.strip()]
    values = [c.strip(" $()%*") for c in cells]
    figures = [v for v in values if re.fullmatch(r"[-−△]?[\d,.]+%?", v)]
    return not figures or all(_PERIODS.match(v) for v in figures)


def _above(text: str, lines: list[_Line], at: int) -> list[Offsets]:
    """Return the lines right above a table that say what it is, what it counts and its columns."""
    found: list[Offsets] = []
    for line in reversed(lines[max(0, at - 2 * _HEAD_LINES) : at]):
        if line.kind == "blank" or line.kind == "skip":
            continue
        start, end = _trimmed(text, line.start, line.end)
        said = text[start:end]
        fits = line.kind == "text" and end - start <= 160
        if not fits or len(found) >= _HEAD_LINES:
            break
        if said.endswith(".") and not _ABOVE_TABLE.search(said):
            break
        found.append((start, end))
    return found[::-1]


def _prose(text: str, lines: Sequence[_Line]) -> Iterator[_Block]:
    """Yield paragraphs and lists; an item may go on over several lines."""
    group: list[_Line] = []
    for line in lines:
        if line.kind == "skip":
            continue
        if group and (line.kind == "item") and group[0].kind != "item":
            yield _paragraph(text, group)
            group = []
        if group and group[0].kind == "item" and line.kind == "text":
            before = text[group[-1].start : group[-1].end]
            wrapped = not CLOSED.search(before) and len(before) > 40
            if not wrapped:
                yield _items(text, group)
                group = []
        group.append(line)
    if group:
        yield _items(text, group) if group[0].kind == "item" else _paragraph(text, group)


def _paragraph(text: str, lines: Sequence[_Line]) -> _Block:
    start, end = lines[0].start, lines[-1].end
    units = [(start + a, start + b) for a, b in sentences(text[start:end])]
    return _Block("text", units or [_trimmed(text, start, end)])


def _items(text: str, lines: Sequence[_Line]) -> _Block:
    units: list[Offsets] = []
    for line in lines:
        if line.kind == "item" or not units:
            units.append(_trimmed(text, line.start, line.end))
        else:
            units[-1] = (units[-1][0], _trimmed(text, line.start, line.end)[1])
    whole: list[Offsets] = []
    for start, end in units:
        if end - start <= LONGEST:
            whole.append((start, end))
        else:
            whole += [(start + a, start + b) for a, b in sentences(text[start:end])]
    return _Block("list", whole)


def _trimmed(text: str, start: int, end: int) -> Offsets:
    said = text[start:end]
    return start + len(said) - len(said.lstrip()), start + len(said.rstrip())


# Windows: units put together up to the size.


class _Cutter:
    """Takes the blocks in order and puts their units together into windows."""

    def __init__(self, text: str, size: int) -> None:
        self.windows: list[Window] = []
        self.headings: list[Heading] = []
        self.tables: list[tuple[Offsets, ...]] = []
        self._text = text
        self._size = size
        self._path: list[Heading] = []
        self._units: list[Offsets] = []
        self._lead: tuple[Offsets, ...] = ()
        self._length = 0
        self._last: Offsets | None = None

    def take(self, block: _Block) -> None:
        if block.kind == "heading":
            self.close()
            heading = Heading(*block.units[0], block.level)
            while self._path and self._path[-1].level >= heading.level:
                self._path.pop()
            self._path.append(heading)
            self.headings.append(heading)
            self._last = None
        elif block.kind == "table":
            self._take_table(block)
        else:
            self._take_prose(block)

    def _take_table(self, block: _Block) -> None:
        self.close()
        above = tuple(block.above)
        if len(block.units) > 1:
            self.tables.append(above)
        for number, unit in enumerate(block.units):
            if self._full(unit):
                self.close(table=True)
            if not self._units:
                subhead = block.subheads.get(number)
                self._lead = (*above, subhead) if subhead else above
            self._add(unit)
        self.close(table=True)
        self._last = None

    def _take_prose(self, block: _Block) -> None:
        lead = self._last if block.kind == "list" else None
        run: Offsets | None = None  # the beginning of a sentence that was cut, such as a flat table
        for unit in block.units:
            if self._full(unit):
                self.close()
            if not self._units:
                self._lead = self._lead_of(unit, lead, run)
            whole = CLOSED.search(self._text[unit[0] : unit[1]]) or unit[1] - unit[0] < LONGEST // 2
            run = None if whole else run or (unit[0], min(unit[1], unit[0] + 160))
            self._add(unit)
            if block.kind == "text":
                self._last = unit

    def _lead_of(
        self, unit: Offsets, lead: Offsets | None, run: Offsets | None
    ) -> tuple[Offsets, ...]:
        if run:
            return (run,)
        if lead:
            return (lead,)
        if self._last and _BACK.match(self._text, unit[0]):
            return (self._last,)
        return ()

    def _full(self, unit: Offsets) -> bool:
        return bool(self._units) and self._length + unit[1] - unit[0] > self._size

    def _add(self, unit: Offsets) -> None:
        self._units.append(unit)
        self._length += unit[1] - unit[0] + 1

    def close(self, *, table: bool = False) -> None:
        if self._units:
            inside = self._units[0][0]
            self.windows.append(
                Window(
                    inside,
                    self._units[-1][1],
                    tuple(self._units),
                    tuple((h.start, h.end) for h in self._path[-_DEEPEST:]),
                    tuple(span for span in self._lead if span[1] <= inside),
                    table,
                )
            )
        self._units, self._lead, self._length = [], (), 0
