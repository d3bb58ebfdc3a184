"""`langchain-privacy demo`, as a person runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENAI_")}
    return subprocess.run(
        [sys.executable, "-m", "langchain_privacy", "demo", "--width", "100", *arguments],
        capture_output=True,
        text=True,
        env={**environment, "LANGCHAIN_PRIVACY_HOME": str(folder)},
        cwd=ROOT,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ([], "971-555-0188"),
        (["--language", "ko"], "02-555-0176"),
        (["--evidence", "none"], ""),
    ],
)
def test_bundled(tmp_path: Path, arguments: list[str], answer: str) -> None:
    done = demo(tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    assert "STAND-IN" in done.stdout
    assert "Crossing 1" in done.stdout
    assert "planted values" in done.stdout
    assert answer in done.stdout
    assert (tmp_path / "ledger.sqlite").is_file()


@pytest.mark.slow
def test_ones_own_document(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("The gate code for Jane Doe is 4471. Mail jane.doe@example.com.\n")
    done = demo(tmp_path, "--document", str(path), "--question", "What is the gate code?",
                "--local-only")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "4471" in done.stdout
    assert "Crossing" not in done.stdout.replace("crossing", "")
