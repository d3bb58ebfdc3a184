"""The glass box in a real browser: every scenario, both languages, both themes, a phone."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, sync_playwright

from langchain_privacy.demo.show import bundled

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's package chromium")
ROOT = Path(__file__).resolve().parents[2]
PLANTED = {
    "record": [*bundled("en").planted, *bundled("ko").planted],
    "contract": bundled("long").planted,
    "agent": ["Marianne Thistlewood", "m.thistlewood@larkmail.example", "서지후", "010-3374-6681"],
    "database": ["옥수동", "대치동", "한빛하이츠", "새봄마을"],
    "attested": ["Lindqvist", "DE89", "표가온", "612-0093"],
    "words": ["Okonjo", "503-555-0166", "황보가람", "010-4417-9920"],
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Address with its token, and the file of what the server wrote to stderr."""
    log = tmp_path_factory.mktemp("web") / "log"
    keyless = {k: v for k, v in os.environ.items() if not k.startswith("OPENAI_")}
    command = [sys.executable, "-m", "langchain_privacy", "demo", "--web", "--no-browser"]
    with log.open("w") as file, subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=file, text=True, env=keyless, cwd=ROOT
    ) as process:  # fmt: skip
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found, log.read_text()
        yield found[0], log
        process.terminate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def opened(browser: Browser, address: str, **context: object) -> tuple[Page, list[str]]:
    """Open the page; the list takes what it should not do."""
    # What fades in has another contrast while it does.
    still = browser.new_context(reduced_motion="reduce", **context)  # type: ignore[arg-type]
    page = still.new_page()
    page.add_init_script(WATCH)
    page.set_default_timeout(300_000)
    origin, faults = address.split("/?")[0], list[str]()
    page.on(
        "request", lambda r: None if r.url.startswith((origin, "data:")) else faults.append(r.url)
    )
    page.on("console", lambda m: faults.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(address)
    page.wait_for_selector("html[data-ready]")
    return page, faults


# Notes, on the page's own clock, when the first event of a run came and when the first text stood
# in the panel of what stays; and the same of the answer.
WATCH = """
window.firsts = {};
const first = (what) => { window.firsts[what] ??= performance.now(); };
const Source = window.EventSource;
window.EventSource = class extends Source {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", ({ data }) => {
      first("event");
      if (["text", "answer"].includes(JSON.parse(data).event)) first("answer_event");
    });
  }
};
addEventListener("DOMContentLoaded", () => {
  for (const [name, what] of [["asked", "text"], ["answer", "answer_text"]]) {
    const place = document.getElementById(name);
    const shown = () => place.textContent.trim() && first(what);
    new MutationObserver(shown).observe(place, { childList: true, characterData: true });
  }
});
"""


def serious(page: Page) -> list[str]:
    violations = Axe().run(page).response["violations"]
    return [v["id"] for v in violations if v["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("scenario", list(PLANTED))
def test_scenario(
    served: tuple[str, Path],
    browser: Browser,
    tmp_path: Path,
    scenario: str,
    language: str,
    record_property: Callable[[str, object], None],
) -> None:
    locale = {"en": "en-US", "ko": "ko-KR"}[language]
    page, faults = opened(browser, served[0], locale=locale, color_scheme="light")
    assert page.get_attribute("html", "lang") == language
    page.click(f"[data-scenario={scenario}]")
    page.click("#start")
    if scenario == "agent":
        page.click("#approve")
    page.wait_for_selector("#start:not([disabled])")
    words = json.loads(
        (resources.files("langchain_privacy.demo.web") / f"words.{language}.json").read_text(
            "utf-8"
        )
    )
    assert page.inner_text("#status") == words["done"], page.inner_text("#problem")
    assert page.inner_text("#answer").strip()
    firsts = page.evaluate("window.firsts")
    # In order; the times are recorded only, for a busy machine is no fault.
    assert firsts["event"] <= firsts["text"] <= firsts["answer_event"] <= firsts["answer_text"]
    for name, until in firsts.items():
        record_property(f"milliseconds from the first event to {name}", until - firsts["event"])
    assert page.inner_text("#totals dd.good")
    assert page.locator("#decisions .badge.good").count() >= 1
    outside = page.inner_text("#wire") + page.inner_text("#decisions")
    assert outside.strip()
    assert [value for value in PLANTED[scenario] if value in outside] == []
    for theme in ("light", "dark"):
        if page.get_attribute("html", "data-theme") != theme:
            page.click("#theme")
        assert serious(page) == []
        page.screenshot(path=tmp_path / f"{scenario}-{language}-{theme}.png", full_page=True)
    assert faults == []
    logged = served[1].read_text()
    assert [value for value in PLANTED[scenario] if value in logged] == []
    page.context.close()


def test_a_placeholder_lights_its_source(served: tuple[str, Path], browser: Browser) -> None:
    page, _ = opened(browser, served[0])
    page.click("[data-scenario=words]")
    page.click("#start")
    page.wait_for_selector("#start:not([disabled])")
    chip = page.locator("#wire .chip").first
    chip.focus()
    lit = page.locator("#document mark.lit")
    assert lit.count() == 1
    assert lit.get_attribute("data-ph") == chip.inner_text()
    page.context.close()


def test_tampering_is_seen_and_nothing_crosses(served: tuple[str, Path], browser: Browser) -> None:
    page, faults = opened(browser, served[0])
    page.click("[data-scenario=attested]")
    page.check("#tamper")
    page.click("#start")
    page.wait_for_selector("#start:not([disabled])")
    assert page.is_visible("#problem")
    assert page.locator("#decisions .refused").count() == 1
    assert page.locator("#wire article").count() == 0
    assert serious(page) == []
    assert faults == []
    page.context.close()


def test_a_phone(served: tuple[str, Path], browser: Browser) -> None:
    page, faults = opened(browser, served[0], viewport={"width": 375, "height": 740})
    for scenario in ("agent", "words"):
        page.click(f"[data-scenario={scenario}]")
        page.click("#start")
        if scenario == "agent":
            page.click("#approve")
        page.wait_for_selector("#start:not([disabled])")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 375
    assert faults == []
    page.context.close()


def test_a_file_of_ones_own_and_one_that_is_none(
    served: tuple[str, Path], browser: Browser, tmp_path: Path
) -> None:
    (tmp_path / "note.txt").write_text("Call Quentin Vossberg on 503-555-0171.")
    (tmp_path / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(64))
    (tmp_path / "large.txt").write_bytes(b"a" * 50 * 1024 * 1024)
    page, _ = opened(browser, served[0], locale="en-US")
    page.click("[data-scenario=words]")
    page.set_input_files("#file", tmp_path / "large.txt")
    page.wait_for_selector("#problem:not([hidden])")
    assert page.inner_text("#problem") == "The file is larger than 20 MB."
    page.set_input_files("#file", tmp_path / "image.png")
    page.wait_for_selector("#problem:not([hidden])")
    page.set_input_files("#file", tmp_path / "note.txt")
    page.wait_for_selector("#problem", state="hidden")
    page.click("#start")
    page.wait_for_selector("#start:not([disabled])")
    assert "Vossberg" in page.inner_text("#document")
    assert "Vossberg" not in page.inner_text("#wire")
    page.context.close()


def test_two_browsers_at_once(served: tuple[str, Path], browser: Browser) -> None:
    pages = [opened(browser, served[0])[0] for _ in range(2)]
    for page, name in zip(pages, ("Quentin Vossberg", "Ottilie Brandauer"), strict=True):
        page.click("[data-scenario=words]")
        page.fill("#own", f"Call {name} before noon.")
        page.click("#start")
    for page, (mine, other) in zip(
        pages, (("Vossberg", "Brandauer"), ("Brandauer", "Vossberg")), strict=True
    ):
        page.wait_for_selector("#start:not([disabled])")
        assert mine in page.inner_text("#answer")
        assert other not in page.content()
        page.context.close()


def test_without_its_token_and_without_javascript(
    served: tuple[str, Path], browser: Browser
) -> None:
    address = served[0]
    page = browser.new_context().new_page()
    came = page.goto(address.split("?")[0])
    assert came is not None
    assert came.status == 403
    assert "token" in page.inner_text("body")
    page.context.close()
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(address)
    assert "langchain-privacy demo" in page.inner_text("noscript")
    page.context.close()
