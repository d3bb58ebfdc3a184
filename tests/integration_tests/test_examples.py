"""Every example runs from its own folder, without a key and without a network."""

import os
import subprocess
import sys

import pytest

from tests.support.paths import REPOSITORY

EXAMPLES = sorted((REPOSITORY / "examples").glob("*/main.py"))


def _run(main, tmp_path, *arguments: str) -> str:
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "LANGSMITH_"))
    }
    environment["PYTHONPATH"] = str(REPOSITORY)
    done = subprocess.run(
        [sys.executable, str(main), *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("main", EXAMPLES, ids=lambda p: p.parent.name)
def test_example(main, tmp_path):
    assert _run(main, tmp_path).strip()


def test_another_machine_behind_the_address_gets_nothing(tmp_path):
    main = REPOSITORY / "examples" / "financial_analysis" / "main.py"
    refused = _run(main, tmp_path, "--tamper")
    assert "REFUSED, and nothing was sent" in refused
    assert "analysis" not in refused
