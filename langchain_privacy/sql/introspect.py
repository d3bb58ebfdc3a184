"""Read table names, column names, types and keys; nothing else is asked of the database.

`SchemaCard.from_engine` makes a card of what `read_tables` returns. SQLAlchemy's reflection would
also hand over comments, defaults, CHECK texts and ENUM members; none of that is read from its
answer. A database that SQLAlchemy has no good reading of lists itself (`Database.listing`).

One schema gives tables their own names; several give them `schema.table`. Partitions stand behind
their parent and are left out, views are read on request.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy
from sqlalchemy import types
from sqlalchemy.engine.reflection import ObjectKind
from sqlalchemy.exc import SQLAlchemyError

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.sql.dialects import Dialect, dialect_of
from langchain_privacy.sql.execute.database import Listing, code_of, query_error
from langchain_privacy.sql.execute.server import create_engine, on_own_engine
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

    dialect = dialect_of(source)
    schemas = [schema] if isinstance(schema, str) else list(schema or ())
    if not dialect.reflected:
        listing = dialect.open(source, (), SQLPolicy()).listing()
        return _chosen(_Listed(listing), dialect, names, schemas, views=views)
    if dialect.makes_file and isinstance(source, str):
        file = sqlalchemy.make_url(source).database
        if file and file != ":memory:" and not Path(file).exists():
            raise query_error("unavailable")
    engine = create_engine(source) if isinstance(source, str) else source

    def from_connection(connection: "Connection") -> list[TableCard]:
        catalog = _Reflected(connection, dialect)
        return _chosen(catalog, dialect, names, schemas, views=views)

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
        raise query_error(code_of(error, dialect.errors)) from None
    finally:
        if isinstance(source, str) and not isinstance(engine, AsyncEngine):
            engine.dispose()


@dataclass(slots=True)
class _Names:
    """What one schema holds, by name."""

    tables: list[str] = field(default_factory=list)
    views: list[str] = field(default_factory=list)


class _Reflected:
    """What SQLAlchemy reads of a database."""

    def __init__(self, connection: "Connection", dialect: Dialect) -> None:
        self._connection = connection
        self._dialect = dialect
        self._inspector: Inspector = sqlalchemy.inspect(connection)
        # Written into the statement, so that no search_path or temporary table decides.
        own = (self._inspector.default_schema_name or "") if dialect.writes_schema else None
        self.own: str | None = own

    def names(self, schema: str | None) -> _Names:
        """List the tables and views of a schema; partitions stand behind their parent."""
        inspector = self._inspector
        found = _Names(inspector.get_table_names(schema), inspector.get_view_names(schema))
        if self._dialect.materialized:
            found.views += inspector.get_materialized_view_names(schema)
        if self._dialect.partitions:
            listed = sqlalchemy.text(self._dialect.partitions)
            parts = set(self._connection.execute(listed, {"name": schema}).scalars())
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


class _Listed:
    """What a `Database` says of itself."""

    def __init__(self, listing: Listing) -> None:
        self.own: str | None = listing.own
        self._keys = listing.keys
        self._columns: dict[tuple[str, str], list[ColumnCard]] = defaultdict(list)
        self._views: set[tuple[str, str]] = set()
        for schema, table, column, view in listing.columns:
            self._columns[schema, table].append(column)
            if view:
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
        primary, foreign = self._keys(schema or "")
        return [
            TableCard(
                name=name,
                columns=tuple(self._columns[schema or "", name]),
                schema=schema,
                primary_key=tuple(primary.get(name, ())),
                foreign_keys=tuple(foreign.get(name, ())),
                view=name in views,
            )
            for name in names
        ]


_Catalog = _Reflected | _Listed


def _chosen(
    catalog: _Catalog,
    dialect: Dialect,
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
    # Where the own schema is not written out, it is no part of a card: a file may have its name.
    main = None if dialect.writes_schema or len(asked) > 1 else catalog.own
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
