r"""Tables, forms and nested settings as lines `label: value`, with the way back.

A cell says little without the head of its column, a value little without its label. `table_fields`
finds what a text arranges: CSV, TSV, Markdown and tables of blanks; labels with their values beside
or under them; keys of YAML under their parents. Only what a label tells is written
(`words.labels`), so that prose costs nothing more.

    >>> view = table_fields("id,last_name\n1,Paik\n2,de la Cruz\n")
    >>> view.text
    '\n\nlast name: Paik\n\nlast name: de la Cruz\n'

`decoding.views_of` gives it to masker and guard beside the other views.
"""

import re

from langchain_privacy.values.view import View
from langchain_privacy.words.labels import ABOUT, MAYBE_NAME, kind_of_label, words_of

_Cell = tuple[int, int]
_Row = list[_Cell]

_MARKS = "\t|,;"
_BLANKS = re.compile(r"\S+(?: \S+)*")
_RULE = re.compile(r"[\s|:+=\-─┼]*")  # the line under a head
_CSV_CELL = {
    mark: re.compile(
        rf'[ ]?"(?P<quoted>(?:[^"]|"")*)"[ ]*(?=[{mark}\r\n]|\Z)|(?P<plain>[^{mark}\n]*)'
    )
    for mark in ",;\t"
}
_LONGEST_LABEL = 48
_LONGEST_CELL = 4000
_NEEDS_QUOTES = re.compile(r"[;|&<>{}\[\]]|[ ]{2}")
_YAML = re.compile(
    r"(?P<indent>[ ]*)(?P<dash>(?:-[ ]+)*)"
    r"(?:[\"']?(?P<key>[^\W\d][\w .-]{0,40})[\"']?:(?:[ ]+|\Z))?"
)
# A statement that writes rows: the table, its columns, the word values.
_INSERT = re.compile(
    r"\binto\s{1,4}[\w.\"`\[\]]{1,128}\s{0,4}\((?P<columns>[\w\s,\"`\[\]]{1,2000})\)\s{0,4}values\s{0,4}",
    re.IGNORECASE,
)
_SQL_ROW = re.compile(
    r"\s{0,8},?\s{0,8}\((?P<cells>(?:[^()'\"]|'(?:[^']|'')*'|\"[^\"]*\"|\([^()]*\)){0,4000})\)"
)
_SQL_CELL = re.compile(
    r"\s*(?P<cell>'(?:[^']|'')*'|\"[^\"]*\"|(?:[^,'\"()]|\([^()]*\))+)\s*(?:,|\Z)"
)


def table_fields(text: str) -> View | None:
    """Write what tables, forms and nested settings of a text say as lines `label: value`.

    Returns:
        A view whose only leaf is the text, or `None` where nothing of it has a telling label.
        Linear in time.
    """
    arranged = "\n" in text or "  " in text or "|" in text or "\t" in text
    inserts = "(" in text and not (text.isascii() and "into" not in text.lower())
    if not (arranged or inserts):
        return None
    reader = _Reader(text)
    if arranged:
        reader.read()
    for insert in _INSERT.finditer(text) if inserts else ():
        reader.read_insert(insert)
    if not reader.view.pieces:
        return None
    reader.view.label("\n")
    return reader.view


class _Reader:
    """Reads a text line by line into a view."""

    def __init__(self, text: str) -> None:
        self.text, self.view = text, View()
        self.lines = text.split("\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)
        self._parents: list[tuple[int, str]] = []

    def read(self) -> None:
        at = 0
        while at < len(self.lines):
            line = self.lines[at]
            if not line or line.isspace():
                at += 1
                continue
            after = self._table(at)
            if after == at:
                self._beside(at)
                self._nested(at)
                self._under(at)
                after += 1
            at = after

    def read_insert(self, insert: re.Match[str]) -> None:
        """Read the rows that a statement of SQL writes, under the columns that it names."""
        columns = [name.strip(' \t\n"`[]') for name in insert["columns"].split(",")]
        at = insert.end()
        while row := _SQL_ROW.match(self.text, at):
            start, at = row.start("cells"), row.end()
            cells = [
                self._bare(start + cell.start("cell"), start + cell.end("cell"))
                for cell in _SQL_CELL.finditer(row["cells"])
            ]
            if len(cells) == len(columns):
                self.view.label("\n")
                for column, cell in zip(columns, cells, strict=True):
                    if kind_of_label(column):
                        self._write(f"\n{words_of(column)}: ", *cell)

    # ---- cells under a head

    def _table(self, at: int) -> int:
        """Read the table whose head is a line; return the line after it, or that line."""
        if at + 1 >= len(self.lines):
            return at
        head, following = self.lines[at], self.lines[at + 1]
        above = self.lines[at - 1] if at else ""
        for mark in _MARKS:
            count = head.count(mark)
            if count and above.count(mark) == count:
                return at  # a row of something without a telling head
            if count and (following.count(mark) == count or '"' in following or mark == "|"):
                after = self._rows(at, mark)
                if after > at:
                    return after
        if "  " in head.strip() and "  " in following.strip() and "  " not in above.strip():
            return self._rows(at, "")
        return at

    def _rows(self, at: int, mark: str) -> int:
        head, first = self._cells(at, mark)
        labels = [self.text[a:b] for a, b in head]
        if len(head) < 2 or any(len(label) > _LONGEST_LABEL for label in labels):
            return at
        kinds = [kind_of_label(label) for label in labels]
        telling = sum(kind not in ("", ABOUT) for kind in kinds)
        if not telling:
            return at
        if first < len(self.lines) and _RULE.fullmatch(self.lines[first]):
            first += 1
        rows: list[_Row] = []
        at_row = first
        while at_row < len(self.lines) and self.lines[at_row].strip():
            row, after = self._cells(at_row, mark)
            if len(row) != len(head):
                break
            rows.append(row)
            at_row = after
        if len(rows) < (1 if telling > 1 else 2) or self._labels_again(rows[0]):
            return at
        if len(head) == 2 and not kinds[1] and self._labels_below(labels[0], rows):
            for beside, value in [head, *rows]:
                said = self._said(beside)
                if kind_of_label(said) and not kind_of_label(self._said(value)):
                    self._write(f"\n{words_of(said)}: ", *value)
            return at_row
        about = MAYBE_NAME in kinds
        columns = [
            (index, f"\n{words_of(label)}: ")
            for index, (label, kind) in enumerate(zip(labels, kinds, strict=True))
            if kind and (about or kind != ABOUT)
        ]
        for row in rows:
            self.view.label("\n")
            for index, label in columns:
                self._write(label, *row[index])
        return at_row

    def _labels_again(self, row: _Row) -> bool:
        """Say whether a row is of labels: a form with labels on two lines, no table."""
        return sum(bool(kind_of_label(self.text[a:b])) for a, b in row) * 2 > len(row)

    def _labels_below(self, label: str, rows: list[_Row]) -> bool:
        """Say whether labels stand below a label: a form with a label and its value in a row.

        The same label again is the head again, at the top of a page.
        """
        said = [(self._said(first), self._said(second)) for first, second in rows]
        return any(
            first != label and kind_of_label(first) and not kind_of_label(second)
            for first, second in said
        )

    def _cells(self, at: int, mark: str) -> tuple[_Row, int]:
        """Return the cells of the row that begins in a line, and the line after it."""
        line, start = self.lines[at], self.starts[at]
        if not mark:
            return [(start + m.start(), start + m.end()) for m in _BLANKS.finditer(line)], at + 1
        if '"' in line and mark != "|":
            return self._quoted(at, mark)
        bounds, begin = [], start
        for cell in line.split(mark):
            bounds.append(self._bare(begin, begin + len(cell)))
            begin += len(cell) + 1
        if mark == "|":
            if bounds and bounds[0][0] == bounds[0][1]:
                bounds.pop(0)
            if bounds and bounds[-1][0] == bounds[-1][1]:
                bounds.pop()
        return bounds, at + 1

    def _quoted(self, at: int, mark: str) -> tuple[_Row, int]:
        row: _Row = []
        begin = self.starts[at]
        while match := _CSV_CELL[mark].match(self.text, begin):
            group = "quoted" if match["quoted"] is not None else "plain"
            if match.end() - begin > _LONGEST_CELL:
                return [], at + 1
            row.append(self._bare(*match.span(group)))
            begin = match.end()
            if self.text[begin : begin + 1] != mark:
                break
            begin += 1
        after = at + 1
        while after < len(self.lines) and self.starts[after] <= begin:
            after += 1
        return row, after

    def _bare(self, start: int, end: int) -> _Cell:
        cell = self.text[start:end]
        left = len(cell) - len(cell.lstrip(" \r\"'*`"))
        return start + left, max(start + left, start + len(cell.rstrip(" \r\"'*`")))

    def _write(self, label: str, start: int, end: int) -> None:
        if start >= end:
            return
        cell = self.text[start:end]
        marks = '"' if _NEEDS_QUOTES.search(cell) and '"' not in cell else ""
        self.view.label(label + marks)
        for index, part in enumerate(cell.split("\n")):
            if index:
                self.view.decoded(" ", 0, start - 1, start)
            self.view.copy(part, 0, start)
            start += len(part) + 1
        if marks:
            self.view.label(marks)

    # ---- values beside, under and below their labels

    def _beside(self, at: int) -> None:
        line = self.lines[at]
        for mark in ("\t", "|", ""):
            if (mark or "  ") not in line.strip():
                continue
            cells, _ = self._cells(at, mark)
            kinds = [kind_of_label(self.text[a:b]) for a, b in cells]
            for index in range(len(cells) - 1):
                if kinds[index] and not kinds[index + 1]:
                    self._write(f"\n{words_of(self._said(cells[index]))}: ", *cells[index + 1])
            return

    def _under(self, at: int) -> None:
        line = self.lines[at].strip()
        if not 1 < len(line) <= _LONGEST_LABEL or at + 1 >= len(self.lines):
            return
        value = self.lines[at + 1].strip()
        if not value or len(value) > 2 * _LONGEST_LABEL or not kind_of_label(line):
            return
        if kind_of_label(value) or ": " in value or ":" in line[:-1]:
            return
        cell = self._bare(self.starts[at + 1], self.starts[at + 1] + len(self.lines[at + 1]))
        self._write(f"\n{words_of(line.strip(':'))}: ", *cell)

    def _nested(self, at: int) -> None:
        """Write a value below its key, or beside a key below another, with both names."""
        line = self.lines[at].rstrip()
        match = _YAML.match(line)
        if match is None or not (match["key"] or match["dash"]):
            self._parents.clear()
            return
        indent = match.end("indent")
        while self._parents and self._parents[-1][0] >= indent + bool(match["dash"]):
            self._parents.pop()
        value = (self.starts[at] + match.end(), self.starts[at] + len(line))
        key = match["key"] or ""
        if key and value[0] >= value[1]:
            self._parents.append((indent + len(match["dash"]), key))
        elif self._parents:
            label = f"{words_of(self._parents[-1][1])} {words_of(key)}".strip()
            if kind_of_label(label) and kind_of_label(key) != kind_of_label(label):
                self._write(f"\n{label}: ", *self._bare(*value))

    def _said(self, cell: _Cell) -> str:
        return self.text[cell[0] : cell[1]].strip(" :")
