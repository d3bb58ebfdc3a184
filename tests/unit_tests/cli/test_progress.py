"""A person who waits sees how far a command is; a program sees nothing of it."""

import os
import pty
import subprocess
import sys
from pathlib import Path


def command_and_environment(folder: Path) -> tuple[list[str], dict[str, str]]:
    command = [sys.executable, "-m", "langchain_privacy", "scan", str(folder), "--format", "json"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LANGCHAIN_PRIVACY_LANG": "en"}
    return command, environment


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


def test_a_terminal_sees_how_far_a_scan_is_and_a_program_does_not(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for name in ("one", "two", "three"):
        (folder / name).write_text("write to jane@example.org")
    command, environment = command_and_environment(folder)
    ours, theirs = pty.openpty()
    result = tmp_path / "result"
    with (
        result.open("w") as out,
        subprocess.Popen(command, stdout=out, stderr=theirs, env=environment) as process,
    ):
        os.close(theirs)
        seen = read_to_the_end(ours)
        process.wait()
    os.close(ours)
    assert b"scanning" in seen
    assert b"3/3" in seen
    piped = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert piped.stderr == ""
    assert piped.stdout == result.read_text("utf-8")
