"""Text of PDF files, page by page, rows of tables kept together.

PDFium (`pypdfium2`, Apache-2.0 or BSD-3-Clause) reads them: of 120 pages it takes a quarter of the
time of pypdf and a hundredth of that of pdfplumber. A file may draw the cells of a table column by
column, so that lines are put together by where the pieces stand on the page: cells keep a wide gap
between them, paragraphs an empty line.
"""

import itertools
import threading
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

_LOCK = threading.Lock()  # PDFium is not made for threads

_GAP = 1.2
"""Times the height of a line: a wider gap lies between two cells."""

_WORD_GAP = 0.12
"""The same for a blank between two words."""

_PARAGRAPH_GAP = 0.9
"""Times the height of a line: a higher gap lies between two paragraphs."""

_COLUMN = 28
"""Letters of a piece that is a line of prose, not a cell."""

_COLUMNS = 0.3
"""Share of lines with two pieces of prose side by side: the page is set in columns."""

_PASSWORD = 4  # FPDF_ERR_PASSWORD


class EncryptedPdfError(Exception):
    """A PDF needs a password."""


class _Piece(NamedTuple):
    left: float
    bottom: float
    right: float
    top: float
    text: str


def pdf_pages(content: bytes) -> list[str]:
    """Return the text of each page.

    Raises:
        EncryptedPdfError: It needs a password.
        ImportError: pypdfium2 is not installed.
        Exception: Whatever the library makes of a damaged file.
    """
    import pypdfium2

    with _LOCK:
        try:
            document = pypdfium2.PdfDocument(content)
        except pypdfium2.PdfiumError as error:
            if getattr(error, "err_code", None) == _PASSWORD or "password" in str(error).lower():
                raise EncryptedPdfError from None
            raise
        try:
            return [_text(page.get_textpage()) for page in document]
        finally:
            document.close()


def pdf_pictures(
    content: bytes, numbers: Sequence[int], *, dpi: int, longest: int
) -> Iterator[Any]:
    """Draw pages of a PDF, as Pillow's images in grey.

    Args:
        content: The PDF.
        numbers: Which pages, from 0.
        dpi: Dots an inch.
        longest: Pixels of the longer side at the most, however large the page says it is.

    Raises:
        ImportError: pypdfium2 or Pillow is not installed.
        Exception: Whatever the library makes of a damaged file.
    """
    import pypdfium2

    for number in numbers:
        with _LOCK:
            document = pypdfium2.PdfDocument(content)
            try:
                page = document[number]
                scale = min(dpi / 72, longest / max(1.0, *page.get_size()))
                picture = page.render(scale=scale, grayscale=True).to_pil().convert("L")
            finally:
                document.close()
        yield picture


def _text(page: object) -> str:
    """Return the text of a page by its lines from top to bottom."""
    pieces = _pieces(page)
    lines = _lines(pieces)
    beside = sum(_is_columns(line) for line in lines)
    if beside > 3 and beside > _COLUMNS * len(lines):
        return _as_drawn(page)  # columns of prose: the order in which they were written
    out: list[str] = []
    below: float | None = None
    for line in lines:
        height = max(piece.top - piece.bottom for piece in line)
        top = max(piece.top for piece in line)
        if below is not None and below - top > _PARAGRAPH_GAP * height:
            out.append("")
        below = min(piece.bottom for piece in line)
        out.append(_joined(line))
    return "\n".join(out)


def _pieces(page: object) -> list[_Piece]:
    found: list[_Piece] = []
    for number in range(page.count_rects()):  # type: ignore[attr-defined]
        left, bottom, right, top = page.get_rect(number)  # type: ignore[attr-defined]
        text = page.get_text_bounded(left, bottom, right, top)  # type: ignore[attr-defined]
        text = " ".join(text.split())
        if text:
            found.append(_Piece(left, bottom, right, top, text))
    return found


def _lines(pieces: list[_Piece]) -> list[list[_Piece]]:
    """Group pieces that stand at the same height, from left to right, the highest line first."""
    lines: list[list[_Piece]] = []
    for piece in sorted(pieces, key=lambda piece: -(piece.top + piece.bottom)):
        if lines:
            last = lines[-1][0]
            shared = min(last.top, piece.top) - max(last.bottom, piece.bottom)
            if shared > 0.5 * min(last.top - last.bottom, piece.top - piece.bottom):
                lines[-1].append(piece)
                continue
        lines.append([piece])
    return [sorted(line, key=lambda piece: piece.left) for line in lines]


def _is_columns(line: list[_Piece]) -> bool:
    parts = _joined(line).split("   ")
    return sum(sum(map(str.isalpha, part)) >= _COLUMN for part in parts) > 1


def _joined(line: list[_Piece]) -> str:
    out = line[0].text
    for before, piece in itertools.pairwise(line):
        height = piece.top - piece.bottom
        gap = piece.left - before.right
        wide = gap > _GAP * height
        out += ("   " if wide else " " if gap > _WORD_GAP * height else "") + piece.text
    return out


def _as_drawn(page: object) -> str:
    text: str = page.get_text_bounded()  # type: ignore[attr-defined]
    return text.replace("\r\n", "\n").replace("\r", "\n")
