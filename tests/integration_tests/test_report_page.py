"""The report in a real browser: what is signed is whole on a screen, a phone and on paper."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from importlib import resources
from pathlib import Path

import pypdfium2
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from langchain_privacy import EgressLedger, cli
from langchain_privacy.cli import main

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's package chromium")
RECORD = {
    "kind": "crossing", "decision": "allowed", "destination": f"{'a-long-name.' * 5}example:443",
    "model": "some-provider/a-model-with-a-long-name-2026-11-30", "session": "s1",
    "purpose": "chat", "bytes_out": 123_456, "bytes_in": 12_345, "tokens_out": 30_864,
    "tokens_in": 3_086,
    "entity_types": json.dumps({"PERSON": 12, "DATE_OF_BIRTH": 3, "KR_RESIDENT_REGISTRATION": 1}),
}  # fmt: skip
PAPER = 680
"""Pixels between the margins of an A4 sheet: 210 mm without 15 mm on either side."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Page:
    return opened(browser, tmp_path_factory.mktemp("report"), crossings=2, language="en")


def opened(browser: Browser, folder: Path, *, crossings: int, language: str) -> Page:
    with closing(EgressLedger(folder / "ledger.sqlite")) as ledger:
        for _ in range(crossings):
            number, _ = ledger.append(dict(RECORD))
            ledger.append({"kind": "receipt", "refers": number, "outcome": "answered"})
        ledger.append({**RECORD, "decision": "blocked", "rule": "vault_value:base64"})
    where = str(folder / "report.html")
    named = ["ledger", "report", str(folder / "ledger.sqlite"), "-o", where, "--language", language]
    assert main([*named, "--application", "Claims desk of a company with a long name"]) == 0
    page = browser.new_page()
    page.set_default_timeout(300_000)
    page.goto(f"file://{where}")
    return page


@pytest.mark.parametrize(
    ("width", "height", "medium"),
    [(1200, 800, "screen"), (PAPER, 950, "print")],
    ids=["screen", "paper"],
)
def test_every_column_is_whole(page: Page, width: int, height: int, medium: str) -> None:
    page.emulate_media(media=medium)
    page.set_viewport_size({"width": width, "height": height})
    rights = page.eval_on_selector_all(
        "tr > :last-child", "cells => cells.map(cell => cell.getBoundingClientRect().right)"
    )
    assert len(rights) >= 4
    assert max(rights) <= width
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.inner_text("tr.refused > :last-child").strip()


def test_a_phone_shows_letters_that_can_be_read(page: Page) -> None:
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 375, "height": 740})
    sizes = page.eval_on_selector_all(
        "body *:not(style)",
        """all => all.filter(x => x.textContent.trim() && !x.children.length)
               .map(x => parseFloat(getComputedStyle(x).fontSize)
                    * (x.getScreenCTM ? x.getScreenCTM().a : 1))""",
    )
    assert min(sizes) >= 12
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


@pytest.mark.parametrize("crossings", [1, 200])
@pytest.mark.parametrize("paper", ["A4", "Letter"])
@pytest.mark.parametrize("language", ["en", "ko"])
def test_paper_breaks_no_word_and_repeats_its_heads(
    browser: Browser, tmp_path: Path, language: str, paper: str, crossings: int
) -> None:
    source = resources.files(cli).joinpath(f"ledger_report.{language}.json")
    words = json.loads(source.read_text("utf-8"))
    page = opened(browser, tmp_path, crossings=crossings, language=language)
    pages = texts(page.pdf(format=paper))
    page.close()
    to_sign = [words["signed"], words["name"], words["signature"]]
    assert all(word in pages[0] for word in to_sign)  # the sheet to sign is the first, and whole
    (first,) = [number for number, text in enumerate(pages) if words["by_model"] in text]
    assert first == 1
    heads = [word for column in words["columns"] for word in column.split()]
    tables = [text for text in pages[1:] if words["outcomes"]["answered"] in text]
    assert tables
    for text in tables:
        assert [word for word in heads if word not in text] == []
        assert "123,456" in text
        assert len(re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", text)) >= 1
    assert any("vault_value:" in text for text in tables)


def texts(pdf: bytes) -> list[str]:
    with closing(pypdfium2.PdfDocument(pdf)) as document:
        return [page.get_textpage().get_text_range().replace("\r\n", "\n") for page in document]
