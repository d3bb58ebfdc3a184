"""Running checked statements under each database's own defences."""

from langchain_privacy.sql.execute.database import Database, Rows, open_database

__all__ = ["Database", "Rows", "open_database"]
