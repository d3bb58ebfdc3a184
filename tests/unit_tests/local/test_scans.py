"""Pictures of pages are read by Tesseract, on this machine and through a pipe."""

import io
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from langchain_privacy import Masker, create_minion_graph
from langchain_privacy.errors import DocumentError
from langchain_privacy.local import load_document, load_whole, scans

LINES = "LEASE AGREEMENT\nThe monthly rent is 820 euros.\nTenant: jane.doe@example.com"

needs_tesseract = pytest.mark.skipif(
    not scans.can_read(), reason="needs the program tesseract (apt install tesseract-ocr)"
)


def picture(text: str) -> Image.Image:
    page = Image.new("L", (1400, 500), 255)
    font = ImageFont.load_default(size=44)
    ImageDraw.Draw(page).multiline_text((60, 60), text, fill=0, font=font, spacing=30)
    return page


def as_bytes(page: Image.Image, kind: str, **settings: object) -> bytes:
    data = io.BytesIO()
    page.save(data, kind, **settings)
    return data.getvalue()


@needs_tesseract
@pytest.mark.parametrize(("suffix", "kind"), [(".png", "PNG"), (".jpg", "JPEG")])
def test_a_photo_of_a_page_is_read(tmp_path: Path, suffix: str, kind: str) -> None:
    path = tmp_path / f"page{suffix}"
    path.write_bytes(as_bytes(picture(LINES), kind))
    (page,) = load_document(path)
    assert "monthly rent is 820 euros" in page.page_content
    assert page.metadata["page"] == 1


@needs_tesseract
def test_each_page_of_a_scanned_pdf_has_its_place(tmp_path: Path) -> None:
    path = tmp_path / "scan.pdf"
    second = picture("SECOND PAGE\nThe deposit is 1640 euros.")
    settings = {"save_all": True, "append_images": [second], "resolution": 150.0}
    path.write_bytes(as_bytes(picture(LINES), "PDF", **settings))
    text, places = load_whole(path)
    assert [name for _, name in places] == ["page 1", "page 2"]
    assert text.index("820") < places[1][0] < text.index("1640")


@needs_tesseract
def test_the_loop_reads_a_scan_and_masks_it(tmp_path: Path) -> None:
    path = tmp_path / "lease.tiff"
    path.write_bytes(as_bytes(picture(LINES), "TIFF"))
    out = create_minion_graph(None, None, masker=Masker([])).invoke(
        {"task": "How much is the monthly rent?", "documents": [path]}
    )
    assert "820" in out["answer"]
    assert out["evidence"][0]["where"] == "page 1"


@needs_tesseract
@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n" + bytes(range(256)), b"GIF8 no"])
def test_a_damaged_picture_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "page.png"
    path.write_bytes(content)
    with pytest.raises(DocumentError, match="damaged") as caught:
        load_document(path)
    assert caught.value.__context__ is None


@needs_tesseract
def test_an_empty_picture_says_so(tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    path.write_bytes(as_bytes(Image.new("L", (400, 400), 255), "PNG"))
    with pytest.raises(DocumentError, match="nothing was read"):
        load_document(path)


def test_without_tesseract_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scans, "can_read", lambda: False)
    for name, kind in (("page.png", "PNG"), ("page.pdf", "PDF")):
        path = tmp_path / name
        path.write_bytes(as_bytes(picture(LINES), kind))
        with pytest.raises(DocumentError, match="tesseract-ocr") as caught:
            load_document(path)
        assert "langchain-privacy[ocr]" in str(caught.value)
