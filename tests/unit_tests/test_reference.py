"""The API reference names every public name, at the place where it is defined."""

import runpy

from tests.support.paths import REPOSITORY


def test_the_pages_are_those_that_the_script_writes() -> None:
    script = runpy.run_path(str(REPOSITORY / "scripts" / "reference.py"))
    pages = REPOSITORY / "docs" / "reference"
    written = {room: script["page"](room) for room in script["ROOMS"]}
    written["index"] = script["index"]()
    kept = {page.stem: page.read_text("utf-8") for page in pages.glob("*.md")}
    assert kept == written, "run python scripts/reference.py"
