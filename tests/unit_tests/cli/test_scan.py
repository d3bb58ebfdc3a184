"""`scan` finds private values in files and never prints them unasked."""

import io
import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ormsgpack
import pytest

from langchain_privacy.cli import main
from langchain_privacy.cli.scan import TYPES
from langchain_privacy.detection import UNTYPED
from tests.support.paths import REPOSITORY

EMAIL, CARD = "jane.doe@example.org", "4111 1111 1111 1111"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "clean.txt").write_text("Nothing to see here.\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "mail.md").write_text(f"First line.\nWrite to {EMAIL}\n  card {CARD}\n")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x").write_text(EMAIL)
    return tmp_path


def scan(capsys: Any, *arguments: str) -> tuple[int, str, str]:
    code = main(["scan", *arguments])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_it_says_where_and_what_but_not_the_value(folder: Path, capsys: Any) -> None:
    code, out, err = scan(capsys, str(folder), "--format", "json")
    assert code == 1
    found = json.loads(out)["findings"]
    assert [(Path(f["path"]).name, f["line"], f["column"], f["type"]) for f in found] == [
        ("mail.md", 2, 10, "EMAIL"),
        ("mail.md", 3, 8, "CREDIT_CARD"),
    ]
    assert EMAIL not in out + err
    code, out, err = scan(capsys, str(folder))
    assert code == 1
    assert "EMAIL" in out
    assert EMAIL not in out + err
    assert CARD not in out + err
    assert "2 private values in 1 of 2 files" in err


def test_values_are_shown_when_asked_for(folder: Path, capsys: Any) -> None:
    _, out, _ = scan(capsys, str(folder), "--show-values", "--format", "json")
    assert {f["value"] for f in json.loads(out)["findings"]} == {EMAIL, CARD}


def test_a_clean_file_and_a_filter_are_exit_code_0(folder: Path, capsys: Any) -> None:
    assert scan(capsys, str(folder / "clean.txt"))[0] == 0
    assert scan(capsys, str(folder), "--type", "KR_RRN")[0] == 0


def test_other_types_than_those_asked_for_are_said(folder: Path, capsys: Any) -> None:
    code, _, err = scan(capsys, str(folder), "--type", "KR_RRN")
    assert (code, "EMAIL 1" in err) == (0, True)
    assert EMAIL not in err


def test_a_type_that_does_not_exist_is_wrong_usage(folder: Path, capsys: Any) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["scan", str(folder), "--type", "EMIAL"])
    assert stop.value.code == 2
    assert "'EMAIL'" in capsys.readouterr().err


def test_the_types_are_those_of_the_documentation() -> None:
    page = (REPOSITORY / "docs/detection.md").read_text("utf-8")
    rows = re.findall(r"^\|([^|]*`[A-Z][^|]*)\|", page, re.MULTILINE)
    assert set(re.findall(r"`([A-Z_]+)`", "".join(rows))) | UNTYPED == set(TYPES)


def test_a_database_is_read_row_by_row(tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "checkpoints.sqlite"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE checkpoints (thread_id TEXT, checkpoint BLOB)")
        held = ormsgpack.packb({"messages": [f"mail {EMAIL}"]})
        connection.execute("INSERT INTO checkpoints VALUES (?, ?)", ("t", held))
        connection.commit()
    code, out, _ = scan(capsys, str(file), "--type", "EMAIL", "--format", "json")
    found = json.loads(out)
    assert (code, found["not_scanned"]) == (1, [])
    assert "checkpoints.checkpoint, row 1" in found["findings"][0]["path"]


def test_standard_input(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = SimpleNamespace(buffer=io.BytesIO(f"mail {EMAIL}".encode()))
    monkeypatch.setattr("sys.stdin", stdin)
    code, out, _ = scan(capsys, "-", "--format", "json")
    assert code == 1
    assert json.loads(out)["findings"][0]["path"] == "-"


def test_what_cannot_be_scanned_is_not_called_clean(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "binary").write_bytes(b"\0\1\2")
    (tmp_path / "latin").write_bytes("Zürich".encode("latin-1"))
    code, _, err = scan(capsys, str(tmp_path))
    assert code == 1
    assert err.count("not scanned") == 2


def test_a_missing_path_is_an_error(tmp_path: Path, capsys: Any) -> None:
    code, _, err = scan(capsys, str(tmp_path / "none"))
    assert code == 1
    assert err.startswith("langchain-privacy: there is no file")


def test_a_long_text_is_read_as_one(tmp_path: Path, capsys: Any) -> None:
    key = "-----BEGIN PRIVATE KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n" * 200
    key += "-----END PRIVATE KEY-----"
    before = "\n" * 198_000  # blocks of 200,000 characters cut the key
    (tmp_path / "long.txt").write_text(f"{before}{key}\nmail {EMAIL}")
    _, out, _ = scan(capsys, str(tmp_path), "--format", "json")
    whole, mail = json.loads(out)["findings"]
    assert (whole["type"], whole["length"]) == ("SECRET", len(key))
    line = f"{before}{key}".count("\n") + 2
    assert (mail["type"], mail["line"], mail["column"]) == ("EMAIL", line, 6)


def test_names_encodings_and_wrong_options(tmp_path: Path, capsys: Any) -> None:
    odd = tmp_path / "odd[bold]name.txt"
    odd.write_text(EMAIL)
    assert "odd[bold]name.txt" in scan(capsys, str(odd))[1].replace("\n", "")
    wide = tmp_path / "wide.txt"
    wide.write_text(EMAIL, encoding="utf-16")
    code, out, _ = scan(capsys, str(wide), "--format", "json")
    assert json.loads(out)["findings"][0]["column"] == 1
    korean = tmp_path / "korean.txt"
    korean.write_text(f"서지훈 {EMAIL}", encoding="cp949")
    code, out, err = scan(capsys, str(korean))
    assert (code, "--encoding" in err) == (1, True)
    code, out, _ = scan(capsys, str(korean), "--encoding", "cp949", "--type", "EMAIL")
    assert (code, "EMAIL" in out) == (1, True)
    for wrong in (["--encoding", "none"], ["--min-score", "7"]):
        with pytest.raises(SystemExit) as stop:
            main(["scan", str(odd), *wrong])
        assert stop.value.code == 2
