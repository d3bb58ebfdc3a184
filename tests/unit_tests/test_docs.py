"""What the docs and the docstrings show is true: it runs as it stands."""

import doctest
import importlib
import re
import tomllib
from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from pytest_examples import CodeExample, find_examples

from tests.support.fences import run_page
from tests.support.paths import REPOSITORY
from tests.support.processes import Process

ROOTS = [REPOSITORY / "README.md", REPOSITORY / "README.ko.md", REPOSITORY / "docs"]
FENCES = [example for example in find_examples(*ROOTS) if example.prefix == "python"]
PAGES = {path: list(fences) for path, fences in groupby(FENCES, key=lambda fence: fence.path)}
MODULES = [
    ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted((REPOSITORY / "langchain_privacy").rglob("*.py"))
    if "    >>> " in path.read_text("utf-8")
]
PACKAGE = REPOSITORY / "langchain_privacy"
ARCHITECTURE = [REPOSITORY / "docs/architecture.md", REPOSITORY / "docs/ko/architecture.md"]
PICTURES = sorted((REPOSITORY / "docs").rglob("pictures/*.svg"))  # plots name no files
ABOUT_VALUES = {"values", "rule", "tiers", "crossed", "logo"}  # and not about files
HOUSES = [picture for picture in PICTURES if picture.stem == "house"]
# Tables of figures and of spellings: read by their columns in any language.
ENGLISH_ONLY = {"spellings.md", "detection-quality.md", "figures.md"}
PATH = re.compile(r"(?:[a-z_0-9]+/)+(?:[a-z_0-9]+\.py)?|[a-z_]+\.py")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_fences(page: Path, tmp_path: Path) -> None:
    scripts = [written(fence, tmp_path) for fence in PAGES[page]]
    # A process of its own, but forked from one that has imported everything and loaded the models:
    # that takes three times as long as most pages.
    name = page.relative_to(REPOSITORY).with_suffix("").as_posix()
    name = re.sub(r"^docs/(?:ko/)?|\.ko$", "", name)
    assert (failed := Process(run_page, name, tmp_path, scripts).result()) is None, failed


@pytest.mark.parametrize("module", MODULES)
def test_docstrings(module: str) -> None:
    assert doctest.testmod(importlib.import_module(module)).failed == 0


def test_architecture_names_files_that_exist() -> None:
    for page in ARCHITECTURE:
        assert not [name for name in named(page) if not (PACKAGE / name).exists()]


def test_architecture_names_the_same_files_in_both_languages() -> None:
    english, korean = map(named, ARCHITECTURE)
    assert set(english) == set(korean)


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_pictures_name_files_that_exist(picture: Path) -> None:
    named = [text for text in texts_of(picture) if PATH.fullmatch(text)]
    assert named or picture.stem in ABOUT_VALUES
    assert not [name for name in named if not (PACKAGE / name).exists()]


@pytest.mark.parametrize("picture", HOUSES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_the_house_is_drawn_as_it_is_enforced(picture: Path) -> None:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    rooms = [re.sub(r"/$|\.py$", "", text) for text in texts_of(picture) if PATH.fullmatch(text)]
    for layer in layers:
        row = {name.rsplit(".", 1)[-1] for name in layer.split(" | ")}
        assert set(rooms[: len(row)]) == row
        rooms = rooms[len(row) :]
    assert not rooms


PROSE = [*ROOTS[:2], REPOSITORY / "CONTRIBUTING.md", REPOSITORY / "SECURITY.md"]
PROSE += sorted((REPOSITORY / "docs").rglob("*.md"))


@pytest.mark.parametrize("page", PROSE, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_lead_somewhere(page: Path) -> None:
    assert not [link for link in links_of(page) if not leads_somewhere(page, link)]


def test_korean_pages_link_korean_pages() -> None:
    english, korean = REPOSITORY / "docs", REPOSITORY / "docs/ko"
    for page in korean.rglob("*.md"):
        local = [link.partition("#")[0] for link in links_of(page) if not link.startswith("http")]
        pages = [(page.parent / path).resolve() for path in local if path.endswith(".md")]
        abroad = [there for there in pages if not there.is_relative_to(korean)]
        twins = [there for there in abroad if (korean / there.relative_to(english)).exists()]
        # its own English twin a page may name, which goes into more detail
        assert not [twin for twin in twins if twin.name != page.name], page


def test_every_page_has_a_korean_twin() -> None:
    docs = REPOSITORY / "docs"
    english = {page.relative_to(docs) for page in docs.rglob("*.md")}
    korean = {page.relative_to(docs / "ko") for page in (docs / "ko").rglob("*.md")}
    alone = {page for page in english - korean if page.parts[0] not in ("ko", "reference")}
    assert {str(page) for page in alone} <= ENGLISH_ONLY


def named(page: Path) -> list[str]:
    """Return the files and folders of the package that a page names."""
    quoted = re.findall(r"`([^`\n]+)`", page.read_text("utf-8"))
    return [text for text in quoted if PATH.fullmatch(text)]


def texts_of(picture: Path) -> list[str]:
    """Return the texts of a drawing, in the order in which it is drawn."""
    root = ET.parse(picture).getroot()
    return [text.text or "" for text in root.iter("{http://www.w3.org/2000/svg}text")]


def test_contributing_names_files_that_exist() -> None:
    text = (REPOSITORY / "CONTRIBUTING.md").read_text("utf-8")
    named = set(re.findall(r"`([\w.-]*/?[\w./-]+(?:/|\.(?:py|sql|md|yml)))`", text))
    folders = [
        REPOSITORY,
        REPOSITORY / "langchain_privacy",
        REPOSITORY / "langchain_privacy/detection",
    ]
    assert len(named) > 50
    assert not [name for name in named if not any((folder / name).exists() for folder in folders)]


def links_of(page: Path) -> list[str]:
    """Return the targets of a page's links and pictures, those in code left out."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"`[^`\n]*`", "code", text)
    return re.findall(r"\]\(([^)\s]+)\)", text)


def leads_somewhere(page: Path, link: str) -> bool:
    """Whether a link's file is there, and the anchor's heading in it; other hosts are not asked."""
    if re.match(r"https?:|mailto:", link):
        return True
    path, _, anchor = link.partition("#")
    there = (page.parent / path).resolve() if path else page
    return there.exists() and (not anchor or anchor in anchors_of(there))


def anchors_of(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and the site write them."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    explicit = set(re.findall(r'(?:id|name)="([^"]+)"|\{#([\w-]+)\}', text))
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    plain = [re.sub(r"[`*]|\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in headings]
    slugs = {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in plain
    }
    slugs |= set(re.findall(r"^::: (\S+)", text, re.MULTILINE))
    return slugs | {name for pair in explicit for name in pair if name}


def written(fence: CodeExample, folder: Path) -> str:
    """Write a fence into a file named after its first line on the page."""
    script = folder / f"line_{fence.start_line}.py"
    script.write_text(fence.source, encoding="utf-8")
    return str(script)
