"""Snowflake through its own connector: a session of limits, slots bound on the server.

SQLAlchemy's dialect of Snowflake writes parameters into the text on this side and needs an old
SQLAlchemy; the connector sends them apart from the statement. Snowflake has no read-only session:
that the guard lets nothing but a SELECT through is backed by the rights of the role alone, so the
session takes no other role with it. One call sends one statement.

`open_database` makes a `SnowflakeDatabase` of a URL
(`snowflake://user:password@account/database/schema?warehouse=…&role=…`), `introspect.py` asks one
for its `listing`.
"""

import contextlib
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy

from langchain_privacy.errors import ConfigurationError, QueryError
from langchain_privacy.sql.execute.database import (
    SLOT,
    Database,
    Keys,
    Listing,
    RowReader,
    Rows,
    Stop,
    code_of,
    query_error,
)
from langchain_privacy.sql.policy import SQLPolicy
from langchain_privacy.sql.tables import ColumnCard, TableCard

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

T = TypeVar("T")

_GRACE = 0.5
"""Seconds between the time of a statement and that of whoever waits for it."""
_LOGIN = 15
"""Seconds that a login may take."""

_CODES = {
    604: "timeout",  # by the server's limit, or by ours
    630: "timeout",
    1003: "failed",
    2003: "forbidden",  # "does not exist or not authorized" is one error
    2043: "forbidden",
    2140: "unknown_function",
    2141: "unknown_function",
    3001: "forbidden",
    100035: "cast_failed",
    100038: "cast_failed",
    100040: "cast_failed",
}
"""Errors of Snowflake by number; the others by their SQLSTATE."""

_LISTING = (
    "SELECT CURRENT_SCHEMA() AS own",
    "SELECT c.table_schema AS s, c.table_name AS t, c.column_name AS c, c.data_type AS k, "
    "t.table_type AS v FROM information_schema.columns AS c LEFT JOIN information_schema.tables "
    "AS t ON t.table_schema = c.table_schema AND t.table_name = c.table_name "
    "WHERE c.table_schema <> 'INFORMATION_SCHEMA' "
    "ORDER BY c.table_schema, c.table_name, c.ordinal_position",
)
_WORDS = {
    "number": "decimal",
    "float": "real",
    "text": "text",
    "boolean": "boolean",
    "date": "date",
    "time": "time",
    "variant": "json",
    "object": "json",
    "array": "json",
    "binary": "bytes",
}
"""Types in one plain word each."""


class _Hand(Stop):
    """Holds a connection, and lets it go from another thread: at a deadline, or when told to.

    Attributes:
        connected: The login is over.
        done: There are rows, or an error.
    """

    def __init__(self) -> None:
        super().__init__()
        self.connected = threading.Event()
        self.done = threading.Event()
        self._connection: Any = None
        self._lock = threading.Lock()

    def take(self, connection: Any) -> None:
        with self._lock:
            self._connection = connection
            why = self.why
        self.connected.set()
        if why:
            raise query_error(why)

    def stop(self, why: str) -> None:
        """Free whoever waits; the end of a session ends its statement on the server."""
        with self._lock:
            super().stop(why)
            connection = self._connection
        self.connected.set()
        self.done.set()
        if connection is not None:
            # A server that does not answer must not hold up the caller.
            threading.Thread(target=_closed, args=(connection,), daemon=True).start()


class SnowflakeDatabase(Database):
    """Statements on one database of Snowflake, each in a session of its own."""

    dialect = "snowflake"
    _stop = _Hand

    def __init__(
        self,
        source: "Engine | AsyncEngine | str",
        tables: Sequence[TableCard],  # noqa: ARG002 (the rights of the role say what may be read)
        policy: SQLPolicy,
    ) -> None:
        if not isinstance(source, str):
            msg = (
                "Snowflake is asked through its own connector, so give its URL instead of an "
                "engine: snowflake://user:password@account/database/schema?warehouse=...&role=..."
            )
            raise ConfigurationError(msg)
        self._url = sqlalchemy.make_url(source)
        self._policy = policy

    def _run(self, sql: str, parameters: Mapping[str, Any], stop: _Hand) -> Rows:
        text, values = _positional(sql, parameters)

        def read(cursor: Any) -> Rows:
            cursor.execute(text, values)
            return RowReader(self._policy).read(cursor)

        return self._held(read, stop, self._policy.timeout)

    def listing(self) -> Listing:
        """Read what the database says of itself; see `Database`."""
        own, rows = self.ask(*_LISTING)
        columns = []
        for row in rows:
            schema, table, column = (of_card(row[key]) for key in ("s", "t", "c"))
            if schema is None or table is None or column is None:
                continue
            folded = str(row["k"]).casefold()
            word = "timestamp" if folded.startswith("timestamp") else _WORDS.get(folded, "")
            view = row["v"] is None or "VIEW" in row["v"].upper()
            columns.append((schema, table, ColumnCard(name=column, type=word), view))
        return Listing(of_card(str(own[0]["own"] or "")) or "", columns, self._keys)

    def _keys(self, schema: str) -> Keys:
        of = in_capitals(schema).replace('"', '""')
        found = self.ask(
            f'SHOW PRIMARY KEYS IN SCHEMA "{of}"', f'SHOW IMPORTED KEYS IN SCHEMA "{of}"'
        )
        rows, links = (sorted(each, key=lambda row: int(row["key_sequence"])) for each in found)
        primary: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            table, column = _shown(row, "table_name", "column_name")
            primary[table].append(column)
        foreign: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
        for row in links:
            table, column = _shown(row, "fk_table_name", "fk_column_name")
            where, to, other = _shown(row, "pk_schema_name", "pk_table_name", "pk_column_name")
            if to:
                foreign[table].append((column, f"{where}.{to}", other))
        return primary, foreign

    def ask(self, *statements: str) -> list[list[dict[str, Any]]]:
        """Run statements of ours and return the rows of each, by the names of their columns.

        Raises:
            QueryError: The database cannot be reached, or refuses one.
        """

        def read(cursor: Any) -> list[list[dict[str, Any]]]:
            found = []
            for sql in statements:
                cursor.execute(sql)
                names = [column[0].casefold() for column in cursor.description]
                found.append([dict(zip(names, row, strict=True)) for row in cursor.fetchall()])
            return found

        return self._held(read, _Hand(), self._policy.timeout * len(statements))

    def _held(self, read: Callable[[Any], T], hand: _Hand, seconds: float) -> T:
        """Read in a thread that can be left behind: the connector waits as long as it likes."""
        connect = _connector()
        found: list[T] = []
        failed: list[str] = []

        def work() -> None:
            try:
                with contextlib.closing(connect(**self._arguments())) as connection:
                    hand.take(connection)
                    found.append(read(connection.cursor()))
            except Exception as error:  # noqa: BLE001 (the connector raises much else)
                failed.append(_code(error))
            finally:
                hand.connected.set()
                hand.done.set()

        threading.Thread(target=work, daemon=True).start()
        if not hand.connected.wait(_LOGIN + _GRACE):
            hand.stop("unavailable")
        elif not hand.done.wait(seconds + _GRACE):
            hand.stop("timeout")
        if hand.why or failed:
            raise query_error(hand.why or failed[0])
        return found[0]

    def _arguments(self) -> dict[str, Any]:
        """Return what the connector is given: the URL's own words, and our limits over them."""
        url = self._url
        database, _, schema = (url.database or "").partition("/")
        host = url.host or ""
        named = {
            "user": url.username,
            "password": url.password,
            "account": host.removesuffix(".snowflakecomputing.com"),
            "database": database,
            "schema": schema,
            "port": url.port,
        }
        if host.endswith(".snowflakecomputing.com"):
            named["host"] = host
        seconds = self._policy.timeout
        return {
            **{key: value for key, value in named.items() if value},
            **{key: value for key, value in url.query.items() if isinstance(value, str)},
            "paramstyle": "qmark",  # bound on the server
            "secondary_roles": "NONE",  # no rights but the role's
            "session_parameters": {
                "STATEMENT_TIMEOUT_IN_SECONDS": max(1, int(seconds)),
                "STATEMENT_QUEUED_TIMEOUT_IN_SECONDS": max(1, int(seconds)),
                "ROWS_PER_RESULTSET": self._policy.row_limit + 1,
                "MULTI_STATEMENT_COUNT": 1,
                "QUOTED_IDENTIFIERS_IGNORE_CASE": False,  # a name means one column
                "ABORT_DETACHED_QUERY": True,
            },
            "login_timeout": _LOGIN,
            "network_timeout": max(1, round(seconds + _GRACE)),
            "client_telemetry_enabled": False,
            "platform_detection_timeout_seconds": 0,  # asks the cloud's metadata address if let
            "client_session_keep_alive": False,
        }


def _closed(connection: Any) -> None:
    with contextlib.suppress(Exception):
        connection.close(retry=False)


def _connector() -> Callable[..., Any]:
    try:
        from snowflake.connector import connect
    except ImportError:
        msg = "Snowflake's connector is not installed: pip install 'langchain-privacy[snowflake]'."
        raise ConfigurationError(msg) from None
    chosen: Callable[..., Any] = connect
    return chosen


def _positional(sql: str, parameters: Mapping[str, Any]) -> tuple[str, tuple[Any, ...]]:
    """Write slots as question marks, and list their values in that order."""
    values: list[Any] = []

    def mark(match: re.Match[str]) -> str:
        if match[1] not in parameters:
            return match[0]
        values.append(parameters[match[1]])
        return "?"

    return SLOT.sub(mark, sql), tuple(values)


def in_capitals(name: str) -> str:
    """Return a name of a card as Snowflake holds it.

    It folds names to capitals. As in SQLAlchemy, a name without capitals on a card means one that
    was never quoted: `trade` is `TRADE` there, `Trade` is `Trade`.
    """
    return name.upper() if name == name.lower() else name


def of_card(name: str) -> str | None:
    """Return a name of Snowflake as a card writes it; `None` for one that no card can name.

    That is a quoted name without capitals, where `in_capitals` would find another one.
    """
    shown = name.lower() if name.lower().upper() == name else name
    return shown if in_capitals(shown) == name else None


def _shown(row: Mapping[str, Any], *keys: str) -> list[str]:
    """Return names of a row as a card writes them; `""` for what none can name."""
    return [of_card(str(row[key])) or "" for key in keys]


def _code(error: Exception) -> str:
    if isinstance(error, QueryError):
        return error.code
    number = getattr(error, "errno", None)
    if isinstance(number, int):
        if number in _CODES:
            return _CODES[number]
        # 25xxxx and 29xxxx are of the connector, 39xxxx of the login.
        if number // 10_000 in (25, 26, 29, 39):
            return "unavailable"
    return code_of(error)
