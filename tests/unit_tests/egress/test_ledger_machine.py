"""A ledger under any order of appends, kills, checkpoints, retention and tampering.

A list of what was acknowledged stands beside it: after each step the ledger says the same, and
proves it. Whatever is changed in a copy of its file is found, and the first record at fault named.
"""

import os
import shutil
import signal
import sqlite3
import tempfile
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from langchain_privacy.egress import EgressLedger
from langchain_privacy.errors import LedgerError

SESSIONS = ("s1", "s2")
HANDLES = 3


def crossing(session: str, size: int, purpose: str = "") -> dict[str, Any]:
    told = {"kind": "crossing", "destination": "example.org", "decision": "allowed"}
    return {
        **told,
        "session": session,
        "bytes_out": size,
        "measured": "payload",
        "purpose": purpose,
    }


class Ledgers(RuleBasedStateMachine):
    """Several writers of one file."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "ledger.sqlite"
        self.writers = [EgressLedger(self.path) for _ in range(HANDLES)]
        self.rows: list[dict[str, Any]] = []
        self.kept: list[Any] = []
        self.old: bytes | None = None
        self.removed = 0

    def teardown(self) -> None:
        for writer in self.writers:
            writer.close()
        shutil.rmtree(self.folder)

    def _spent(self, session: str) -> int:
        allowed = (r for r in self.rows if r["session"] == session and r["decision"] == "allowed")
        return sum(row["bytes_out"] or 0 for row in allowed)

    def _take(self, numbers: list[int]) -> None:
        """Take over what the ledger has under some numbers."""
        rows = {row["seq"]: row for row in self.writers[0].rows()}
        self.rows += [rows[number] for number in numbers]

    writer = st.integers(0, HANDLES - 1)

    @rule(
        writer=writer,
        session=st.sampled_from(SESSIONS),
        size=st.integers(0, 100),
        limit=st.none() | st.integers(0, 300),
    )
    def append(self, writer: int, session: str, size: int, limit: int | None) -> None:
        number, within = self.writers[writer].append(crossing(session, size), limit=limit)
        assert within == (limit is None or self._spent(session) + size <= limit)
        assert number == self.removed + len(self.rows) + 1
        self._take([number])
        assert self.rows[-1]["decision"] == ("allowed" if within else "blocked")

    @rule(writer=writer)
    def answer(self, writer: int) -> None:
        refers = self.removed + len(self.rows)
        record = {"kind": "receipt", "refers": refers, "bytes_in": 5, "outcome": "complete"}
        number, _ = self.writers[writer].append(record)
        self._take([number])

    @rule(writer=writer)
    def open_again(self, writer: int) -> None:
        self.writers[writer].close()
        self.writers[writer] = EgressLedger(self.path)

    @rule(after=st.integers(0, 3))
    def kill(self, after: int) -> None:
        """Another process appends and is killed: what it was told is there, at most one more."""
        reader, out = os.pipe()
        if (child := os.fork()) == 0:
            try:
                ledger = EgressLedger(self.path)
                for at in range(1000):
                    number, _ = ledger.append(crossing("s1", 1, f"{os.getpid()}.{at}"))
                    os.write(out, f"{number}\n".encode())
            finally:
                os._exit(1)
        os.close(out)
        with os.fdopen(reader) as said:
            numbers = [int(said.readline()) for _ in range(after)]
            os.kill(child, signal.SIGKILL)
            numbers += [int(line) for line in said]
        os.waitpid(child, 0)
        last = self.writers[0].last()
        more = list(range(self.removed + len(self.rows) + 1, last + 1))
        assert numbers == more[: len(numbers)]
        assert len(more) - len(numbers) in {0, 1}
        self._take(more)
        new = self.rows[len(self.rows) - len(more) :]
        assert [row["purpose"] for row in new] == [f"{child}.{at}" for at in range(len(new))]

    @precondition(lambda self: self.rows)
    @rule(writer=writer)
    def checkpoint(self, writer: int) -> None:
        self.kept.append(self.writers[writer].checkpoint())

    @precondition(lambda self: self.rows)
    @rule(writer=writer, pick=st.integers(0, 50))
    def retain(self, writer: int, pick: int) -> None:
        since = datetime.fromisoformat(self.rows[pick % len(self.rows)]["time"])
        stays = [row for row in self.rows if datetime.fromisoformat(row["time"]) >= since]
        gone = [row for row in self.rows if row["seq"] < stays[0]["seq"]]
        assert self.writers[writer].retain(since) == len(gone)
        if gone:
            self.rows = self.rows[len(gone) :]
            self.removed += len(gone)
            self._take([self.removed + len(self.rows) + 1])
            assert self.rows[-1]["kind"] == "retention"
            self.kept = [mark for mark in self.kept if mark.seq > self.removed]

    @precondition(lambda self: self.rows)
    @rule()
    def copy(self) -> None:
        self.old = self._bytes()
        self.old_last = self.removed + len(self.rows)

    @precondition(lambda self: self.old is not None)
    @rule()
    def put_an_old_copy_back(self) -> None:
        """Only a mark that was kept elsewhere tells."""
        newer = [mark for mark in self.kept if mark.seq > self.old_last]
        copy = self._tampered(self.old)
        if newer:
            with pytest.raises(LedgerError):
                copy.verify(checkpoints=newer)
        copy.close()

    @precondition(lambda self: self.rows)
    @rule(
        how=st.sampled_from(["change", "remove", "swap", "cut", "add"]),
        pick=st.integers(0, 50),
    )
    def tamper(self, how: str, pick: int) -> None:
        """Somebody changes a copy of the file: the first record at fault is named."""
        seq = self.rows[pick % len(self.rows)]["seq"]
        last = self.rows[-1]["seq"]
        statements = {
            "change": [f"UPDATE egress_records SET bytes_out = 987654 WHERE seq = {seq}"],
            "remove": [f"DELETE FROM egress_records WHERE seq = {seq}"],
            "swap": [
                f"UPDATE egress_records SET seq = -1 WHERE seq = {seq}",
                f"UPDATE egress_records SET seq = {seq} WHERE seq = {seq + 1}",
                f"UPDATE egress_records SET seq = {seq + 1} WHERE seq = -1",
            ],
            "cut": [f"DELETE FROM egress_records WHERE seq >= {seq}"],
            "add": [
                "INSERT INTO egress_records (seq, kind, time, hash) "
                f"SELECT {last + 1}, kind, time, hash FROM egress_records WHERE seq = {last}"
            ],
        }
        if how == "swap" and seq == last:
            return
        copy = self._tampered(self._bytes(), *statements[how])
        with pytest.raises(LedgerError) as found:
            copy.verify()
        assert found.value.record == (last + 1 if how == "add" else seq)
        copy.close()

    def _bytes(self) -> bytes:
        target = self.folder / "copied.sqlite"
        target.unlink(missing_ok=True)
        with closing(sqlite3.connect(self.path)) as source, closing(sqlite3.connect(target)) as to:
            source.backup(to)
        return target.read_bytes()

    def _tampered(self, data: bytes | None, *statements: str) -> EgressLedger:
        assert data is not None
        for file in self.folder.glob("other.sqlite*"):
            file.unlink()
        path = self.folder / "other.sqlite"
        path.write_bytes(data)
        shutil.copy(f"{self.path}.key", f"{path}.key")
        with closing(sqlite3.connect(path)) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()
        return EgressLedger(path)

    @invariant()
    def it_is_what_was_acknowledged(self) -> None:
        for writer in self.writers:
            report = writer.verify(checkpoints=self.kept)
            assert report.records == len(self.rows)
            assert (report.first, report.last) == (
                self.removed + 1 if self.rows else 1,
                self.removed + len(self.rows),
            )
        assert list(self.writers[0].rows()) == self.rows
        for session in SESSIONS:
            assert self.writers[1].spent(session) == self._spent(session)


@pytest.mark.parametrize("examples", [8, pytest.param(400, marks=pytest.mark.slow)])
def test_any_order(examples: int) -> None:
    chosen = settings(
        max_examples=examples,
        stateful_step_count=20,
        deadline=None,
        derandomize=True,
        database=None,
    )
    run_state_machine_as_test(Ledgers, settings=chosen)
