"""A person who waits sees how far a command is; a program sees nothing of it."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path


def environment() -> dict[str, str]:
    return {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LANGCHAIN_PRIVACY_LANG": "en"}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "langchain_privacy", *arguments]


def read_to_the_end(terminal: int) -> bytes:
    """Read what a program writes to a terminal until it leaves."""
    seen = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # the other end is closed: Linux says it so
            part = b""
        if not part:
            return seen
        seen += part


def on_a_terminal(said: list[str], result: Path) -> bytes:
    """Run a command whose stderr is a terminal; return what that shows."""
    ours, theirs = pty.openpty()
    with (
        result.open("w") as out,
        subprocess.Popen(said, stdout=out, stderr=theirs, env=environment()) as process,
    ):
        os.close(theirs)
        seen = read_to_the_end(ours)
        process.wait()
    os.close(ours)
    return seen


def test_a_terminal_sees_how_far_a_scan_is_and_a_program_does_not(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for name in ("one", "two", "three"):
        (folder / name).write_text("write to jane@example.org")
    said = command("scan", str(folder), "--format", "json")
    result = tmp_path / "result"
    seen = on_a_terminal(said, result)
    assert b"scanning" in seen
    assert b"3/3" in seen
    piped = subprocess.run(said, capture_output=True, text=True, env=environment(), check=False)
    assert piped.stderr == ""
    assert piped.stdout == result.read_text("utf-8")


def test_a_terminal_sees_how_many_documents_a_question_was_put_to(tmp_path: Path) -> None:
    documents = [{"text": f"Lease {n}. The monthly rent is {n},100 euros."} for n in range(1, 6)]
    question = {"task": "What is the monthly rent?", "documents": documents, "answer": None}
    questions = tmp_path / "questions.jsonl"
    questions.write_text(json.dumps(question))
    said = command("eval", str(questions), "--graph", "minions", "--local", "none")
    seen = on_a_terminal([*said, "--remote", "none"], tmp_path / "result")
    assert b"question 1 of 1" in seen
    assert b"5/5" in seen
