"""The report in a real browser: what is signed is whole on a screen, a phone and on paper."""

import shutil
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Page, sync_playwright

from langchain_privacy import EgressLedger
from langchain_privacy.cli import main

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's package chromium")
RECORD = {
    "kind": "crossing", "decision": "allowed", "destination": f"{'a-long-name.' * 5}example:443",
    "model": "some-provider/a-model-with-a-long-name-2026-11-30", "session": "s1",
    "purpose": "chat", "bytes_out": 123_456, "bytes_in": 12_345, "tokens_out": 30_864,
    "tokens_in": 3_086,
    "placeholders": {"PERSON": 12, "DATE_OF_BIRTH": 3, "CREDIT_CARD": 1},
}  # fmt: skip
PAPER = 680
"""Pixels between the margins of an A4 sheet: 210 mm without 15 mm on either side."""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("report")
    with closing(EgressLedger(folder / "ledger.sqlite")) as ledger:
        for _ in range(2):
            ledger.append(dict(RECORD))
        ledger.append({**RECORD, "decision": "blocked", "rule": "vault_value"})
    where = str(folder / "report.html")
    named = ["ledger", "report", str(folder / "ledger.sqlite"), "-o", where, "--language", "en"]
    assert main(named) == 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(300_000)
        page.goto(f"file://{where}")
        yield page
        browser.close()


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
