"""Build the documentation into site/, once for each language, by `make docs`.

A theme speaks one language a site: its own words, the `lang` of its pages, how its search cuts
words. So English and Korean are two sites, `site/` and `site/ko/`, and here each page is linked
with its twin.
"""

import os
import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
STAGED = ROOT / ".make/docs"
SITE = ROOT / "site"
LINK = re.compile(r"\]\((?!https?:|#)([^)\s#]+)(#[^)\s]*)?\)")


def stage(language: str) -> None:
    """Copy the pages of a language, with links to the other one as addresses."""
    source = DOCS / "ko" if language == "ko" else DOCS
    target = STAGED / language
    hidden = shutil.ignore_patterns("ko") if language == "en" else None
    shutil.copytree(source, target, ignore=hidden)
    shutil.copytree(DOCS / "stylesheets", target / "stylesheets", dirs_exist_ok=True)
    for page in target.rglob("*.md"):
        here = source / page.relative_to(target)
        text = page.read_text("utf-8")
        page.write_text(LINK.sub(partial(_address, here), text), "utf-8")


def _address(here: Path, link: re.Match[str]) -> str:
    """Return a link out of the tree of a language as an address, any other one as it is."""
    there = Path(os.path.normpath(here.parent / link[1]))
    if _language(there) == _language(here):
        return link[0]
    relative = os.path.relpath(_html(there), _html(here).parent)
    return f"]({relative.removesuffix('index.html')}{link[2] or ''})"


def _language(page: Path) -> str:
    return "ko" if page.is_relative_to(DOCS / "ko") else "en"


def _html(page: Path) -> Path:
    """Where the site has a page, or a file."""
    written = SITE / page.relative_to(DOCS)
    if page.suffix != ".md":
        return written
    if written.stem == "index":
        return written.with_suffix(".html")
    return written.with_suffix("") / "index.html"


def link_twins() -> int:
    """Have the switch of languages lead to the same page; return how many pages have a twin."""
    twins = 0
    for page in SITE.rglob("*.html"):
        path = page.relative_to(SITE)
        korean = path.parts[0] == "ko"
        twin = SITE / Path(*path.parts[1:]) if korean else SITE / "ko" / path
        other = "en" if korean else "ko"
        if twin.exists():
            twins += 1
        else:
            twin = SITE / "index.html" if korean else SITE / "ko/index.html"
        address = os.path.relpath(twin, page.parent).removesuffix("index.html") or "./"
        switch = re.compile(rf'(<a href=")[^"]*("[^>]*hreflang="{other}")')
        text = switch.sub(rf"\g<1>{address}\g<2>", page.read_text("utf-8"))
        page.write_text(text, "utf-8")
    return twins


def main() -> None:
    """Write the reference, both sites, and what links them."""
    shutil.rmtree(STAGED, ignore_errors=True)
    shutil.rmtree(SITE, ignore_errors=True)
    build = Path(sys.executable).with_name("zensical")
    for language, settings in (("en", "mkdocs.yml"), ("ko", "mkdocs.ko.yml")):
        stage(language)
        subprocess.run(  # noqa: S603 - our own arguments
            [build, "build", "--clean", "--strict", "--config-file", settings], cwd=ROOT, check=True
        )
    print(link_twins(), "pages in both languages")


if __name__ == "__main__":
    main()
