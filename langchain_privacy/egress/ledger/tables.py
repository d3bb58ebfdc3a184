"""The tables of the ledger, and how a connection to them is set up."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.pool import StaticPool

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
"""Every record: `kind` is `crossing`, `receipt` (an answer to one) or `retention`."""

_ALLOWED = text("kind = 'crossing' AND decision = 'allowed'")
SPENT = Index(
    "egress_spent",
    *(RECORDS.c[name] for name in ("session", "kind", "decision", "bytes_out")),
    sqlite_where=_ALLOWED,
    postgresql_where=_ALLOWED,
)
"""Lets a session's budget be summed without reading the other sessions' records."""

FIELDS = tuple(column.name for column in RECORDS.columns if column.name != "hash")
"""What the hash of a record covers, beside the hash before it."""

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


def in_memory(url: str) -> bool:
    """Tell whether a URL names a SQLite database that is no file."""
    parsed = make_url(url)
    named = parsed.database not in (None, "", ":memory:")
    return parsed.get_backend_name() == "sqlite" and not named


def open_engine(url: str) -> Engine:
    """Open a database so that writers wait for each other and a commit is on the disk."""
    parsed = make_url(url)
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True)
    memory = in_memory(url)
    options: dict[str, Any] = {"connect_args": {"check_same_thread": False, "timeout": 30}}
    if memory:
        options["poolclass"] = StaticPool
    engine = create_engine(parsed, **options)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        if not memory:
            cursor.execute("PRAGMA journal_mode=WAL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # A reader's transaction: the driver would begin none, and pages would not agree.
        connection.connection.dbapi_connection.execute("BEGIN")

    return engine
