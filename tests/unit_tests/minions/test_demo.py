"""The demo's parts; the whole of it runs in `tests/integration_tests/test_minion_demo.py`."""

import logging
from pathlib import Path

import pytest

from langchain_privacy import Masker
from langchain_privacy.cli import main
from langchain_privacy.demo.models import Side
from langchain_privacy.demo.show import Run, bundled, show


@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_planted_value_stands_in_its_document(language: str) -> None:
    document = bundled(language)
    assert all(value in document.text for value in document.planted)
    assert "example" in " ".join(document.planted)  # reserved domains only


@pytest.mark.parametrize("language", ["en", "ko"])
def test_default_detectors_find_what_was_planted(language: str) -> None:
    document = bundled(language)
    masked = Masker().session().mask(document.text)
    missed = [value for value in document.planted if value in masked]
    assert missed == []


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--document", "nowhere.txt", "--question", "x"], "no such file"),
        (["--document", "nowhere.txt"], "--question"),
    ],
)
def test_errors_are_a_sentence_and_a_link(
    arguments: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    level = logging.getLogger("langchain_privacy").level
    assert main(["demo", *arguments]) == 1
    assert logging.getLogger("langchain_privacy").level == level  # whoever calls it logs on
    error = capsys.readouterr().err
    assert error.startswith("langchain-privacy:")
    said, link = error.splitlines()
    assert hint in said
    assert link.startswith("  For troubleshooting, visit: https://")


def shown(wire: bytes, width: int, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    from rich.console import Console

    report = {
        "crossed": {"characters": 10, "passages": 1},
        "calls": [{"side": "remote", "node": "plan"}],
        "decided_by": "remote",
        "local": {"judge": "bm25", "calls": 0},
        "errors": [],
        "remote": {"calls": 1, "input": 8, "output": 2, "tokens": 10},
        "baseline_tokens": 5,
        "saved_tokens": -5,
        "seconds": 0.1,
    }
    quote = {"quote": "Call Jane Doe.", "start": 0, "end": 14, "where": "page 2"}
    run = Run(
        document="d.md",
        text="Call Jane Doe.",
        question="Who?",
        planted=["Jane Doe", "김민서"],
        known=[],
        local=Side(None, "here", "local"),
        remote=Side(None, "there", "remote", [wire]),
        result={"answer": "Jane Doe", "evidence": [quote], "report": report},
        ledger=Path("ledger.sqlite"),
        evidence="masked",
    )
    code = show(run, Console(width=width, highlight=False))
    return code, capsys.readouterr().out


@pytest.mark.parametrize("width", [80, 120])
def test_shows_what_crossed(width: int, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = shown(b"POST / HTTP/1.1\r\n\r\n[PERSON_XX]", width, capsys)
    assert code == 0
    assert "[PERSON_XX]" in out
    assert "0 of 2 planted values" in out
    assert "d.md, page 2" in out
    assert "more than whole" in out  # a negative saving is shown as one
    assert "No price known for there" in " ".join(out.split())
    assert "at gpt-4o's price" in out  # an amount for another model is named so
    assert max(map(len, out.splitlines())) <= width


@pytest.mark.parametrize("body", ["Jane Doe", "김민서", "\\uae40\\ubbfc\\uc11c"])
def test_the_check_can_fail(body: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = shown(f"POST / HTTP/1.1\r\n\r\n{body}".encode(), 80, capsys)
    assert code == 1
    assert "FOUND 1" in out
