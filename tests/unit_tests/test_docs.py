"""Every Python fence of the README and of the docs runs as it stands, as a reader would run it."""

import os
import subprocess
import sys

import pytest
from pytest_examples import CodeExample, find_examples

from tests.support.paths import REPOSITORY

PAGES = [REPOSITORY / "README.md", REPOSITORY / "README.ko.md", REPOSITORY / "docs"]


@pytest.mark.parametrize(
    "example", [e for e in find_examples(*PAGES) if e.prefix == "python"], ids=str
)
def test_fence(example: CodeExample, tmp_path):
    script = tmp_path / "fence.py"
    script.write_text(example.source, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
