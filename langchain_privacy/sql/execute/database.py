"""One interface over the four engines, and which of them an engine or URL is."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.sql.card import SchemaCard
from langchain_privacy.sql.dialects import DialectName, dialect_name
from langchain_privacy.sql.execute.rows import Rows
from langchain_privacy.sql.policy import SQLPolicy

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine


class Database(ABC):
    """Runs checked statements under the engine's own defences.

    Every call opens what it needs and leaves nothing behind: no session setting, no open
    transaction, no authorizer on a connection of yours.
    """

    dialect: DialectName

    @abstractmethod
    def run(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Rows:
        """Run a statement with `:name` parameters.

        Raises:
            QueryError: It failed, was stopped, or the database is away; `.code` says which.
        """

    async def arun(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Rows:
        """Like `run`; cancelling the task stops the statement."""
        return await asyncio.to_thread(self.run, sql, parameters)


def open_database(
    source: "Engine | AsyncEngine | str", card: SchemaCard, policy: SQLPolicy
) -> Database:
    """Choose how statements will run on an engine or URL.

    Args:
        source: A SQLAlchemy engine, sync or async, or a URL.
        card: Tells SQLite's authorizer what may be read.
        policy: Limits.

    Raises:
        ConfigurationError: The engine cannot be guarded, or a driver is missing.
    """
    import sqlalchemy
    from sqlalchemy.ext.asyncio import AsyncEngine

    url = sqlalchemy.make_url(source) if isinstance(source, str) else source.url
    name = dialect_name(url.drivername)
    if name == "duckdb":
        from langchain_privacy.sql.execute.duckdb import DuckDBDatabase

        return DuckDBDatabase(url.database, policy)
    if name == "sqlite":
        from langchain_privacy.sql.execute.sqlite import SQLiteDatabase

        return SQLiteDatabase(url, None if isinstance(source, str) else source, card, policy)
    engine = create_engine(source) if isinstance(source, str) else source
    from langchain_privacy.sql.execute.server import AsyncServerDatabase, ServerDatabase

    if isinstance(engine, AsyncEngine):
        return AsyncServerDatabase(engine, name, policy)
    return ServerDatabase(engine, name, policy)


def create_engine(url: str) -> "Engine | AsyncEngine":
    """Make an engine from a URL, sync or async by its driver; parameters are never logged.

    Raises:
        ConfigurationError: The URL or its driver is not usable.
    """
    import sqlalchemy
    from sqlalchemy.ext.asyncio import create_async_engine

    try:
        parsed = sqlalchemy.make_url(url)
        if parsed.get_dialect().is_async:
            return create_async_engine(parsed, hide_parameters=True)
        return sqlalchemy.create_engine(parsed, hide_parameters=True)
    except (sqlalchemy.exc.ArgumentError, ImportError):
        msg = (
            "The database URL names a driver that is not installed, or is malformed. Use e.g. "
            "sqlite:///file.db, postgresql+psycopg://…, mysql+pymysql://… or duckdb:///file.duckdb."
        )
        raise ConfigurationError(msg) from None
