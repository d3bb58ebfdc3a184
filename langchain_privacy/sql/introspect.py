"""Read table names, column names, types and keys; nothing else is asked of the database.

SQLAlchemy's reflection would also hand over comments, defaults, CHECK texts and ENUM members; none
of that is read from its answer.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.sql.card import ColumnCard, TableCard
from langchain_privacy.sql.dialects import dialect_name
from langchain_privacy.sql.execute.database import code_of, query_error
from langchain_privacy.sql.policy import SQLPolicy

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.ext.asyncio import AsyncEngine


def read_tables(
    source: "Engine | AsyncEngine | str", names: Sequence[str] | None, schema: str | None
) -> list[TableCard]:
    """Read tables; `names` says which (views only when named), else every table but no view.

    Raises:
        ConfigurationError: A named table does not exist.
        QueryError: The database cannot be reached.
    """
    import sqlalchemy
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.ext.asyncio import AsyncEngine

    from langchain_privacy.sql.execute.database import create_engine

    url = sqlalchemy.make_url(source) if isinstance(source, str) else source.url
    if dialect_name(url.drivername) == "duckdb":
        return _from_duckdb(url.database, names)
    file = url.database if url.drivername.startswith("sqlite") else None
    if file and file != ":memory:" and isinstance(source, str) and not Path(file).exists():
        raise query_error("unavailable")  # connecting would create the file
    engine = create_engine(source) if isinstance(source, str) else source
    try:
        if isinstance(engine, AsyncEngine):
            return _from_async(engine, names, schema)
        with engine.connect() as connection:
            return _read(connection, names, schema)
    except (SQLAlchemyError, OSError) as error:
        raise query_error(code_of(error)) from None
    finally:
        if isinstance(source, str) and not isinstance(engine, AsyncEngine):
            engine.dispose()


def _read(
    connection: "Connection", names: Sequence[str] | None, schema: str | None
) -> list[TableCard]:
    import sqlalchemy

    inspector = sqlalchemy.inspect(connection)
    if schema is None and inspector.dialect.name == "postgresql":
        # Written into the statement, so that no search_path or temporary table decides.
        schema = inspector.default_schema_name
    there = inspector.get_table_names(schema=schema)
    if names is None:
        names = there
    elif set(names) - {*there, *inspector.get_view_names(schema=schema)}:
        msg = "SchemaCard.from_engine names a table that the database does not have."
        raise ConfigurationError(msg)
    cards = []
    for name in names:
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


def _from_async(
    engine: "AsyncEngine", names: Sequence[str] | None, schema: str | None
) -> list[TableCard]:
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    from langchain_privacy.sql.execute.server import on_own_loop

    async def read() -> list[TableCard]:
        # Connections of an async engine belong to its event loop; this one is ours.
        own = create_async_engine(engine.url, poolclass=NullPool, hide_parameters=True)
        try:
            async with own.connect() as connection:
                return await connection.run_sync(_read, names, schema)
        finally:
            await own.dispose()

    cards: list[TableCard] = on_own_loop(read())
    return cards


def _from_duckdb(path: str | None, names: Sequence[str] | None) -> list[TableCard]:
    from langchain_privacy.sql.execute.duckdb import DuckDBDatabase

    columns, keys = DuckDBDatabase(path, SQLPolicy()).ask("schema")
    by_table: dict[str, list[ColumnCard]] = {}
    for _schema, table, column, kind in columns:
        by_table.setdefault(table, []).append(ColumnCard(name=column, type=_plain_word(kind)))
    primary: dict[str, tuple[str, ...]] = {}
    foreign: dict[str, list[tuple[str, str, str]]] = {}
    for table, kind, own, other, others in keys:
        if kind == "PRIMARY KEY":
            primary[table] = tuple(own)
        else:
            pairs = zip(own, others, strict=False)
            foreign.setdefault(table, []).extend((a, other, b) for a, b in pairs)
    if names is not None and set(names) - set(by_table):
        msg = "SchemaCard.from_engine names a table that the database does not have."
        raise ConfigurationError(msg)
    return [
        TableCard(
            name=table,
            columns=tuple(by_table[table]),
            primary_key=primary.get(table, ()),
            foreign_keys=tuple(foreign.get(table, ())),
        )
        for table in (by_table if names is None else names)
    ]


def _word(kind: Any) -> str:
    """Say a type in one plain word: lengths and members would say something about the data."""
    from sqlalchemy import types

    words = (
        (types.Boolean, "boolean"),
        (types.Integer, "integer"),
        (types.Float, "real"),
        (types.Numeric, "decimal"),
        (types.DateTime, "timestamp"),
        (types.Date, "date"),
        (types.Time, "time"),
        (types.String, "text"),
        (types.LargeBinary, "bytes"),
    )
    return next((word for known, word in words if isinstance(kind, known)), "")


def _plain_word(kind: str) -> str:
    folded = kind.casefold().partition("(")[0]
    words = {
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
    }
    return "timestamp" if folded.startswith("timestamp") else words.get(folded, "")
