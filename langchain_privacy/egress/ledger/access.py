"""Access to a ledger's database: one writer at a time, statements compiled once, errors of ours.

SQLAlchemy makes the pool and the text of every statement. What an append does runs on the driver's
own connection: SQLAlchemy's execution costs a crossing more than the database does.
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Engine, Executable
from sqlalchemy.exc import SQLAlchemyError

from langchain_privacy.errors import LedgerError

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
