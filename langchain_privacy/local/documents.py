"""Documents read here: text, Markdown, PDF (pypdf) and Word (python-docx), pages numbered.

    for page in load_document(Path("lease.pdf")):
        print(page.metadata["page"], page.page_content)

The Minion loop reads each file it is given with `load_whole`; the rest is for programs of yours.
Errors never say a file's name or anything of its content: a name such as `Jane Doe MRI.pdf` is a
private value itself.
"""

import io
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from langchain_core.documents import Document

from langchain_privacy.errors import ConfigurationError, DocumentError, PrivacyError

MAX_BYTES = 32 * 1024 * 1024
"""Largest document: of the file, and of the text in it."""

_SUFFIXES = frozenset({".txt", ".text", ".md", ".markdown", ".pdf", ".docx"})
"""Endings by which a line of text is taken for the name of a file."""

_UNPACKED = 8
"""How much larger than `max_bytes` the parts of a Word file may unpack (a zip bomb guard)."""

_TEXT_CONTROLS = frozenset("\t\n\r\f\v\0\x1b")
_MOST_CONTROLS = 0.1

_BETWEEN_PAGES = "\n\n"

Source = str | Path | Document
Place = tuple[int, str]
"""Where a part begins in the text, and what a reader of the file calls it: `(120, "page 2")`."""


def load_documents(sources: Iterable[Source], *, max_bytes: int = MAX_BYTES) -> list[Document]:
    """Read documents; an error says which one of them it is about.

    Args:
        sources: See `load_document`.
        max_bytes: Largest document.

    Raises:
        DocumentError: One of them cannot be read.
        ConfigurationError: The extra `documents` is missing for one of them.
    """
    documents: list[Document] = []
    for number, source in enumerate(sources, start=1):
        failure: PrivacyError | None = None
        try:
            documents += load_document(source, max_bytes=max_bytes)
        except DocumentError as error:
            failure = DocumentError(f"Document {number}: {error}")
        if failure:
            raise failure
    return documents


def load_document(source: Source, *, max_bytes: int = MAX_BYTES) -> list[Document]:
    """Read one document.

    Args:
        source: A path; a `Document`, which is taken as it is; or a text. A text of one line that
            ends like a file's name (.txt, .md, .pdf, .docx) is taken for a path.
        max_bytes: Largest document, of the file and of the text in it.

    Returns:
        One document for each page of a PDF that holds text, with `page` (from 1) and `pages` in
        its metadata; else one document. Those from files have `source`, the file's name.

    Raises:
        DocumentError: It is missing, empty, too large, encrypted, binary, scanned, damaged or not
            what its name says.
        ConfigurationError: The extra `documents` is not installed.
    """
    if isinstance(source, Document):
        return [_checked(source, max_bytes)]
    if isinstance(source, str) and not _names_file(source):
        return [_checked(Document(source), max_bytes)]
    return _of_file(Path(source), max_bytes)[0]


def load_whole(path: Path, *, max_bytes: int = MAX_BYTES) -> tuple[str, list[Place]]:
    """Read a file into one text, and tell where its parts stand in the file.

    Args:
        path: See `load_document`.
        max_bytes: See `load_document`.

    Returns:
        The text, and where each page of a PDF or paragraph of a Word file begins in it; a plain
        text has lines, which need no list.

    Raises:
        DocumentError: See `load_document`.
        ConfigurationError: See `load_document`.
    """
    pages, places = _of_file(path, max_bytes)
    at = 0
    for page in pages:
        if "page" in page.metadata:
            places.append((at, f"page {page.metadata['page']}"))
        at += len(page.page_content) + len(_BETWEEN_PAGES)
    return _BETWEEN_PAGES.join(page.page_content for page in pages), places


def _of_file(path: Path, max_bytes: int) -> tuple[list[Document], list[Place]]:
    content = _read(path, max_bytes)
    places: list[Place] = []
    suffix = path.suffix.lower()
    is_pdf, is_word = b"%PDF-" in content[:1024], content.startswith(b"PK\3\4")
    if (suffix == ".pdf") != is_pdf or (suffix == ".docx") != is_word:
        msg = "Its content is not what the ending of its name says; give it the right one."
        raise DocumentError(msg)
    if is_pdf:
        pages = _pdf(content)
    elif is_word:
        text, places = _word(content, max_bytes)
        pages = [Document(text)]
    else:
        pages = [Document(_text(content))]
    for page in pages:
        page.metadata["source"] = path.name
    if sum(len(page.page_content) for page in pages) > max_bytes:
        raise _too_large(max_bytes)
    pages = [page for page in pages if page.page_content.strip()]
    if not pages:
        reason = "it may be scanned: run it through OCR first" if is_pdf else "it is empty"
        msg = f"There is no text in it; {reason}."
        raise DocumentError(msg)
    return pages, places


def _names_file(text: str) -> bool:
    return len(text) <= 1024 and "\n" not in text and Path(text).suffix.lower() in _SUFFIXES


def _checked(document: Document, max_bytes: int) -> Document:
    if not document.page_content.strip():
        msg = "There is no text in it; it is empty."
        raise DocumentError(msg)
    if len(document.page_content) > max_bytes:
        raise _too_large(max_bytes)
    return document


def _too_large(max_bytes: int) -> DocumentError:
    msg = f"It is larger than {max_bytes / 2**20:g} MiB; split it, or raise max_bytes."
    return DocumentError(msg)


def _read(path: Path, max_bytes: int) -> bytes:
    reason = ""
    try:
        if not path.is_file():  # a pipe or a device would never end
            reason = "There is no such file."
        else:
            with path.open("rb") as file:
                content = file.read(max_bytes + 1)
    except (OSError, ValueError) as error:
        reason = f"It cannot be opened ({getattr(error, 'strerror', None) or 'bad name'})."
    if reason:
        raise DocumentError(reason)
    if len(content) > max_bytes:
        raise _too_large(max_bytes)
    if not content:
        msg = "There is no text in it; it is empty."
        raise DocumentError(msg)
    return content


def _text(content: bytes) -> str:
    marks = (b"\xff\xfe", b"\xfe\xff")
    encoding = "utf-16" if content.startswith(marks) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        text = ""
    controls = sum(c < " " and c not in _TEXT_CONTROLS for c in text) + text.count("\0")
    if not text or controls > _MOST_CONTROLS * len(text):
        # Guessing at old encodings could turn a name into signs that no detector knows.
        msg = "It is not text: binary, or not in UTF-8. Save it as UTF-8 text."
        raise DocumentError(msg)
    return text


def _pdf(content: bytes) -> list[Document]:
    try:
        from pypdf import PdfReader
    except ImportError:
        raise _missing_extra("PDF") from None
    pages: list[str] = []
    try:
        reader = PdfReader(io.BytesIO(content))
        # Many PDFs are encrypted with an empty password, only to forbid printing.
        encrypted = reader.is_encrypted and not reader.decrypt("")
        if not encrypted:
            pages = [page.extract_text() for page in reader.pages]
    except Exception as error:  # noqa: BLE001 - parsers of hostile files raise anything
        kind = type(error).__name__
    else:
        kind = ""
    if kind:
        msg = f"The PDF is damaged ({kind}); its own error is withheld. Print it to a new PDF."
        raise DocumentError(msg)
    if encrypted:
        msg = "The PDF is encrypted; remove its password first."
        raise DocumentError(msg)
    return [
        Document(text, metadata={"page": number, "pages": len(pages)})
        for number, text in enumerate(pages, start=1)
    ]


def _word(content: bytes, max_bytes: int) -> tuple[str, list[Place]]:
    try:
        import docx
    except ImportError:
        raise _missing_extra("Word") from None
    blocks: list[tuple[str, str]] = []
    kind = ""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
        if unpacked <= _UNPACKED * max_bytes:
            document = docx.Document(io.BytesIO(content))
            for section in document.sections:
                blocks += _blocks(section.header, "header")
            blocks += _blocks(document, "paragraph")
            for section in document.sections:
                blocks += _blocks(section.footer, "footer")
    except Exception as error:  # noqa: BLE001 - parsers of hostile files raise anything
        kind = type(error).__name__
    if kind:
        msg = f"The Word file is damaged ({kind}) or encrypted; save it anew without a password."
        raise DocumentError(msg)
    if unpacked > _UNPACKED * max_bytes:
        raise _too_large(_UNPACKED * max_bytes)
    places: list[Place] = []
    at = 0
    for where, text in blocks:
        places.append((at, where))
        at += len(text) + 1
    return "\n".join(text for _, text in blocks), places


def _blocks(part: Any, name: str) -> Iterator[tuple[str, str]]:
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


def _missing_extra(what: str) -> ConfigurationError:
    msg = f'{what} files cannot be read yet: pip install "langchain-privacy[documents]"'
    return ConfigurationError(msg)
