"""What the docs and the docstrings show is true: it runs as it stands."""

import doctest
import importlib
import os
import subprocess
import sys
from itertools import groupby
from pathlib import Path

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


def written(fence: CodeExample, folder: Path) -> str:
    """Write a fence into a file named after its first line on the page."""
    script = folder / f"line_{fence.start_line}.py"
    script.write_text(fence.source, encoding="utf-8")
    return str(script)
