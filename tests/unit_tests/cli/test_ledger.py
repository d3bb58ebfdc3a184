"""`ledger` shows, verifies and reports."""

import json
import os
import re
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from langchain_privacy import EgressGuard, EgressLedger, Masker
from langchain_privacy.cli import main
from langchain_privacy.cli.ledger_report import write_report
from langchain_privacy.egress.ledger import Crossing, PriceTable
from langchain_privacy.errors import EgressBlockedError, LedgerError
from tests.support.scripted import ScriptedChatModel

SECRET = "Jane Doe"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.sqlite"
    masker = Masker()
    entry = masker.session("t").vault.issue("PERSON", SECRET)
    ledger = EgressLedger(path)
    model = EgressGuard(masker, ledger=ledger).wrap(ScriptedChatModel(responses=["fine"]))
    for _ in range(3):
        model.invoke(f"Dear [PERSON_{entry.code}], <b>hello</b>")
    with pytest.raises(EgressBlockedError):
        model.invoke(SECRET)
    ledger.close()
    return path


def test_show(path: Path, capsys: Any) -> None:
    assert main(["ledger", "show", str(path)]) == 0
    out = capsys.readouterr().out
    assert "3 crossed" in out
    assert "1 refused" in out
    assert SECRET not in out
    assert main(["ledger", "show", str(path), "--blocked"]) == 0
    assert "0 crossed" in capsys.readouterr().out


def test_verify(path: Path, capsys: Any, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text(EgressLedger(path).public_key.pem)
    assert main(["ledger", "verify", str(path), "--key", str(key)]) == 0
    assert capsys.readouterr().out.startswith("sound: 7 records, 1 to 7")
    connection = sqlite3.connect(path)
    connection.execute("UPDATE egress_records SET bytes_out = 1 WHERE seq = 3")
    connection.commit()
    connection.close()
    assert main(["ledger", "verify", str(path)]) == 1
    assert "Record 3 was changed" in capsys.readouterr().err


def test_report_is_one_page_that_loads_nothing(path: Path, capsys: Any, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    assert main(["ledger", "report", str(path), "-o", str(page), "--language", "en"]) == 0
    text = page.read_text()
    assert "3 messages crossed" in text
    assert "0 values crossed" in text
    assert "1 was refused" in text
    assert "7 records in one chain" in text
    assert "PERSON" in text
    assert SECRET not in text
    assert "<!--" not in text.replace("<!doctype", "")
    assert not re.search(r"(?:src|href)\s*=|url\(|@import|https?://|<script", text)
    assert "default-src 'none'" in text


def test_the_first_line_is_what_an_officer_signs(path: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    about = ["--application", "Claims <desk>", "--policy", "AllowHosts", "--mode", "strict"]
    arguments = ["ledger", "report", str(path), "-o", str(page), *about, "--language"]
    assert main([*arguments, "en"]) == 0
    text = page.read_text()
    assert text.index("0 values crossed") < text.index("Claims &lt;desk&gt;") < text.index("<table")
    assert "a value of the vault" in text  # the rule that refused, in words
    assert "tokens of prompts, of answers" in text
    assert "Signature" in text
    assert main([*arguments, "ko"]) == 0
    text = page.read_text()
    assert 'lang="ko"' in text
    assert "나간 비공개 값은 0개" in text


def test_real_text_to_an_attested_endpoint_is_said(tmp_path: Path) -> None:
    path, page = tmp_path / "ledger.sqlite", tmp_path / "report.html"
    with closing(EgressLedger(path)) as ledger:
        record = {"kind": "crossing", "decision": "allowed", "bytes_out": 10}
        ledger.append(record)
        ledger.append({**record, "rule": "real_text_to_attested"})
    assert main(["ledger", "report", str(path), "-o", str(page), "--language", "en"]) == 0
    assert "1 went with real text to an attested endpoint" in page.read_text()
    assert "0 values crossed" not in page.read_text()


def test_words_of_the_report_are_the_same_in_both_languages() -> None:
    folder = resources.files("langchain_privacy.cli")
    files = (folder / f"ledger_report.{language}.json" for language in ("en", "ko"))
    en, ko = (json.loads(file.read_text("utf-8")) for file in files)
    assert en.keys() == ko.keys()
    for name, words in en.items():
        assert type(words) is type(ko[name])
        assert len(words) == len(ko[name]) or isinstance(words, str)
        if isinstance(words, str):
            assert sorted(re.findall(r"{\w+}", words)) == sorted(re.findall(r"{\w+}", ko[name]))


def test_a_ledger_without_a_place_is_where_the_command_looks(
    tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGCHAIN_PRIVACY_HOME", str(tmp_path))
    with closing(EgressLedger()) as ledger:
        guard = EgressGuard(Masker([]), ledger=ledger)
        guard.wrap(ScriptedChatModel(responses=["fine"])).invoke("hello")
    assert main(["ledger", "show", "--format", "json"]) == 0
    (shown,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (shown["decision"], shown["purpose"]) == ("allowed", "chat")
    assert "session" in shown


def test_show_as_json(path: Path, capsys: Any) -> None:
    assert main(["ledger", "show", str(path), "--format", "json"]) == 0
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [c["decision"] for c in shown] == ["allowed"] * 3 + ["blocked"]
    assert shown[0]["number"] == 1


def test_names_are_whole_where_a_program_reads(tmp_path: Path, capsys: Any) -> None:
    path, host = tmp_path / "ledger.sqlite", f"{'a' * 90}.example:443"
    with closing(EgressLedger(path)) as ledger:
        ledger.append({"kind": "crossing", "decision": "allowed", "destination": host})
    assert main(["ledger", "show", str(path)]) == 0
    out = capsys.readouterr().out
    assert host in out
    assert "no price is known" in out


@pytest.mark.parametrize("act", ["show", "verify", "report", "checkpoint", "key"])
def test_no_ledger_is_made_to_be_looked_at(
    act: str, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGCHAIN_PRIVACY_HOME", str(tmp_path))
    assert main(["ledger", act]) == 1
    assert "there is no ledger" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_goes_away_is_no_fault(path: Path) -> None:
    command = f"{sys.executable} -m langchain_privacy ledger show {path} --format json | head -c 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
def test_a_new_report_is_for_its_owner_and_an_old_one_keeps_its_mode(
    path: Path, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    arguments = ["ledger", "report", str(path), "-o", str(page)]
    assert main(arguments) == 0
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    page.chmod(0o644)
    assert main(arguments) == 0
    assert stat.S_IMODE(page.stat().st_mode) == 0o644


def test_a_report_of_a_ledger_that_was_touched_says_so(path: Path, tmp_path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("UPDATE egress_records SET model = '<script>' WHERE seq = 3")
    connection.commit()
    connection.close()
    page = tmp_path / "report.html"
    assert main(["ledger", "report", str(path), "-o", str(page)]) == 1
    assert "NOT SOUND at record 3" in page.read_text()
    assert "<script>" not in page.read_text()


def test_a_missing_ledger_is_not_made(tmp_path: Path, capsys: Any) -> None:
    assert main(["ledger", "show", str(tmp_path / "none.sqlite")]) == 1
    assert "there is no ledger" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_copy_is_verified_with_what_was_kept_elsewhere(
    path: Path, tmp_path: Path, capsys: Any
) -> None:
    def said(*arguments: object) -> tuple[int, str, str]:
        code = main(["ledger", *map(str, arguments)])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    folder = tmp_path / "elsewhere"
    folder.mkdir()
    old = folder / "copy.sqlite"
    old.write_bytes(path.read_bytes())
    key, kept = folder / "writers.pem", folder / "kept.jsonl"
    key.write_text(said("key", path)[1])
    kept.write_text(said("checkpoint", path)[1])
    code, out, _ = said("verify", old, "--key", key, "--checkpoint", kept)
    assert (code, "1 of them kept elsewhere" in out) == (0, True)
    with closing(EgressLedger(path)) as ledger:
        ledger.append({"kind": "crossing", "decision": "allowed", "bytes_out": 10})
    with kept.open("a") as file:
        file.write(said("checkpoint", path)[1])
    assert said("verify", old, "--key", key)[0] == 0
    code, _, err = said("verify", old, "--key", key, "--checkpoint", kept)
    assert (code, "missing at the end" in err) == (1, True)
    page = folder / "report.html"
    arguments = ("report", old, "--key", key, "--checkpoint", kept, "-o", page)
    assert said(*arguments)[0] == 1
    assert "NOT SOUND at record 8" in page.read_text()
    for wrong in (("verify", old), ("key", old), ("checkpoint", old)):
        code, _, err = said(*wrong)
        assert (code, "--key" in err) == (1, True)
    assert not (folder / "copy.sqlite.key").exists()
    code, _, err = said("verify", path, "--checkpoint", key)
    assert (code, "cannot be read" in err) == (1, True)


def test_odd_records_are_shown_as_they_are(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "ledger.sqlite"
    with closing(EgressLedger(path)) as ledger:
        record = {"kind": "crossing", "decision": "allowed", "bytes_out": 10}
        ledger.append(record)
        for i in range(40):
            ledger.append(
                {**record, "model": f"[red]model-{i}[/]", "destination": "내부-게이트웨이"}
            )
    assert main(["ledger", "show", str(path), "--last", "3"]) == 0
    out = capsys.readouterr().out
    assert "[red]mod" in out
    assert "내부-게이트웨이" in out
    assert main(["ledger", "report", str(path), "-o", str(tmp_path / "report.html")]) == 0
    assert main(["ledger", "report", str(path), "-o", str(tmp_path / "none" / "x")]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_rows_that_follow_stand_under_those_that_were_there(
    path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What arrives, without waiting for it: `subscribe` blocks for ever.
    def subscribe(ledger: EgressLedger) -> Iterator[Crossing]:
        return iter(ledger.crossings()[-1:])

    monkeypatch.setattr(EgressLedger, "subscribe", subscribe)
    assert main(["ledger", "show", str(path), "--follow"]) == 0
    refused = [line for line in capsys.readouterr().out.splitlines() if "vault_value" in line]
    assert len(refused) == 2
    assert refused[0].rstrip() == refused[1].rstrip()


def test_many_days_are_drawn_by_month() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    crossings = [
        Crossing(number=i, time=(start + timedelta(days=i)).isoformat(), decision="allowed")
        for i in range(400)
    ]
    page = write_report(crossings, PriceTable.load(), LedgerError("not looked at"))
    assert "by month" in page
    assert "2027-02" in page
    assert page.count("<rect") == 14  # what is one number has no bar
