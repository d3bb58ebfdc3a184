"""What all databases share: how statements are run, the rows, and the codes of what goes wrong.

The classes of this folder derive from `Database`: they say in `_run` how a thread runs one
statement, and in a `Stop` how that is ended. The nodes of a private SQL graph see nothing but
`run`, `arun`, `Rows` and the `QueryError`s that `query_error` makes.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from langchain_privacy.errors import QueryError
from langchain_privacy.sql.policy import SQLPolicy
from langchain_privacy.sql.tables import ColumnCard


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """The rows of one statement. Its `repr` shows no value.

    Attributes:
        rows: The values, row by row.
        truncated: There were more rows or bytes than the policy reads.
    """

    rows: list[tuple[Any, ...]] = field(repr=False)
    truncated: bool


Keys = tuple[Mapping[str, Sequence[str]], Mapping[str, Sequence[tuple[str, str, str]]]]
"""By table, the columns of the primary key; and the foreign keys, as on a card."""


class Listing(NamedTuple):
    """What a database says of itself, in names as a card writes them.

    Attributes:
        own: The connection's own schema, `""` for none.
        columns: Schema, table and column, and whether the table is a view, in order.
        keys: Reads the keys of a schema.
    """

    own: str
    columns: list[tuple[str, str, ColumnCard, bool]]
    keys: Callable[[str], Keys]


class Stop:
    """Ends a statement from another thread: at a deadline, or when its task is cancelled.

    Attributes:
        why: The code of the `QueryError` that it was ended with, once it was.
    """

    def __init__(self) -> None:
        self.why: str | None = None

    def stop(self, why: str) -> None:
        """Free whoever waits for the statement; the first reason counts."""
        self.why = self.why or why

    async def cancel(self) -> None:
        """Stop it on an event loop."""
        self.stop("cancelled")


class Database:
    """Runs checked statements under the engine's own defences.

    Every call opens what it needs and leaves nothing behind: no session setting, no open
    transaction, no authorizer on a connection of yours.

    Attributes:
        dialect: Name of its row in `DIALECTS`.
    """

    dialect: str
    _stop: type[Stop] = Stop

    def run(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Rows:
        """Run a statement with `:name` parameters.

        Raises:
            QueryError: It failed, was stopped, or the database is away; `.code` says which.
        """
        return self._run(sql, parameters or {}, self._stop())

    async def arun(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Rows:
        """Like `run`, in a thread; cancelling the task stops the statement."""
        stop = self._stop()
        try:
            return await asyncio.to_thread(self._run, sql, parameters or {}, stop)
        except asyncio.CancelledError:
            await stop.cancel()
            raise

    def _run(self, sql: str, parameters: Mapping[str, Any], stop: Any) -> Rows:
        """Run a statement; `stop` is given what ends it."""
        raise NotImplementedError

    def run_all(self, statements: Sequence[str], until: float) -> list[Rows | None]:
        """Run statements of ours one after the other.

        Args:
            statements: Without parameters.
            until: When to stop, by `time.monotonic()`; what is left then is not run.

        Returns:
            The rows of each; `None` where it failed by itself or was not run.

        Raises:
            QueryError: The database cannot be reached.
        """
        return [self._one_of(sql, until) for sql in statements]

    def _one_of(self, sql: str, until: float) -> Rows | None:
        if time.monotonic() > until:
            return None
        try:
            return self.run(sql)
        except QueryError as error:
            if error.code in ("unavailable", "cancelled"):
                raise
            return None

    def listing(self) -> Listing:
        """Read names, types and keys, where SQLAlchemy does not (`Dialect.reflected`)."""
        raise NotImplementedError


SLOT = re.compile(
    r"""
    '(?:[^']|'')*'        # a string, stepped over; where a backslash escapes, none is in it
    | "(?:[^"]|"")*"      # an identifier, stepped over
    | `(?:[^`]|``)*`      # an identifier of MySQL, stepped over
    | :(v\d+)\b           # a slot outside of them
    """,
    re.VERBOSE,
)
"""Finds the slots of a statement, for drivers that write parameters in another way."""


class RowReader:
    """Takes rows until the policy's row or byte limit."""

    def __init__(self, policy: SQLPolicy) -> None:
        self._rows: list[tuple[Any, ...]] = []
        self._left = policy.max_bytes
        self._limit = policy.row_limit
        self.full = False

    def take(self, rows: Iterable[Iterable[Any]]) -> None:
        """Take more rows; sets `full` when a limit is reached."""
        for row in rows:
            values = tuple(row)
            self._left -= sum(
                len(value) if isinstance(value, (str, bytes)) else 16 for value in values
            )
            if len(self._rows) >= self._limit or self._left < 0:
                self.full = True
                return
            self._rows.append(values)

    def read(self, cursor: Any) -> Rows:
        """Take all rows of a cursor, up to a limit."""
        while not self.full and (batch := cursor.fetchmany(500)):
            self.take(batch)
        return self.done()

    def done(self) -> Rows:
        """Return what was taken."""
        return Rows(rows=self._rows, truncated=self.full)


# Errors of drivers as codes: their own text may hold a cell, a parameter or a host name.

MEANINGS = {
    "timeout": "it ran longer than SQLPolicy(timeout=...) allows and was stopped",
    "cancelled": "it was cancelled",
    "too_large": "it needed more memory or longer values than the policy allows",
    "cast_failed": "a value could not be converted to the type that was asked for",
    "forbidden": "the database refused access; check the grants and the schema card",
    "unknown_function": "the database does not have one of its functions",
    "unavailable": "the database cannot be reached, or the connection broke; nothing was sent",
    "failed": "the database could not run it",
}
"""Every code of `QueryError`, with its meaning."""

# PostgreSQL, by the beginning of the standard's SQLSTATE.
_SQLSTATES = (
    ("57014", "timeout"),
    ("57P", "unavailable"),
    ("08", "unavailable"),
    ("28", "unavailable"),
    ("3D", "unavailable"),
    ("53", "too_large"),
    ("54", "too_large"),
    ("22", "cast_failed"),
    ("42501", "forbidden"),
    ("25006", "forbidden"),
    ("42883", "unknown_function"),
)
# SQLite and whoever has no numbers, by a part of the text in lower case.
_TEXTS = (
    ("interrupt", "timeout"),
    ("not authorized", "forbidden"),
    ("prohibited", "forbidden"),
    ("too big", "too_large"),
    ("too many", "too_large"),
    ("out of memory", "too_large"),
    ("no such function", "unknown_function"),
    ("unable to open", "unavailable"),
    ("not a database", "unavailable"),
    ("lock on file", "unavailable"),
    ("conversion error", "cast_failed"),
    ("could not convert", "cast_failed"),
)


def query_error(code: str) -> QueryError:
    """Make the error of a code."""
    return QueryError(f"The statement did not finish: {MEANINGS[code]}.", code=code)


def code_of(error: BaseException, numbers: Mapping[int, str] | None = None) -> str:
    """Find the code of a driver's error, or of SQLAlchemy's around it.

    Args:
        error: The error.
        numbers: What its number means, of a driver that has them (`Dialect.errors`).
    """
    original = getattr(error, "orig", None) or error
    state = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)
    if isinstance(state, str):
        for prefix, code in _SQLSTATES:
            if state.startswith(prefix):
                return code
    number = original.args[0] if original.args else None
    if numbers and isinstance(number, int):
        return numbers.get(number, "failed")
    if isinstance(original, TimeoutError):
        return "timeout"
    text = str(original).casefold()
    for part, code in _TEXTS:
        if part in text:
            return code
    if isinstance(original, (ConnectionError, OSError)) or "connect" in text:
        return "unavailable"
    if getattr(error, "connection_invalidated", False):
        return "unavailable"
    return "failed"
