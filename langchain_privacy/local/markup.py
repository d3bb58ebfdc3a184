r"""Text files that hold tables, read as rows with tabs between their cells: CSV, TSV and HTML.

    MARKED_UP[".csv"]("unit,rent\n203,820")  # [("row 1", "unit\trent"), ("row 2", "203\t820")]

So they are read as tables of office files are (`office`): a figure stays in the row of what it is a
figure of, and the names of the columns stand above it.
"""

import csv
import io
import re
from collections.abc import Callable
from html.parser import HTMLParser

from langchain_privacy.local.office import Block

_SEPARATORS = ",;\t|"

_LINES = frozenset({
    "address", "article", "aside", "blockquote", "br", "caption", "dd", "div", "dl", "dt",
    "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header",
    "hr", "li", "main", "nav", "ol", "option", "p", "pre", "section", "table", "tbody", "tfoot",
    "thead", "title", "tr", "ul",
})  # fmt: skip
"""Elements that begin and end on a line of their own."""

_CELLS = frozenset({"td", "th"})

_UNSEEN = frozenset({"script", "style", "template"})


def _separated(text: str) -> list[Block]:
    """Read separated values; what no separator explains stays as its lines are."""
    separator = max(_SEPARATORS, key=text.lstrip().partition("\n")[0].count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error:  # a quote that is never closed
        rows = [[line] for line in text.splitlines()]
    lines = ["\t".join(" ".join(cell.split()) for cell in cells) for cells in rows]
    return [(f"row {number}", line) for number, line in enumerate(lines, 1) if line.strip()]


def _html(text: str) -> list[Block]:
    page = _Page()
    page.feed(text)
    page.close()
    rows = [line.split("\t") for line in "".join(page.pieces).split("\n") if line.strip()]
    lines = ["\t".join(" ".join(cell.split()) for cell in cells) for cells in rows]
    return [(f"paragraph {number}", line.rstrip()) for number, line in enumerate(lines, 1)]


class _Page(HTMLParser):
    """What a reader of a page sees, a line for each block and for each row of a table."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._unseen = 0
        self._in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        """Begin a line, or a cell."""
        self._unseen += tag in _UNSEEN
        if tag in _CELLS:
            self._trim()
            self.pieces.append("" if not self.pieces or self.pieces[-1] == "\n" else "\t")
            self._in_cell = True
        elif tag in _LINES:
            self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        """End a line; what comes between two cells is white space."""
        self._unseen = max(0, self._unseen - (tag in _UNSEEN))
        if tag in _CELLS:
            self._in_cell = False
        elif tag in _LINES:
            self._break(tag)

    def handle_data(self, data: str) -> None:
        """Take text; the source's own line ends are blanks."""
        if not self._unseen:
            self.pieces.append(re.sub(r"\s+", " ", data))

    def _break(self, tag: str) -> None:
        if self._in_cell and tag not in ("tr", "table", "tbody", "thead", "tfoot"):
            self.pieces.append(" ")
            return
        self._in_cell = False
        self._trim()
        if self.pieces and self.pieces[-1] != "\n":
            self.pieces.append("\n")

    def _trim(self) -> None:
        """Take away the white space of the source between two tags."""
        while self.pieces and self.pieces[-1] == " ":
            self.pieces.pop()


MARKED_UP: dict[str, Callable[[str], list[Block]]] = {
    ".csv": _separated,
    ".tsv": _separated,
    ".htm": _html,
    ".html": _html,
}
"""What is read, by the ending of a file's name."""
