"""Read table names, column names, types and keys; nothing else is asked of the database.

`SchemaCard.from_engine` makes a card of what `read_tables` returns. SQLAlchemy's reflection would
also hand over comments, defaults, CHECK texts and ENUM members; none of that is read from its
answer.

One schema gives tables their own names; several give them `schema.table`. Partitions stand behind
their parent and are left out, views are read on request.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy
from sqlalchemy import types
from sqlalchemy.engine.reflection import ObjectKind
from sqlalchemy.exc import SQLAlchemyError

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.sql.dialects import dialect_name, of_card, stored
from langchain_privacy.sql.execute.database import code_of, query_error
from langchain_privacy.sql.execute.duckdb import DuckDBDatabase
from langchain_privacy.sql.execute.engines import create_engine
from langchain_privacy.sql.execute.server import on_own_engine
from langchain_privacy.sql.execute.snowflake import SnowflakeDatabase
from langchain_privacy.sql.policy import SQLPolicy
from langchain_privacy.sql.tables import ColumnCard, TableCard

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Inspector
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
_PARTITIONS = sqlalchemy.text(
    "SELECT c.relname FROM pg_catalog.pg_class AS c "
    "JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace "
    "WHERE c.relispartition AND n.nspname = :name"
)

Schemas = str | Sequence[str] | None
"""One schema, several, or the connection's own."""


def read_tables(
    source: "Engine | AsyncEngine | str",
    names: Sequence[str] | None,
    schema: Schemas = None,
    *,
    views: bool = False,
) -> list[TableCard]:
    """Read tables from a database.

    Args:
        source: A SQLAlchemy engine, sync or async, or a URL.
        names: Which tables and views, also as `schema.table`; without it every table.
        schema: The schemas they are in, or `None` for the connection's own.
        views: Without names, read views and materialised views as well.

    Raises:
        ConfigurationError: A named table does not exist, or there is none at all.
        QueryError: The database cannot be reached.
    """
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    url = sqlalchemy.make_url(source) if isinstance(source, str) else source.url
    schemas = [schema] if isinstance(schema, str) else list(schema or ())
    if dialect_name(url.drivername) == "duckdb":
        return _chosen(_DuckDBCatalog(url.database), names, schemas, views=views)
    if dialect_name(url.drivername) == "snowflake":
        return _chosen(_SnowflakeCatalog(source), names, schemas, views=views)
    file = url.database if url.drivername.startswith("sqlite") else None
    if file and file != ":memory:" and isinstance(source, str) and not Path(file).exists():
        raise query_error("unavailable")  # connecting would create the file
    engine = create_engine(source) if isinstance(source, str) else source

    def from_connection(connection: "Connection") -> list[TableCard]:
        return _chosen(_ServerCatalog(connection), names, schemas, views=views)

    async def read(own: AsyncEngine) -> list[TableCard]:
        connection: AsyncConnection
        async with own.connect() as connection:
            return await connection.run_sync(from_connection)

    try:
        if isinstance(engine, AsyncEngine):
            return on_own_engine(engine, read)
        with engine.connect() as connection:
            return from_connection(connection)
    except (SQLAlchemyError, OSError) as error:
        raise query_error(code_of(error)) from None
    finally:
        if isinstance(source, str) and not isinstance(engine, AsyncEngine):
            engine.dispose()


@dataclass(slots=True)
class _Names:
    """What one schema holds, by name."""

    tables: list[str] = field(default_factory=list)
    views: list[str] = field(default_factory=list)


class _ServerCatalog:
    """What SQLAlchemy reads of a database."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self._inspector: Inspector = sqlalchemy.inspect(connection)
        self._dialect = self._inspector.dialect.name
        # Written into the statement, so that no search_path or temporary table decides.
        self.own: str | None = (
            None if self._dialect == "sqlite" else self._inspector.default_schema_name
        )
        if self.own is None and self._dialect != "sqlite":
            self.own = ""

    def names(self, schema: str | None) -> _Names:
        """List the tables and views of a schema; partitions stand behind their parent."""
        inspector = self._inspector
        found = _Names(inspector.get_table_names(schema), inspector.get_view_names(schema))
        if self._dialect == "postgresql":
            found.views += inspector.get_materialized_view_names(schema)
            parts = set(self._connection.execute(_PARTITIONS, {"name": schema}).scalars())
            found.tables = [name for name in found.tables if name not in parts]
        return found

    def exists(self, schema: str | None, name: str) -> bool:
        """Tell whether a schema holds a table of this name, a partition too."""
        return self._inspector.has_table(name, schema)

    def cards(self, schema: str | None, names: Sequence[str], views: set[str]) -> list[TableCard]:
        """Make cards of tables and views of one schema, all at once."""
        about: dict[str, Any] = {
            "schema": schema,
            "filter_names": names,
            "kind": ObjectKind.ANY,
        }
        columns = self._inspector.get_multi_columns(**about)
        primary: Any = self._inspector.get_multi_pk_constraint(**about)
        foreign = self._inspector.get_multi_foreign_keys(**about)
        return [
            TableCard(
                name=name,
                columns=tuple(
                    ColumnCard(name=c["name"], type=_word(c["type"]))
                    for c in columns.get((schema, name), ())
                ),
                schema=schema,
                primary_key=tuple(
                    (primary.get((schema, name)) or {}).get("constrained_columns", ())
                ),
                foreign_keys=tuple(
                    (column, f"{key['referred_schema'] or schema}.{key['referred_table']}", other)
                    for key in foreign.get((schema, name), ())
                    for column, other in zip(
                        key["constrained_columns"], key["referred_columns"], strict=False
                    )
                ),
                view=name in views,
            )
            for name in names
        ]


_OF_SNOWFLAKE = (
    "SELECT CURRENT_SCHEMA() AS own",
    "SELECT c.table_schema AS s, c.table_name AS t, c.column_name AS c, c.data_type AS k, "
    "t.table_type AS v FROM information_schema.columns AS c LEFT JOIN information_schema.tables "
    "AS t ON t.table_schema = c.table_schema AND t.table_name = c.table_name "
    "WHERE c.table_schema <> 'INFORMATION_SCHEMA' "
    "ORDER BY c.table_schema, c.table_name, c.ordinal_position",
)
_SNOWFLAKE_WORDS = {
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


class _SnowflakeCatalog:
    """What a database of Snowflake says of itself, in names as a card writes them."""

    def __init__(self, source: "Engine | AsyncEngine | str") -> None:
        self._database = SnowflakeDatabase(source, SQLPolicy())
        own, rows = self._database.ask(*_OF_SNOWFLAKE)
        self.own: str | None = of_card(str(own[0]["own"] or "")) or ""
        self._columns: dict[tuple[str, str], list[ColumnCard]] = defaultdict(list)
        self._views: set[tuple[str, str]] = set()
        for row in rows:
            schema, table, column = (of_card(row[key]) for key in ("s", "t", "c"))
            if schema is None or table is None or column is None:
                continue
            folded = str(row["k"]).casefold()
            word = "timestamp" if folded.startswith("timestamp") else _SNOWFLAKE_WORDS.get(folded)
            self._columns[schema, table].append(ColumnCard(name=column, type=word or ""))
            if row["v"] is None or "VIEW" in row["v"].upper():
                self._views.add((schema, table))

    def names(self, schema: str | None) -> _Names:
        """List the tables and views of a schema."""
        found = _Names()
        for where, name in self._columns:
            if where == schema:
                (found.views if (where, name) in self._views else found.tables).append(name)
        return found

    def exists(self, schema: str | None, name: str) -> bool:
        """Tell whether a schema holds a table or view of this name."""
        return (schema, name) in self._columns

    def cards(self, schema: str | None, names: Sequence[str], views: set[str]) -> list[TableCard]:
        """Make cards of tables and views of one schema."""
        of = stored(schema or "", "snowflake").replace('"', '""')
        primary, foreign = self._database.ask(
            f'SHOW PRIMARY KEYS IN SCHEMA "{of}"', f'SHOW IMPORTED KEYS IN SCHEMA "{of}"'
        )
        keys: dict[str, list[str]] = defaultdict(list)
        for row in sorted(primary, key=lambda row: int(row["key_sequence"])):
            table, column = _shown(row, "table_name", "column_name")
            keys[table].append(column)
        links: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
        for row in sorted(foreign, key=lambda row: int(row["key_sequence"])):
            table, column = _shown(row, "fk_table_name", "fk_column_name")
            where, to, other = _shown(row, "pk_schema_name", "pk_table_name", "pk_column_name")
            if to:
                links[table].append((column, f"{where}.{to}", other))
        return [
            TableCard(
                name=name,
                columns=tuple(self._columns[schema or "", name]),
                schema=schema,
                primary_key=tuple(keys[name]),
                foreign_keys=tuple(links[name]),
                view=name in views,
            )
            for name in names
        ]


def _shown(row: Mapping[str, Any], *keys: str) -> list[str]:
    """Return names of a row of Snowflake's as a card writes them; `""` for what none can name."""
    return [of_card(str(row[key])) or "" for key in keys]


class _DuckDBCatalog:
    """What a DuckDB file says of itself."""

    own: str | None = "main"

    def __init__(self, path: str | None) -> None:
        self._columns, self._keys = DuckDBDatabase(path, SQLPolicy()).ask("schema")

    def names(self, schema: str | None) -> _Names:
        """List the tables and views of a schema."""
        found = _Names()
        for where, name, _column, _kind, view in self._columns:
            listed = found.views if view else found.tables
            if where == schema and name not in listed:
                listed.append(name)
        return found

    def exists(self, schema: str | None, name: str) -> bool:
        """Tell whether a schema holds a table or view of this name."""
        return any(row[0] == schema and row[1] == name for row in self._columns)

    def cards(self, schema: str | None, names: Sequence[str], views: set[str]) -> list[TableCard]:
        """Make cards of tables and views of one schema."""
        columns: dict[str, list[ColumnCard]] = defaultdict(list)
        for where, name, column, kind, _view in self._columns:
            if where == schema:
                columns[name].append(ColumnCard(name=column, type=_duckdb_word(kind)))
        primary: dict[str, tuple[str, ...]] = {}
        foreign: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
        for where, name, kind, own, other, others in self._keys:
            if where == schema and kind == "PRIMARY KEY":
                primary[name] = tuple(own)
            elif where == schema:
                pairs = zip(own, others, strict=False)
                foreign[name] += [(a, f"{schema}.{other}", b) for a, b in pairs]
        return [
            TableCard(
                name=name,
                columns=tuple(columns[name]),
                schema=schema,
                primary_key=primary.get(name, ()),
                foreign_keys=tuple(foreign[name]),
                view=name in views,
            )
            for name in names
        ]


_Catalog = _ServerCatalog | _SnowflakeCatalog | _DuckDBCatalog


def _chosen(
    catalog: _Catalog,
    names: Sequence[str] | None,
    schemas: Sequence[str],
    *,
    views: bool,
) -> list[TableCard]:
    """Read the tables that were asked for, schema by schema."""
    asked: list[str | None] = list(schemas) or [catalog.own]
    if names is not None:
        wanted = [_placed(catalog, name, asked) for name in names]
        asked = list(dict.fromkeys(schema for schema, _ in wanted))
    if "" in asked:
        msg = (
            "The database URL names no database, or on Snowflake no schema. Write "
            "mysql+pymysql://…/NAME or snowflake://…/DATABASE/SCHEMA, or set schema=... to what "
            "holds the tables."
        )
        raise ConfigurationError(msg)
    cards: list[TableCard] = []
    for schema in asked:
        there = catalog.names(schema)
        if names is None:
            listed = [*there.tables, *(there.views if views else ())]
        else:
            listed = [name for where, name in wanted if where == schema]
        if listed:
            cards += catalog.cards(schema, listed, set(there.views))
    if not cards:
        where = "schema=..., e.g. schema=['sales', 'hr'], to the schemas that hold the tables"
        msg = (
            f"No table was found to make a schema card of. Set {where}, views=True to take views, "
            "tables=[...] to name them, or connect as a user who may read them."
        )
        raise ConfigurationError(msg)
    cards = list(_named(cards, several=len(asked) > 1))
    if names is not None:  # in the order that was asked for
        order = {place: at for at, place in enumerate(wanted)}
        cards.sort(key=lambda card: order[card.schema, card.own_name])
    # DuckDB's own schema is not written out: a file may have the same name.
    main = catalog.own if isinstance(catalog, _DuckDBCatalog) and len(asked) == 1 else None
    return [replace(c, schema=None) if main and c.schema == main else c for c in cards]


def _placed(catalog: _Catalog, name: str, schemas: Sequence[str | None]) -> tuple[str | None, str]:
    """Find the schema of a table that was named, as `table` or `schema.table`."""
    for schema in schemas:
        if schema != "" and catalog.exists(schema, name):
            return schema, name
    first, dot, rest = name.partition(".")
    if dot and catalog.exists(first, rest):
        return first, rest
    msg = (
        "SchemaCard.from_engine names a table that the database does not have. Write 'table', or "
        "'schema.table' for one outside the connection's own schema."
    )
    raise ConfigurationError(msg)


def _named(cards: Iterable[TableCard], *, several: bool) -> Iterable[TableCard]:
    """Give tables of several schemas names that say theirs, and foreign keys the names on the card.

    A catalog names the tables of foreign keys with their schema.
    """
    for card in cards:
        own = f"{card.schema}."
        keys = tuple(
            (column, table if several else table.removeprefix(own), to)
            for column, table, to in card.foreign_keys
        )
        yield replace(card, name=f"{own}{card.name}" if several else card.name, foreign_keys=keys)


def _word(kind: Any) -> str:
    return next((word for known, word in _WORDS if isinstance(kind, known)), "")


def _duckdb_word(kind: str) -> str:
    folded = kind.casefold().partition("(")[0]
    return "timestamp" if folded.startswith("timestamp") else _DUCKDB_WORDS.get(folded, "")
