"""From a SQLAlchemy engine or a URL to the database that statements will run on.

A private SQL graph opens its database once:

```python
database = open_database("sqlite:///trades.sqlite", card.tables, SQLPolicy())
rows = database.run("SELECT count(*) FROM trade WHERE name = :v1", {"v1": "…"})
```
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import sqlalchemy
from sqlalchemy.exc import ArgumentError

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.sql.dialects import dialect_name
from langchain_privacy.sql.execute.database import Database
from langchain_privacy.sql.execute.duckdb import DuckDBDatabase
from langchain_privacy.sql.execute.server import AsyncServerDatabase, ServerDatabase
from langchain_privacy.sql.execute.snowflake import SnowflakeDatabase
from langchain_privacy.sql.execute.sqlite import SQLiteDatabase
from langchain_privacy.sql.policy import SQLPolicy
from langchain_privacy.sql.tables import TableCard

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine


def open_database(
    source: "Engine | AsyncEngine | str", tables: Sequence[TableCard], policy: SQLPolicy
) -> Database:
    """Choose how statements will run on an engine or URL.

    Args:
        source: A SQLAlchemy engine, sync or async, or a URL.
        tables: What may be read; SQLite's authorizer holds statements to it.
        policy: Limits.

    Raises:
        ConfigurationError: The engine cannot be guarded, or a driver is missing.
    """
    from sqlalchemy.ext.asyncio import AsyncEngine

    url = sqlalchemy.make_url(source) if isinstance(source, str) else source.url
    name = dialect_name(url.drivername)
    if name == "duckdb":
        return DuckDBDatabase(url.database, policy)
    if name == "snowflake":
        return SnowflakeDatabase(source, policy)
    if name == "sqlite":
        return SQLiteDatabase(url, None if isinstance(source, str) else source, tables, policy)
    engine = create_engine(source) if isinstance(source, str) else source
    if isinstance(engine, AsyncEngine):
        return AsyncServerDatabase(engine, name, policy)
    return ServerDatabase(engine, name, policy)


def create_engine(url: str) -> "Engine | AsyncEngine":
    """Make an engine from a URL, sync or async by its driver; parameters are never logged.

    Raises:
        ConfigurationError: The URL or its driver is not usable.
    """
    from sqlalchemy.ext.asyncio import create_async_engine

    try:
        parsed = sqlalchemy.make_url(url)
        if parsed.get_dialect().is_async:
            return create_async_engine(parsed, hide_parameters=True, pool_pre_ping=True)
        # A database that was away must not fail the first question after it is back.
        return sqlalchemy.create_engine(parsed, hide_parameters=True, pool_pre_ping=True)
    except (ArgumentError, ImportError):
        msg = (
            "The database URL names a driver that is not installed, or is malformed. Use e.g. "
            "sqlite:///file.db, postgresql+psycopg://…, mysql+pymysql://… or duckdb:///file.duckdb."
        )
        raise ConfigurationError(msg) from None
