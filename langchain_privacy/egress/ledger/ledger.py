"""The ledger: everything that crossed, or was refused."""

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import (
    ColumnElement,
    Engine,
    Executable,
    bindparam,
    delete,
    func,
    insert,
    inspect,
    literal_column,
    make_url,
    select,
    update,
)
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.schema import CreateIndex, CreateTable

from langchain_privacy.egress.ledger.chain import (
    FIELDS,
    GENESIS,
    MARKS,
    METADATA,
    RECORDS,
    SPENT,
    Crossing,
    LedgerReport,
    Mark,
    PublicKey,
    SigningKey,
    each,
    hash_record,
    in_memory,
    join,
    mark_statement,
    open_engine,
    verify_chain,
)
from langchain_privacy.errors import ConfigurationError, LedgerError

# ---- Access to a ledger's database: one writer at a time, statements compiled once, errors of
# ours.
#
# SQLAlchemy makes the pool and the text of every statement. What an append does runs on the
# driver's own connection: SQLAlchemy's execution costs a crossing more than the database does.

_LOCK = 0x6C70_6564_6765  # any constant: the advisory lock of writers on PostgreSQL
_REASONS = {
    "SQLITE_FULL": "the disk is full",
    "SQLITE_READONLY": "it is read-only",
    "SQLITE_BUSY": "another process holds it",
    "SQLITE_CORRUPT": "the file is damaged",
    "SQLITE_NOTADB": "the file is no SQLite database",
    "SQLITE_CANTOPEN": "the file cannot be opened",
}


class Statement:
    """A statement compiled for a database; runs on a cursor of its driver."""

    def __init__(
        self, statement: Executable, engine: Engine, columns: list[str] | None = None
    ) -> None:
        options = {} if columns is None else {"column_keys": columns}
        compiled = statement.compile(engine, **options)  # type: ignore[attr-defined]
        self._text = str(compiled)
        self._order: list[str] | None = getattr(compiled, "positiontup", None)

    def run(self, cursor: Any, values: Mapping[str, Any] | None = None) -> Any:
        """Run it with `values` by name; returns the cursor."""
        given: Any = values or {}
        if self._order is not None:
            given = tuple(given[name] for name in self._order)
        cursor.execute(self._text, given)
        return cursor


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Any]:
    """Give a cursor to read with."""
    connection = engine.raw_connection()
    try:
        yield connection.cursor()
    finally:
        connection.close()  # back to the pool, which rolls back what was not committed


@contextlib.contextmanager
def writing(engine: Engine, *, durable: bool = True) -> Iterator[Any]:
    """Give a cursor inside a transaction that no other thread or process shares.

    Args:
        engine: See `tables.open_engine`.
        durable: Survive a power cut, not only a kill.
    """
    with reading(engine) as cursor:
        if engine.dialect.name == "sqlite":
            cursor.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            # At once: two readers that turn writers would deadlock.
            cursor.execute("BEGIN IMMEDIATE")
        elif engine.dialect.name == "postgresql":
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        yield cursor
        cursor.connection.commit()


@contextlib.contextmanager
def guarded(engine: Engine, act: str) -> Iterator[None]:
    """Turn the database's errors into ours; theirs quote statements with their parameters."""
    try:
        yield
    except (
        SQLAlchemyError,
        engine.dialect.loaded_dbapi.Error,
        # From the driver for numbers and characters that the database cannot hold.
        OverflowError,
        UnicodeError,
    ) as error:
        original = getattr(error, "orig", None) or error
        kind = getattr(original, "sqlite_errorname", None) or type(original).__name__
        reason = next((said for name, said in _REASONS.items() if kind.startswith(name)), kind)
        msg = f"The ledger cannot {act}: {reason}. Nothing crosses until it can."
        raise LedgerError(msg) from None


# ---- What a ledger's writers ask of the database, compiled once for it.


def _is(kind: str) -> ColumnElement[str]:
    return literal_column(f"'{kind}'")


class Statements:
    """Each takes its values by name; see the tables."""

    def __init__(self, engine: Engine) -> None:
        records, marks = RECORDS.c, MARKS.c
        head, checkpoint = marks.kind == _is("head"), marks.kind == _is("checkpoint")
        seq: ColumnElement[int] = bindparam("to_seq")
        limit: ColumnElement[str] = bindparam("to_time")
        allowed = (records.kind == _is("crossing")) & (records.decision == _is("allowed"))

        self.create = [
            Statement(CreateTable(table, if_not_exists=True), engine)
            for table in METADATA.sorted_tables
        ]
        self.create_index = Statement(CreateIndex(SPENT, if_not_exists=True), engine)
        self.insert_record = Statement(insert(RECORDS), engine, RECORDS.columns.keys())
        self.insert_mark = Statement(insert(MARKS), engine, MARKS.columns.keys())
        self.find_head = Statement(select(marks.seq, marks.hash).where(head), engine)
        self.move_head = Statement(update(MARKS).where(head), engine, MARKS.columns.keys())
        self.spent = Statement(
            select(func.sum(records.bytes_out)).where(
                allowed, records.session == bindparam("in_session")
            ),
            engine,
        )
        self.remove_checkpoint = Statement(
            delete(MARKS).where(checkpoint, marks.seq == seq), engine
        )
        # Up to the first record that stays: a clock that went back must not leave a gap.
        self.first_since = Statement(
            select(func.min(records.seq)).where(records.time >= limit), engine
        )
        last = select(func.max(records.seq)).where(records.seq < seq).scalar_subquery()
        self.last_before = Statement(
            select(records.seq, records.hash).where(records.seq == last), engine
        )
        self.remove_records = Statement(delete(RECORDS).where(records.seq <= seq), engine)
        self.remove_old_marks = Statement(
            delete(MARKS).where(
                (marks.kind == _is("retention")) | (checkpoint & (marks.seq < seq))
            ),
            engine,
        )


CHECKPOINT_EVERY = 256
_PAGE = 1000
_ALL = 2**63 - 1  # above every record's number


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
        self._url, file = _locate(url_or_path)
        if file is not None:
            try:
                file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            except OSError:
                msg = f"The folder of the ledger cannot be made: {file.parent}"
                raise LedgerError(msg) from None
        self._key = self._load_key(signing_key, file)
        self._open()

    def __repr__(self) -> str:
        return f"<EgressLedger on {self._engine.dialect.name}>"

    def __getstate__(self) -> dict[str, Any]:
        msg = "A ledger does not travel; open it again by its path or URL in the other process."
        raise ConfigurationError(msg)

    def _load_key(self, given: Any, file: Path | None) -> SigningKey:
        if isinstance(given, Ed25519PrivateKey):
            return SigningKey(given)
        if given is not None:
            return SigningKey.at(Path(given))
        if file is not None:
            return SigningKey.at(file.with_name(file.name + ".key"))
        if self._url.startswith("sqlite"):
            return SigningKey()
        with contextlib.suppress(OSError):  # the key will say that it cannot be made
            home().mkdir(parents=True, exist_ok=True, mode=0o700)
        return SigningKey.at(home() / "ledger.key")

    def _open(self) -> None:
        self._lock = threading.Lock()
        try:
            self._engine, self._in_memory = open_engine(self._url), in_memory(self._url)
            self._statements = Statements(self._engine)
            with guarded(self._engine, "open"):
                with writing(self._engine) as cursor:
                    for create in self._statements.create:
                        create.run(cursor)
                self._index()
        except (ArgumentError, ImportError):
            msg = (
                "The ledger's URL cannot be used: check its form, and install its driver, e.g. "
                'pip install "langchain-privacy[postgres]".'
            )
            raise ConfigurationError(msg) from None
        self._pid = os.getpid()

    def _index(self) -> None:
        """Add the index, also to a ledger that was made without it."""
        indexes = inspect(self._engine).get_indexes(RECORDS.name)
        if any(index["name"] == SPENT.name for index in indexes):
            return
        # A writer that does not own PostgreSQL's table may not; the sums are right without it.
        with (
            contextlib.suppress(self._engine.dialect.loaded_dbapi.ProgrammingError),
            writing(self._engine) as cursor,
        ):
            self._statements.create_index.run(cursor)

    @contextlib.contextmanager
    def _writing(self, *, durable: bool = True) -> Iterator[Any]:
        self._after_fork()
        with (
            self._lock,
            guarded(self._engine, "write"),
            writing(self._engine, durable=durable) as cursor,
        ):
            yield cursor

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        self._after_fork()
        # In memory all threads share one connection: a reader's end would undo a writer's half.
        alone = self._lock if self._in_memory else contextlib.nullcontext()
        with alone, guarded(self._engine, "read"):
            yield

    def _after_fork(self) -> None:
        """Open anew in a forked process, which must not share its parent's connections or lock."""
        if self._pid != os.getpid():
            self._open()

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies this ledger's marks; give its `pem` to whoever checks."""
        return self._key.public

    # ---- writing -------------------------------------------------------------------------------

    def append(self, record: Mapping[str, Any], *, limit: int | None = None) -> tuple[int, bool]:
        """Append a record; on return it survives a kill, and a crossing also a power cut.

        Args:
            record: Fields of `tables.RECORDS` without `seq`, `time` and `hash`.
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
        with self._writing(durable=durable) as cursor:
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
        self._statements.insert_record.run(cursor, row)
        if head:
            self._statements.move_head.run(cursor, self._signed("head", seq, row["hash"], when))
        else:
            self._mark(cursor, "head", seq, row["hash"], when)
        if seq % CHECKPOINT_EVERY == 0:
            self._mark(cursor, "checkpoint", seq, row["hash"], when)
        return seq

    def spent(self, session: str) -> int:
        """Return the bytes that a session was allowed to send so far."""
        with self._reading(), reading(self._engine) as cursor:
            return self._spent(cursor, session)

    def _spent(self, cursor: Any, session: str | None) -> int:
        (spent,) = self._statements.spent.run(cursor, {"in_session": session}).fetchone()
        return int(spent or 0)

    def _signed(self, kind: str, seq: int, digest: str, when: str) -> dict[str, Any]:
        """Return the fields of a mark."""
        signature = self._key.sign(mark_statement(kind, seq, when, digest))
        return {
            "kind": kind,
            "seq": seq,
            "time": when,
            "hash": digest,
            "key": self.public_key.fingerprint,
            "signature": signature,
        }

    def _mark(self, cursor: Any, kind: str, seq: int, digest: str, when: str) -> Mark:
        signed = self._signed(kind, seq, digest, when)
        self._statements.insert_mark.run(cursor, signed)
        return Mark(**signed)

    def _head(self, cursor: Any) -> tuple[int, str] | None:
        head: tuple[int, str] | None = self._statements.find_head.run(cursor).fetchone()
        if head and not (isinstance(head[0], int) and isinstance(head[1], str)):
            msg = "The ledger's signed head is damaged. Nothing crosses; see what verify says."
            raise LedgerError(msg)
        return head

    # ---- reading -------------------------------------------------------------------------------

    def rows(self, after: int = 0) -> Iterator[dict[str, Any]]:
        """Yield records with their hashes, ascending; reads in pages and holds no lock."""
        while True:
            query = select(RECORDS).where(RECORDS.c.seq > after).order_by(RECORDS.c.seq)
            with self._reading(), self._engine.connect() as connection:
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

        yield from each(arriving())

    def last(self) -> int:
        """Return the number of the last record, 0 when there is none."""
        with self._reading(), reading(self._engine) as cursor:
            head = self._head(cursor)
        return head[0] if head else 0

    def export(self, path: str | Path) -> int:
        """Write all records as JSON Lines, one record with its hash a line.

        Returns:
            The number of records written.
        """
        count = 0
        with Path(path).open("w", encoding="utf-8") as file:
            for row in self.rows():
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                count += 1
        return count

    # ---- proof ---------------------------------------------------------------------------------

    def checkpoint(self) -> Mark:
        """Sign the present head; keep the mark where the ledger's machine cannot change it."""
        with self._writing() as cursor:
            head = self._head(cursor)
            if head is None:
                msg = "There is nothing to sign yet: the ledger is empty."
                raise LedgerError(msg)
            seq, digest = head
            self._statements.remove_checkpoint.run(cursor, {"to_seq": seq})
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
        with self._reading(), self._engine.connect() as connection:
            # One snapshot: records that arrive meanwhile are not half seen.
            rows = [dict(r) for r in connection.execute(_ORDERED).mappings()]
            marks = [Mark(**r) for r in connection.execute(select(MARKS)).mappings()]
        return verify_chain(rows, [*marks, *checkpoints], key or self.public_key)

    def retain(self, since: datetime) -> int:
        """Remove records older than `since`; what is left stays verifiable.

        A signed mark takes the place of what was removed, and a record says how much it was.

        Returns:
            The number of records removed.
        """
        limit = since.astimezone(UTC).isoformat(timespec="microseconds")
        ask = self._statements
        with self._writing() as cursor:
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
        self._engine.dispose()


_ORDERED = select(RECORDS).order_by(RECORDS.c.seq)
_REFUSED = {"decision": "blocked", "rule": "max_bytes_per_session", "payload": None}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _locate(given: str | Path | None) -> tuple[str, Path | None]:
    """Return the URL, and the file when it is one."""
    if isinstance(given, str) and "://" in given:
        try:
            url = make_url(given)
        except (ArgumentError, ValueError):
            return given, None  # told where it is opened
        if url.get_backend_name() == "sqlite" and not in_memory(given):
            return given, Path(str(url.database))
        return given, None
    if given == ":memory:":
        return "sqlite://", None
    path = Path(home() / "ledger.sqlite" if given is None else given)
    return f"sqlite:///{path}", path
