import io
import os
import sys
import traceback
import zipfile
from pathlib import Path
from typing import Any

import docx
import pytest
from langchain_core.documents import Document
from pypdf import PdfWriter

from langchain_privacy.errors import ConfigurationError, DocumentError
from langchain_privacy.local import load_document, load_documents, load_whole

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
        (".txt", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "not text"),
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
def test_what_cannot_be_read(write: Any, suffix: str, content: bytes, why: str) -> None:
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
    ("suffix", "content", "module"), [(".pdf", pdf("x"), "pypdf"), (".docx", word(), "docx")]
)
def test_a_missing_extra_is_named(
    write: Any, suffix: str, content: bytes, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigurationError, match=r"langchain-privacy\[documents\]"):
        load_documents([write(suffix, content)])
