"""The ledger keeps what it acknowledged and names what was touched."""

import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from langchain_privacy.egress import EgressLedger
from langchain_privacy.egress.ledger import ledger as ledger_module
from langchain_privacy.egress.ledger.chain import FIELDS, hash_record, verify_chain
from langchain_privacy.egress.ledger.database import RECORDS, _make_private
from langchain_privacy.errors import ConfigurationError, LedgerError

CROSSING = {
    "kind": "crossing",
    "session": "5e55",
    "destination": "api.example.org",
    "model": "gpt-4o",
    "purpose": "chat",
    "decision": "allowed",
    "bytes_out": 100,
    "measured": "payload",
    "payload_digest": "ab" * 32,
    "entity_types": '{"EMAIL": 2}',
}


def receipt(number: int) -> dict[str, Any]:
    return {
        "kind": "receipt",
        "refers": number,
        "outcome": "answered",
        "bytes_in": 50,
        "tokens_out": 20,
        "tokens_in": 10,
        "measured": "payload",
    }


def filled(path: Path, crossings: int) -> EgressLedger:
    ledger = EgressLedger(path)
    for _ in range(crossings):
        number, _ = ledger.append(CROSSING)
        ledger.append(receipt(number))
    return ledger


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def change(path: Path, statement: str, *values: Any) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement, values)
    connection.commit()
    connection.close()


def test_a_crossing_and_its_answer_are_one(path: Path) -> None:
    ledger = filled(path, 3)
    crossings = ledger.crossings()
    assert [c.number for c in crossings] == [1, 3, 5]
    assert all(c.complete and c.tokens_in == 10 and c.bytes_in == 50 for c in crossings)
    assert crossings[0].entity_types == {"EMAIL": 2}
    report = ledger.verify()
    assert (report.records, report.first, report.last) == (6, 1, 6)
    assert EgressLedger(path).verify() == report


def test_nothing_is_recorded_yet(path: Path) -> None:
    ledger = EgressLedger(path)
    assert ledger.verify().records == 0
    assert ledger.crossings() == []
    with pytest.raises(LedgerError, match=r"empty"):
        ledger.checkpoint()


@pytest.mark.parametrize("column", [name for name in FIELDS if name != "seq"] + ["hash"])
def test_a_changed_field_is_named(path: Path, column: str) -> None:
    ledger = filled(path, 10)
    change(path, f"UPDATE egress_records SET {column} = '1' WHERE seq = 7")
    with pytest.raises(LedgerError) as caught:
        ledger.verify()
    assert caught.value.record == 7


def test_a_removed_record_is_named(path: Path) -> None:
    ledger = filled(path, 10)
    change(path, "DELETE FROM egress_records WHERE seq = 7")
    with pytest.raises(LedgerError, match=r"missing") as caught:
        ledger.verify()
    assert caught.value.record == 7


def test_records_missing_at_the_end_are_noticed(path: Path) -> None:
    ledger = filled(path, 10)
    change(path, "DELETE FROM egress_records WHERE seq > 15")
    with pytest.raises(LedgerError, match=r"end") as caught:
        ledger.verify()
    assert caught.value.record == 16
    change(path, "DELETE FROM egress_marks WHERE kind = 'head'")
    with pytest.raises(LedgerError) as caught:
        ledger.verify()
    assert caught.value.record == 15


def test_swapped_records_are_named(path: Path) -> None:
    ledger = filled(path, 10)
    change(path, "UPDATE egress_records SET seq = 999 WHERE seq = 4")
    change(path, "UPDATE egress_records SET seq = 4 WHERE seq = 5")
    change(path, "UPDATE egress_records SET seq = 5 WHERE seq = 999")
    with pytest.raises(LedgerError) as caught:
        ledger.verify()
    assert caught.value.record == 4


def test_a_chain_that_is_written_anew_with_another_key_is_noticed(path: Path) -> None:
    ledger = filled(path, 5)
    public = ledger.public_key.pem
    kept = ledger.checkpoint()
    for file in path.parent.iterdir():
        file.unlink()
    forged = filled(path, 5)
    assert forged.verify()
    with pytest.raises(LedgerError, match=r"another key"):
        forged.verify(public_key=public)
    with pytest.raises(LedgerError):
        forged.verify(checkpoints=[kept])


def test_an_old_copy_put_back_is_noticed_with_a_checkpoint_kept_elsewhere(path: Path) -> None:
    ledger = filled(path, 3)
    ledger.close()
    old = {file: file.read_bytes() for file in path.parent.iterdir()}
    ledger = EgressLedger(path)
    ledger.append(CROSSING)
    kept = ledger.checkpoint()
    ledger.close()
    for file in path.parent.iterdir():
        file.unlink()
    for file, data in old.items():
        file.write_bytes(data)
    assert EgressLedger(path).verify().last == 6
    with pytest.raises(LedgerError, match=r"end") as caught:
        EgressLedger(path).verify(checkpoints=[kept])
    assert caught.value.record == 7


def test_records_appended_without_the_key_are_named(path: Path) -> None:
    ledger = filled(path, 2)
    rows = list(ledger.rows())
    forged = {**rows[-1], "seq": 5}
    forged["hash"] = hash_record(rows[-1]["hash"], forged)
    names = ", ".join(forged)
    marks = ", ".join("?" for _ in forged)
    change(path, f"INSERT INTO egress_records ({names}) VALUES ({marks})", *forged.values())
    with pytest.raises(LedgerError, match=r"not signed") as caught:
        ledger.verify()
    assert caught.value.record == 5


def flipped(value: Any, chance: random.Random) -> Any:
    """Change one byte of a value as it is stored."""
    if isinstance(value, int):
        return value ^ (1 << chance.randrange(8))
    data = bytearray(value.encode())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(7)
    return bytes(data).decode("utf-8", "replace")


def test_one_changed_byte_of_any_record_is_found_and_named(path: Path) -> None:
    ledger = filled(path, 500)
    rows = list(ledger.rows())
    assert len(rows) == 1000
    chance = random.Random(6)
    for _ in range(500):
        row = chance.choice(rows)
        column = chance.choice([n for n in (*FIELDS, "hash") if row[n] not in (None, "", 0)])
        changed = flipped(row[column], chance)
        if changed == row[column]:
            continue
        touched = [{**r, column: changed} if r is row else r for r in rows]
        if column == "seq":
            touched.sort(key=lambda r: r["seq"])
        with pytest.raises(LedgerError) as caught:
            verify_chain(touched, [], ledger.public_key, anchored=False)
        named = caught.value.record
        expected = row["seq"] if column != "seq" else min(row["seq"], changed)
        # A number that moved leaves a gap, or a second record of the same number.
        assert named in {expected, expected + 1} if column == "seq" else named == expected


@pytest.mark.parametrize("times", [40, pytest.param(500, marks=pytest.mark.slow)])
def test_one_changed_byte_of_the_file_is_found_or_touched_nothing(path: Path, times: int) -> None:
    ledger = filled(path, 500)
    key, before = ledger.public_key, list(ledger.rows())
    ledger.close()
    change(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    data = path.read_bytes()
    chance = random.Random(7)
    copy = path.with_name("copy.sqlite")
    found = unused = 0
    for _ in range(times):
        touched = bytearray(data)
        touched[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        copy.write_bytes(touched)
        try:
            other = EgressLedger(copy)
            other.verify(public_key=key)
        except LedgerError:
            found += 1
        else:
            # Free space of a page, or a counter of SQLite's: every record reads as before.
            assert list(other.rows()) == before
            unused += 1
        finally:
            for file in path.parent.glob("copy.sqlite-*"):
                file.unlink()
    print(f"\n{times} bytes changed: {found} found, {unused} that no record uses")
    assert found > unused


def test_retention_keeps_the_rest_verifiable(path: Path, monkeypatch: Any) -> None:
    days = iter(range(1, 200))
    monkeypatch.setattr(
        ledger_module,
        "_now",
        lambda: datetime(2026, 1, next(days) % 28 + 1, tzinfo=UTC).isoformat(
            timespec="microseconds"
        ),
    )
    ledger = filled(path, 5)
    kept_elsewhere = ledger.checkpoint()
    limit = sorted(row["time"] for row in ledger.rows())[4]
    monkeypatch.undo()
    removed = ledger.retain(datetime.fromisoformat(limit))
    assert removed == 4
    report = ledger.verify(checkpoints=[kept_elsewhere])
    assert report.first == 5
    assert [row["kind"] for row in ledger.rows()][-1] == "retention"
    change(path, "DELETE FROM egress_records WHERE seq = 5")
    with pytest.raises(LedgerError) as caught:
        ledger.verify()
    assert caught.value.record == 5
    assert filled(path.with_name("b.sqlite"), 1).retain(datetime(2000, 1, 1, tzinfo=UTC)) == 0


def test_everything_may_be_removed(path: Path) -> None:
    ledger = filled(path, 5)
    assert ledger.retain(datetime.now(UTC) + timedelta(days=1)) == 10
    ledger.append(CROSSING)
    assert ledger.verify().first == 11


def test_a_clock_that_goes_back_changes_nothing(path: Path, monkeypatch: Any) -> None:
    years = iter(["2030", "2020", "1999", "2026"])
    monkeypatch.setattr(ledger_module, "_now", lambda: f"{next(years)}-01-01T00:00:00+00:00")
    ledger = EgressLedger(path)
    for _ in range(4):
        ledger.append(CROSSING)
    assert [c.number for c in ledger] == [1, 2, 3, 4]
    assert ledger.verify().last == 4


def test_a_read_only_file_takes_nothing_and_says_so(path: Path) -> None:
    filled(path, 1).close()
    ledger = EgressLedger(path)
    change(path, "PRAGMA user_version = 1")
    with ledger._database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
        connection.commit()
    with pytest.raises(LedgerError, match=r"read-only"):
        ledger.append(CROSSING)
    assert EgressLedger(path).verify().last == 2


def test_a_full_disk_takes_nothing_and_says_so(path: Path) -> None:
    ledger = filled(path, 1)
    with ledger._database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
        connection.commit()
    with pytest.raises(LedgerError, match=r"full"):
        for _ in range(1000):
            ledger.append(CROSSING | {"payload": "x" * 5000})
    assert EgressLedger(path).verify().records == ledger.last()


@pytest.mark.parametrize("size", [0, 100, 5000])
def test_a_truncated_file_is_an_error_of_ours(path: Path, size: int) -> None:
    filled(path, 200).close()
    change(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    os.truncate(path, size)
    if size == 0:
        # An empty file is an empty ledger to SQLite; only a mark kept elsewhere can tell.
        assert EgressLedger(path).verify().records == 0
        return
    with pytest.raises(LedgerError):
        EgressLedger(path).verify()


def test_what_cannot_be_used_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        EgressLedger("nonsense://somewhere")
    with pytest.raises(ConfigurationError):
        EgressLedger(tmp_path / "a", signing_key=tmp_path / "no" / "such" / "folder")
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError):
        EgressLedger(tmp_path / "file" / "ledger.sqlite")


@pytest.fixture
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("usual_umask")
@pytest.mark.parametrize("form", ["{}", "sqlite:///{}", "sqlite:///{}?timeout=9"])
def test_a_new_ledger_is_its_owners_only(tmp_path: Path, form: str) -> None:
    path = tmp_path / "new" / "ledger.sqlite"
    ledger = EgressLedger(form.format(path), keep_payload=True)
    ledger.append(CROSSING | {"payload": "masked"})
    ledger.export(path.with_name("export.jsonl"))
    made = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    names = [f"ledger.sqlite{end}" for end in ("", "-wal", "-shm", ".key")]
    assert made == dict.fromkeys([*names, "export.jsonl"], 0o600)
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.usefixtures("usual_umask")
def test_the_folder_of_our_files_is_its_owners_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("LANGCHAIN_PRIVACY_HOME", str(home))
    EgressLedger().append(CROSSING)
    assert home.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in home.iterdir()} == {0o600}


@pytest.mark.usefixtures("usual_umask")
def test_rights_that_a_user_gave_stay(path: Path) -> None:
    """Somebody may have opened a ledger to a group of auditors, or the folder."""
    path.parent.chmod(0o750)
    filled(path, 1).close()
    path.chmod(0o640)
    ledger = filled(path, 1)
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.parent.stat().st_mode & 0o777 == 0o750
    assert ledger.verify().records == 4


def test_a_second_ledger_of_a_file_takes_no_lock_away(path: Path) -> None:
    """A process that closes a file loses all locks that it holds on it, SQLite's too."""
    first = filled(path, 1)
    with first._database.writing():
        _make_private(path)
        program = (
            f"import sqlite3; sqlite3.connect({str(path)!r}, timeout=0).execute('BEGIN EXCLUSIVE')"
        )
        other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert "locked" in other.stderr
    assert first.verify().records == 2


def test_the_table_holds_what_the_hash_covers() -> None:
    assert (*FIELDS, "hash") == tuple(RECORDS.columns.keys())


def test_a_budget_is_never_overspent_by_threads(path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    ledger = EgressLedger(path)
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda _: ledger.append(CROSSING, limit=1000)[1], range(40)))
    assert sum(outcomes) == 10
    assert ledger.spent("5e55") == 1000
    assert [c.rule for c in ledger].count("max_bytes_per_session") == 30


def test_it_can_be_followed_while_it_is_written(path: Path) -> None:
    ledger = filled(path, 1)
    arriving = EgressLedger(path).subscribe(after=0, poll=0.01)
    assert [next(arriving).complete for _ in range(2)] == [False, True]
    number, _ = ledger.append(CROSSING)
    assert next(arriving).number == number


def test_export_is_json_lines(path: Path, tmp_path: Path) -> None:
    import json

    ledger = filled(path, 2)
    assert ledger.export(tmp_path / "out.jsonl") == 4
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    report = verify_chain(rows, [ledger.checkpoint()], ledger.public_key, anchored=False)
    assert report.records == 4
