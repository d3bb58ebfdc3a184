"""The ledger: everything that crossed, or was refused.

`EgressGuard` appends to it; the command line, the demo and whoever audits read it.

```python
ledger = EgressLedger("ledger.sqlite")
guard = EgressGuard(masker, ledger=ledger)
...
for crossing in ledger:
    print(crossing.destination, crossing.decision, crossing.bytes_out)
ledger.verify()
```
"""

import contextlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from langchain_privacy.egress.ledger.chain import (
    FIELDS,
    GENESIS,
    LedgerReport,
    Mark,
    PublicKey,
    SigningKey,
    hash_record,
    verify_chain,
)
from langchain_privacy.egress.ledger.database import MARKS, RECORDS, Database, file_of
from langchain_privacy.egress.ledger.record import Crossing, follow, join
from langchain_privacy.errors import ConfigurationError, LedgerError

CHECKPOINT_EVERY = 256
_PAGE = 1000
_ALL = 2**63 - 1  # above every record's number
_REFUSED = {"decision": "blocked", "rule": "max_bytes_per_session", "payload": None}


def home() -> Path:
    """Return the folder of our files: `LANGCHAIN_PRIVACY_HOME`, else `~/.langchain-privacy`."""
    named = os.environ.get("LANGCHAIN_PRIVACY_HOME")
    return Path(named) if named else Path.home() / ".langchain-privacy"


class EgressLedger:
    """An append-only record of crossings, safe for many threads and processes.

    Each record's hash covers the one before it (SHA-256), and each append signs the new head
    (Ed25519), so that a record that was changed, removed or moved is named by `verify`. Somebody
    who holds the signing key, or who puts an old copy of the whole ledger back, is only found
    with a `checkpoint` that was kept elsewhere.

    Args:
        url_or_path: Path of a SQLite file, a SQLAlchemy URL (`sqlite://` for memory only,
            `postgresql://...`), or `None` for `ledger.sqlite` in `LANGCHAIN_PRIVACY_HOME`.
        signing_key: An Ed25519 key, the path of one in PEM (made when absent), or `None` for
            `<path>.key` beside a file and `ledger.key` in `LANGCHAIN_PRIVACY_HOME` for a server.
        keep_payload: Keep the payload of allowed crossings beside its digest. Payloads are masked,
            but a masker that missed something misses it here too: off by default.

    Raises:
        ConfigurationError: The URL or the key cannot be used.
        LedgerError: The database cannot be opened.
    """

    def __init__(
        self,
        url_or_path: str | Path | None = None,
        *,
        signing_key: Ed25519PrivateKey | str | Path | None = None,
        keep_payload: bool = False,
    ) -> None:
        self.keep_payload = keep_payload
        url, file = _located(url_or_path)
        if file is not None:
            try:
                file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            except OSError:
                msg = f"The folder of the ledger cannot be made: {file.parent}"
                raise LedgerError(msg) from None
        self._key = self._load_key(signing_key, url, file)
        self._database = Database(url)

    def __repr__(self) -> str:
        return f"<EgressLedger on {self._database.engine.dialect.name}>"

    def __getstate__(self) -> dict[str, Any]:
        msg = "A ledger does not travel; open it again by its path or URL in the other process."
        raise ConfigurationError(msg)

    @staticmethod
    def _load_key(given: Any, url: str, file: Path | None) -> SigningKey:
        if isinstance(given, Ed25519PrivateKey):
            return SigningKey(given)
        if given is not None:
            return SigningKey.at(Path(given))
        if file is not None:
            return SigningKey.at(file.with_name(file.name + ".key"))
        if url.startswith("sqlite"):
            return SigningKey()
        with contextlib.suppress(OSError):  # the key will say that it cannot be made
            home().mkdir(parents=True, exist_ok=True, mode=0o700)
        return SigningKey.at(home() / "ledger.key")

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies this ledger's marks; give its `pem` to whoever checks."""
        return self._key.public

    # ---- writing -------------------------------------------------------------------------------

    def append(self, record: Mapping[str, Any], *, limit: int | None = None) -> tuple[int, bool]:
        """Append a record; on return it survives a kill, and a crossing also a power cut.

        Args:
            record: Fields of `chain.FIELDS` without `seq` and `time`.
            limit: Bytes that may cross in the record's session in all; a crossing that would
                exceed it is recorded as blocked. Decided under the writers' lock.

        Returns:
            Its number, and whether it stayed within the limit.

        Raises:
            LedgerError: It could not be recorded, and is not.
        """
        row: dict[str, Any] = {name: record.get(name) for name in FIELDS}
        # A crossing waits for the disk before it goes; the note of an answer need not.
        durable = row["kind"] != "receipt"
        with self._database.writing(durable=durable) as cursor:
            within = True
            if limit is not None and row["decision"] == "allowed":
                within = self._spent(cursor, row["session"]) + row["bytes_out"] <= limit
                if not within:
                    row |= _REFUSED
            number = self._add(cursor, row)
        return number, within

    def _add(self, cursor: Any, row: dict[str, Any]) -> int:
        head = self._head(cursor)
        before, digest = head or (0, GENESIS)
        seq, when = before + 1, _now()
        row |= {"seq": seq, "time": when}
        row["hash"] = hash_record(digest, row)
        ask = self._database.ask
        ask.insert_record.run(cursor, row)
        mark = ask.move_head if head else ask.insert_mark
        mark.run(cursor, self._key.sign("head", seq, row["hash"], when))
        if seq % CHECKPOINT_EVERY == 0:
            self._mark(cursor, "checkpoint", seq, row["hash"], when)
        return seq

    def spent(self, session: str) -> int:
        """Return the bytes that a session was allowed to send so far."""
        with self._database.reading() as connection:
            return self._spent(connection.connection.cursor(), session)

    def _spent(self, cursor: Any, session: str | None) -> int:
        (spent,) = self._database.ask.spent.run(cursor, {"in_session": session}).fetchone()
        return int(spent or 0)

    def _mark(self, cursor: Any, kind: str, seq: int, digest: str, when: str) -> Mark:
        signed = self._key.sign(kind, seq, digest, when)
        self._database.ask.insert_mark.run(cursor, signed)
        return Mark(**signed)

    def _head(self, cursor: Any) -> tuple[int, str] | None:
        head: tuple[int, str] | None = self._database.ask.find_head.run(cursor).fetchone()
        if head and not (isinstance(head[0], int) and isinstance(head[1], str)):
            msg = "The ledger's signed head is damaged. Nothing crosses; see what verify says."
            raise LedgerError(msg)
        return head

    # ---- reading -------------------------------------------------------------------------------

    def rows(self, after: int = 0) -> Iterator[dict[str, Any]]:
        """Yield records with their hashes, ascending; reads in pages and holds no lock."""
        while True:
            query = select(RECORDS).where(RECORDS.c.seq > after).order_by(RECORDS.c.seq)
            with self._database.reading() as connection:
                page = [dict(row) for row in connection.execute(query.limit(_PAGE)).mappings()]
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1]["seq"]

    def crossings(self, *, session: str | None = None) -> list[Crossing]:
        """Return the crossings in order, each with its answer where it has come.

        Args:
            session: Only those of this session (its digest).
        """
        crossings = join(self.rows())
        return [c for c in crossings if session is None or c.session == session]

    def __iter__(self) -> Iterator[Crossing]:
        return iter(self.crossings())

    def subscribe(self, *, after: int | None = None, poll: float = 0.2) -> Iterator[Crossing]:
        """Yield crossings as they are recorded, by any process: when opened, and when complete.

        Args:
            after: Begin after this record; `None` for now, 0 for everything.
            poll: Seconds between looks.
        """
        position = self.last() if after is None else after

        def arriving() -> Iterator[dict[str, Any]]:
            nonlocal position
            while True:
                for row in self.rows(position):
                    position = row["seq"]
                    yield row
                time.sleep(poll)

        yield from follow(arriving())

    def last(self) -> int:
        """Return the number of the last record, 0 when there is none."""
        with self._database.reading() as connection:
            head = self._head(connection.connection.cursor())
        return head[0] if head else 0

    def export(self, path: str | Path) -> int:
        """Write all records as JSON Lines, one record with its hash a line.

        A new file can be read by its owner only, as the ledger itself.

        Returns:
            The number of records written.
        """
        count = 0
        with open(path, "w", encoding="utf-8", opener=_for_owner_only) as file:
            for row in self.rows():
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                count += 1
        return count

    # ---- proof ---------------------------------------------------------------------------------

    def checkpoint(self) -> Mark:
        """Sign the present head; keep the mark where the ledger's machine cannot change it."""
        with self._database.writing() as cursor:
            head = self._head(cursor)
            if head is None:
                msg = "There is nothing to sign yet: the ledger is empty."
                raise LedgerError(msg)
            seq, digest = head
            self._database.ask.remove_checkpoint.run(cursor, {"to_seq": seq})
            return self._mark(cursor, "checkpoint", seq, digest, _now())

    def verify(
        self, *, public_key: PublicKey | str | None = None, checkpoints: Iterable[Mark] = ()
    ) -> LedgerReport:
        """Check every record, the chain, and every signed mark.

        Args:
            public_key: The writers' key (or its PEM); default this ledger's own.
            checkpoints: Marks that were kept elsewhere.

        Raises:
            LedgerError: Something does not hold; `.record` is the first record at fault.
        """
        key = PublicKey.from_pem(public_key) if isinstance(public_key, str) else public_key
        with self._database.reading() as connection:
            # One snapshot: records that arrive meanwhile are not half seen.
            ordered = select(RECORDS).order_by(RECORDS.c.seq)
            rows = [dict(r) for r in connection.execute(ordered).mappings()]
            marks = [Mark(**r) for r in connection.execute(select(MARKS)).mappings()]
        return verify_chain(rows, [*marks, *checkpoints], key or self.public_key)

    def retain(self, since: datetime) -> int:
        """Remove records older than `since`; what is left stays verifiable.

        A signed mark takes the place of what was removed, and a record says how much it was.

        Returns:
            The number of records removed.
        """
        limit = since.astimezone(UTC).isoformat(timespec="microseconds")
        ask = self._database.ask
        with self._database.writing() as cursor:
            (first_kept,) = ask.first_since.run(cursor, {"to_time": limit}).fetchone()
            before = _ALL if first_kept is None else first_kept
            last_removed = ask.last_before.run(cursor, {"to_seq": before}).fetchone()
            if last_removed is None:
                return 0
            seq, digest = last_removed
            removed = ask.remove_records.run(cursor, {"to_seq": seq}).rowcount
            ask.remove_old_marks.run(cursor, {"to_seq": seq})
            self._mark(cursor, "retention", seq, digest, _now())
            note = {"kind": "retention", "refers": seq, "rule": f"removed {removed} records"}
            self._add(cursor, {name: note.get(name) for name in FIELDS})
        return int(removed)

    def close(self) -> None:
        """Close the connections."""
        self._database.close()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _located(given: str | Path | None) -> tuple[str, Path | None]:
    """Return the URL, and the file when it is one."""
    if isinstance(given, str) and "://" in given:
        return given, file_of(given)
    if given == ":memory:":
        return "sqlite://", None
    path = Path(home() / "ledger.sqlite" if given is None else given)
    return f"sqlite:///{path}", path


def _for_owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
