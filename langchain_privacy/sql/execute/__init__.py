"""Running checked statements under each database's own defences."""

from langchain_privacy.sql.execute.database import Database, open_database
from langchain_privacy.sql.execute.rows import Rows

__all__ = ["Database", "Rows", "open_database"]
