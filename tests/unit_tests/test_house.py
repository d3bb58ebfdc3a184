"""The house stays small and one-way."""

import statistics

from tests.support.paths import REPOSITORY

PACKAGE = REPOSITORY / "langchain_privacy"


def test_files_stay_small():
    sizes = {p: len(p.read_text("utf-8").splitlines()) for p in PACKAGE.rglob("*.py")}
    assert statistics.median(sizes.values()) <= 260
    assert not {p.name: n for p, n in sizes.items() if n > 900}


def test_every_folder_says_what_it_is():
    for init in PACKAGE.rglob("__init__.py"):
        assert init.read_text("utf-8").startswith('"""'), init


def test_no_file_is_a_drawer():
    drawers = {"util", "utils", "helpers", "helper", "common", "misc"}
    assert not [p for p in PACKAGE.rglob("*.py") if p.stem in drawers]
