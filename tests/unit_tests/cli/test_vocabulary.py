"""`vocabulary` and the views of `scan` say what is public and what would cross."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from langchain_privacy.cli import main

TEXT = "We met Rose Okonkwo of Lost Bubble,\ncall 4471923 <today>.\n"


def run(capsys: Any, *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    shown = capsys.readouterr()
    return code, shown.out, shown.err


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "note.txt"
    path.write_text(TEXT, "utf-8")
    return path


def test_words_are_explained(capsys: Any) -> None:
    code, out, _ = run(capsys, "vocabulary", "check", "invoice", "Wrozvik", "Rose", "2021", "42")
    assert code == 1
    assert out.splitlines() == [
        "invoice: public (english_everyday)",
        "Wrozvik: not public (in no vocabulary)",
        "Rose: not public (english_everyday, but with a capital letter in mid-sentence it is a "
        "name)",
        "2021: not public (no kind of public number)",
        "42: public (a kind of public number)",
    ]
    assert run(capsys, "vocabulary", "check", "invoice")[0] == 0


def test_words_of_another_language_are_public_when_it_is_named(file: Path, capsys: Any) -> None:
    check = ("vocabulary", "check", "Mietvertrag")
    assert run(capsys, *check)[:2] == (1, "Mietvertrag: not public (in no vocabulary)\n")
    code, out, _ = run(capsys, *check, "--language", "de")
    assert (code, out) == (0, "Mietvertrag: public (in a dictionary of de)\n")
    file.write_text("den Mietvertrag mit Wrozvik", "utf-8")
    _, out, _ = run(capsys, "vocabulary", "unknown", "--language", "de", str(file))
    assert out.split() == ["1", "Wrozvik"]
    code, _, err = run(capsys, *check, "--language", "xx")
    assert code == 1
    assert "xx" in err
    assert "languages" in err


def test_lists_are_shown_with_their_sizes(capsys: Any) -> None:
    code, out, _ = run(capsys, "vocabulary", "lists")
    assert code == 0
    assert re.search(r"english_everyday +41,022", out) and "number: year" in out


def test_words_of_ones_own_prompts_that_are_not_public_are_counted(file: Path, capsys: Any) -> None:
    file.write_text("Larkfield answers. Ask Larkfield.", "utf-8")
    code, out, _ = run(capsys, "vocabulary", "unknown", str(file))
    assert (code, out) == (1, "     2 Larkfield\n")
    assert run(capsys, "vocabulary", "unknown", str(file.parent))[0] == 1  # no file


def test_a_strict_scan_finds_what_a_strict_masker_hides(tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "note.txt"
    file.write_text("Emily Watson has type 2 diabetes and writes to Zephyrium.", "utf-8")
    _, out, _ = run(capsys, "scan", "--strict", "--show-values", "--format", "json", str(file))
    assert {"Emily Watson", "type 2 diabetes", "Zephyrium"} == {
        found["value"] for found in json.loads(out)["findings"]
    }


def test_scan_finds_what_is_not_public(file: Path, tmp_path: Path, capsys: Any) -> None:
    assert "WORD" not in run(capsys, "scan", str(file))[1]
    _, out, err = run(capsys, "scan", "--strict", str(file))
    assert "WORD" in out and "Bubble" not in out + err
    public = tmp_path / "prompt.txt"
    public.write_text("You work for Lost Bubble.", "utf-8")
    _, out, _ = run(capsys, "scan", "--strict", "--public", str(public), str(file))
    assert "WORD" not in out
    code, _, err = run(capsys, "scan", "--public", str(public), str(file))
    assert code == 1 and "--strict" in err


def test_scan_marks_what_is_private(file: Path, tmp_path: Path, capsys: Any) -> None:
    _, out, _ = run(capsys, "scan", "--strict", "--highlight", str(file))
    assert "Rose Okonkwo PERSON  of Lost Bubble WORD ," in out
    page = tmp_path / "view.html"
    run(capsys, "scan", "--strict", "--html", str(page), str(file))
    shown = page.read_text("utf-8")
    assert page.stat().st_mode & 0o777 == 0o600
    stays, crosses = re.findall(r"<pre>(.*?)</pre>", shown, re.DOTALL)
    assert '<mark title="PERSON">Rose Okonkwo</mark>' in stays and "&lt;today&gt;" in stays
    assert "Rose" not in crosses and "[PERSON_1]</b> of" in crosses and "4471923" not in crosses
    assert "http" not in shown.replace("http-equiv", "")
