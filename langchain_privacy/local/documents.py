"""Documents read here: text, PDF, office files and, by OCR, pictures; pages numbered.

    for page in load_document(Path("lease.pdf")):
        print(page.metadata["page"], page.page_content)

The Minion loop reads each file it is given with `load_whole`; the rest is for programs of yours.
Errors never say a file's name or anything of its content: a name such as `Jane Doe MRI.pdf` is a
private value itself.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from langchain_core.documents import Document

from langchain_privacy.errors import DocumentError, PrivacyError
from langchain_privacy.local import scans
from langchain_privacy.local.markup import MARKED_UP
from langchain_privacy.local.office import (
    OFFICE,
    OLE,
    ZIP,
    Block,
    missing_extra,
    read_office,
    too_large,
)
from langchain_privacy.local.pdf import EncryptedPdfError, pdf_pages

MAX_BYTES = 32 * 1024 * 1024
"""Largest document: of the file, and of the text in it."""

_TEXTS = frozenset({".txt", ".text", ".md", ".markdown"})

_NAMES = frozenset(
    {*_TEXTS, *OFFICE, ".pdf", ".doc", ".odt", ".rtf", ".ppt", ".pptx", ".pages", ".numbers"}
    | {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".heic", ".epub"}
    | {".csv", ".tsv", ".htm", ".html", ".xml", ".json", ".jsonl", ".eml", ".msg", ".log"}
)
"""Endings by which a line of text is taken for the name of a file."""

IMAGE = "an image"

_OTHERS = {
    b"\x89PNG": IMAGE,
    b"\xff\xd8\xff": IMAGE,
    b"II*\0": IMAGE,
    b"MM\0*": IMAGE,
    b"GIF8": IMAGE,
    b"BM": IMAGE,
    b"RIFF": IMAGE,
    b"{\\rtf": "RTF",
    OLE: "an old office format",
    ZIP: "an archive or an office format",
}
"""How files begin that are no text, and what they are."""

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
            ends like a file's name (.txt, .pdf, .docx, .xlsx, .hwp, ...) is taken for a path.
        max_bytes: Largest document, of the file and of the text in it.

    Returns:
        One document for each page of a PDF that holds text, with `page` (from 1) and `pages` in
        its metadata; else one document. Those from files have `source`, the file's name.

    Raises:
        DocumentError: It is missing, empty, too large, encrypted, binary, damaged, not what its
            name says, or a picture or scan and there is no OCR here (`scans`).
        ConfigurationError: The extra `documents` is not installed.
    """
    if isinstance(source, Document):
        return [_checked(source, max_bytes)]
    if isinstance(source, str) and not names_file(source):
        return [_checked(Document(source), max_bytes)]
    return _of_file(Path(source), max_bytes)[0]


def load_whole(path: Path) -> tuple[str, list[Place]]:
    """Read a file into one text, and tell where its parts stand in the file.

    Args:
        path: See `load_document`.

    Returns:
        The text, and where each page, paragraph or row of the file begins in it; a plain
        text has lines, which need no list.

    Raises:
        DocumentError: See `load_document`.
        ConfigurationError: See `load_document`.
    """
    pages, places = _of_file(path, MAX_BYTES)
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
    office, is_pdf = OFFICE.get(suffix), b"%PDF-" in content[:1024]
    if (suffix == ".pdf") != is_pdf or (office and not content.startswith(office.magic)):
        msg = "Its content is not what the ending of its name says; give it the right one."
        raise DocumentError(msg)
    if is_pdf:
        pages = _pdf(content)
    elif office:
        blocks = read_office(office, content, max_bytes)
        places += _places(blocks)
        pages = [Document("\n".join(text for _, text in blocks))]
    elif _kind(content) == IMAGE and scans.can_read():
        pages = _numbered(scans.read_image(content))
    elif suffix in MARKED_UP:
        lines = MARKED_UP[suffix](_text(content, suffix))
        places += _places(lines)
        pages = [Document("\n".join(line for _, line in lines))]
    else:
        pages = [Document(_text(content, suffix))]
    for page in pages:
        page.metadata["source"] = path.name
    if sum(len(page.page_content) for page in pages) > max_bytes:
        raise too_large(max_bytes)
    pages = [page for page in pages if page.page_content.strip()]
    if not pages:
        reason = "it is empty"
        if is_pdf or _kind(content) == IMAGE:
            reason = "nothing was read in it" if scans.can_read() else f"it is scanned: {scans.HOW}"
        msg = f"There is no text in it; {reason}."
        raise DocumentError(msg)
    return pages, places


def _places(blocks: Iterable[Block]) -> Iterator[Place]:
    at = 0
    for where, text in blocks:
        yield at, where
        at += len(text) + 1


def names_file(text: str) -> bool:
    """Say whether a text is the name of a file: one line, with the ending of a document's name."""
    return len(text) <= 1024 and "\n" not in text and Path(text).suffix.lower() in _NAMES


def _checked(document: Document, max_bytes: int) -> Document:
    if not document.page_content.strip():
        msg = "There is no text in it; it is empty."
        raise DocumentError(msg)
    if len(document.page_content) > max_bytes:
        raise too_large(max_bytes)
    return document


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
        raise too_large(max_bytes)
    if not content:
        msg = "There is no text in it; it is empty."
        raise DocumentError(msg)
    return content


def _text(content: bytes, suffix: str) -> str:
    marks = (b"\xff\xfe", b"\xfe\xff")
    encoding = "utf-16" if content.startswith(marks) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        text = _korean(content)
    controls = sum(c < " " and c not in _TEXT_CONTROLS for c in text) + text.count("\0")
    if text and controls <= _MOST_CONTROLS * len(text) and not content.startswith(b"{\\rtf"):
        return text
    what = _kind(content)
    if what == IMAGE:
        msg = f"It is an image: {scans.HOW}."
    elif what and suffix in _TEXTS:
        msg = "Its content is not what the ending of its name says; give it the right one."
    elif what:
        msg = f"It is {what} that is not read here: save it as PDF, DOCX, XLSX or HWPX."
    else:
        # Guessing at old encodings could turn a name into signs that no detector knows.
        msg = "It is not text: binary, or not in UTF-8. Save it as UTF-8 text."
    raise DocumentError(msg)


def _kind(content: bytes) -> str:
    return next((what for magic, what in _OTHERS.items() if content.startswith(magic)), "")


_LEAST_HANGUL = 0.8
"""Share of the characters of two bytes that must be Hangul of KS X 1001 for a text to be Korean."""


def _korean(content: bytes) -> str:
    """Read CP949, the encoding of Korean Windows, where the text can be nothing else.

    Of Latin, Chinese or Japanese text in an old encoding few pairs of bytes are one of the 2,350
    syllables that KS X 1001 has, and most such text does not decode at all.
    """
    try:
        text = content.decode("cp949")
    except UnicodeDecodeError:
        return ""
    wide = [character for character in text if character > "\x7f"]
    hangul = 0
    for character in wide:
        try:
            hangul += "\uac00" <= character <= "\ud7a3" and len(character.encode("euc-kr")) == 2
        except UnicodeEncodeError:
            continue
    return text if wide and hangul >= _LEAST_HANGUL * len(wide) else ""


def _pdf(content: bytes) -> list[Document]:
    pages: list[str] = []
    kind, encrypted = "", False
    try:
        # One that is encrypted with an empty password, only to forbid printing, is read.
        pages = pdf_pages(content)
    except ImportError:
        raise missing_extra("PDF") from None
    except EncryptedPdfError:
        encrypted = True
    except Exception as error:  # noqa: BLE001 - parsers of hostile files raise anything
        kind = type(error).__name__
    if kind:
        msg = f"The PDF is damaged ({kind}); its own error is withheld. Print it to a new PDF."
        raise DocumentError(msg)
    if encrypted:
        msg = "The PDF is encrypted; remove its password first."
        raise DocumentError(msg)
    pictures = [number for number, text in enumerate(pages) if not text.strip()]
    if pictures and scans.can_read():
        for number, text in zip(pictures, scans.read_pdf_pages(content, pictures), strict=True):
            pages[number] = text
    return _numbered(pages)


def _numbered(pages: list[str]) -> list[Document]:
    return [
        Document(text, metadata={"page": number, "pages": len(pages)})
        for number, text in enumerate(pages, start=1)
    ]
