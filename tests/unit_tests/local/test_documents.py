import io
import os
import struct
import sys
import traceback
import zipfile
import zlib
from pathlib import Path
from typing import Any

import docx
import pytest
from langchain_core.documents import Document
from pypdf import PdfWriter

from langchain_privacy.errors import ConfigurationError, DocumentError
from langchain_privacy.local import load_document, load_documents, load_whole, scans
from tests.support.office_files import hwpx, workbook

NAME = "Jane Doe MRI"


def pdf(*pages: str) -> bytes:
    """Write a PDF by hand: one line of text a page."""
    count = len(pages)
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(count))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {count} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for n, text in enumerate(pages):
        drawn = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * n} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        objects.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream")
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    out += f"xref\n0 {size}\n0000000000 65535 f \n{table}".encode()
    trailer = f"trailer << /Size {size} /Root 1 0 R >>\nstartxref\n"
    return out + trailer.encode() + str(out.index(b"xref\n")).encode() + b"\n%%EOF"


def encrypted(password: str, owner: str = "owner") -> bytes:
    writer = PdfWriter(clone_from=io.BytesIO(pdf("The rent is 820 euros.")))
    writer.encrypt(password, owner, algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def word() -> bytes:
    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = "머리글 김하나"
    document.add_paragraph("The rent is 820 euros.")
    table = document.add_table(rows=1, cols=2)
    table.cell(0, 0).text, table.cell(0, 1).text = "보증금", "1,000만원"
    document.add_paragraph("Signed in Seoul.")
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b" " * 300_000)
    return out.getvalue()


OLE_FILE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(range(256)) * 4


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def at(suffix: str, content: bytes) -> Path:
        path = tmp_path / (NAME + suffix)
        path.write_bytes(content)
        return path

    return at


@pytest.mark.parametrize("suffix", [".txt", ".md", ".log", ""])
def test_text(write: Any, suffix: str) -> None:
    text = "Rent: 820 €\r\n월세 82만원, مرحبا ⚕️ \0 end\n"
    (document,) = load_document(write(suffix, text.encode()))
    assert document.page_content == text
    assert document.metadata == {"source": NAME + suffix}
    for encoding in ("utf-8-sig", "utf-16"):
        assert load_document(write(suffix, text.encode(encoding)))[0].page_content == text


def test_pdf_pages_are_numbered_and_empty_ones_left_out(write: Any) -> None:
    path = write(".PDF", pdf("First page.", "", "Third page."))
    pages = load_document(path)
    assert [(p.page_content, p.metadata["page"]) for p in pages] == [
        ("First page.", 1),
        ("Third page.", 3),
    ]
    assert pages[0].metadata["pages"] == 3
    assert load_document(str(path)) == pages


def test_word_has_headers_paragraphs_and_tables_in_order(write: Any) -> None:
    (document,) = load_document(write(".docx", word()))
    assert document.page_content.split("\n")[:4] == [
        "머리글 김하나",
        "The rent is 820 euros.",
        "보증금\t1,000만원",
        "Signed in Seoul.",
    ]


def test_a_whole_file_tells_where_its_parts_stand(write: Any) -> None:
    text, places = load_whole(write(".docx", word()))
    named = [(text[at:].split("\n")[0], where) for at, where in places]
    assert named[:4] == [
        ("머리글 김하나", "header"),
        ("The rent is 820 euros.", "paragraph 1"),
        ("보증금\t1,000만원", "table 1, row 1"),
        ("Signed in Seoul.", "paragraph 2"),
    ]
    text, places = load_whole(write(".pdf", pdf("First page.", "", "Third page.")))
    assert [(text[at : at + 5], where) for at, where in places] == [
        ("First", "page 1"),
        ("Third", "page 3"),
    ]
    assert load_whole(write(".txt", b"one\ntwo")) == ("one\ntwo", [])


def test_rows_of_a_pdf_stay_together_when_they_are_drawn_by_columns(write: Any) -> None:
    columns = [
        ["Cash", "Inventories", "Goodwill"],
        ["6,411", "763", "8,476"],
        ["6,990", "42", "81"],
    ]
    drawn = ") Tj 200 45 Td (".join(") Tj 0 -15 Td (".join([*column, " "]) for column in columns)
    text = load_document(write(".pdf", pdf(drawn)))[0].page_content
    assert text.splitlines() == [
        "Cash   6,411   6,990",
        "Inventories   763   42",
        "Goodwill   8,476   81",
    ]


def test_columns_of_prose_are_not_read_across(write: Any) -> None:
    left = [f"The left column says a good deal of pumps, part {n}" for n in "abcdef"]
    right = [f"and the right one speaks of valves only, part {n}" for n in "abcdef"]
    drawn = ") Tj 300 90 Td (".join(") Tj 0 -15 Td (".join([*c, " "]) for c in (left, right))
    lines = load_document(write(".pdf", pdf(drawn)))[0].page_content.splitlines()
    assert [line.strip() for line in lines if line.strip()] == [*left, *right]


def test_a_pdf_that_only_forbids_printing_is_read(write: Any) -> None:
    assert "820" in load_document(write(".pdf", encrypted("")))[0].page_content


def test_texts_and_documents_are_taken_as_they_are() -> None:
    given = Document("x", metadata={"page": 7})
    assert load_document(given) == [given]
    assert load_document("See contract.pdf\nfor more.pdf") == [
        Document("See contract.pdf\nfor more.pdf")
    ]
    assert [d.page_content for d in load_documents(["a", given])] == ["a", "x"]


@pytest.mark.parametrize(
    ("suffix", "content", "why"),
    [
        (".txt", b"", "it is empty"),
        (".md", b" \n\t\n", "it is empty"),
        (".txt", b"\0" * 100, "not text"),
        (".txt", os.urandom(4096), "not text"),
        (".txt", "née à Orléans".encode("cp1252"), "Save it as UTF-8"),
        (".png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "OCR"),
        (".jpg", b"\xff\xd8\xff\xe0" + bytes(range(256)), "OCR"),
        (".doc", OLE_FILE, "save it as PDF"),
        (".pptx", word(), "save it as PDF"),
        (".rtf", b"{\\rtf1 Jane Doe}", "save it as PDF"),
        (".xlsx", word(), "is damaged"),
        (".xlsx", b"PK\3\4 but nothing more", "is damaged"),
        (".hwpx", b"plain text", "ending of its name"),
        (".hwp", OLE_FILE, "is damaged"),
        (".hwpx", word(), "it is empty"),
        (".txt", b"\xff\xfea", "not text"),
        (".txt", pdf("x"), "ending of its name"),
        (".txt", word(), "ending of its name"),
        (".pdf", b"plain text", "ending of its name"),
        (".docx", b"plain text", "ending of its name"),
        (".docx", pdf("x"), "ending of its name"),
        (".pdf", b"%PDF-1.4 but nothing more", "is damaged"),
        (".pdf", pdf("x")[:200], "is damaged"),
        (".pdf", pdf("", ""), "scanned"),
        (".pdf", encrypted("secret"), "is encrypted"),
        (".docx", b"PK\3\4 but nothing more", "is damaged"),
        (".docx", bomb(), "larger than"),
        (".txt", b"a" * 20_001, "larger than"),
    ],
)
def test_what_cannot_be_read(
    write: Any, suffix: str, content: bytes, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scans, "can_read", lambda: False)
    path = write(suffix, content)
    for source in (path, str(path)) if suffix in {".txt", ".pdf"} else (path,):
        with pytest.raises(DocumentError, match=why) as caught:
            load_documents(
                [Document("fine"), source], max_bytes=20_000 if "larger" in why else 2**20
            )
        shown = "".join(traceback.format_exception(caught.value)[-1:]) + repr(caught.value)
        assert "Document 2" in shown
        assert "Jane" not in shown
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None


HANGUL = ["임차인\t월세", "김하나\t820,000원"]
ROWS = "Tenant\tRent\tFrom\nJane Doe\t820\t2024-03-01\n김하나\t1240.5\t2024-04-01"


def hwp(*, compressed: bool = True, protected: bool = False) -> bytes:
    """Write a HWP 5.0 file by hand: a compound file with a heading, a table and a last line."""

    def record(tag: int, level: int, data: bytes) -> bytes:
        size = len(data)
        if size < 0xFFF:
            return struct.pack("<I", tag | level << 10 | size << 20) + data
        return struct.pack("<II", tag | level << 10 | 0xFFF << 20, size) + data

    def paragraph(text: str, level: int) -> bytes:
        ended = (text + "\r").encode("utf-16-le")
        return record(66, level, b"\0" * 22) + record(67, level + 1, ended)

    section_column = struct.pack("<8H", 2, *[0] * 6, 2)  # an extended control
    body = record(66, 0, b"\0" * 22)
    body += record(
        67,
        1,
        section_column
        + "임대차\t".encode("utf-16-le")
        + struct.pack("<7H", *range(7))
        + "계약서\r".encode("utf-16-le"),
    )
    body += record(66, 0, b"\0" * 22) + record(67, 1, struct.pack("<8H", 11, *[0] * 6, 11))
    body += record(71, 1, b"\0" * 40) + record(77, 2, b"\0" * 30)
    for at, cell in enumerate(["임차인", "월세", "김하나", "820,000원"]):
        body += record(72, 2, struct.pack("<IIHHHH", 1, 0, at % 2, at // 2, 1, 1) + b"\0" * 20)
        body += paragraph(cell, 2)
    body += paragraph("서울에서 서명함. " + "가" * 3000, 0)
    deflate = zlib.compressobj(wbits=-15)
    stream = deflate.compress(body) + deflate.flush() if compressed else body
    head = b"HWP Document File".ljust(32, b"\0") + struct.pack(
        "<II", 0x05010000, compressed | protected << 1
    )
    return compound({"FileHeader": head, "BodyText/Section0": stream})


def compound(streams: dict[str, bytes]) -> bytes:
    """Write a compound file (MS-CFB) with a stream beside a folder of one stream."""
    free, end, none = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF
    head, section = (data.ljust(4096, b"\0") for data in streams.values())
    first, second = (-(-len(data) // 512) for data in (head, section))
    chain = [0xFFFFFFFD, end]  # the table itself, the folder
    for size in (first, second):
        chain += [len(chain) + n + 1 for n in range(size - 1)] + [end]

    def entry(name: str, kind: int, right: int, child: int, start: int, size: int) -> bytes:
        text = (name + "\0").encode("utf-16-le")
        fixed = struct.pack("<HBBIII", len(text), kind, 1, none, right, child)
        return text.ljust(64, b"\0") + fixed + b"\0" * 36 + struct.pack("<IQ", start, size)

    folder = entry("Root Entry", 5, none, 1, end, 0) + entry("BodyText", 1, 2, 3, 0, 0)
    folder += entry("FileHeader", 2, none, none, 2, len(head))
    folder += entry("Section0", 2, none, none, 2 + first, len(section))
    start = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16
    start += struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + b"\0" * 6
    start += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, end, 0, end, 0)
    start += struct.pack("<109I", 0, *[free] * 108)
    table = struct.pack(f"<{len(chain)}I", *chain).ljust(512, b"\xff")
    data = b"".join(each.ljust(-(-len(each) // 512) * 512, b"\0") for each in (head, section))
    return start + table + folder + data


def test_a_sheet_is_read_row_by_row(write: Any) -> None:
    text, places = load_whole(write(".xlsx", workbook(ROWS.split("\n"))))
    assert text == ROWS
    assert [where for _, where in places] == [f"sheet 1, row {n}" for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("suffix", "content"),
    [(".hwpx", hwpx(HANGUL)), (".hwp", hwp()), (".hwp", hwp(compressed=False))],
    ids=["hwpx", "hwp", "hwp, plain"],
)
def test_hangul_documents_are_read_with_their_tables(
    write: Any, suffix: str, content: bytes
) -> None:
    text, places = load_whole(write(suffix, content))
    lines = text.split("\n")
    assert lines[0].split() in (["임대차", "계약서"], ["임대차계약서"])
    assert lines[1:3] == ["임차인\t월세", "김하나\t820,000원"]
    assert lines[3].startswith("서울에서 서명함.")
    assert places[1] == (text.index("임차인"), "paragraph 2")


def test_korean_windows_text_is_read(write: Any) -> None:
    text = "임차인 김하나의 월세는 820,000원이다. 뷁, 펲 같은 글자도 있다.\r\n"
    assert load_document(write(".txt", text.encode("cp949")))[0].page_content == text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "née à Orléans, où l'été fut très étouffant; Müller, Jürgen; señor Peña"),
        ("shift_jis", "田中さんは東京に住んでいます。電話番号はここにあります。"),
        ("gb2312", "王小明住在北京市朝阳区，电话号码是这里，身份证号码也在这里。"),
        ("big5", "王小明住在台北市，電話號碼在這裡。"),
        ("cp1251", "Иванов живёт в Москве, телефон указан ниже."),
        ("iso8859-7", "Ο Γιώργος μένει στην Αθήνα."),
    ],
)
def test_no_other_encoding_is_taken_for_korean(write: Any, encoding: str, text: str) -> None:
    with pytest.raises(DocumentError, match="UTF-8"):
        load_document(write(".txt", text.encode(encoding)))


@pytest.mark.parametrize("source", ["no such file.pdf", Path("nowhere"), Path("/"), Path("a\0b")])
def test_what_is_not_there(source: Any) -> None:
    with pytest.raises(DocumentError, match=r"no such file|cannot be opened") as caught:
        load_document(source)
    assert "nowhere" not in str(caught.value)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(DocumentError, match="no such file"):
        load_document(tmp_path / "pipe.txt")


@pytest.mark.parametrize("text", ["", " \n "])
def test_an_empty_text(text: str) -> None:
    for source in (text, Document(text)):
        with pytest.raises(DocumentError, match="empty"):
            load_document(source)


def test_fifty_megabytes_are_refused_at_once(write: Any) -> None:
    for source in ("a" * 50_000_000, write(".txt", b"a" * 50_000_000)):
        with pytest.raises(DocumentError, match="larger than 32 MiB"):
            load_document(source)


@pytest.mark.parametrize(
    ("suffix", "content", "module"), [(".pdf", pdf("x"), "pypdfium2"), (".docx", word(), "docx")]
)
def test_a_missing_extra_is_named(
    write: Any, suffix: str, content: bytes, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigurationError, match=r"langchain-privacy\[documents\]"):
        load_documents([write(suffix, content)])
