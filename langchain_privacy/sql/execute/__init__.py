"""Running checked statements under each database's own defences.

`open_database` (`engines.py`) chooses among `sqlite.py`, `duckdb.py` and `server.py` (PostgreSQL,
MySQL, MariaDB); what they share, and the codes of what can go wrong, is in `database.py`.
"""

from langchain_privacy.sql.execute.database import Database, Rows
from langchain_privacy.sql.execute.engines import open_database

__all__ = ["Database", "Rows", "open_database"]
