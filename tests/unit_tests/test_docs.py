"""What the docs and the docstrings show is true: it runs as it stands."""

import doctest
import importlib
import os
import re
import subprocess
import sys
import tomllib
from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from pytest_examples import CodeExample, find_examples

from tests.support.paths import REPOSITORY

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
HOUSES = [picture for picture in PICTURES if picture.stem == "house"]
PATH = re.compile(r"(?:[a-z_0-9]+/)+(?:[a-z_0-9]+\.py)?|[a-z_]+\.py")
# One process a page: starting one, and loading a spaCy model in it, takes longer than the fences.
RUN = """
import runpy, sys
for script in sys.argv[1:]:
    print("Running", script, file=sys.stderr, flush=True)
    runpy.run_path(script, run_name="__main__")
"""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_fences(page: Path, tmp_path: Path) -> None:
    scripts = [written(fence, tmp_path) for fence in PAGES[page]]
    done = subprocess.run(
        [sys.executable, "-c", RUN, *scripts],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


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
    assert named or picture.stem in ("values", "rule")  # about values, not about files
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


def written(fence: CodeExample, folder: Path) -> str:
    """Write a fence into a file named after its first line on the page."""
    script = folder / f"line_{fence.start_line}.py"
    script.write_text(fence.source, encoding="utf-8")
    return str(script)
