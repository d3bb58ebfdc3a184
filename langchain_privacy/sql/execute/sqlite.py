"""SQLite: its own read-only connection, an authorizer, limits and a deadline.

The authorizer answers for every table, column and function that the compiled statement touches, so
it holds also where a name was resolved in another way than the guard thought. See SQLite's
`sqlite3_set_authorizer`, `sqlite3_limit` and "Defense Against The Dark Arts". `open_database` makes
a `SQLiteDatabase` for a file, or for an engine whose database is in memory.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import sqlalchemy

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.sql.execute.database import (
    Database,
    RowReader,
    Rows,
    Stop,
    code_of,
    query_error,
)
from langchain_privacy.sql.policy import SQLPolicy
from langchain_privacy.sql.tables import TableCard

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

_READING = (
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
)
_STEPS = 10_000
"""Virtual machine steps between two looks at the clock, well under a millisecond."""

# What one statement may be, and that no other database is attached to it.
_LIMITS = (
    (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
    (sqlite3.SQLITE_LIMIT_LENGTH, 4_000_000),
    (sqlite3.SQLITE_LIMIT_SQL_LENGTH, 100_000),
    (sqlite3.SQLITE_LIMIT_COMPOUND_SELECT, 20),
    (sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 200),
    (sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 500),
)


class SQLiteDatabase(Database):
    """Statements on a SQLite file, or on the in-memory database of an engine."""

    dialect = "sqlite"

    def __init__(
        self,
        source: "Engine | AsyncEngine | str",
        tables: Sequence[TableCard],
        policy: SQLPolicy,
        *,
        functions: frozenset[str],
    ) -> None:
        self._path = sqlalchemy.make_url(source if isinstance(source, str) else source.url).database
        self._engine: Any = None
        self._policy = policy
        if not self._path or self._path == ":memory:" or self._path.startswith("file:"):
            if not isinstance(source, sqlalchemy.Engine):
                msg = (
                    "An in-memory SQLite database needs the sync engine that holds it; give that, "
                    "or a file."
                )
                raise ConfigurationError(msg)
            self._engine = source
        self._readable = {
            (table.own_name.casefold(), name.casefold())
            for table in tables
            for name in ("", *(column.name for column in table.columns))
        }
        self._views = {table.own_name.casefold() for table in tables if table.view}
        self._functions = functions

    def run_all(self, statements: Sequence[str], until: float) -> list[Rows | None]:
        """Run statements on one connection: opening one reads the whole schema."""
        deadline = 0.0

        def late() -> int:
            return 1 if time.monotonic() > deadline else 0

        found: list[Rows | None] = []
        try:
            with self._connection(late) as connection:
                for sql in statements:
                    deadline = min(until, time.monotonic() + self._policy.timeout)
                    found.append(_read(connection, sql, self._policy))
        except sqlite3.Error as error:
            raise query_error(code_of(error)) from None
        return found

    def _run(self, sql: str, parameters: Mapping[str, Any], stop: Stop) -> Rows:
        deadline = time.monotonic() + self._policy.timeout

        def late() -> int:
            return 1 if stop.why or time.monotonic() > deadline else 0

        try:
            with self._connection(late) as connection:
                return RowReader(self._policy).read(connection.execute(sql, dict(parameters)))
        except sqlite3.Error as error:
            raise query_error(stop.why or code_of(error)) from None

    @contextmanager
    def _connection(self, late: Callable[[], int]) -> Iterator[sqlite3.Connection]:
        if self._engine is not None:
            with self._borrowed(self._engine, late) as connection:
                yield connection
            return
        path = quote(str(Path(self._path or "").absolute()))
        connection = sqlite3.connect(
            f"file:{path}?mode=ro", uri=True, timeout=1.0, cached_statements=0
        )
        try:
            connection.execute("PRAGMA query_only=ON")
            connection.execute("PRAGMA trusted_schema=OFF")
            for limit, value in _LIMITS:
                connection.setlimit(limit, value)
            if hasattr(connection, "setconfig"):  # from Python 3.12 on
                connection.setconfig(1010, True)  # SQLITE_DBCONFIG_DEFENSIVE
            connection.set_progress_handler(late, _STEPS)
            connection.set_authorizer(self._authorize)
            yield connection
        finally:
            connection.close()

    @contextmanager
    def _borrowed(self, engine: "Engine", late: Callable[[], int]) -> Iterator[sqlite3.Connection]:
        # An in-memory database is only reachable through its own connection: lend it the
        # defences and take them off again.
        with engine.connect() as outer:
            connection = outer.connection.driver_connection
            assert isinstance(connection, sqlite3.Connection)
            before = [(limit, connection.setlimit(limit, value)) for limit, value in _LIMITS]
            connection.set_progress_handler(late, _STEPS)
            connection.set_authorizer(self._authorize)
            try:
                yield connection
            finally:
                connection.set_authorizer(None)
                connection.set_progress_handler(None, 0)
                for limit, value in before:
                    connection.setlimit(limit, value)

    def _authorize(
        self,
        action: int,
        one: str | None,
        two: str | None,
        _database: str | None,
        within: str | None,
    ) -> int:
        """Answer for a table and column that is read, or for a function that is called.

        What a view of the card reads and calls is the view's: `within` names it.
        """
        if within is not None and within.casefold() in self._views:
            return sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY
        first, second = (one or "").casefold(), (two or "").casefold()
        if action == sqlite3.SQLITE_READ:
            allowed = (first, second) in self._readable
        elif action == sqlite3.SQLITE_FUNCTION:
            allowed = second in self._functions
        else:  # a recursion has a counter of the guard's
            allowed = action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE)
        return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _read(connection: sqlite3.Connection, sql: str, policy: SQLPolicy) -> Rows | None:
    """Read one statement of several; `None` when it failed by itself."""
    try:
        return RowReader(policy).read(connection.execute(sql))
    except sqlite3.Error as error:
        if code_of(error) == "unavailable":
            raise
        return None
