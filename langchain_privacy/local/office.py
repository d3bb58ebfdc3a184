r"""Files of office programs, read as lines of text: Word, Excel, Calc, Hangul (HWP, HWPX).

    blocks = OFFICE[".xlsx"].read(content, max_bytes)  # [("sheet 1, row 1", "Tenant\tRent"), ...]

`documents` chooses one by the ending of a file's name and by its first bytes. A row of a table is a
line with tabs between its cells, so that a figure stays beside what it is a figure of.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from xml.etree import ElementTree as ET

from langchain_privacy.errors import ConfigurationError, DocumentError

Block = tuple[str, str]
"""Where a piece of text stands, as a reader of the file would say, and the text."""

UNPACKED = 8
"""How much larger than `max_bytes` the parts of a file may unpack (a zip bomb guard)."""

ZIP = b"PK\3\4"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@dataclass(frozen=True)
class Office:
    """A kind of file.

    Attributes:
        name: For messages.
        magic: How its content begins.
        read: Takes the content and the most bytes of it; raises whatever a damaged file makes it.
    """

    name: str
    magic: bytes
    read: Callable[[bytes, int], list[Block]]


def read_office(kind: Office, content: bytes, max_bytes: int) -> list[Block]:
    """Read a file.

    Raises:
        DocumentError: It is damaged, encrypted or unpacks to too much.
        ConfigurationError: The extra `documents` is not installed.
    """
    fault = ""
    try:
        if kind.magic == ZIP:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                unpacked = sum(part.file_size for part in archive.infolist())
            if unpacked > UNPACKED * max_bytes:
                raise too_large(UNPACKED * max_bytes)
        return kind.read(content, max_bytes)
    except (ConfigurationError, DocumentError):
        raise
    except Exception as error:  # noqa: BLE001 - parsers of hostile files raise anything
        fault = type(error).__name__
    msg = (
        f"The {kind.name} file is damaged ({fault}) or encrypted; save it anew without a password."
    )
    raise DocumentError(msg)


def too_large(max_bytes: int) -> DocumentError:
    """Say that a document is too large."""
    msg = f"It is larger than {max_bytes / 2**20:g} MiB; split it, or raise max_bytes."
    return DocumentError(msg)


def missing_extra(what: str) -> ConfigurationError:
    """Say that a library is missing."""
    msg = f'{what} files cannot be read yet: pip install "langchain-privacy[documents]"'
    return ConfigurationError(msg)


# Word


def _word(content: bytes, max_bytes: int) -> list[Block]:  # noqa: ARG001 - one form for all
    try:
        import docx
    except ImportError:
        raise missing_extra("Word") from None
    document = docx.Document(io.BytesIO(content))
    blocks: list[Block] = []
    for section in document.sections:
        blocks += _word_blocks(section.header, "header")
    blocks += _word_blocks(document, "paragraph")
    for section in document.sections:
        blocks += _word_blocks(section.footer, "footer")
    return blocks


def _word_blocks(part: Any, name: str) -> Iterator[Block]:
    """Yield where each block stands and its text; empty paragraphs, being spacing, do not count."""
    from docx.table import Table

    paragraphs = tables = 0
    for block in part.iter_inner_content():
        if isinstance(block, Table):
            tables += 1
            for number, row in enumerate(block.rows, start=1):
                yield f"table {tables}, row {number}", "\t".join(cell.text for cell in row.cells)
        else:
            paragraphs += bool(block.text.strip())
            yield f"paragraph {paragraphs}" if name == "paragraph" else name, block.text


# Excel and LibreOffice Calc


def _sheets(content: bytes, max_bytes: int) -> list[Block]:
    try:
        import python_calamine
    except ImportError:
        raise missing_extra("Excel") from None
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
    blocks: list[Block] = []
    size = 0
    # Sheets by number: a name such as "Jane Doe" is a private value, and this goes into reports.
    for number in range(len(book.sheet_names)):
        rows = book.get_sheet_by_index(number).to_python(skip_empty_area=False)
        for row, cells in enumerate(rows, start=1):
            line = "\t".join(map(_cell, cells)).rstrip()
            size += len(line)
            if size > max_bytes:
                raise too_large(max_bytes)
            if line:
                blocks.append((f"sheet {number + 1}, row {row}", line))
    return blocks


def _cell(value: Any) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, datetime) and value.time() == time():
        value = value.date()
    return value.isoformat() if isinstance(value, date | time) else " ".join(str(value).split())


# Hangul, as zip archive of XML (OWPML, KS X 6101) and as compound file (HWP 5.0)


def _hwpx(content: bytes, max_bytes: int) -> list[Block]:  # noqa: ARG001 - one form for all
    blocks: list[Block] = []
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sections = sorted(
            (n for n in archive.namelist() if n.lower().startswith("contents/section")),
            key=lambda name: (len(name), name),
        )
        for name in sections:
            text = archive.read(name)
            if b"<!DOCTYPE" in text[:2048]:
                msg = "a DTD"
                raise ValueError(msg)
            lines = _hwpx_lines(ET.fromstring(text))  # noqa: S314 - no DTD, no entities
            blocks += [("", line) for line in lines]
    return _numbered(blocks)


def _tag(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _hwpx_lines(element: ET.Element) -> Iterator[str]:
    for child in element:
        match _tag(child):
            case "p":
                own = (t for run in child if _tag(run) == "run" for t in run if _tag(t) == "t")
                yield "".join("".join(text.itertext()) for text in own)
                yield from _hwpx_lines(child)
            case "tbl":
                for row in (each for each in child if _tag(each) == "tr"):
                    cells = (each for each in row if _tag(each) == "tc")
                    yield "\t".join(" ".join(filter(None, _hwpx_lines(cell))) for cell in cells)
            case _:
                yield from _hwpx_lines(child)


_PARA_TEXT, _LIST_HEADER, _TABLE = 67, 72, 77
"""Tags of records in a section ("한글문서파일형식 5.0", 4.3)."""

_ONE_UNIT = frozenset({0, 10, 13, *range(24, 32)})
"""Control characters that stand alone; others take eight units of two bytes (the same, 3.2.3)."""


def _hwp(content: bytes, max_bytes: int) -> list[Block]:
    try:
        import olefile
    except ImportError:
        raise missing_extra("HWP") from None
    with olefile.OleFileIO(io.BytesIO(content)) as file:
        head = file.openstream("FileHeader").read(40)
        (properties,) = struct.unpack_from("<I", head, 36)
        if properties & 0b110:  # a password, or a copy for distribution, which is encrypted, too
            msg = "encrypted"
            raise ValueError(msg)
        names = [n for n in file.listdir() if n[0] == "BodyText" and n[1].startswith("Section")]
        lines: list[str] = []
        for name in sorted(names, key=lambda n: (len(n[1]), n[1])):
            stream = file.openstream(name).read()
            if properties & 1:
                unzip = zlib.decompressobj(-15)
                stream = unzip.decompress(stream, UNPACKED * max_bytes)
                if unzip.unconsumed_tail:
                    raise too_large(UNPACKED * max_bytes)
            lines += _hwp_lines(stream)
    return _numbered([("", line) for line in lines])


def _hwp_lines(stream: bytes) -> list[str]:
    lines: list[str] = []
    table = row = -1  # level of the table that is read, and its row
    joins = False
    for tag, level, data in _records(stream):
        if level < table:
            table = row = -1
            joins = False
        if tag == _TABLE:
            table, row = level, -1
        elif tag == _LIST_HEADER and level == table and len(data) >= 12:
            (at,) = struct.unpack_from("<H", data, 10)
            joins, row = at == row, at
            if not joins:
                lines.append("")
            elif lines:
                lines[-1] += "\t"
            joins = True
        elif tag == _PARA_TEXT:
            text = _units(data)
            if joins and lines:
                lines[-1] += ("" if not lines[-1] or lines[-1].endswith("\t") else " ") + text
            else:
                lines.append(text)
    return lines


def _records(stream: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at + 4 <= len(stream):
        (head,) = struct.unpack_from("<I", stream, at)
        size, at = head >> 20, at + 4
        if size == 0xFFF:
            (size,) = struct.unpack_from("<I", stream, at)
            at += 4
        yield head & 0x3FF, head >> 10 & 0x3FF, stream[at : at + size]
        at += size


def _units(data: bytes) -> str:
    units = struct.unpack(f"<{len(data) // 2}H", data[: len(data) // 2 * 2])
    kept: list[int] = []
    at = 0
    while at < len(units):
        unit = units[at]
        if unit > 31 or unit in {9, 10}:
            kept.append(unit)
        at += 1 if unit > 31 or unit in _ONE_UNIT else 8
    return struct.pack(f"<{len(kept)}H", *kept).decode("utf-16-le", "replace")


def _numbered(blocks: list[Block]) -> list[Block]:
    filled = [text for _, text in blocks if text.strip()]
    return [(f"paragraph {number}", text) for number, text in enumerate(filled, start=1)]


OFFICE = {
    ".docx": Office("Word", ZIP, _word),
    ".xlsx": Office("Excel", ZIP, _sheets),
    ".xlsm": Office("Excel", ZIP, _sheets),
    ".ods": Office("Calc", ZIP, _sheets),
    ".xls": Office("Excel", OLE, _sheets),
    ".hwpx": Office("HWPX", ZIP, _hwpx),
    ".hwp": Office("HWP", OLE, _hwp),
}
"""What can be read, by the ending of a file's name."""
