"""Running checked statements under each database's own defences.

The rows of `dialects.py` open `sqlite.py`, `duckdb.py`, `snowflake.py` and `server.py` (PostgreSQL,
MySQL, MariaDB); what they share, and the codes of what can go wrong, is in `database.py`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from langchain_privacy.sql.execute.database import Database, Rows
from langchain_privacy.sql.policy import SQLPolicy
from langchain_privacy.sql.tables import TableCard

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

__all__ = ["Database", "Rows", "open_database"]


def open_database(
    source: "Engine | AsyncEngine | str", tables: Sequence[TableCard], policy: SQLPolicy
) -> Database:
    """Choose how statements will run on an engine or URL.

    ```python
    database = open_database("sqlite:///trades.sqlite", card.tables, SQLPolicy())
    rows = database.run("SELECT count(*) FROM trade WHERE name = :v1", {"v1": "…"})
    ```

    Args:
        source: A SQLAlchemy engine, sync or async, or a URL.
        tables: What may be read; SQLite's authorizer holds statements to it.
        policy: Limits.

    Raises:
        ConfigurationError: The engine cannot be guarded, or a driver is missing.
    """
    from langchain_privacy.sql.dialects import dialect_of  # its rows name the files of this folder

    return dialect_of(source).open(source, tables, policy)
