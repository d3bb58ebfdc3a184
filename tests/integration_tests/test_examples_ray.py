"""The corpus that many workers mask, one of them killed in the middle."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY

FOLDER = REPOSITORY / "examples" / "corpus_ray"


def test_the_pages_name_the_command() -> None:
    for name in ("README.md", "README.ko.md"):
        assert "\npython corpus.py\n" in (FOLDER / name).read_text("utf-8")
        assert "(corpus_ray)" in (FOLDER.parent / name).read_text("utf-8")


@pytest.mark.parametrize(
    ("script", "needed"), [("corpus.py", "ray"), ("with_dask.py", "distributed")]
)
def test_a_killed_worker_loses_nothing(script: str, needed: str, tmp_path: Path) -> None:
    if find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed: ray[data], dask[distributed]")
    told = {"KILL": "1", "DOCUMENTS": "200", "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, str(FOLDER / script)],
        cwd=tmp_path,
        env={**os.environ, **told},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert "a worker was killed: True" in done.stdout
    assert "every letter is restored" in done.stdout
