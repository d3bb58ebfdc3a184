"""Every example runs from its own folder, without a key and without a network."""

import os
import subprocess
import sys

import pytest

from tests.support.paths import REPOSITORY

EXAMPLES = sorted((REPOSITORY / "examples").glob("*/main.py"))


@pytest.mark.parametrize("main", EXAMPLES, ids=lambda p: p.parent.name)
def test_example(main, tmp_path):
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "LANGSMITH_"))
    }
    environment["PYTHONPATH"] = str(REPOSITORY)
    done = subprocess.run(
        [sys.executable, str(main)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip()
