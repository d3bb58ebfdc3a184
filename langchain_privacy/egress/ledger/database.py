"""The ledger's database: its tables, one writer at a time, and errors of ours.

`EgressLedger` reads and writes through a `Database`, which is SQLite for one machine and PostgreSQL
for several:

```python
database = Database("sqlite:////home/ann/ledger.sqlite")
with database.writing() as cursor:
    database.ask.insert_record.run(cursor, row)
```

SQLAlchemy makes the pool and the text of every statement. What an append does runs on the driver's
own connection: SQLAlchemy's execution costs a crossing more than the database does.
"""

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Executable,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    create_engine,
    delete,
    event,
    func,
    insert,
    inspect,
    literal_column,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import StaticPool
from sqlalchemy.schema import CreateIndex, CreateTable

from langchain_privacy.errors import ConfigurationError, LedgerError

# ---- the tables

METADATA = MetaData()
_Number = BigInteger().with_variant(Integer, "sqlite")

RECORDS = Table(
    "egress_records",
    METADATA,
    Column("seq", _Number, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("time", String(40), nullable=False),
    Column("session", String(128)),
    Column("destination", Text),
    Column("model", Text),
    Column("purpose", Text),
    Column("decision", String(16)),
    Column("rule", Text),
    Column("bytes_out", _Number),
    Column("bytes_in", _Number),
    Column("tokens_out", _Number),
    Column("tokens_in", _Number),
    Column("measured", String(16)),
    Column("payload_digest", String(64)),
    Column("payload", Text),
    Column("entity_types", Text),
    Column("refers", _Number),
    Column("outcome", String(16)),
    Column("hash", String(64), nullable=False),
)
"""Every record, i.e. `chain.FIELDS` and their hash.

`kind` is `crossing`, `receipt` (an answer to one) or `retention`.
"""

MARKS = Table(
    "egress_marks",
    METADATA,
    Column("kind", String(16), primary_key=True),
    Column("seq", _Number, primary_key=True, autoincrement=False),
    Column("time", String(40), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("key", String(64), nullable=False),
    Column("signature", String(128), nullable=False),
)
"""Signed statements "record `seq` has this hash": one `head`, `checkpoint`s, one `retention`."""

_ALLOWED = text("kind = 'crossing' AND decision = 'allowed'")
SPENT = Index(
    "egress_spent",
    *(RECORDS.c[name] for name in ("session", "kind", "decision", "bytes_out")),
    sqlite_where=_ALLOWED,
    postgresql_where=_ALLOWED,
)
"""Lets a session's budget be summed without reading the other sessions' records."""


# ---- the statements


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


def _is(kind: str) -> ColumnElement[str]:
    return literal_column(f"'{kind}'")


class Statements:
    """What a ledger asks, compiled once for its database. Each takes its values by name."""

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


# ---- the database

_LOCK = 0x6C70_6564_6765  # any constant: the advisory lock of writers on PostgreSQL
_REASONS = {
    "SQLITE_FULL": "the disk is full",
    "SQLITE_READONLY": "it is read-only",
    "SQLITE_BUSY": "another process holds it",
    "SQLITE_CORRUPT": "the file is damaged",
    "SQLITE_NOTADB": "the file is no SQLite database",
    "SQLITE_CANTOPEN": "the file cannot be opened",
}


def file_of(url: str) -> Path | None:
    """Return the file that a URL names, `None` for a server and for SQLite in memory."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return None  # told where it is opened
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return None
    return Path(str(parsed.database))


class Database:
    """The tables in a database, safe for many threads and processes.

    Args:
        url: A SQLAlchemy URL.

    Raises:
        ConfigurationError: The URL cannot be used.
        LedgerError: The database cannot be opened.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        file = file_of(url)
        self._in_memory = url.startswith("sqlite") and file is None
        if file is not None:
            _make_private(file)
        self._open()

    def _open(self) -> None:
        self.lock = threading.Lock()
        try:
            self.engine = _engine(self._url, in_memory=self._in_memory)
            # Theirs quote statements with their parameters, so all become ours.
            self._errors = (
                SQLAlchemyError,
                self.engine.dialect.loaded_dbapi.Error,
                # From the driver for numbers and characters that the database cannot hold.
                OverflowError,
                UnicodeError,
            )
            self.ask = Statements(self.engine)
            self._pid = os.getpid()
            with self.writing(act="open") as cursor:
                for create in self.ask.create:
                    create.run(cursor)
            self._add_index()
        except (ArgumentError, ImportError):
            msg = (
                "The ledger's URL cannot be used: check its form, and install its driver, e.g. "
                'pip install "langchain-privacy[postgres]".'
            )
            raise ConfigurationError(msg) from None

    def _add_index(self) -> None:
        """Add the index, also to a ledger that was made without it."""
        with self.reading(act="open") as connection:
            indexes = inspect(connection).get_indexes(RECORDS.name)
        if any(index["name"] == SPENT.name for index in indexes):
            return
        # A writer that does not own PostgreSQL's table may not; the sums are right without it.
        refused = self.engine.dialect.loaded_dbapi.ProgrammingError
        with self.writing(act="open") as cursor, contextlib.suppress(refused):
            self.ask.create_index.run(cursor)

    @contextlib.contextmanager
    def writing(self, *, durable: bool = True, act: str = "write") -> Iterator[Any]:
        """Give the driver's cursor inside a transaction that no other thread or process shares.

        Args:
            durable: Survive a power cut, not only a kill.
            act: What cannot be done when it fails.
        """
        if self._pid != os.getpid():
            # A forked process must not share its parent's connections or lock.
            self._open()
        with self.lock:
            try:
                connection = self.engine.raw_connection()
                try:
                    cursor = connection.cursor()
                    if self.engine.dialect.name == "sqlite":
                        cursor.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                        # At once: two readers that turn writers would deadlock.
                        cursor.execute("BEGIN IMMEDIATE")
                    elif self.engine.dialect.name == "postgresql":
                        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
                    yield cursor
                    connection.commit()
                finally:
                    connection.close()  # to the pool, which rolls back what was not committed
            except self._errors as error:
                raise _ours(error, act) from None

    @contextlib.contextmanager
    def reading(self, *, act: str = "read") -> Iterator[Connection]:
        """Give a connection to read with; all that is read in it is of one moment."""
        if self._pid != os.getpid():
            self._open()
        # In memory all threads share one connection: a reader's end would undo a writer's half.
        with self.lock if self._in_memory else contextlib.nullcontext():
            try:
                with self.engine.connect() as connection:
                    yield connection
            except self._errors as error:
                raise _ours(error, act) from None

    def close(self) -> None:
        """Close the connections."""
        self.engine.dispose()


def _make_private(file: Path) -> None:
    """Make a new database's file so that only its owner can read it.

    SQLite gives its journals (`-wal`, `-shm`) the rights of the file that they belong to. A file
    that is there already keeps its own, and is not opened: closing it would take the locks away
    that SQLite holds on it in this process.
    """
    # SQLite says better than we why it cannot be made; a URI of its own (`file:...`) is no path.
    with contextlib.suppress(OSError):
        if not str(file).startswith("file:"):
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _engine(url: str, *, in_memory: bool) -> Engine:
    """Open a database so that writers wait for each other and a commit is on the disk."""
    parsed = make_url(url)
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True)
    options: dict[str, Any] = {"connect_args": {"check_same_thread": False, "timeout": 30}}
    if in_memory:
        options["poolclass"] = StaticPool
    engine = create_engine(parsed, **options)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        if not in_memory:
            cursor = connection.cursor()
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # A reader's transaction: the driver would begin none, and pages would not agree.
        connection.connection.dbapi_connection.execute("BEGIN")

    return engine


def _ours(error: BaseException, act: str) -> LedgerError:
    original = getattr(error, "orig", None) or error
    kind = getattr(original, "sqlite_errorname", None) or type(original).__name__
    reason = next((said for name, said in _REASONS.items() if kind.startswith(name)), kind)
    return LedgerError(f"The ledger cannot {act}: {reason}. Nothing crosses until it can.")
