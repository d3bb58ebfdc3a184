"""Read table names, column names, types and keys; nothing else is asked of the database.

`SchemaCard.from_engine` makes a card of what `read_tables` returns. SQLAlchemy's reflection would
also hand over comments, defaults, CHECK texts and ENUM members; none of that is read from its
answer.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy
from sqlalchemy import types
from sqlalchemy.exc import SQLAlchemyError

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.sql.dialects import dialect_name
from langchain_privacy.sql.execute.database import code_of, query_error
from langchain_privacy.sql.execute.duckdb import DuckDBDatabase
from langchain_privacy.sql.execute.engines import create_engine
from langchain_privacy.sql.execute.server import on_own_engine
from langchain_privacy.sql.policy import SQLPolicy
from langchain_privacy.sql.tables import ColumnCard, TableCard

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

# Types in one plain word each: lengths and members would say something about the data.
_WORDS = (
    (types.Boolean, "boolean"),
    (types.Integer, "integer"),
    (types.Float, "real"),
    (types.Numeric, "decimal"),
    (types.DateTime, "timestamp"),
    (types.Date, "date"),
    (types.Time, "time"),
    (types.JSON, "json"),
    (types.String, "text"),
    (types.LargeBinary, "bytes"),
)
_DUCKDB_WORDS = {
    "varchar": "text",
    "bigint": "integer",
    "integer": "integer",
    "smallint": "integer",
    "double": "real",
    "float": "real",
    "decimal": "decimal",
    "boolean": "boolean",
    "date": "date",
    "time": "time",
    "json": "json",
}


def read_tables(
    source: "Engine | AsyncEngine | str", names: Sequence[str] | None, schema: str | None
) -> list[TableCard]:
    """Read tables from a database.

    Args:
        source: A SQLAlchemy engine, sync or async, or a URL.
        names: Which tables and views; without it every table, but no view.
        schema: The schema they are in, or `None` for the connection's own.

    Raises:
        ConfigurationError: A named table does not exist.
        QueryError: The database cannot be reached.
    """
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    url = sqlalchemy.make_url(source) if isinstance(source, str) else source.url
    if dialect_name(url.drivername) == "duckdb":
        return _from_duckdb(url.database, names)
    file = url.database if url.drivername.startswith("sqlite") else None
    if file and file != ":memory:" and isinstance(source, str) and not Path(file).exists():
        raise query_error("unavailable")  # connecting would create the file
    engine = create_engine(source) if isinstance(source, str) else source

    async def read(own: AsyncEngine) -> list[TableCard]:
        connection: AsyncConnection
        async with own.connect() as connection:
            return await connection.run_sync(_from_connection, names, schema)

    try:
        if isinstance(engine, AsyncEngine):
            return on_own_engine(engine, read)
        with engine.connect() as connection:
            return _from_connection(connection, names, schema)
    except (SQLAlchemyError, OSError) as error:
        raise query_error(code_of(error)) from None
    finally:
        if isinstance(source, str) and not isinstance(engine, AsyncEngine):
            engine.dispose()


def _from_connection(
    connection: "Connection", names: Sequence[str] | None, schema: str | None
) -> list[TableCard]:
    inspector = sqlalchemy.inspect(connection)
    if schema is None and inspector.dialect.name == "postgresql":
        # Written into the statement, so that no search_path or temporary table decides.
        schema = inspector.default_schema_name
    there = inspector.get_table_names(schema=schema)
    if names is not None and set(names) - {*there, *inspector.get_view_names(schema=schema)}:
        raise _missing()
    cards = []
    for name in there if names is None else names:
        columns = tuple(
            ColumnCard(name=c["name"], type=_word(c["type"]))
            for c in inspector.get_columns(name, schema=schema)
        )
        keys = tuple(
            (column, key["referred_table"], other)
            for key in inspector.get_foreign_keys(name, schema=schema)
            for column, other in zip(
                key["constrained_columns"], key["referred_columns"], strict=False
            )
        )
        primary = tuple(inspector.get_pk_constraint(name, schema=schema)["constrained_columns"])
        cards.append(
            TableCard(
                name=name, columns=columns, schema=schema, primary_key=primary, foreign_keys=keys
            )
        )
    return cards


def _from_duckdb(path: str | None, names: Sequence[str] | None) -> list[TableCard]:
    columns, keys = DuckDBDatabase(path, SQLPolicy()).ask("schema")
    by_table: dict[str, list[ColumnCard]] = {}
    for _schema, table, column, kind in columns:
        by_table.setdefault(table, []).append(ColumnCard(name=column, type=_duckdb_word(kind)))
    primary: dict[str, tuple[str, ...]] = {}
    foreign: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for table, kind, own, other, others in keys:
        if kind == "PRIMARY KEY":
            primary[table] = tuple(own)
        else:
            foreign[table] += [(a, other, b) for a, b in zip(own, others, strict=False)]
    if names is not None and set(names) - set(by_table):
        raise _missing()
    return [
        TableCard(
            name=table,
            columns=tuple(by_table[table]),
            primary_key=primary.get(table, ()),
            foreign_keys=tuple(foreign[table]),
        )
        for table in (by_table if names is None else names)
    ]


def _missing() -> ConfigurationError:
    return ConfigurationError(
        "SchemaCard.from_engine names a table that the database does not have."
    )


def _word(kind: Any) -> str:
    return next((word for known, word in _WORDS if isinstance(kind, known)), "")


def _duckdb_word(kind: str) -> str:
    folded = kind.casefold().partition("(")[0]
    return "timestamp" if folded.startswith("timestamp") else _DUCKDB_WORDS.get(folded, "")
