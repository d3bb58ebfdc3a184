r"""Text of pictures, by Tesseract on this machine: photos, scans, PDF pages that are pictures.

    read_image(Path("lease.png").read_bytes())  # ["LEASE\\nThe monthly rent is 820 euros. ..."]

`documents` calls it for what has no text of its own. Tesseract (Apache-2.0, a program of its own:
`apt install tesseract-ocr`) gets each page through a pipe and writes nothing: no copy of a page
lies in a folder for temporary files. Pillow and PDFium make the pictures (extra `ocr`).
"""

import io
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

from langchain_privacy.errors import DocumentError

_PROGRAM = "tesseract"
_LANGUAGES = ("eng", "kor")
"""Of what we have rules for; those that Tesseract has no data of are left out."""

_SECONDS = 120.0
"""For one page: a page of print takes one to five."""

_DPI = 300
"""What Tesseract's own manual asks for."""

_LONGEST_SIDE = 6_000
"""Pixels; a larger picture is made smaller."""

_MOST_PAGES = 1_000

HOW = (
    "to have it read here, install Tesseract (apt install tesseract-ocr tesseract-ocr-kor) and"
    ' pip install "langchain-privacy[ocr]", or run OCR over it yourself, on this machine'
    " (ocrmypdf makes a PDF of it)"
)
"""What a refusal says."""


def can_read() -> bool:
    """Say whether Tesseract and the extra `ocr` are there."""
    try:
        import PIL.Image  # noqa: F401
    except ImportError:
        return False
    return shutil.which(_PROGRAM) is not None


def read_image(content: bytes) -> list[str]:
    """Return the text of each page of a picture; most have one.

    Raises:
        DocumentError: It is damaged, too large, or Tesseract failed. Nothing of it is in the text.
    """
    return [_read(page) for page in _frames(content)]


def read_pdf_pages(content: bytes, numbers: Sequence[int]) -> list[str]:
    """Return the text of pages of a PDF that are pictures.

    Args:
        content: The PDF.
        numbers: Which pages, from 0.

    Raises:
        DocumentError: See `read_image`.
    """
    return [_read(page) for page in _rendered(content, numbers)]


def _frames(content: bytes) -> Iterator[Any]:
    from PIL import Image, ImageOps

    try:
        picture = Image.open(io.BytesIO(content))
        count = min(getattr(picture, "n_frames", 1), _MOST_PAGES)
    except Exception:  # noqa: BLE001 - hostile files raise anything
        picture = None
    if picture is None:
        raise _damaged()
    for number in range(count):
        page = None
        try:
            picture.seek(number)
            page = ImageOps.exif_transpose(picture).convert("L")
            page.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
        except Exception:  # noqa: BLE001, S110 - see above; raised below, without its text
            pass
        if page is None:
            raise _damaged()
        yield page


def _rendered(content: bytes, numbers: Sequence[int]) -> Iterator[Any]:
    from langchain_privacy.local.pdf import pdf_pictures

    pictures = pdf_pictures(content, numbers, dpi=_DPI, longest=_LONGEST_SIDE)
    while True:
        page = None
        try:
            page = next(pictures, None)
        except Exception:  # noqa: BLE001 - hostile files raise anything
            damaged = True
        else:
            damaged = False
        if damaged:
            raise _damaged()
        if page is None:
            return
        yield page


def _read(page: Any) -> str:
    data = io.BytesIO()
    page.save(data, "PNG")
    command = [_PROGRAM, "stdin", "stdout", "-l", "+".join(_installed()), "--dpi", str(_DPI)]
    why = ""
    try:
        done = subprocess.run(  # noqa: S603 - no part of it comes from a document
            command, input=data.getvalue(), capture_output=True, timeout=_SECONDS, check=False
        )
        if done.returncode:
            why = "Tesseract failed; its own words are withheld"
    except subprocess.TimeoutExpired:
        why = f"Tesseract took more than {_SECONDS:g} seconds for a page"
    except OSError:
        why = "Tesseract cannot be started"
    if why:
        msg = f"The picture cannot be read ({why}). Make it smaller, or run OCR over it yourself."
        raise DocumentError(msg)
    return done.stdout.decode("utf-8", "replace").strip()


def _installed() -> list[str]:
    """Return the languages that Tesseract has data of, of those we read."""
    try:
        said = subprocess.run(  # noqa: S603 - a constant
            [_PROGRAM, "--list-langs"], capture_output=True, timeout=_SECONDS, check=False
        ).stdout.decode("utf-8", "replace")
    except (OSError, subprocess.TimeoutExpired):
        said = ""
    return [language for language in _LANGUAGES if language in said.split()] or [_LANGUAGES[0]]


def _damaged() -> DocumentError:
    return DocumentError("The picture is damaged or too large; save it again as PNG.")
